"""A server that goes away, refuses, or is in somebody else's hands: nothing is half visible, and the line says why."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg.errors import LoadError
from migrate_to_pg.load.arrow_connection import connect
from migrate_to_pg.management.console import REPEAT_INTERVAL_SECONDS
from tests.conftest import ROOT, Server
from tests.debian import folder_for_all
from tests.faults.conftest import MakeWorld, Result, Standing, World, check_told
from tests.faults.proxy import Proxy

full = pytest.mark.full
#: In the midst of work: while rows are sent, indexes built, rows compared, tables moved.
MOMENTS = (
    "stage:stage",
    "load:stage",
    "load:progress",
    "restore:stage",
    "restore:progress",
    "prove:progress",
    "publish:stage",
)

TERMINATE = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""


def every(*tried: str) -> list[object]:
    """All of the moments; only these few in every tier."""
    return [moment if moment in tried else pytest.param(moment, marks=full) for moment in MOMENTS]


class PrivateServer:
    """A server of this test's own, which may be killed and started again."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.server = Server(18, directory)

    def kill(self) -> None:
        """What an immediate shutdown or a power cut does: no goodbye, recovery at the next start."""
        pid = int((self.directory / "18" / "postmaster.pid").read_text().split()[0])
        os.kill(pid, signal.SIGQUIT)
        while (self.directory / "18" / "postmaster.pid").exists():
            time.sleep(0.02)

    def start(self) -> None:
        self._ask("--url")

    def stop(self) -> None:
        self._ask("--stop")

    def _ask(self, option: str) -> None:
        """By another process: within one, the wheel believes that its server runs for ever."""
        command = [sys.executable, "-m", "migrate_to_pg.postgres.embedded", option, f"{self.directory}/18"]
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL)


@pytest.fixture(scope="module")
def own_server() -> Iterator[PrivateServer]:
    with folder_for_all("pg-own-") as folder:
        private = PrivateServer(folder)
        yield private
        private.stop()


# --- it goes away ---


def stopped_by_the_server(world: World, result: Result) -> None:
    """It is told as that, and not as a fault of somebody's rows; the next run succeeds."""
    world.stopped(result, "PostgreSQL", "run again")
    assert not re.search("Correct (it|the rows)", result.stdout)


@pytest.mark.parametrize("moment", every())
def test_backends_that_are_terminated(moment: str, world: World) -> None:
    standing = world.at(moment)
    world.sql(TERMINATE)
    stopped_by_the_server(world, standing.go())


@pytest.mark.parametrize("moment", every("load:progress"))
def test_a_server_that_is_killed_and_comes_back(moment: str, own_server: PrivateServer, make_world: MakeWorld) -> None:
    world = make_world(own_server.server.database())
    standing = world.at(moment)
    own_server.kill()
    result = standing.go() if moment != "publish:stage" else None
    own_server.start()
    stopped_by_the_server(world, result or standing.go())


@pytest.fixture
def wired(servers: dict[int, Server], make_world: MakeWorld) -> Iterator[tuple[World, Proxy]]:
    url = servers[18].database()
    proxy = Proxy(url)
    yield make_world(url, target=proxy.url), proxy
    proxy.stop()


@pytest.mark.parametrize("moment", every())
def test_a_wire_that_is_cut(moment: str, wired: tuple[World, Proxy]) -> None:
    world, proxy = wired
    standing = world.at(moment)
    proxy.cut()
    proxy.mend()
    stopped_by_the_server(world, standing.go())


def test_a_connection_of_the_load_that_is_lost_before_its_first_answer(wired: tuple[World, Proxy]) -> None:
    """It was opened, and yet it is of no use: told as any other that the server takes away."""
    _, proxy = wired
    proxy.cut_after(b"set_config")
    with pytest.raises(LoadError, match="PostgreSQL did not open") as caught, connect(proxy.url):
        pass
    assert "run again" in caught.value.remedy
    assert not any("set_config" in line for line in caught.value.detail)


