"""``make bench-concurrency``: many clients attribute and look at once, on SQLite and on PostgreSQL.

Every database is measured three times under each number of clients, in random order. docs/concurrency.md gets the
medians with their spread, up to the part that is written by hand.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import random
import secrets
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from statistics import median, quantiles

import psycopg

from benchmarks.clients import Client, Part, run_together
from benchmarks.concurrency_plot import plot
from benchmarks.processor import processor_time
from benchmarks.run import machine, used
from demo.application import Application
from demo.secretaries import program
from migrate_to_pg.postgres import embedded

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / ".bench"
DOCUMENT = ROOT / "docs" / "concurrency.md"
PICTURE = ROOT / "docs" / "images" / "concurrency.svg"
#: The rest of the document is left as it is.
BY_HAND = "## What this says"
RUNS = 3
#: Connections stay open until the last client is connected.
PATIENT = ("--keep-alive", "75")
SQLITE_DEFAULTS, SQLITE, POSTGRESQL = "SQLite, Django's defaults", "SQLite, this project's settings", "PostgreSQL"
DATABASES = (SQLITE_DEFAULTS, SQLITE, POSTGRESQL)

#: As it is deployed, but over plain HTTP on this machine.
PRODUCTION = {
    "DJANGO_ENV": "production",
    "SECRET_KEY": secrets.token_urlsafe(60),
    "ALLOWED_HOSTS": "localhost,127.0.0.1",
    "DJANGO_INSECURE_HTTP": "localhost",
}
#: Programs whose processor time is measured.
WORKING = ("gunicorn", "postgres")
#: One and a half times what two cores did before the querysets were made cheaper.
RATE = 112
SLOW_MS = 300
#: Answers that are no errors: a part was attributed, the parts are listed, another one was quicker.
EXPECTED = (HTTPStatus.CREATED, HTTPStatus.OK, HTTPStatus.CONFLICT)


@dataclass(frozen=True)
class WebServer:
    """One way to start gunicorn, and the numbers of clients that it is measured with."""

    title: str
    introduction: str
    options: tuple[str, ...]
    clients: tuple[int, ...]


#: As docker compose has it: few threads, and clients that wait for one.
SHIPPED = WebServer(
    title="The gunicorn that ships",
    introduction="2 workers of 4 threads, as docker compose starts them: at most eight requests meet in the database,"
    " the others wait in gunicorn's queue.",
    options=("--config", "deploy/gunicorn_conf.py", *PATIENT),
    clients=(1, 8, 32),
)
#: A thread for each client, so that all of them meet in the database and nobody waits for gunicorn.
EXTREME = WebServer(
    title="The extreme: a thread for each client",
    introduction="3 workers of 24 threads: nobody waits for gunicorn, and all of the clients meet in the database.",
    options=("--workers", "3", "--threads", "24", "--preload", *PATIENT),
    clients=(32, 64),
)

#: Parts that nobody has attributed in the first of forty years to come; they are free in all others, too.
YEARS = [f"{year}-{year + 1}" for year in range(2026, 2066)]
PREPARE = program(secretaries=max(EXTREME.clients), teachers=60, courses=200, parts=2000, years=YEARS)
COUNT = """
import json
from attributions.models import Attribution
print(json.dumps(list(Attribution.objects.values_list("course__code", "component", "academic_year"))))
"""


@dataclass(frozen=True)
class Measured:
    """One run of one database under so many clients."""

    database: str
    clients: int
    #: Attributions a second that were answered before the end.
    rate: float
    #: Seconds of each of those.
    successes: tuple[float, ...]
    #: What the client with the fewest has, of what the median one has.
    starved: float
    #: Answers 503: the database was busy or gone.
    unavailable: int
    other_errors: int
    lost: int
    doubled: int
    #: Seconds of processor time while the clients went on, of each of WORKING.
    worked: tuple[float, ...]

    def percentile(self, wanted: int) -> float:
        """Return the milliseconds within which so many per cent of the successes were answered."""
        if len(self.successes) < 2:
            return sum(self.successes) * 1000
        return quantiles(self.successes, n=100, method="inclusive")[wanted - 1] * 1000


@dataclass(frozen=True)
class Summary:
    """The runs of one database under so many clients."""

    runs: tuple[Measured, ...]

    @property
    def database(self) -> str:
        """Name what was measured."""
        return self.runs[0].database

    @property
    def clients(self) -> int:
        """Count the clients of each run."""
        return self.runs[0].clients

    @property
    def rate(self) -> float:
        """Return the median of attributions a second."""
        return median(run.rate for run in self.runs)

    def percentile(self, wanted: int) -> float:
        """Return the median of the runs' percentiles, in milliseconds."""
        return median(run.percentile(wanted) for run in self.runs)

    def row(self) -> str:
        """Return the line of the table: medians, with the least and the most; sums of what went wrong."""
        cells = [
            str(self.clients),
            self.database,
            _spread([run.rate for run in self.runs], "{:.1f}"),
            *(_spread([run.percentile(wanted) for run in self.runs], "{:,.0f}") for wanted in (50, 95, 99)),
            _spread([run.starved for run in self.runs], "{:.2f}"),
            *(str(sum(count)) for count in zip(*map(_wrong, self.runs), strict=True)),
            *(f"{median(seconds):.0f}" for seconds in zip(*(run.worked for run in self.runs), strict=True)),
        ]
        return f"| {' | '.join(cells)} |"


