"""The journal of a working copy: every edit that was made to it, in SQLite's own values.

A SQLite database of its own, attached to the working copy's connection while that is edited:

- ``changed``: a line a cell, in the order in which they were changed;
- ``aside``: a line a row that was taken out, with the rule, the reason and the fate;
- ``rows of <table>``: those rows whole, as the snapshot has them, under their rowid.

Values stay in their storage class: the columns have no type, and what SQLite holds never passes through Python.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from migrate_to_pg.account import AsideRow, Change, ChangedCells, Fate, RowsAside
from migrate_to_pg.rules.rows import show
from migrate_to_pg.sqlite import open_snapshot

#: The rowid column of a ``rows of`` table.
ROW = "migrate_to_pg row"
#: How many lines of each kind a report shows.
SAMPLES = 5

TABLES = """
CREATE TABLE journal.changed (
    rule TEXT NOT NULL,
    "table" TEXT NOT NULL,   -- PostgreSQL's name
    "column" TEXT NOT NULL,  -- PostgreSQL's name
    row INTEGER NOT NULL,    -- SQLite's rowid
    key TEXT NOT NULL,       -- JSON: primary key column -> value as text
    old, new
);
CREATE INDEX journal.changed_row ON changed ("table", row);
CREATE TABLE journal.aside (
    rule TEXT NOT NULL,
    "table" TEXT NOT NULL,   -- PostgreSQL's name
    row INTEGER NOT NULL,    -- SQLite's rowid
    key TEXT NOT NULL,       -- JSON: primary key column -> value as text
    reason TEXT NOT NULL,
    fate TEXT NOT NULL,      -- 'quarantined' or 'merged'
    kept INTEGER,            -- the rowid of the row that a merged one went into
    UNIQUE ("table", row)
);
"""


def rows_table(table: str) -> str:
    """The table of the journal that keeps a table's rows whole; ``table`` is PostgreSQL's name."""
    return f"rows of {table}"


def changed_cells(journal: Path) -> tuple[ChangedCells, ...]:
    """What each rule changed in each column, in the order of the journal."""
    query = 'SELECT rule, "table", "column", count(*) FROM changed GROUP BY 1, 2, 3 ORDER BY min(rowid)'
    with closing(_opened(journal)) as database:
        return tuple(
            ChangedCells(
                rule=rule, table=table, column=column, count=count, samples=_changes(database, rule, table, column)
            )
            for rule, table, column, count in database.execute(query)
        )


def rows_aside(journal: Path) -> tuple[RowsAside, ...]:
    """What each rule set aside of each table, in the order of the journal."""
    query = 'SELECT rule, "table", fate, count(*) FROM aside GROUP BY 1, 2, 3 ORDER BY min(rowid)'
    with closing(_opened(journal)) as database:
        return tuple(
            RowsAside(
                rule=rule, table=table, fate=Fate(fate), count=count, samples=_asides(database, rule, table, fate)
            )
            for rule, table, fate, count in database.execute(query)
        )


def every_change(journal: Path) -> Iterator[tuple[str, str, str, Change]]:
    """(rule, table, column, the change) of every changed cell."""
    with closing(_opened(journal)) as database:
        query = 'SELECT rule, "table", "column", key, old, new FROM changed ORDER BY rowid'
        for rule, table, column, *change in database.execute(query):
            yield rule, table, column, _change(*change)


def every_aside(journal: Path) -> Iterator[tuple[str, str, Fate, AsideRow]]:
    """(rule, table, fate, the row) of every row that was set aside."""
    with closing(_opened(journal)) as database:
        query = 'SELECT rule, "table", fate, key, reason FROM aside ORDER BY rowid'
        for rule, table, fate, key, reason in database.execute(query):
            yield rule, table, Fate(fate), AsideRow(key=json.loads(key), reason=reason)


def _opened(journal: Path) -> sqlite3.Connection:
    database = open_snapshot(journal)
    database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    return database


def _changes(database: sqlite3.Connection, rule: str, table: str, column: str) -> tuple[Change, ...]:
    query = 'SELECT key, old, new FROM changed WHERE (rule, "table", "column") = (?, ?, ?) ORDER BY rowid LIMIT ?'
    return tuple(_change(*line) for line in database.execute(query, [rule, table, column, SAMPLES]))


def _change(key: str, old: object, new: object) -> Change:
    return Change(key=json.loads(key), old=show(old), new=show(new))


def _asides(database: sqlite3.Connection, rule: str, table: str, fate: str) -> tuple[AsideRow, ...]:
    query = 'SELECT key, reason FROM aside WHERE (rule, "table", fate) = (?, ?, ?) ORDER BY rowid LIMIT ?'
    lines = database.execute(query, [rule, table, fate, SAMPLES])
    return tuple(AsideRow(key=json.loads(key), reason=reason) for key, reason in lines)