def cut_while_publishing(world: World, proxy: Proxy, words: bytes) -> Standing:
    """A run whose wire is cut once it has said these words, before any answer to them."""
    standing = world.at("publish:stage")
    proxy.cut_after(words)
    standing.let_go()
    proxy.wait_for_cut()
    return standing


def test_a_wire_that_is_cut_at_the_commit_does_not_hide_what_was_published(wired: tuple[World, Proxy]) -> None:
    """The server has committed, its answer never comes: whoever is told that it failed would run again, or give up."""
    world, proxy = wired
    standing = cut_while_publishing(world, proxy, b"COMMIT")
    proxy.mend()
    check_told(standing.end(), "Published", status=0)
    world.published()
    world.clean()


@full
def test_a_wire_that_is_cut_within_the_transaction_that_publishes(wired: tuple[World, Proxy]) -> None:
    world, proxy = wired
    standing = cut_while_publishing(world, proxy, b"DROP SCHEMA")
    proxy.mend()
    result = standing.end()
    check_told(result, "Publishing was rolled back: the connection to PostgreSQL was lost.")
    stopped_by_the_server(world, result)


@full
def test_where_nobody_can_tell_whether_it_was_published_that_is_said(wired: tuple[World, Proxy]) -> None:
    """Neither is claimed; the next run, once the server is back, finds the truth and harms nothing."""
    world, proxy = wired
    standing = cut_while_publishing(world, proxy, b"COMMIT")
    result = standing.end()
    check_told(result, "Nobody can tell from here whether it was committed", "migrate_to_pg.publication")
    assert not re.search("rolled back|Nothing was published", result.stdout + result.stderr)
    world.published()
    proxy.mend()
    check_told(world.run(), "holds what was published there on")
    world.published()


@full
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_wire_that_carries_nothing_for_a_while_is_waited_for(moment: str, wired: tuple[World, Proxy]) -> None:
    world, proxy = wired
    standing = world.at(moment)
    proxy.stall()
    standing.let_go()
    time.sleep(2)
    proxy.go_on()
    check_told(standing.end(), "Published", status=0)
    world.published()
    world.clean()


@pytest.mark.parametrize("moment", every("load:progress"))
def test_ctrl_c_ends_a_run_whose_wire_carries_nothing(moment: str, wired: tuple[World, Proxy]) -> None:
    """Nothing answers any more, not even while it cleans up: asked once more, it does not wait for that."""
    world, proxy = wired
    standing = world.at(moment)
    proxy.stall()
    standing.let_go()
    time.sleep(0.5)
    standing.process.send_signal(signal.SIGINT)
    time.sleep(REPEAT_INTERVAL_SECONDS + 1)
    result = standing.send(signal.SIGINT)
    check_told(result, "Ctrl-C once more ends at once", "Ended at once.")
    proxy.cut()
    proxy.go_on()
    proxy.mend()
    world.unharmed()
    world.recovers("--report", world.reports / "0")


# --- somebody else is there ---


# Ten seconds of waiting, and fifteen.
@full
def test_a_lock_on_a_published_table_is_waited_for_so_long_and_its_holder_named(world: World) -> None:
    assert world.run().returncode == 0
    world.remember()
    with psycopg.connect(world.url, application_name="a report of theirs") as theirs:
        standing = world.at("publish:stage", "--replace")
        theirs.execute("SELECT count(*) FROM courses_course")
        result = standing.go()
        pid = theirs.info.backend_pid
    holder = f"pid {pid} (user postgres, a report of theirs, idle in transaction) holds public.courses_course"
    check_told(result, "could not lock the tables within 10 s", holder)
    world.unharmed()
    world.recovers("--replace")


@full
def test_of_two_runs_at_once_the_second_is_refused_and_the_first_one_goes_on(world: World) -> None:
    first = world.at("load:stage")
    refused = world.run()
    check_told(refused, "Another migrate_to_pg is running against this database.", "pid ", "this machine")
    assert first.go().returncode == 0
    world.published()
    world.clean()