def _wrong(run: Measured) -> tuple[int, ...]:
    return run.unavailable, run.other_errors, run.lost, run.doubled


def _spread(values: Sequence[float], form: str) -> str:
    middle, least, most = (form.format(pick) for pick in (median(values), min(values), max(values)))
    return f"{middle} ({least} to {most})"


def main() -> None:
    """Measure, print, and write with --write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--runs", type=int, default=RUNS)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="decides the order of the runs")
    parser.add_argument("--write", action="store_true", help="write docs/concurrency.md")
    options = parser.parse_args()
    shutil.rmtree(FOLDER / "concurrency", ignore_errors=True)
    server = embedded.start(FOLDER / "postgresql")
    try:
        safety = list(durability(server))
        found = measure_all(server, options.seconds, options.runs, options.seed)
    finally:
        server.stop()
    lines = list(document(found, safety, options))
    print("\n".join(lines))
    if options.write:
        kept = DOCUMENT.read_text().partition(BY_HAND) if DOCUMENT.exists() else ("", BY_HAND, "\n")
        DOCUMENT.write_text("\n".join(lines) + "\n\n" + "".join(kept[1:]))
        PICTURE.write_text(plot(found[SHIPPED]))


def measure_all(
    server: embedded.EmbeddedServer, seconds: float, runs: int, seed: int
) -> dict[WebServer, list[Summary]]:
    """Measure every database with every web server and number of clients, ``runs`` times, in the order of the seed.

    Args:
        server: where the databases of PostgreSQL are made.
        seconds: of one run.
        runs: of each combination.
        seed: of the random order; the same one gives the same order.

    Returns:
        The summaries by web server, in the order of its clients and of DATABASES.
    """
    combinations = [(web, clients, name) for web in (SHIPPED, EXTREME) for clients in web.clients for name in DATABASES]
    order = combinations * runs
    random.Random(seed).shuffle(order)  # noqa: S311 - an order, no secret
    found: dict[tuple[WebServer, int, str], list[Measured]] = {combination: [] for combination in combinations}
    for number, (web, clients, name) in enumerate(order, start=1):
        print(f"{number} of {len(order)}: {web.title}, {clients} clients, {name} ...", file=sys.stderr)
        environment = PRODUCTION | new_database(server, name, str(number))
        found[web, clients, name].append(measure(name, environment, clients, seconds, web.options))
    return {
        web: [Summary(tuple(found[web, clients, name])) for clients, name in itertools.product(web.clients, DATABASES)]
        for web in (SHIPPED, EXTREME)
    }


def new_database(server: embedded.EmbeddedServer, name: str, label: str) -> dict[str, str]:
    """Make a new database of that kind, and return the variables that name it."""
    if name == POSTGRESQL:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE IF EXISTS clients_{int(label)}".encode())
            connection.execute(f"CREATE DATABASE clients_{int(label)}".encode())
        return {"DATABASE_URL": server.url(f"clients_{label}")}
    folder = FOLDER / "concurrency" / label
    folder.mkdir(parents=True)
    settings = {"DJANGO_SETTINGS_MODULE": "benchmarks.sqlite_defaults"} if name == SQLITE_DEFAULTS else {}
    return {"DATABASE_URL": f"sqlite:///{folder / 'db.sqlite3'}"} | settings


def durability(server: embedded.EmbeddedServer) -> Iterator[str]:
    """Say of each database what a power cut may take, as the database itself answers."""
    ask = "from django.db import connection; c = connection.cursor(); c.execute('PRAGMA {}'); print(c.fetchone()[0])"
    levels = ("OFF", "NORMAL", "FULL", "EXTRA")
    for name in (SQLITE_DEFAULTS, SQLITE):
        environment = PRODUCTION | new_database(server, name, f"durability-{DATABASES.index(name)}")
        mode, level = (shell(environment, ask.format(pragma)) for pragma in ("journal_mode", "synchronous"))
        yield f"{name}: journal_mode {mode}, synchronous {levels[int(level)]}"
    with psycopg.connect(server.url()) as connection:
        settings = [f"{name} {connection.execute(f'SHOW {name}'.encode()).fetchone()[0]}"  # type: ignore[index]
                    for name in ("fsync", "synchronous_commit")]  # fmt: skip
    yield f"{POSTGRESQL}: {', '.join(settings)}"


def measure(
    name: str, environment: Mapping[str, str], clients: int, seconds: float, gunicorn: Sequence[str]
) -> Measured:
    """Fill the database, let the clients loose, and compare what they were answered with what is there."""
    manage(environment, "migrate", "--verbosity", "0")
    sessions, parts, teachers = json.loads(shell(environment, PREPARE))
    every = [(course, component, year) for year in YEARS for course, component in parts]
    own, contested = every[: -len(parts)], every[-len(parts) :]
    with Application(ROOT, environment, gunicorn) as server:
        crew = [
            Client(server.address, session, sorted(teachers), own[number::clients], contested)
            for number, session in enumerate(sessions[:clients])
        ]
        before: dict[str, float] = {}
        run_together(crew, seconds, started=lambda: before.update(processor_time(WORKING)))
        spent = {program: after - before[program] for program, after in processor_time(WORKING).items()}
    held = [tuple(part) for part in json.loads(shell(environment, COUNT))]
    return judged(name, crew, seconds, held, spent)


def judged(
    name: str, crew: Sequence[Client], seconds: float, held: Sequence[tuple[str, ...]], spent: Mapping[str, float]
) -> Measured:
    """Compare what the clients were answered with what the database holds.

    Args:
        name: of the database.
        crew: the clients, when all of them have ended.
        seconds: how long they went on.
        held: every attribution of the database, as course, component and year.
        spent: seconds of processor time of each of WORKING.
    """
    won: Counter[Part] = Counter(part for client in crew for part in client.won)
    answers = sum((client.answers for client in crew), Counter[int]())
    shares = [len(client.successes) for client in crew]
    errors = sum(count for status, count in answers.items() if status not in EXPECTED)
    return Measured(
        database=name,
        clients=len(crew),
        rate=sum(shares) / seconds,
        successes=tuple(second for client in crew for second in client.successes),
        starved=min(shares) / median(shares) if median(shares) else 0.0,
        unavailable=answers[HTTPStatus.SERVICE_UNAVAILABLE],
        other_errors=errors - answers[HTTPStatus.SERVICE_UNAVAILABLE],
        lost=len(set(won) - set(held)),
        doubled=sum(count - 1 for count in (*won.values(), *Counter(held).values())),
        worked=tuple(spent[program] for program in WORKING),
    )


def manage(environment: Mapping[str, str], *arguments: str) -> str:
    """Run manage.py and return the last line that it prints."""
    done = subprocess.run(
        [sys.executable, "manage.py", *arguments],
        cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    return (done.stdout.splitlines() or [""])[-1]


def shell(environment: Mapping[str, str], code: str) -> str:
    """Run the code in manage.py's shell and return the last line that it prints."""
    return manage(environment, "shell", "--verbosity", "0", "--command", code)


