"""Processes that start in half the time: Python programs forked from an interpreter that has the libraries in it.

A start of manage.py is mostly imports of Django, pyarrow and the tool, and the tests make hundreds. Here one
interpreter imports these once, and is forked for each program; settings, models and all of a project are imported by
each of them.
They are processes like others but for their command line and environment as /proc shows them. A move of the
application sends the statements of its migrations again that an earlier one sent (``tests/replayed.py``).
``START_COLD=1`` (``make test-full`` sets it) does without both.
"""

from __future__ import annotations

import array
import atexit
import functools
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import ModuleType
from typing import IO, Any

ROOT = Path(__file__).resolve().parents[1]

#: Libraries alone; what needs settings or registered models cannot be among them.
LIBRARIES = (
    "adbc_driver_manager.dbapi", "adbc_driver_postgresql.dbapi", "adbc_driver_sqlite.dbapi",
    "concurrent.futures.thread", "dj_database_url", "django.contrib.admin.options", "django.contrib.auth.hashers",
    "django.core.management", "django.core.management.commands.migrate", "django.core.serializers.json",
    "django.db.backends.postgresql.base", "django.db.backends.sqlite3.base", "django.db.migrations.executor",
    "django.db.models", "django.forms", "django.http", "django.template.backends.django", "django.urls", "openpyxl",
    "psycopg.types.json", "pyarrow.compute", "pyarrow.dataset", "rich.console", "rich.progress", "yaml",
)  # fmt: skip

#: All of the tool that needs no settings.
TOOL = (
    "migrate_to_pg.pipeline.undo_and_purge",
    "migrate_to_pg.doctor.diagnose",
    "migrate_to_pg.management.commands.migrate_to_pg",
    "migrate_to_pg.management.commands.sqlite_doctor",
    "migrate_to_pg.management.settings",
    "migrate_to_pg.pipeline.move",
    "migrate_to_pg.pipeline.verify",
    "migrate_to_pg.report.progress",
    "migrate_to_pg.report.to_text",
    "migrate_to_pg.doctor.repair.repair",
)

#: What the interpreter does by these, ``become`` does.
_DONE_LATER = {"PYTHONPATH", "PYTHONUNBUFFERED", "PYTHONDONTWRITEBYTECODE"}
#: It is forked for one program at a time; another, asked for by another thread, is started the ordinary way.
_LOCK = threading.Lock()


def run(
    arguments: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], timeout: float
) -> subprocess.CompletedProcess[str]:
    """What ``subprocess.run([sys.executable, *arguments])`` does, with nothing to read and both outputs captured."""
    words = [*map(str, arguments)]
    if not _is_like_ours(words, env) or not _LOCK.acquire(blocking=False):
        return subprocess.run(
            [sys.executable, *words], cwd=cwd, env=env, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=timeout, check=False,
        )  # fmt: skip
    program = {"arguments": words, "cwd": str(cwd), "env": dict(env)}
    try:
        with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
            status = _interpreter().run(program, (out, err), timeout)
            return subprocess.CompletedProcess(words, status, _text(out), _text(err))
    finally:
        _LOCK.release()


def recordings() -> str:
    """The folder in which these programs keep the statements of migrations, or "" where all of them start cold."""
    return "" if os.environ.get("START_COLD") else _interpreter().recordings


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8").replace("\r\n", "\n")


def _is_like_ours(words: Sequence[str], env: Mapping[str, str]) -> bool:
    """Whether an interpreter that is started for these would be set up as the one that is forked."""
    if sys.platform != "linux" or os.environ.get("START_COLD") or "-c" in words[:1]:
        return False
    names = {name for name in {*env, *os.environ} if name.startswith(("PYTHON", "LC_")) or name == "LANG"}
    given = {name: env.get(name) for name in names - _DONE_LATER}
    return given == {name: _environment().get(name) for name in given}


def _environment() -> dict[str, str]:
    """That of the interpreter which is forked; each program is given its own."""
    return {name: value for name, value in os.environ.items() if name not in _DONE_LATER} | {"PYTHONUTF8": "1"}


@functools.cache
def _interpreter() -> Interpreter:
    return Interpreter()


