"""Show a broken SQLite database, its cause, the move, and the same request again, in half a minute.

Leaves the database, the report and a running PostgreSQL server in .demo/. Run by ``make demo``. ``make demo-stop``
stops the server.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import textwrap
import time
from collections.abc import Mapping
from pathlib import Path

import psycopg

from demo.application import Application
from migrate_to_pg.postgres import embedded

ROOT = Path(__file__).resolve().parents[1]
#: Another one for those who must not disturb a demonstration that is being looked at.
WORKPLACE = Path(os.environ.get("DEMO_DIRECTORY", ROOT / ".demo"))
LEGACY = WORKPLACE / "legacy.sqlite3"
REPORT = WORKPLACE / "report"
DATABASE = "attribution"
PASSWORD = "demo"
ATTRIBUTION = {
    "course": "AGV211",
    "component": "CM",
    "teacher": "M00001",
    "academic_year": "2026-2027",
    "hours": "20",
    "load": "STAT",
    "note": "",
}


def main() -> int:
    """Run the demonstration. The exit status is 1 if a step did not end as expected."""
    start = time.monotonic()
    _clear()
    _broken_database()
    _the_incident()
    _what_is_found()
    server = _server()
    url = server.url(DATABASE)
    _the_move(url)
    _the_same_request(url)
    _ending(url, time.monotonic() - start)
    return 0


def _clear() -> None:
    WORKPLACE.mkdir(parents=True, exist_ok=True)
    LEGACY.unlink(missing_ok=True)
    shutil.rmtree(REPORT, ignore_errors=True)


def _broken_database() -> None:
    _chapter("1. A database as found in life", "Somebody rebuilt the table of courses by hand: rename, copy, drop.")
    _manage("make_legacy_db", _shown(LEGACY), "--damage", "dangling-fk", "--password", PASSWORD)


def _the_incident() -> None:
    _chapter("2. The incident", "The application on this database is asked to attribute the lectures of AGV211.")
    status, message = _ask({"DATABASE_URL": f"sqlite:///{LEGACY}"})
    _expect(status == 400 and "no such table: main.courses_course_backup" in message, "the incident did not happen")


def _what_is_found() -> None:
    _chapter("3. What examine finds, and why", "Nothing is written; no server is needed.")
    found = _manage("migrate_to_pg", "--source", _shown(LEGACY), "--check", "--report", _report("check"), ok=1)
    _expect(found == 1, "the fault was not found")


def _server() -> embedded.EmbeddedServer:
    _chapter("4. A PostgreSQL server", "It comes as a Python package; nothing was installed on this machine.")
    server = embedded.start(WORKPLACE / "postgresql")
    with psycopg.connect(server.url(), autocommit=True) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {DATABASE} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {DATABASE}")
        version = connection.info.server_version // 10000
    _print(f"PostgreSQL {version} runs in {_shown(server.directory)}.")
    return server


def _the_move(url: str) -> None:
    _chapter("5. The move", "The lossless repair is accepted; every cell is compared; one transaction publishes.")
    arguments = ("--source", _shown(LEGACY), "--fix", "dangling-foreign-key", "--verify")
    _manage("migrate_to_pg", *arguments, "--report", _report("move"), DATABASE_URL=url)


def _the_same_request(url: str) -> None:
    _chapter("6. The same request, on PostgreSQL", "Only DATABASE_URL is another one.")
    status, message = _ask({"DATABASE_URL": url})
    _expect(status == 201, f"the attribution failed: {message}")


def _ask(environment: Mapping[str, str]) -> tuple[int, str]:
    with Application(ROOT, environment) as application:
        application.log_in("secretaire", PASSWORD)
        status, answer = application.post("/attribution/", ATTRIBUTION)
    _print(f"POST /attribution/ -> {status}\n{answer['message']}")
    return status, str(answer["message"])


def _ending(url: str, seconds: float) -> None:
    _chapter(f"Done in {seconds:.0f} s", "")
    _print(
        f"The report:      {_shown(REPORT / 'move' / 'report.html')}\n"
        f"The snapshot:    {_shown(REPORT / 'move' / 'snapshot.sqlite3')}\n"
        f"The server runs: DATABASE_URL={url} make run\n"
        f"                 (log in as secretaire, password {PASSWORD})\n"
        "To stop it:      make demo-stop"
    )


def _report(name: str) -> str:
    return _shown(REPORT / name)


def _shown(path: Path) -> str:
    """Return the path relative to the checkout, where manage.py is."""
    return os.path.relpath(path, ROOT)


def _manage(*arguments: str | Path, ok: int = 0, **environment: str) -> int:
    """Run manage.py and show its output. ``ok`` is an expected exit status."""
    command_line = " ".join(["$", *(f"{name}=..." for name in environment), "manage.py", *map(str, arguments)])
    _print(command_line)
    clean = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "DJANGO_ENV")}
    # What the command shows of its progress matters on a terminal; in a pipe its report has the stages.
    status = subprocess.run(
        [sys.executable, "manage.py", *map(str, arguments)],
        cwd=ROOT,
        env=clean | environment,
        stderr=None if sys.stderr.isatty() else subprocess.STDOUT,
        check=False,
    ).returncode
    _expect(status in (0, ok), f"the command ended with status {status}")
    return status


def _chapter(title: str, explanation: str) -> None:
    sys.stdout.write(f"\n=== {title} {'=' * max(3, 90 - len(title))}\n")
    if explanation:
        sys.stdout.write(textwrap.fill(explanation, 96) + "\n")
    sys.stdout.write("\n")
    sys.stdout.flush()


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def _expect(holds: bool, otherwise: str) -> None:
    if not holds:
        sys.exit(f"\nThe demo stops: {otherwise}.")


def stop() -> int:
    """Stop the server of a former run. Its data stay."""
    if (WORKPLACE / "postgresql" / "postmaster.pid").exists():
        embedded.start(WORKPLACE / "postgresql").stop()
        _print("The demo's PostgreSQL server is stopped.")
    else:
        _print("The demo's PostgreSQL server does not run.")
    return 0


if __name__ == "__main__":
    sys.exit(stop() if "--stop" in sys.argv else main())
