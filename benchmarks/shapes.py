"""Measure tables of odd shapes, each in a project of its own: 1,000 columns, values of 50 MB, no key."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from benchmarks.contestants import Bench, Run, run_watched
from benchmarks.odd_shapes import COLUMNS

SETTINGS = "benchmarks.odd_shapes.settings"
WIDE_ROWS, LARGE_ROWS, LARGE_BYTES, KEYLESS_ROWS = 20_000, 4, 50_000_000, 10_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """One database to be moved."""

    name: str
    what: str
    fill: Callable[[sqlite3.Connection], object]


def fill_wide(database: sqlite3.Connection) -> None:
    """Fill the table of 1,000 columns."""
    marks = ", ".join("?" * COLUMNS)
    rows = (
        [row, *((row, f"text {row}", row / 4)[number % 3] for number in range(COLUMNS - 1))]
        for row in range(1, WIDE_ROWS + 1)
    )
    database.executemany(f"INSERT INTO odd_shapes_wide VALUES ({marks})", rows)  # noqa: S608 - question marks


def fill_large(database: sqlite3.Connection) -> None:
    """Fill the table of large values."""
    for row in range(1, LARGE_ROWS + 1):
        text = f"{row} é ".ljust(100, "x") * (LARGE_BYTES // 100)
        database.execute("INSERT INTO odd_shapes_large (text) VALUES (?)", [text])


def fill_keyless(database: sqlite3.Connection) -> None:
    """Make a table that no migration knows, without a key."""
    database.execute("CREATE TABLE log (moment text, level integer, message text)")
    database.executemany(
        "INSERT INTO log VALUES (?, ?, ?)",
        ((f"2026-01-01 {n % 24:02}:{n % 60:02}:00", n % 7, f"message {n % 1000}") for n in range(KEYLESS_ROWS)),
    )


SHAPES = (
    Shape(name="wide", what=f"a table of {COLUMNS:,} columns, {WIDE_ROWS:,} rows", fill=fill_wide),
    Shape(name="large", what=f"{LARGE_ROWS} texts of {LARGE_BYTES // 10**6} MB in one table", fill=fill_large),
    Shape(name="keyless", what=f"{KEYLESS_ROWS:,} rows in a table without a key", fill=fill_keyless),
)


def measure(bench: Bench) -> Iterator[tuple[Shape, Run]]:
    """Move each of them into an empty database."""
    for shape in SHAPES:
        source = make_source(bench.folder, shape)
        yield shape, bench.run(source, command=("-m", "django"), **variables(source))


def make_source(folder: Path, shape: Shape) -> Path:
    """Make the SQLite database, once."""
    path = folder / f"shape-{shape.name}.sqlite3"
    if not path.exists():
        unfinished = path.with_suffix(".unfinished")
        unfinished.unlink(missing_ok=True)
        command = [sys.executable, "-m", "django", "migrate", "--run-syncdb", "--verbosity", "0", "--skip-checks"]
        run_watched(command, variables(unfinished))
        with closing(sqlite3.connect(unfinished)) as database, database:
            shape.fill(database)
        unfinished.rename(path)
    return path


def variables(source: Path) -> dict[str, str]:
    """Return the environment of the project."""
    return {"DJANGO_SETTINGS_MODULE": SETTINGS, "DATABASE_URL": f"sqlite:///{source}"}