class Interpreter:
    """The process that is forked, seen from the tests."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            # Of the statements of migrations.
            self._folder = tempfile.TemporaryDirectory(prefix="migrations-", ignore_cleanup_errors=True)
            self.recordings = self._folder.name
            command = [sys.executable, "-P", __file__, str(theirs.fileno()), self.recordings]
            self._process = subprocess.Popen(
                command, pass_fds=[theirs.fileno()], env=_environment(), stdin=subprocess.DEVNULL
            )
        self._socket, self._wire = ours, ours.makefile("rwb")
        atexit.register(self.stop)

    def run(self, program: Mapping[str, Any], outputs: Sequence[IO[bytes]], timeout: float) -> int:
        """The exit status. Raises subprocess.TimeoutExpired, with the process killed."""
        handed = array.array("i", [file.fileno() for file in outputs])
        self._socket.sendmsg([b"."], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, handed)])
        self._say(program)
        process = self._hear()
        self._socket.settimeout(timeout)
        try:
            return self._hear()
        except TimeoutError as error:
            os.kill(process, signal.SIGKILL)
            # What is left on the wire is of no use to the next program.
            _interpreter.cache_clear()
            raise subprocess.TimeoutExpired(program["arguments"], timeout) from error

    def stop(self) -> None:
        self._wire.close()
        self._socket.close()
        self._process.wait()
        self._folder.cleanup()

    def _say(self, value: Any) -> None:
        self._wire.write(json.dumps(value).encode() + b"\n")
        self._wire.flush()

    def _hear(self) -> int:
        return int(self._wire.readline())


def serve(wire: socket.socket) -> tuple[dict[str, Any], ModuleType]:
    """Fork for each program that is asked for, and tell its process and its status.

    Returns in the fork alone: the program, and the module that replays migrations.
    """
    # Whether a program finds the tool by itself is for its own path to say.
    sys.path.insert(0, str(ROOT))
    for name in (*LIBRARIES, *TOOL):
        importlib.import_module(name)
    replayed = importlib.import_module("tests.replayed")
    sys.path.pop(0)
    # A program may have tests of its own.
    for name in [name for name in sys.modules if name.split(".")[0] == "tests"]:
        del sys.modules[name]
    gc.collect()
    gc.freeze()
    # Migrations make models by the hundred, which a search for garbage goes through again and again.
    gc.set_threshold(50_000)
    while handed := socket.recv_fds(wire, 1, 2)[1]:
        program: dict[str, Any] = json.loads(_line(wire))
        if (process := os.fork()) == 0:
            wire.close()
            for standard, file in enumerate(handed, start=1):
                os.dup2(file, standard)
                os.close(file)
            return program, replayed
        for file in handed:
            os.close(file)
        wire.sendall(b"%d\n" % process)
        wire.sendall(b"%d\n" % os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
    sys.exit()


def _line(wire: socket.socket) -> bytes:
    read = b""
    while not read.endswith(b"\n"):
        read += wire.recv(65536)
    return read


def become(program: Mapping[str, Any], replayed: ModuleType, recordings: Path) -> None:
    """Run the program in this process, as the interpreter does with a script's path or ``-m``."""
    if _is_a_move_of_the_application(program):
        replayed.use(recordings)
    os.environ.clear()
    os.environ.update(program["env"])
    os.chdir(program["cwd"])
    time.tzset()
    sys.dont_write_bytecode = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    sys.stdout.reconfigure(write_through=bool(os.environ.get("PYTHONUNBUFFERED")))  # type: ignore[union-attr]
    words: list[str] = program["arguments"]
    if words[0] == "-W":
        sys.warnoptions.append(words[1])
        warnings.simplefilter(words[1])  # type: ignore[arg-type]
        words = words[2:]
    module = words[0] == "-m"
    words = words[module:]
    sys.argv = words
    sys.path[:0] = [str(Path.cwd()) if module else str(Path(words[0]).resolve().parent), *_python_path()]
    importlib.invalidate_caches()
    if module:
        runpy.run_module(words[0], run_name="__main__", alter_sys=True)
    else:
        runpy.run_path(str(Path(words[0]).absolute()), run_name="__main__")


def _is_a_move_of_the_application(program: Mapping[str, Any]) -> bool:
    """Whether it may move what the migrations of this repository, or of a copy of it, have made."""
    manage, command = [*program["arguments"], "", ""][:2]
    is_moved = manage == "manage.py" and command in ("migrate_to_pg", "sqlite_doctor", "pg_behaviour")
    ours = program["env"].get("DJANGO_SETTINGS_MODULE") in (None, "settings_of_own_base")
    return is_moved and ours and (Path(program["cwd"]) / "attributions" / "migrations").is_dir()


def _python_path() -> list[str]:
    return [part for part in os.environ.get("PYTHONPATH", "").split(os.pathsep) if part]


if __name__ == "__main__":
    become(*serve(socket.socket(fileno=int(sys.argv[1]))), Path(sys.argv[2]))
