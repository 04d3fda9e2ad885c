"""``make bench-concurrency``: many clients attribute and read at once, on SQLite and on PostgreSQL.

In: how many clients, and for how long. Out: docs/concurrency.md with what was answered, how fast, and what went wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from benchmarks.clients import Client, Part, run_together
from benchmarks.concurrency_plot import plot
from benchmarks.processor import processor_time
from benchmarks.run import machine, used
from demo.application import Application
from demo.secretaries import program
from migrate_to_pg import embedded

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench"
DOCUMENT = ROOT / "docs" / "concurrency.md"
PICTURE = ROOT / "docs" / "images" / "concurrency.svg"
#: The rest of the document is left as it is.
BY_HAND = "## What bounds each"
CLIENTS = (1, 8, 32, 64)
#: Connections stay open until the last client is connected.
PATIENT = ("--keep-alive", "75")
#: A thread for each client, so that all of them meet in the database and nobody waits for gunicorn.
ENOUGH = ("--workers", "3", "--threads", "24", "--preload", *PATIENT)
#: As docker compose has it: few threads, and clients that wait for one.
DEPLOYED = ("--config", "deploy/gunicorn_conf.py", *PATIENT)
DEPLOYED_CLIENTS = 32
SQLITE_DEFAULTS, SQLITE, POSTGRESQL = "SQLite, Django's defaults", "SQLite, this project's settings", "PostgreSQL"

#: As it is deployed, but over plain HTTP on this machine.
PRODUCTION = {
    "DJANGO_ENV": "production",
    "SECRET_KEY": secrets.token_urlsafe(60),
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "DJANGO_INSECURE_HTTP": "localhost",
}
#: Programs whose processor time is told.
WORKING = ("gunicorn", "postgres")
#: What the application writes into its log beside the reference that it answers.
LOCKED = "django.db.utils.OperationalError: database is locked"

#: Parts that nobody has attributed in the first of forty years to come; they are free in all others, too.
YEARS = [f"{year}-{year + 1}" for year in range(2026, 2066)]
PREPARE = program(secretaries=max(CLIENTS), teachers=60, courses=200, parts=2000, year=YEARS[0])
COUNT = """
import json
from attributions.models import Attribution
print(json.dumps(list(Attribution.objects.values_list("course__code", "component", "academic_year"))))
"""


@dataclass(frozen=True)
class Measured:
    """One database under so many clients."""

    database: str
    clients: int
    seconds: float
    won: int
    refused: int
    #: Seconds, of attributions.
    writes: tuple[float, ...]
    #: What each client won.
    shares: tuple[int, ...]
    locked: int
    other_errors: int
    lost: int
    doubled: int
    #: Seconds of processor time while the clients went on, of each of WORKING.
    worked: tuple[float, ...]

    @property
    def rate(self) -> float:
        """Attributions a second."""
        return self.won / self.seconds

    @property
    def starved(self) -> float:
        """What the slowest client won, of what the median one did."""
        return min(self.shares) / median(self.shares) if median(self.shares) else 0.0

    def percentile(self, wanted: int) -> float:
        """Milliseconds within which so many per cent of the attributions were answered."""
        return quantiles(self.writes, n=100, method="inclusive")[wanted - 1] * 1000 if len(self.writes) > 1 else 0.0


def main() -> None:
    """Measure every database under every number of clients; print, and write with --write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--clients", type=int, nargs="*", default=CLIENTS)
    parser.add_argument("--write", action="store_true", help="write docs/concurrency.md")
    options = parser.parse_args()
    shutil.rmtree(FOLDER / "concurrency", ignore_errors=True)
    server = embedded.start(FOLDER / "postgresql")
    try:
        found = [one for clients in options.clients for one in each(server, clients, options.seconds, ENOUGH)]
        deployed = list(each(server, DEPLOYED_CLIENTS, options.seconds, DEPLOYED))
    finally:
        server.stop()
    lines = list(told(found, deployed, options.seconds))
    print("\n".join(lines))
    if options.write:
        kept = DOCUMENT.read_text().partition(BY_HAND) if DOCUMENT.exists() else ("", BY_HAND, "\n")
        DOCUMENT.write_text("\n".join(lines) + "\n\n" + "".join(kept[1:]))
        PICTURE.write_text(plot(found))


def each(server: embedded.EmbeddedServer, clients: int, seconds: float, gunicorn: Sequence[str]) -> Iterator[Measured]:
    """The three databases, one after the other."""
    for name, environment in databases(server, f"{clients}_{len(gunicorn)}"):
        print(f"{clients} clients, {name} ...", file=sys.stderr)
        yield measure(name, PRODUCTION | environment, clients, seconds, gunicorn)


def databases(server: embedded.EmbeddedServer, label: str) -> Iterator[tuple[str, dict[str, str]]]:
    """A new database of each kind, as the environment names it."""
    folder = FOLDER / "concurrency" / label
    folder.mkdir(parents=True)
    yield (
        SQLITE_DEFAULTS,
        {
            "DATABASE_URL": f"sqlite:///{folder / 'defaults.sqlite3'}",
            "DJANGO_SETTINGS_MODULE": "benchmarks.sqlite_defaults",
        },
    )
    yield SQLITE, {"DATABASE_URL": f"sqlite:///{folder / 'ours.sqlite3'}"}
    name = f"clients_{label}"
    for statement in (f"DROP DATABASE IF EXISTS {name}", f"CREATE DATABASE {name}"):
        psql(server.url(), statement)
    yield POSTGRESQL, {"DATABASE_URL": server.url(name)}


def psql(url: str, statement: str) -> None:
    """One statement outside of a transaction."""
    import psycopg

    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute(statement.encode())