def document(
    found: Mapping[WebServer, Sequence[Summary]], safety: Sequence[str], options: argparse.Namespace
) -> Iterator[str]:
    """Write the lines of docs/concurrency.md that are measured."""
    versions = ", ".join(f"{name} {version}" for name, version in used().items())
    yield "# Many at once, on SQLite and on PostgreSQL"
    yield ""
    yield f"Made by `make bench-concurrency`: for {options.seconds:g} s each client attributes a part and looks at what"
    yield "is free, again and again, over HTTP and without a pause, as no person does; every tenth attempt is at a part"
    yield f"that all of them try. Each line is the median of {options.runs} runs, with the least and the most; the runs"
    yield f"were made in random order (seed {options.seed}). Only attributions that were answered before the end are"
    yield "counted, and the times are those of successes alone. The clock starts when every client has had a first"
    yield "answer. Errors, lost and doubled attributions are sums; processor time is that of all processes together."
    yield ""
    yield f"gunicorn, the clients and the database were on one machine: {machine()}; {versions}."
    yield ""
    yield "What a power cut may take, as each database answers:"
    yield ""
    yield from (f"- {line}" for line in safety)
    for web, summaries in found.items():
        yield ""
        yield f"## {web.title}"
        yield ""
        yield web.introduction
        yield ""
        yield from table(summaries)
        if web is SHIPPED:
            yield ""
            yield "![attributions a second, and their slowest hundredth, over clients](images/concurrency.svg)"
    yield ""
    yield "## Targets"
    yield ""
    yield from targets(found)


