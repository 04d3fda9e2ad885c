"""Read the journal of a working copy, which has every edit in SQLite's own values.

It is a separate SQLite database, attached to the working copy's connection during the repairs:

- ``changed``: one line for each changed cell, in the order of the changes
- ``aside``: one line for each removed row, with rule, reason and outcome
- ``rows of <table>``: these rows, complete as in the snapshot, under their rowid

Values keep their storage class: the columns have no type, and SQLite's values never pass through Python.
"""

from __future__ import annotations

import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import replace
from pathlib import Path

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK, is_secret, masked_key
from migrate_to_pg.records.repairs import Change, ChangedCells, RemovedRow, RemovedRows, RowOutcome
from migrate_to_pg.rules.samples import WIDTH, format_value, truncate
from migrate_to_pg.sqlite.connection import open_snapshot
from migrate_to_pg.sqlite.sql import compose, name

#: The rowid column of a ``rows of`` table.
ROW = "migrate_to_pg row"
#: Cells and rows of one rule and table in a report. The journal has them all.
SAMPLES = 1000

TABLES = """
CREATE TABLE journal.changed (
    rule TEXT NOT NULL,
    "table" TEXT NOT NULL,   -- PostgreSQL's name
    "column" TEXT NOT NULL,  -- PostgreSQL's name
    row INTEGER NOT NULL,    -- SQLite's rowid
    key TEXT NOT NULL,       -- JSON: primary key column -> value as text
    old, new,
    follows INTEGER NOT NULL -- 1 where a key was repaired because the row that it refers to is in quarantine
);
CREATE INDEX journal.changed_row ON changed ("table", row);
CREATE TABLE journal.aside (
    rule TEXT NOT NULL,
    "table" TEXT NOT NULL,   -- PostgreSQL's name
    row INTEGER NOT NULL,    -- SQLite's rowid
    key TEXT NOT NULL,       -- JSON: primary key column -> value as text
    reason TEXT NOT NULL,
    fate TEXT NOT NULL,      -- 'quarantined' or 'merged'
    kept INTEGER,            -- the rowid of the row that a merged one went into, there or in quarantine itself
    follows INTEGER NOT NULL, -- 1 where the row has no fault of its own, but refers to one in quarantine
    UNIQUE ("table", row)
);
"""


#: A character that jsonb cannot hold: NUL, and the surrogates that stand for bytes that are no UTF-8.
_NO_JSONB = re.compile("[\0\ud800-\udfff]")


def rows_table(table: str) -> str:
    """Return the journal's table with a table's removed rows. ``table`` is PostgreSQL's name."""
    return f"rows of {table}"


