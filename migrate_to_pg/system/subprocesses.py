"""Another program and what it is to do in, what it said out: it ends with us, and never sees a password.

Its arguments and its environment can be read by others on the machine; a password goes into a file of ours.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple

#: Seconds between two looks, so that a Ctrl-C is noticed; and those that a child has to end in.
_LOOK = 0.2
_PATIENCE = 5.0
#: What a program needs of our environment. DATABASE_URL and PGPASSWORD are not among it.
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: What decides where files of a server that is started here are put.
_ABOUT_PLACES = ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ")


class Finished(NamedTuple):
    """What became of a program."""

    status: int
    #: Standard output and standard error, together.
    said: str


@contextmanager
def private_directory(path: Path) -> Iterator[Path]:
    """A new directory that only its owner can read, removed in the end with whatever is in it."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def password_file(directory: Path, password: str) -> dict[str, str]:
    """The variable that leads libpq, and pgloader, to the password; nothing where there is none."""
    if not password:
        return {}
    path = directory / "pgpass"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"*:*:*:*:{escaped}\n")
    return {"PGPASSFILE": str(path)}


def service_file(directory: Path, parameters: Mapping[str, object]) -> dict[str, str]:
    """The variable that leads libpq to all that a connection is made with: service=migrate_to_pg is the connection."""
    path = directory / "pg_service.conf"
    lines = [f"{name}={value}\n" for name, value in parameters.items() if value not in (None, "")]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(["[migrate_to_pg]\n", *lines])
    return {"PGSERVICEFILE": str(path)}


def run(command: Sequence[str | Path], directory: Path, variables: Mapping[str, str]) -> Finished:
    """Run a program in ``directory``, with those variables and few others; its output is kept in a file there.

    It has a process group of its own: a Ctrl-C reaches us alone, and whatever ends us ends all of the group first.
    """
    output = directory / "output"
    with output.open("wb") as file:
        child = subprocess.Popen(
            [*_dying_with_us(), *map(str, command)],
            cwd=directory,
            env=environment(variables),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while _runs(child):
                pass
        except BaseException:
            _end(child)
            raise
    return Finished(status=child.returncode, said=output.read_text("utf-8", "replace"))


def output_of(command: Sequence[str | Path]) -> str:
    """What a program that ends at once prints, such as its version; '' where it cannot be run."""
    try:
        done = subprocess.run(list(map(str, command)), env=environment(), capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def sha256(path: Path) -> str:
    """The SHA-256 of a file's bytes, hexadecimal. Raises OSError, with what the child said of it."""
    # Without waiting, should it be a pipe by now.
    program = (
        "import hashlib, os, sys; file = os.fdopen(os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK), 'rb');"
        " print(hashlib.file_digest(file, 'sha256').hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, path], env=environment(), capture_output=True, check=False
    )
    if done.returncode:
        said = done.stderr.decode("utf-8", "replace").split("\n")
        raise OSError(next(filter(None, reversed(said)), f"status {done.returncode}"))
    return done.stdout.decode().strip()


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Those variables and the few of ours that hold no secret: what a child may be given."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("PGSSL")}
    return {**kept, "LC_ALL": "C.UTF-8", **(variables or {})}


@contextmanager
def minimal_environment() -> Iterator[None]:
    """Ours is as a child's may be, for children that somebody else's code starts: they inherit it."""
    whole = dict(os.environ)
    kept = {n: value for n, value in whole.items() if n in (*_KEPT, *_ABOUT_PLACES) or n.startswith("LC_")}
    try:
        os.environ.clear()
        os.environ.update(kept)
        yield
    finally:
        os.environ.clear()
        os.environ.update(whole)


def _dying_with_us() -> list[str]:
    """Even a kill -9 of ours ends it, where util-linux is at hand: it must not write into a later run's schema."""
    program = shutil.which("setpriv")
    return [program, "--pdeathsig", "KILL"] if program else []


def _runs(child: subprocess.Popen[bytes]) -> bool:
    try:
        child.wait(_LOOK)
    except subprocess.TimeoutExpired:
        return True
    return False


def _end(child: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with suppress(ProcessLookupError):
            os.killpg(child.pid, number)
        with suppress(subprocess.TimeoutExpired):
            child.wait(_PATIENCE)
            return
