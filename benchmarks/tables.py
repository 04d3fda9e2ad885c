"""Measure ``make bench-tables``: projects of many small tables, stage by stage, beside Django's own ``migrate``.

Each project has models of five columns, a foreign key and two indexes; each table has 20 rows. Django's ``migrate``
into an empty database of the same server is the floor: the stage ``stage`` runs it as well.
"""

from __future__ import annotations

import argparse
import json
import math
import shutil
import sqlite3
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import ROOT, Bench, run_watched
from benchmarks.run import FOLDER, goal, machine, progress, psql, slope, used
from migrate_to_pg.postgres import embedded

DOCUMENT = ROOT / "docs" / "benchmarks-tables.md"
SIZES = (100, 300, 1_000, 3_000)
ROWS = 20
SETTINGS = "benchmarks.many_tables.settings"
#: Seconds that the locks may be held: up to that many tables, and beyond.
LOCKED_SECONDS, LOCKED_TABLES, LOCKED_SECONDS_BEYOND = 3, 1_500, 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One project of that many tables."""

    tables: int
    #: From the start of the process to its end.
    seconds: float
    #: Stage -> seconds.
    stages: dict[str, float]
    #: Seconds that the tables were locked.
    locked: float
    #: Peak resident bytes of the process and its children, the server left out.
    memory: int
    #: Seconds of Django's migrate into an empty PostgreSQL. NaN where the server has too few locks for it.
    migrate: float


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="*", default=SIZES)
    parser.add_argument("--write", action="store_true", help="write docs/benchmarks-tables.md")
    options = parser.parse_args()
    FOLDER.mkdir(exist_ok=True)
    server = embedded.start(FOLDER / "postgresql")
    try:
        bench = Bench(server, psql(), FOLDER)
        runs = [measure(bench, tables) for tables in options.sizes]
    finally:
        server.stop()
    text = "\n".join(document(runs)) + "\n"
    print(text)
    if options.write:
        DOCUMENT.write_text(text)


def measure(bench: Bench, tables: int) -> Run:
    """Move one project into an empty database, and let Django make its tables in another one."""
    progress(f"{tables:,} tables")
    source, report = make_source(tables), FOLDER / "tables"
    shutil.rmtree(report, ignore_errors=True)
    command = [sys.executable, "-m", "django", "migrate_to_pg", "--source", str(source), "--verify"]
    command += ["--target", bench.fresh("bench_tables"), "--report", str(report)]
    seconds, memory = timed(lambda: run_watched(command, variables(tables, f"sqlite:///{source}")))
    found = json.loads((report / "report.json").read_text())
    migrate = seconds_of_migrate(tables, bench.fresh("bench_migrate"))
    return Run(
        tables=len(found["tables"]),
        seconds=seconds,
        stages={stage["name"]: stage["seconds"] for stage in found["stages"]},
        locked=found["publication"]["locked_seconds"],
        memory=memory,
        migrate=migrate,
    )


def seconds_of_migrate(tables: int, url: str) -> float:
    """Return the seconds of Django's migrate, or NaN where the server has too few locks for it."""
    try:
        return timed(lambda: make_tables(tables, url))[0]
    except RuntimeError as error:
        if "out of shared memory" not in str(error):
            raise
        return math.nan


def timed(work: Callable[[], int]) -> tuple[float, int]:
    """Return the seconds that it took, and its result."""
    start = time.perf_counter()
    result = work()
    return time.perf_counter() - start, result


def make_source(tables: int) -> Path:
    """Make the SQLite database of a project, once for each number of tables."""
    path = FOLDER / f"tables-{tables}.sqlite3"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        make_tables(tables, f"sqlite:///{unfinished}")
        rows = [(n, f"name {n}", n / 4, f"2026-01-{n:02} 10:00:00", n) for n in range(1, ROWS + 1)]
        with closing(sqlite3.connect(unfinished)) as database, database:
            for number in range(tables):
                database.executemany(f"INSERT INTO many_tables_model{number} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608 - a number
        unfinished.rename(path)
    return path


def make_tables(tables: int, url: str) -> int:
    """Run Django's migrate. Return its peak memory."""
    command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0", "--skip-checks"]
    return run_watched(command, variables(tables, url))


def variables(tables: int, url: str) -> dict[str, str]:
    """Return the environment of a project with that many tables."""
    return {"DJANGO_SETTINGS_MODULE": SETTINGS, "TABLES": str(tables), "DATABASE_URL": url}


def document(runs: Sequence[Run]) -> Iterator[str]:
    """Yield the lines of docs/benchmarks-tables.md."""
    yield "# Many tables"
    yield ""
    yield (
        "Written by `make bench-tables`, one run for each number of tables. Each table has five columns, a foreign"
        f" key, two indexes and {ROWS} rows; Django's own tables come on top. PostgreSQL has its stock settings."
    )
    yield ""
    yield f"    {machine()}"
    yield f"    {', '.join(f'{name} {version}' for name, version in used().items())}"
    yield ""
    names = dict.fromkeys(name for run in runs for name in run.stages)
    yield from table("tables", [f"{run.tables:,}" for run in runs], "exponent")
    rows: dict[str, list[float]] = {name: [run.stages.get(name, 0) for run in runs] for name in names}
    rows["whole run, from start to end of the process"] = [run.seconds for run in runs]
    rows["locks held"] = [run.locked for run in runs]
    rows["Django's `migrate` into an empty PostgreSQL"] = [run.migrate for run in runs]
    rows["whole run without `catalog` and `stage`"] = without_django(runs)
    for name, seconds in rows.items():
        cells = ["too few locks" if math.isnan(number) else f"{number:.2f}" for number in seconds]
        yield line(name, cells, f"{exponent(runs, seconds):.2f}")
    yield line("memory, MB", [f"{run.memory / 2**20:.0f}" for run in runs], "")
    yield ""
    yield (
        "Seconds. `catalog` and `stage` run the project's migrations, on SQLite and on PostgreSQL. Django makes the"
        " classes of all models for that, in a time that grows faster than their number."
    )
    yield ""
    yield "| target | measured | |"
    yield "|---|---:|---|"
    yield goal(
        "exponent of the run without Django's work at most 1.1", exponent(runs, without_django(runs)), "", at_most=1.1
    )
    yield goal("exponent of the whole run at most 1.1", exponent(runs, [run.seconds for run in runs]), "", at_most=1.1)
    for run in runs:
        allowed = LOCKED_SECONDS if run.tables <= LOCKED_TABLES else LOCKED_SECONDS_BEYOND
        yield goal(f"locks held at most {allowed} s for {run.tables:,} tables", run.locked, " s", at_most=allowed)


def without_django(runs: Sequence[Run]) -> list[float]:
    """Return the seconds of each run without the stages in which Django makes models."""
    return [run.seconds - run.stages.get("catalog", 0) - run.stages.get("stage", 0) for run in runs]


def exponent(runs: Sequence[Run], seconds: Sequence[float]) -> float:
    """Return the exponent of seconds over tables. Only runs in which they can be measured count."""
    points = [(run.tables, number) for run, number in zip(runs, seconds, strict=True) if number >= 0.01]
    return slope(points) if len(points) > 1 else math.nan


def table(first: str, columns: Sequence[str], last: str) -> Iterator[str]:
    """Yield the head of a table."""
    yield line(first, columns, last)
    yield line("---", ["---:"] * len(columns), "---:")


def line(first: str, cells: Sequence[str], last: str) -> str:
    """Return a line of a table."""
    return f"| {' | '.join([first, *cells, last])} |"


if __name__ == "__main__":
    main()
