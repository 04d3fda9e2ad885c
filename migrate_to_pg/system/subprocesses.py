"""Run another program that ends with this process and never sees a password.

Others on the machine can read its arguments and its environment. So passwords go into private files.
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

#: Python notices a Ctrl-C between two polls.
_POLL_INTERVAL_SECONDS = 0.2
_TERMINATION_TIMEOUT_SECONDS = 5.0
#: Variables of this environment that a program needs. DATABASE_URL and PGPASSWORD are not among them.
_KEPT = ("PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR")
#: Variables that decide where a server that is started here puts its files.
_FOR_PLACES = ("XDG_RUNTIME_DIR", "XDG_CACHE_HOME", "XDG_DATA_HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ")


class ProcessResult(NamedTuple):
    """The exit status and output of a program."""

    status: int
    #: Standard output and standard error, together.
    output: str


@contextmanager
def private_directory(path: Path) -> Iterator[Path]:
    """Make a new directory that only its owner can read, and remove it with its content in the end."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(mode=0o700)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)


def password_file(directory: Path, password: str) -> dict[str, str]:
    """Write a password file, and return the variable by which libpq and pgloader find it, if there is a password."""
    if not password:
        return {}
    path = directory / "pgpass"
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(f"*:*:*:*:{escaped}\n")
    return {"PGPASSFILE": str(path)}


def service_file(directory: Path, parameters: Mapping[str, object]) -> dict[str, str]:
    """Write a service file: the connection string service=migrate_to_pg then replaces all these parameters."""
    path = directory / "pg_service.conf"
    lines = [f"{name}={value}\n" for name, value in parameters.items() if value not in (None, "")]
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.writelines(["[migrate_to_pg]\n", *lines])
    return {"PGSERVICEFILE": str(path)}


def run(command: Sequence[str | Path], directory: Path, variables: Mapping[str, str]) -> ProcessResult:
    """Run a program in ``directory`` with a minimal environment and these variables. Keep its output there.

    It gets a process group of its own. So only this process receives a Ctrl-C, and ends the whole group first.
    """
    output = directory / "output"
    # Even a kill -9 of this process ends the child, which must not write into a later run's schema. Of util-linux.
    setpriv = shutil.which("setpriv")
    words = [*([setpriv, "--pdeathsig", "KILL"] if setpriv else []), *map(str, command)]
    return _run(words, directory, environment(variables), output)


def run_of_project(command: Sequence[str], variables: Mapping[str, str], output: Path) -> ProcessResult:
    """Run a program of the project where this process runs, with exactly these variables. Raises OSError."""
    return _run(command, Path.cwd(), variables, output)


def _run(command: Sequence[str], directory: Path, variables: Mapping[str, str], output: Path) -> ProcessResult:
    with output.open("wb") as file:
        child = subprocess.Popen(
            command,
            cwd=directory,
            env=variables,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            while child.poll() is None:
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_POLL_INTERVAL_SECONDS)
        except BaseException:
            for number in (signal.SIGTERM, signal.SIGKILL):
                with suppress(ProcessLookupError):
                    os.killpg(child.pid, number)
                with suppress(subprocess.TimeoutExpired):
                    child.wait(_TERMINATION_TIMEOUT_SECONDS)
                    break
            raise
    return ProcessResult(status=child.returncode, output=output.read_text("utf-8", "replace"))


def output_of(command: Sequence[str | Path]) -> str:
    """Return what a short program such as ``--version`` prints, or '' where it cannot be run."""
    try:
        done = subprocess.run(list(map(str, command)), env=environment(), capture_output=True, timeout=60, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode("utf-8", "replace")


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal, computed by a child. Raise OSError with its message."""
    # O_NONBLOCK: it may be a pipe by now.
    program = (
        "import hashlib, os, sys; file = os.fdopen(os.open(sys.argv[1], os.O_RDONLY | os.O_NONBLOCK), 'rb');"
        " print(hashlib.file_digest(file, 'sha256').hexdigest())"
    )
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-c", program, path], env=environment(), capture_output=True, check=False
    )
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").split("\n")
        raise OSError(next(filter(None, reversed(lines)), f"status {done.returncode}"))
    return done.stdout.decode().strip()


def environment(variables: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return an environment for a child: these variables, and the few of ours that hold no secret."""
    kept = {name: value for name, value in os.environ.items() if name in _KEPT or name.startswith("PGSSL")}
    return {**kept, "LC_ALL": "C.UTF-8", **(variables or {})}


@contextmanager
def minimal_environment() -> Iterator[None]:
    """Reduce this process's environment for a while, for children that another library starts."""
    before = dict(os.environ)
    kept = {n: value for n, value in before.items() if n in (*_KEPT, *_FOR_PLACES) or n.startswith("LC_")}
    try:
        os.environ.clear()
        os.environ.update(kept)
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
