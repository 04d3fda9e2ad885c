"""Real PostgreSQL for every test that asks: an embedded server for each version, a fresh database for each test.

And the project run as its own process.
"""

from __future__ import annotations

import fcntl
import gc
import itertools
import json
import os
import re
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import django
import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.postgres import embedded
from migrate_to_pg.sqlite.checksums import file_sha256
from tests import preloaded
from tests.debian import cluster, system_version
from tests.tiers import first_in_ci

ROOT = Path(__file__).resolve().parents[1]
#: What the settings read, or Python itself: a test starts from none of it, whatever the shell holds.
VARIABLES = (
    "DJANGO_ENV", "SECRET_KEY", "ALLOWED_HOSTS", "DATABASE_URL", "CONN_MAX_AGE", "DATABASE_POOL", "LOG_LEVEL",
    "CSRF_TRUSTED_ORIGINS", "DJANGO_BEHIND_PROXY", "DJANGO_INSECURE_HTTP", "DJANGO_SETTINGS_MODULE", "DEBUG",
    "SECRET_KEY_FILE", "DATABASE_BEHIND_PGBOUNCER", "MIGRATE_TO_PG_SOURCE", "MIGRATE_TO_PG_COMMAND", "PYTHONUNBUFFERED",
    "TRUSTED_PROXIES", "DJANGO_HSTS_SECONDS",
)  # fmt: skip

Run = Callable[..., subprocess.CompletedProcess[str]]
MakeSource = Callable[..., Path]
MadeOnce = Callable[[str, Callable[[Path], object]], Path]
SqliteProcess = Callable[[Path, str], subprocess.Popen[str]]
Query = Callable[..., list[tuple[Any, ...]]]

#: The versions that the embedded wheel ships.
EMBEDDED = (18, 16)
#: Those that are tried; the first is the one for tests that need only one. POSTGRESQL=system puts Debian's before them.
SERVER_VERSIONS = (system_version(), *EMBEDDED) if os.environ.get("POSTGRESQL") == "system" else EMBEDDED


def whole(exact: int, rounded: str) -> str:
    """An INTEGER of more than 15 digits as the installed Django's DecimalField reads it: exactly since 6.1."""
    return str(exact) if django.VERSION >= (6, 1) else rounded


def project_tables() -> int:
    """How many tables the migrations of the application make, Django's own of migrations among them."""
    from django.apps import apps

    return len({model._meta.db_table for model in apps.get_models(include_auto_created=True)}) + 1


class Server:
    """A running server: ``database()`` makes a fresh one and gives its URL."""

    def __init__(self, version: int, folder: Path) -> None:
        self.version = version
        self.directory = folder
        self._names: set[str] = set()
        self._migrated = ""
        self._started = ExitStack()
        if version in EMBEDDED:
            self._embedded = embedded.start(folder / str(version), version=version)
            self._started.callback(self._embedded.stop)
        else:
            self._socket = quote(str(self._started.enter_context(cluster())), safe="")
        with psycopg.connect(self.url(), autocommit=True) as connection:
            # These data need not outlive a power cut; a test that kills a server does not cut the power.
            for setting in ("fsync", "full_page_writes", "jit"):
                connection.execute(f"ALTER SYSTEM SET {setting} = off")
            connection.execute("SELECT pg_reload_conf()")

    def url(self, name: str = "postgres", *, user: str = "postgres") -> str:
        if self.version in EMBEDDED:
            return self._embedded.url(name, user=user)
        return f"postgres://{user}@{self._socket}/{name}"

    def database(self, options: str = "") -> str:
        """A new empty database; ``options`` as CREATE DATABASE takes them."""
        # The lowest number that is free: the migrations' schema on SQLite is remembered by DATABASE_URL, among others.
        name = next(name for number in itertools.count(1) if (name := f"test_{number}") not in self._names)
        self._names.add(name)
        with psycopg.connect(self.url(), autocommit=True) as connection:
            # Without fsync the files are copied faster than the log of them is written.
            statement = sql.SQL("CREATE DATABASE {} STRATEGY file_copy " + options)
            connection.execute(statement.format(sql.Identifier(name)))
        return self.url(name)

    def migrated(self) -> str:
        """A new database with the tables that ``manage.py migrate`` makes, which is run once."""
        if not self._migrated:
            self._migrated = self.database()
            run_manage("migrate", "-v0", DATABASE_URL=self._migrated)
        return self.copy(self._migrated)

    def copy(self, url: str) -> str:
        """A new database with what another one holds, to which nobody is connected."""
        return self.database(f"TEMPLATE {psycopg.conninfo.conninfo_to_dict(url)['dbname']}")

    def drop(self, url: str) -> None:
        """Remove a database that ``database()`` made, with whoever is still connected."""
        name = str(psycopg.conninfo.conninfo_to_dict(url)["dbname"])
        with psycopg.connect(self.url(), autocommit=True) as connection:
            connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))
        self._names.discard(name)

    def stop(self) -> None:
        self._started.close()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the tests of one worker that share what their module or package makes: each worker would make its own."""
    for item in items:
        if isinstance(item, pytest.Function) and not item.get_closest_marker("xdist_group"):
            known = item._fixtureinfo.name2fixturedefs
            scopes = {known[name][-1].scope for name in item.fixturenames if name in known}
            if "package" in scopes:
                item.add_marker(pytest.mark.xdist_group(item.module.__package__))
            elif "module" in scopes:
                item.add_marker(pytest.mark.xdist_group(item.module.__name__))


def pytest_collection_finish() -> None:
    """Search for garbage more rarely: migrations make models by the hundred, and what was imported stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000)