def changed_cells(journal: Path) -> tuple[ChangedCells, ...]:
    """Return the changes of each rule in each column, in the order of the journal."""
    first = 'SELECT row, key, old, new FROM changed WHERE (rule, "table", "column") = (?, ?, ?) ORDER BY rowid LIMIT ?'
    found = []
    with _reading(journal) as database:
        follows = _sum_follows(database, "changed")
        columns = f'rule, "table", "column", count(*), {follows}'
        query = f"SELECT {columns} FROM changed GROUP BY 1, 2, 3 ORDER BY min(rowid)"  # noqa: S608 - ours
        for rule, table, column, count, following in database.execute(query).fetchall():
            samples = []
            secret = is_secret(table, column)
            for row, key, *values in database.execute(first, [rule, table, column, SAMPLES]):
                start = max(0, _first_difference(*values) - WIDTH // 4)
                old, new = (MASK if secret and value is not None else _excerpt(value, start) for value in values)
                samples.append(Change(key=masked_key(table, json.loads(key), row=row), old=old, new=new))
            found.append(
                ChangedCells(
                    rule=rule, table=table, column=column, count=count, samples=tuple(samples), following=following
                )
            )
    return tuple(found)


def removed_rows(journal: Path) -> tuple[RemovedRows, ...]:
    """Return the rows of each table that each rule removed, in the order of the journal."""
    with _reading(journal) as database:
        follows = _sum_follows(database, "aside")
        query = f'SELECT rule, "table", fate, count(*), {follows} FROM aside GROUP BY 1, 2, 3 ORDER BY min(rowid)'  # noqa: S608 - ours
        return tuple(
            RemovedRows(
                rule=rule,
                table=table,
                outcome=RowOutcome(outcome),
                count=count,
                samples=_quarantined_samples(database, rule, table, outcome),
                following=following,
            )
            for rule, table, outcome, count, following in database.execute(query)
        )


def _sum_follows(database: sqlite3.Connection, table: str) -> str:
    """Return SQL for the number of lines that follow others: 0 where an earlier version did not write this column."""
    names = {row[1] for row in database.execute("SELECT * FROM pragma_table_info(?)", [table])}
    return "sum(follows)" if "follows" in names else "0"


def iter_quarantined(journal: Path) -> Iterator[tuple[str, str, RowOutcome, RemovedRow]]:
    """Yield (rule, table, outcome, row) of every removed row."""
    query = 'SELECT rowid, rule, "table", fate FROM aside ORDER BY rowid'
    with _reading(journal) as database:
        for line, rule, table, outcome in database.execute(query):
            yield rule, table, RowOutcome(outcome), _quarantined_row(database, line)


def iter_changes(journal: Path) -> Iterator[tuple[str, str, str, str, object, object]]:
    """Yield (rule, table, column, key as JSON, old and new value in JSON's types) of every changed cell."""
    query = 'SELECT rule, "table", "column", key, old, new FROM changed ORDER BY rowid'
    with _reading(journal) as database:
        for rule, table, column, key, old, new in database.execute(query):
            yield rule, table, column, key, json_cell(old), json_cell(new)


def json_cell(value: object) -> object:
    """Return a SQLite value in JSON's types without loss. Values that JSON lacks name their type.

    {"blob": hex}, {"text": hex of its bytes} for text that PostgreSQL's jsonb cannot hold, {"real": "1e+300"}.
    """
    if isinstance(value, bytes):
        return {"blob": value.hex()}
    if isinstance(value, float):
        written = repr(value)
        # jsonb preserves neither an exponent nor a minus zero.
        plain = written.lstrip("-").replace(".", "", 1).isdigit() and written != "-0.0"
        return value if plain else {"real": written}
    if isinstance(value, str) and _NO_JSONB.search(value):
        return {"text": value.encode("utf-8", "surrogateescape").hex()}
    return value


@contextmanager
def _reading(journal: Path) -> Iterator[sqlite3.Connection]:
    """Open the journal. Raise VerificationError where what the block reads from it is not what a run has written."""
    try:
        with closing(open_snapshot(journal)) as database:
            database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
            yield database
    except (sqlite3.Error, TypeError, ValueError) as error:
        raise VerificationError(
            _("The journal of the repairs is incomplete or damaged: {journal}.", journal=journal),
            remedy=_("Restore it from a backup, or compare with the SQLite database: --source PATH."),
        ) from error


def _first_difference(old: object, new: object) -> int:
    """Return the position where two long texts begin to differ, or 0 for all other values."""
    if not isinstance(old, str) or not isinstance(new, str) or max(len(old), len(new)) < WIDTH:
        return 0
    pairs = enumerate(zip(old, new, strict=False))
    return next((place for place, (here, there) in pairs if here != there), min(len(old), len(new)))


def _excerpt(value: object, start: int) -> str:
    if start and isinstance(value, str):
        return truncate(f"…{format_value(value[start : start + WIDTH + 1])}")
    return format_value(value)


def _quarantined_samples(database: sqlite3.Connection, rule: str, table: str, outcome: str) -> tuple[RemovedRow, ...]:
    query = 'SELECT rowid, row FROM aside WHERE (rule, "table", fate) = (?, ?, ?) ORDER BY rowid LIMIT ?'
    lines = database.execute(query, [rule, table, outcome, SAMPLES]).fetchall()
    samples = []
    for line, row in lines:
        removed = _quarantined_row(database, line)
        cells = {column: MASK if is_secret(table, column) else value for column, value in removed.row.items()}
        samples.append(replace(removed, key=masked_key(table, removed.key, row=row), row=cells))
    return tuple(samples)


def _quarantined_row(database: sqlite3.Connection, line: int) -> RemovedRow:
    table, row, key, reason = database.execute(
        'SELECT "table", row, key, reason FROM aside WHERE rowid = ?', [line]
    ).fetchone()
    query = compose("SELECT * FROM {rows} WHERE {row} = ?", rows=name(rows_table(table)), row=name(ROW))
    cursor = database.execute(query, [row])
    names = [column for column, *_ in cursor.description]
    cells = dict(zip(names[1:], map(json_cell, cursor.fetchone()[1:]), strict=True))
    return RemovedRow(key=json.loads(key), reason=reason, row=cells)