# --- it refuses ---


@pytest.fixture
def role(world: World) -> Iterator[Callable[..., None]]:
    """The runs connect as a role of their own, of which the test says what it is and may; it may create, else."""
    name = f"mover_{os.getpid()}"
    database = world.url.rsplit("/", 1)[1]

    def make(*options: str, creates: bool = True) -> None:
        world.sql(f"CREATE ROLE {name} LOGIN")
        for option in options:
            world.sql(f"ALTER ROLE {name} {option}")
        if creates:
            world.sql(f"GRANT CREATE ON DATABASE {database} TO {name}; GRANT CREATE ON SCHEMA public TO {name}")
        world.target = world.url.replace("postgres://postgres@", f"postgres://{name}@")
        world.remember()

    yield make
    world.wait_for_backends()
    world.sql(f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


@full
def test_a_role_without_the_privilege_is_told_what_to_grant_and_then_it_works(
    world: World, role: Callable[..., None]
) -> None:
    role(creates=False)
    name, database = (world.target.split("//")[1].split("@")[0], world.url.rsplit("/", 1)[1])
    refused = world.run()
    grant = f'GRANT CREATE ON DATABASE "{database}" TO "{name}";'
    check_told(refused, f"Role {name} may not create a schema in database {database}.", grant)
    world.unharmed()
    world.sql(f"{grant} GRANT CREATE ON SCHEMA public TO {name}")
    world.recovers()


TIMEOUTS = ("statement_timeout", "transaction_timeout", "idle_in_transaction_session_timeout", "idle_session_timeout")


def test_timeouts_that_the_role_has_for_web_requests_do_not_end_a_run(world: World, role: Callable[..., None]) -> None:
    role(*(f"SET {timeout} = '100ms'" for timeout in TIMEOUTS))
    world.recovers("--verify", "orm")


def test_a_role_with_too_few_connections_is_told_so(world: World, role: Callable[..., None]) -> None:
    role("CONNECTION LIMIT 1")
    refused = world.run("--jobs", "2")
    check_told(refused, "too many connections for role")
    world.unharmed()
    world.sql(f"ALTER ROLE {world.target.split('//')[1].split('@')[0]} CONNECTION LIMIT -1")
    world.recovers()


@full
@pytest.mark.parametrize("connections", [2, 3])
def test_a_role_whose_connections_run_out_on_the_way(connections: int, world: World, role: Callable[..., None]) -> None:
    role(f"CONNECTION LIMIT {connections}")
    result = world.run("--jobs", "4")
    check_told(result, "too many connections for role", "run again")
    world.unharmed()
    world.recovers("--jobs", "1") if connections > 2 else None


@pytest.fixture(scope="module")
def small_server() -> Iterator[PrivateServer]:
    """A server that takes eight connections, and keeps none of them back."""
    with folder_for_all("pg-small-") as folder:
        private = PrivateServer(folder)
        with psycopg.connect(private.server.url(), autocommit=True) as connection:
            for setting in ("max_connections = 8", "superuser_reserved_connections = 0"):
                connection.execute(f"ALTER SYSTEM SET {setting}".encode())
        private.stop()
        private.start()
        yield private
        private.stop()


@full
@pytest.mark.parametrize("free", [0, 1, 2, 3])
def test_a_server_whose_connections_are_all_taken(
    free: int, small_server: PrivateServer, make_world: MakeWorld
) -> None:
    """At the start, or when those are opened that work side by side."""
    world = make_world(small_server.server.database())
    with contextlib.ExitStack() as stack:
        for _ in range(8 - free):
            stack.enter_context(psycopg.connect(world.url))
        result = world.run("--jobs", "4")
    check_told(result, "too many clients already", "run again" if free else "The server runs, and refuses")
    world.unharmed()
    world.recovers()