@pytest.fixture(scope="session", autouse=True)
def data_of_embedded_servers() -> Iterator[Path]:
    """Where servers put their data that cannot be where they were asked for: pytest's own folders are closed."""
    with tempfile.TemporaryDirectory(prefix="data-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        os.environ["XDG_DATA_HOME"] = folder
        yield Path(folder)
        del os.environ["XDG_DATA_HOME"]


@pytest.fixture(scope="module")
def own_base(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Variables for the application with a BASE_DIR of its own: no other test's server or report is there."""
    base = tmp_path_factory.mktemp("base")
    settings = (
        f"from pathlib import Path\n\nfrom attribution_project.settings import *\n\nBASE_DIR = Path({str(base)!r})\n"
    )
    (base / "settings_of_own_base.py").write_text(settings)
    return {"DJANGO_SETTINGS_MODULE": "settings_of_own_base", "PYTHONPATH": str(base)}


@pytest.fixture(scope="session")
def servers() -> Iterator[dict[int, Server]]:
    """version -> server, each started when it is first asked for."""
    started: dict[int, Server] = {}
    with tempfile.TemporaryDirectory(prefix="pg-", ignore_cleanup_errors=True) as folder:
        # The server runs as another user when the tests run as root.
        Path(folder).chmod(0o755)

        class Lazy(dict[int, Server]):
            def __missing__(self, version: int) -> Server:
                self[version] = started[version] = Server(version, Path(folder))
                return self[version]

        yield Lazy()
        for server in started.values():
            server.stop()


@pytest.fixture
def postgres_url(servers: dict[int, Server]) -> Iterator[str]:
    """The URL of a fresh, empty database on PostgreSQL 18."""
    yield from _for_a_test(servers[SERVER_VERSIONS[0]])


@pytest.fixture(params=first_in_ci(*SERVER_VERSIONS), ids=lambda version: f"pg{version}")
def each_postgres_url(request: pytest.FixtureRequest, servers: dict[int, Server]) -> Iterator[str]:
    """The URL of a fresh, empty database, once for every server version at hand."""
    yield from _for_a_test(servers[request.param])


@pytest.fixture
def migrated_url(servers: dict[int, Server]) -> Iterator[str]:
    """The URL of a fresh database with the application's tables on PostgreSQL 18."""
    yield from _for_a_test(servers[SERVER_VERSIONS[0]], migrated=True)


@pytest.fixture(params=first_in_ci(*SERVER_VERSIONS), ids=lambda version: f"pg{version}")
def each_migrated_url(request: pytest.FixtureRequest, servers: dict[int, Server]) -> Iterator[str]:
    """The URL of a fresh database with the application's tables, once for every server version at hand."""
    yield from _for_a_test(servers[request.param], migrated=True)


def captured(pattern: str, text: str) -> str:
    """The first group of the pattern's first match; there has to be one."""
    found = re.search(pattern, text)
    assert found, text
    return found[1]


def scalar(cursor: psycopg.Cursor) -> Any:
    """The first column of the first row; there has to be one."""
    row = cursor.fetchone()
    assert row is not None
    return row[0]


def _for_a_test(server: Server, *, migrated: bool = False) -> Iterator[str]:
    url = server.migrated() if migrated else server.database()
    yield url
    server.drop(url)


def run_python(*arguments: str | Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the interpreter in the project with only the variables given."""
    clean = {key: value for key, value in os.environ.items() if key not in VARIABLES}
    environment = clean | {"PYTHONUTF8": "1", "LANGUAGE": "en"} | variables
    return preloaded.run(arguments, cwd=ROOT, env=environment, timeout=300)


def run_manage(*arguments: str | Path, ok: bool = True, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run manage.py; the output of a failure is in the message of the test."""
    result = run_python("manage.py", *arguments, **variables)
    if ok:
        assert result.returncode == 0, result.stdout + result.stderr
    return result


@pytest.fixture
def python() -> Run:
    return run_python


@pytest.fixture
def manage() -> Run:
    return run_manage


@pytest.fixture(scope="session")
def folder_made_once(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> MadeOnce:
    """folder_made_once(name, make): a folder that ``make(path)`` makes once for the tests of all workers."""
    base = tmp_path_factory.getbasetemp()
    # Of a worker, that is a folder in the one of the whole run.
    shared = (base.parent if hasattr(pytestconfig, "workerinput") else base) / "made-once"
    shared.mkdir(exist_ok=True)

    def made(name: str, make: Callable[[Path], object]) -> Path:
        folder, unfinished = shared / name, shared / f"{name}.unfinished"
        with (shared / f"{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not folder.exists():
                shutil.rmtree(unfinished, ignore_errors=True)
                make(unfinished)
                unfinished.rename(folder)
        return folder

    return made


@pytest.fixture(scope="session")
def made_once(folder_made_once: MadeOnce) -> MadeOnce:
    """made_once(name, make): a file that ``make(path)`` makes once for the tests of all workers."""

    def made(name: str, make: Callable[[Path], object]) -> Path:
        def fill(folder: Path) -> None:
            folder.mkdir()
            make(folder / "db.sqlite3")
            # Beside the folder: some tests list what is in it.
            (folder.parent / f"{name}.sha256").write_text(file_sha256(folder / "db.sqlite3"))

        folder = folder_made_once(name, fill)
        checksum = folder.parent / f"{name}.sha256"
        assert file_sha256(folder / "db.sqlite3") == checksum.read_text(), f"a test wrote to {folder}: copy the file"
        return folder / "db.sqlite3"

    return made


@pytest.fixture(scope="session")
def make_source(made_once: MadeOnce) -> MakeSource:
    """make_source(damage): what ``make_legacy_db`` makes, made once; a test that changes it copies it first."""
    # Whatever database is configured must not be needed: this one cannot be opened.
    nowhere = "sqlite:////nowhere/other.sqlite3"

    def make(damage: str = "none", *more: str) -> Path:
        def build(path: Path) -> None:
            run_manage("make_legacy_db", path, "--damage", "none", *more, DATABASE_URL=nowhere)

        def spoil(path: Path) -> None:
            from attributions.legacy.damage import damage_file
            from attributions.management.commands.make_legacy_db import chosen

            shutil.copy(make("none", *more), path)
            assert list(damage_file(path, chosen(damage)))

        return made_once("-".join((damage, *more)), build if damage == "none" else spoil)

    return make


def run_sql(
    url: str, query: str | bytes | sql.Composed, parameters: Sequence[object] | None = None
) -> list[tuple[Any, ...]]:
    """Run SQL on PostgreSQL and commit; return the rows."""
    with psycopg.connect(url, autocommit=True) as connection:
        cursor = connection.execute(query, parameters)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def execute() -> Query:
    """Run SQL on PostgreSQL: execute(url, query, parameters) -> rows."""
    return run_sql


@pytest.fixture
def sqlite() -> Query:
    """Run SQL on an SQLite file and commit: sqlite(path, query, parameters) -> rows."""

    def run(path: Path, query: str, parameters: Any = ()) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(path)) as connection, connection:
            return connection.execute(query, parameters).fetchall()

    return run


#: Logs in, posts each body, and prints [status, answer] of each: the whole application on the database given.
ASK = """
import json
from django.contrib.auth import get_user_model
from django.test import Client
username, bodies = json.loads({arguments!r})
client = Client(headers={{"host": "localhost"}}, raise_request_exception=False)
client.force_login(get_user_model().objects.get(username=username))
answers = [client.post("/attribution/", body, content_type="application/json") for body in bodies]
print(json.dumps([[answer.status_code, answer.json()] for answer in answers]))
"""


@pytest.fixture
def post_attributions(manage: Run) -> Callable[..., tuple[list[list[Any]], str]]:
    """Post to /attribution/ in a process of its own on a SQLite file; return the answers and the log."""

    def post(path: Path, username: str, *bodies: dict[str, Any]) -> tuple[list[list[Any]], str]:
        code = ASK.format(arguments=json.dumps([username, bodies]))
        result = manage("shell", "--verbosity", "0", "--command", code, DATABASE_URL=f"sqlite:///{path}")
        return json.loads(result.stdout.splitlines()[-1]), result.stderr

    return post


@pytest.fixture
def attribution_request() -> dict[str, str]:
    """Return what is posted to attribute the lectures of AGV211."""
    return {
        "course": "AGV211",
        "component": "CM",
        "teacher": "M00001",
        "academic_year": "2026-2027",
        "load": "STAT",
        "note": "",
    }


@pytest.fixture
def sqlite_process() -> Iterator[SqliteProcess]:
    """Start another process that has a database open and has run some SQL."""
    started = []

    def start(path: Path, script: str) -> subprocess.Popen[str]:
        program = (
            "import sqlite3, sys; db = sqlite3.connect(sys.argv[1], isolation_level=None);"
            "[db.execute(sql).fetchall() for sql in sys.argv[2].split(';')]; print('ready', flush=True); input()"
        )
        command = [sys.executable, "-c", program, str(path), script]
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        started.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        return process

    yield start
    for process in started:
        process.kill()
        process.communicate()
