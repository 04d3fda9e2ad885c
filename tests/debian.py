"""Programs of the system that tests start for themselves: Debian's PostgreSQL and PgBouncer."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path


def as_user(name: str) -> list[str]:
    """Neither server runs as root."""
    return ["runuser", "-u", name, "--"] if os.geteuid() == 0 else []


@contextmanager
def folder_for_all(prefix: str) -> Iterator[Path]:
    """A temporary directory that another user may write to."""
    with tempfile.TemporaryDirectory(prefix=prefix) as folder:
        Path(folder).chmod(0o777)
        yield Path(folder)


def system_version() -> int:
    """The newest PostgreSQL of the system."""
    versions = [int(path.parent.name) for path in Path("/usr/lib/postgresql").glob("*/bin")]
    assert versions, "Debian's PostgreSQL is missing: apt-get install -y postgresql postgresql-contrib"
    return max(versions)


@contextmanager
def cluster(
    options: str = "-c listen_addresses=''", prepare: Callable[[Path], object] = lambda data: None
) -> Iterator[Path]:
    """A running PostgreSQL in a directory of its own, which holds its socket; ``prepare`` may edit its data first."""
    programs = Path(f"/usr/lib/postgresql/{system_version()}/bin")

    def run(program: str, *arguments: str) -> None:
        command = [*as_user("postgres"), str(programs / program), *arguments]
        subprocess.run(command, check=True, capture_output=True, cwd="/")

    with folder_for_all("pg-debian-") as folder:
        data = f"{folder}/data"
        run("initdb", "-D", data, "-U", "postgres", "--auth=trust", "--encoding=UTF8", "--no-sync")
        prepare(Path(data))
        options = f"-k {folder} -c fsync=off {options}"
        run("pg_ctl", "-D", data, "-w", "-o", options, "-l", f"{folder}/log", "start")
        try:
            yield folder
        finally:
            run("pg_ctl", "-D", data, "-m", "immediate", "stop")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])


@contextmanager
def pgbouncer(databases: str, **settings: str) -> Iterator[int]:
    """A running PgBouncer before ``databases`` (an ini line); its port."""
    port = free_port()
    with folder_for_all("pgbouncer-") as folder:
        (folder / "users").write_text('"postgres" ""\n')
        lines = {"listen_addr": "127.0.0.1", "listen_port": port, "auth_type": "any", "auth_file": folder / "users"}
        lines |= {"unix_socket_dir": "", "logfile": folder / "log", **settings}
        told = "\n".join(f"{name} = {value}" for name, value in lines.items())
        (folder / "pgbouncer.ini").write_text(f"[databases]\n{databases}\n[pgbouncer]\n{told}\n")
        program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
        assert program, "PgBouncer is missing: apt-get install -y pgbouncer"
        # Not by runuser, which takes seconds to hand a signal on.
        process = subprocess.Popen(
            [program, "--quiet", folder / "pgbouncer.ini"],
            cwd="/",
            user="postgres" if os.geteuid() == 0 else None,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, folder / "log")
            yield port
        finally:
            process.terminate()
            process.wait(timeout=20)


def _wait_for(port: int, log: Path) -> None:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        with closing(socket.socket()) as asking:
            if asking.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError(log.read_text() if log.exists() else "PgBouncer did not start")
