"""A password that is planted wherever one can be given, and looked for wherever a run leaves anything."""

from __future__ import annotations

import json
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from urllib.parse import quote, unquote, urlsplit

import psutil
import psycopg
import pytest
from psycopg import sql

from tests.conftest import ROOT
from tests.debian import folder_for_all
from tests.faults.conftest import MakeWorld, Result, Standing, World, check_told
from tests.faults.test_server import TERMINATE, PrivateServer
from tests.projects import Project

full = pytest.mark.full
#: Percent-encoded in a URL; both forms begin alike.
NEEDLE = "hunter2"
PASSWORD = f"{NEEDLE}@/pl nted é"
USER = "planted"


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[PrivateServer]:
    """A server that asks that role for its password."""
    with folder_for_all("pg-guarded-") as folder:
        private = PrivateServer(folder)
        access = folder / "18" / "pg_hba.conf"
        access.write_text(f"local all {USER} scram-sha-256\n{access.read_text()}")
        with psycopg.connect(private.server.url(), autocommit=True) as connection:
            connection.execute("SELECT pg_reload_conf()")
            connection.execute(sql.SQL("CREATE ROLE planted LOGIN PASSWORD {}").format(PASSWORD))
        yield private
        private.stop()


@pytest.fixture
def world(guarded_server: PrivateServer, make_world: MakeWorld) -> World:
    """Its runs have DATABASE_URL, and the password, in their environment."""
    made = make_world(guarded_server.server.database())
    name = urlsplit(made.url).path.lstrip("/")
    made.sql(f"GRANT CREATE ON DATABASE {name} TO {USER}; GRANT CREATE ON SCHEMA public TO {USER}")
    made.target = with_password(made.url)
    made.variables = {"DATABASE_URL": made.target}
    made.remember()
    return made


def with_password(url: str, password: str = PASSWORD) -> str:
    return url.replace("postgres://postgres@", f"postgres://{USER}:{quote(password, safe='')}@")


def check_silent(world: World, result: Result) -> None:
    """Neither what was printed nor any file holds it, as it is or encoded."""
    places = {"stdout": result.stdout, "stderr": result.stderr}
    for folder in (world.reports, world.temporary):
        for path in folder.rglob("*"):
            if path.is_file():
                places[str(path)] = path.read_bytes().decode("latin-1")
    for place, text in places.items():
        for form in (text, unquote(text)):
            assert NEEDLE not in form, place


# --- runs that fail, each in its way ---


def wrong_password(world: World) -> Result:
    world.target = with_password(world.url, f"{NEEDLE}-no")
    return world.run()


def no_such_database(world: World) -> Result:
    world.target = f"{world.target}_not"
    return world.run()


def nobody_there(world: World) -> Result:
    world.target = f"postgres://{USER}:{quote(PASSWORD, safe='')}@127.0.0.1:1/name"
    return world.run()


def password_as_parameter(world: World) -> Result:
    world.target = f"postgres://{USER}@127.0.0.1:1/name?password={quote(PASSWORD, safe='')}"
    return world.run()


def another_kind_of_url(world: World) -> Result:
    world.target = world.target.replace("postgres://", "mysql://")
    return world.run()


def url_without_its_scheme(world: World) -> Result:
    world.target = world.target.removeprefix("postgres://")
    return world.run()


def url_without_its_option(world: World) -> Result:
    return world.run(world.target)


def url_as_the_source(world: World) -> Result:
    return world.run("--source", world.target)


def source_without_its_scheme(world: World) -> Result:
    return world.run("--source", world.target.removeprefix("postgres://"))


def unreadable_url(world: World) -> Result:
    world.target = f"postgres://{USER}:{NEEDLE}[]#?@host:port/name"
    return world.run()


def in_options(world: World) -> Result:
    return elsewhere(world, {"NAME": "nothing_of_this_name", "OPTIONS": {"password": PASSWORD}})


def unknown_in_options(world: World) -> Result:
    return elsewhere(world, {"NAME": "name", "OPTIONS": {"pasword": PASSWORD}})


def elsewhere(world: World, entry: dict[str, object]) -> Result:
    folder, _, port = urlsplit(world.url).netloc.rpartition("@")[2].rpartition(":")
    entry = {"USER": USER, "HOST": unquote(folder), "PORT": port, **entry}
    world.variables |= {"DJANGO_SETTINGS_MODULE": "tests.faults.settings", "ELSEWHERE": json.dumps(entry)}
    world.target = "elsewhere"
    return world.run()


def no_privilege(world: World) -> Result:
    world.sql(f"REVOKE CREATE ON DATABASE {urlsplit(world.url).path.lstrip('/')} FROM {USER}")
    return world.run()


def terminated(world: World) -> Result:
    standing = world.at("load:progress")
    world.sql(TERMINATE)
    return standing.go()


def spoiled(world: World) -> Result:
    standing = world.at("prove:stage")
    world.sql("UPDATE migrate_to_pg_incoming.courses_course SET title = 'spoiled' WHERE id = 1")
    return standing.go()


def interrupted(world: World) -> Result:
    return world.at("load:progress").interrupted()