def measure(
    name: str, environment: Mapping[str, str], clients: int, seconds: float, gunicorn: Sequence[str]
) -> Measured:
    """Fill the database, let the clients loose, and compare what they were told with what is there."""
    manage(environment, "migrate", "--verbosity", "0")
    sessions, parts, teachers = json.loads(manage(environment, "shell", "--verbosity", "0", "--command", PREPARE))
    every = [(course, component, year) for year in YEARS for course, component in parts]
    own, contested = every[: -len(parts)], every[-len(parts) :]
    with Application(ROOT, environment, gunicorn) as server:
        crew = [
            Client(server.address, session, sorted(teachers), own[number::clients], contested)
            for number, session in enumerate(sessions[:clients])
        ]
        before: dict[str, float] = {}
        run_together(crew, seconds, started=lambda: before.update(processor_time(WORKING)))
        spent = {name: after - before[name] for name, after in processor_time(WORKING).items()}
        locked = server.log().count(LOCKED)
    held = [tuple(part) for part in json.loads(manage(environment, "shell", "--verbosity", "0", "--command", COUNT))]
    return judged(name, crew, seconds, held, locked, spent)


def judged(
    name: str,
    crew: Sequence[Client],
    seconds: float,
    held: Sequence[tuple[str, ...]],
    locked: int,
    spent: Mapping[str, float],
) -> Measured:
    """What the clients were told, beside what the database holds."""
    won: Counter[Part] = Counter(part for client in crew for part in client.won)
    return Measured(
        database=name,
        clients=len(crew),
        seconds=seconds,
        won=won.total(),
        refused=sum(client.refused for client in crew),
        writes=tuple(second for client in crew for second in client.writes),
        shares=tuple(len(client.won) for client in crew),
        locked=locked,
        other_errors=max(sum(client.errors for client in crew) - locked, 0),
        lost=len(set(won) - set(held)),
        doubled=sum(count - 1 for count in (*won.values(), *Counter(held).values())),
        worked=tuple(spent[name] for name in WORKING),
    )


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """manage.py; the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return (done.stdout.splitlines() or [""])[-1]


def told(found: Sequence[Measured], deployed: Sequence[Measured], seconds: float) -> Iterator[str]:
    """The document."""
    yield "# Many at once, on SQLite and on PostgreSQL"
    yield ""
    yield f"Made by `make bench-concurrency`: for {seconds:g} s each client attributes a part and looks at what is"
    yield "free, again and again, over HTTP; every tenth attempt is at a part that all of them try. The same gunicorn"
    yield "(3 workers of 24 threads, a thread for each client), the clients and the database are on one machine:"
    yield f"{machine()}; {', '.join(f'{name} {version}' for name, version in used().items())}."
    yield "The clock starts when every client has had a first answer. Processor time is that of all processes together,"
    yield "in seconds."
    yield ""
    yield from table(found)
    yield ""
    yield "![attributions a second, and their slowest hundredth, over clients](images/concurrency.svg)"
    yield ""
    yield from targets(found)
    yield ""
    yield "## With few threads"
    yield ""
    yield f"The same with the gunicorn that docker compose starts (2 workers of 4 threads): {DEPLOYED_CLIENTS} clients"
    yield "wait for a thread, eight at most meet in the database."
    yield ""
    yield from table(deployed)


def table(found: Sequence[Measured]) -> Iterator[str]:
    """A row for each."""
    headings = (
        "attributions/s",
        "p50",
        "p95",
        "p99, ms",
        "locked",
        "other errors",
        "lost",
        "doubled",
        "slowest / median",
        "gunicorn, s",
        "PostgreSQL, s",
    )
    yield f"| clients | database | {' | '.join(headings)} |"
    yield f"|---:|---|{'---:|' * len(headings)}"
    for one in found:
        times = " | ".join(f"{one.percentile(wanted):,.0f}" for wanted in (50, 95, 99))
        worked = " | ".join(f"{seconds:.0f}" for seconds in one.worked)
        yield (
            f"| {one.clients} | {one.database} | {one.rate:.1f} | {times} | {one.locked} | {one.other_errors}"
            f" | {one.lost} | {one.doubled} | {one.starved:.2f} | {worked} |"
        )


def targets(found: Sequence[Measured]) -> Iterator[str]:
    """Each target with its figure, met or missed."""
    ours = [one for one in found if one.database == POSTGRESQL]
    yield "| target | measured | |"
    yield "|---|---:|---|"
    errors = sum(one.locked + one.other_errors for one in ours)
    yield line("PostgreSQL: no error with any number of clients", f"{errors}", errors == 0)
    starved = min(one.starved for one in ours)
    yield line("PostgreSQL: the slowest client at least 0.5 x the median", f"{starved:.2f}", starved >= 0.5)
    wrong = sum(one.lost + one.doubled for one in found)
    yield line("nothing lost, nothing doubled, anywhere", f"{wrong}", wrong == 0)
    at = {one.database: one for one in found if one.clients == 32}
    if len(at) == 3:
        p99 = at[POSTGRESQL].percentile(99)
        least = min(at[SQLITE].percentile(99), at[SQLITE_DEFAULTS].percentile(99))
        yield line("p99 with 32 clients better than both on SQLite", f"{p99:,.0f} ms; {least:,.0f} ms", p99 < least)
        ratio = at[POSTGRESQL].rate / max(at[SQLITE_DEFAULTS].rate, 1e-9)
        yield line("hoped for: 3 x the attributions of SQLite's defaults with 32 clients", f"{ratio:.1f} x", ratio >= 3)


def line(what: str, measured: str, met: bool) -> str:
    """One line of the table."""
    return f"| {what} | {measured} | {'met' if met else '**missed**'} |"


if __name__ == "__main__":
    main()
