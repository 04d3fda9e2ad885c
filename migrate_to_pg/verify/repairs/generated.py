"""Repaired rows go in; what SQLite itself computes from them, in columns that both sides compute, is expected of them.

Each row is put, alone, into an empty table made by the snapshot's own CREATE TABLE. Where SQLite does not take it, or
computes nothing, the snapshot's value stays expected.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator

from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]

from migrate_to_pg.verify.repairs.expected import cells, relation
from migrate_to_pg.verify.repairs.journal_reader import Record, Row, Table
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

#: A name for the rows' numbers that no column has.
NUMBER = "migrate_to_pg number"


def compute(record: Record, table: Table) -> None:
    """Expect the computed columns of the repaired rows to be those of the new values."""
    computed = [c for c in table.columns if c.planned.source.generated and c.planned.target.generated]
    if not computed:
        return
    rows = list(_computed(record, table, computed))
    for place, column in enumerate(computed, 1):
        name = column.planned.source.name
        record.execute(f"CREATE TABLE {cells(table, name)} (row INTEGER PRIMARY KEY, value)")
        record.many(
            f"INSERT INTO {cells(table, name)} VALUES (?, ?)",
            ((row[0], row[place]) for row in rows),
        )
    table.changed.update({column.planned.source.name: 0 for column in computed})


def _computed(record: Record, table: Table, computed: list[Column]) -> Iterator[Row]:
    """The number of each repaired row, and its computed values."""
    stored = [c.name for c in table.planned.source.columns if not c.generated]
    names, marks = ", ".join(map(quoted, stored)), ", ".join("?" * len(stored))
    results = ", ".join(quoted(c.planned.source.name) for c in computed)
    with contextlib.closing(sqlite3.connect(":memory:", isolation_level=None)) as alone:
        register(alone)
        alone.execute(table.planned.source.sql)
        alone.execute("PRAGMA ignore_check_constraints = ON")
        for number, *values in record.rows(_repaired(table, names)):
            with contextlib.suppress(sqlite3.Error, UnicodeEncodeError):
                alone.execute(f"INSERT INTO {table.source} ({names}) VALUES ({marks})", values)
                yield (number, *alone.execute(f"SELECT {results} FROM {table.source}").fetchone())
            alone.execute(f"DELETE FROM {table.source}")


def _repaired(table: Table, names: str) -> str:
    rows = " UNION ".join(f"SELECT row FROM {cells(table, name)}" for name in table.changed)
    return (
        f"SELECT {quoted(NUMBER)}, {names} FROM {relation(table, number=NUMBER).sql} WHERE {quoted(NUMBER)} IN ({rows})"
    )