def table(found: Sequence[Summary]) -> Iterator[str]:
    """Write a row for each."""
    headings = (
        "attributions/s", "p50, ms", "p95, ms", "p99, ms", "slowest / median client",
        "503", "other errors", "lost", "doubled", "gunicorn, s", "PostgreSQL, s",
    )  # fmt: skip
    yield f"| clients | database | {' | '.join(headings)} |"
    yield f"|---:|---|{'---:|' * len(headings)}"
    yield from (summary.row() for summary in found)


def targets(found: Mapping[WebServer, Sequence[Summary]]) -> Iterator[str]:
    """Write each target with its figure, met or missed."""
    yield "| target | measured | |"
    yield "|---|---:|---|"

    def line(what: str, value: float, form: str, met: Callable[[float], bool]) -> str:
        return f"| {what} | {form.format(value)} | {'met' if met(value) else '**missed**'} |"

    every = [run for summaries in found.values() for summary in summaries for run in summary.runs]
    ours = [run for run in every if run.database == POSTGRESQL]
    errors = sum(run.unavailable + run.other_errors for run in ours)
    yield line("PostgreSQL: errors, with any number of clients", errors, "{}", lambda value: value == 0)
    least = min(run.starved for run in ours)
    yield line("PostgreSQL: the slowest client has 0.5 of the median one", least, "{:.2f}", lambda value: value >= 0.5)
    wrong = sum(run.lost + run.doubled for run in every)
    yield line("attributions lost or doubled, anywhere", wrong, "{}", lambda value: value == 0)
    for summary in found[SHIPPED]:
        if summary.clients != max(SHIPPED.clients) or summary.database == SQLITE_DEFAULTS:
            continue
        where = f"{summary.database}, {summary.clients} clients"
        rate = f"{where}: {RATE} attributions/s"
        yield line(rate, summary.rate, "{:.1f}", lambda value: value >= RATE)
        if summary.database == POSTGRESQL:
            slow = f"{where}: p99 at most {SLOW_MS} ms"
            yield line(slow, summary.percentile(99), "{:.0f} ms", lambda value: value <= SLOW_MS)


if __name__ == "__main__":
    main()