def killed(world: World) -> Result:
    return world.at("load:progress").send(signal.SIGKILL)


USAGE = (
    another_kind_of_url,
    url_without_its_scheme,
    url_without_its_option,
    url_as_the_source,
    source_without_its_scheme,
    unreadable_url,
)
QUICK = (wrong_password, nobody_there, url_without_its_scheme, url_without_its_option)
FAILING: dict[Callable[[World], Result], int] = {
    wrong_password: 1,
    no_such_database: 1,
    nobody_there: 1,
    password_as_parameter: 1,
    in_options: 1,
    unknown_in_options: 2,
    no_privilege: 1,
    terminated: 1,
    interrupted: 1,
    spoiled: 3,
    killed: -signal.SIGKILL,
    **dict.fromkeys(USAGE, 2),
}


@pytest.mark.parametrize("fail", [pytest.param(f, marks=[] if f in QUICK else full) for f in FAILING])
def test_a_run_that_fails_tells_nobody_the_password(fail: Callable[[World], Result], world: World) -> None:
    result = fail(world)
    assert result.returncode == FAILING[fail], result.stdout + result.stderr
    check_silent(world, result)


@full
def test_a_run_with_findings_and_one_with_a_broken_migration(
    guarded_server: PrivateServer, make_world: MakeWorld, tmp_path: Path, world: World
) -> None:
    damaged = make_world(guarded_server.server.database(), damage="all")
    damaged.target = world.target
    found = damaged.run("--json")
    check_told(found, "dangling-foreign-key")
    check_silent(damaged, found)
    folder = tmp_path / "dialect"
    folder.mkdir()
    dialect = Project("dialect", folder)
    dialect.migrate()
    broken = dialect.run("migrate_to_pg", "--target", world.target, "--report", world.reports / "broken", ok=False)
    check_told(broken, "0002_sqlite_alone")
    check_silent(world, broken)


# --- children ---


class Watch:
    """The command line and the environment of every process that a process starts."""

    def __init__(self, process: psutil.Process) -> None:
        self.seen: dict[int, str] = {}
        self._process = process
        self._thread = threading.Thread(target=self._check_or_dump)
        self._thread.start()

    def _check_or_dump(self) -> None:
        ours = self._process.cmdline()
        while self._process.is_running() and self._process.status() != psutil.STATUS_ZOMBIE:
            # Without a pause the look at all processes takes as much of the machine as the run itself.
            time.sleep(0.02)
            try:
                for child in self._process.children(recursive=True):
                    command, variables = child.cmdline(), child.environ()
                    # Before it becomes another program it is our own image, for an instant: with our name, or none yet.
                    if child.cmdline() == command and command not in (ours, []):
                        self.seen[child.pid] = f"{self.seen.get(child.pid, '')} {command} {variables}"
            except (psutil.NoSuchProcess, psutil.AccessDenied):
                continue

    def end(self) -> dict[int, str]:
        self._thread.join()
        return self.seen


def test_what_is_in_the_environment_reaches_no_child_and_what_succeeds_is_silent_too(world: World) -> None:
    with closing(sqlite3.connect(world.source)) as connection:
        # Free pages: a file that is hashed in an instant is missed by whoever looks at the processes now and then.
        connection.executescript("CREATE TABLE p (x); INSERT INTO p VALUES (zeroblob(60000000)); DROP TABLE p")
    world.remember()
    command = world.arguments(target=False)
    process = world.popen("manage.py", *command)
    assert NEEDLE not in unquote(" ".join(psutil.Process(process.pid).cmdline()))
    watch = Watch(psutil.Process(process.pid))
    result = Standing(process, -1).end()
    assert result.returncode == 0, result.stdout + result.stderr
    seen = watch.end()
    # The one that hashes the source.
    assert any("hashlib" in told for told in seen.values())
    assert [told for told in seen.values() if NEEDLE in unquote(told)] == []
    check_silent(world, result)
    assert NEEDLE not in unquote(str(world.sql("SELECT p::text FROM migrate_to_pg.publication p")))
    assert NEEDLE not in unquote(str(world.sql("SELECT a::text FROM pg_stat_activity a")))


@pytest.fixture
def server() -> Iterator[Path]:
    """Where a run starts a server of its own and leaves it."""
    with folder_for_all("pg-left-") as folder:
        yield folder / "18"
        subprocess.run(
            [sys.executable, "-m", "migrate_to_pg.postgres.embedded", "--stop", folder / "18"], cwd=ROOT, check=True
        )


@pytest.mark.full
def test_a_server_that_is_started_inherits_no_password(world: World, server: Path) -> None:
    """It goes on running: whoever is its user could read it in /proc for as long as it does."""
    world.target = f"embedded:{server}"
    process = world.start("--rehearse", "--keep")
    watch = Watch(psutil.Process(process.pid))
    result = Standing(process, -1).end()
    assert result.returncode == 0, result.stdout + result.stderr
    postmaster = psutil.Process(int((server / "postmaster.pid").read_text().split()[0]))
    assert NEEDLE not in unquote(str((postmaster.cmdline(), postmaster.environ())))
    assert [told for told in watch.end().values() if NEEDLE in unquote(told)] == []
    check_silent(world, result)
