"""Record quarantined rows and changed cells of the repair journal in schema ``migrate_to_pg``.

They are written in the publishing transaction and read back before it commits. So every source value is either in the
published tables or in this record.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import BOOKKEEPING
from migrate_to_pg.row_repair.journal import iter_changes, iter_quarantined

Connection = psycopg.Connection[Any]

_CREATE = """
CREATE TABLE IF NOT EXISTS {schema}.quarantine (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    -- publication.id
    run bigint NOT NULL,
    table_name text NOT NULL,
    -- primary key column -> value as text
    key jsonb NOT NULL,
    -- the whole row as SQLite held it
    row jsonb NOT NULL,
    rule text NOT NULL,
    reason text NOT NULL,
    -- 'quarantined', or 'merged' into the row that the reason names
    fate text NOT NULL
);
CREATE TABLE IF NOT EXISTS {schema}.changed_cell (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    run bigint NOT NULL,
    table_name text NOT NULL,
    column_name text NOT NULL,
    key jsonb NOT NULL,
    rule text NOT NULL,
    -- JSON's null is SQLite's NULL
    old jsonb NOT NULL,
    new jsonb NOT NULL
)
"""
_QUARANTINE = ("table_name", "key", "row", "rule", "reason", "fate")
_JSON_COLUMNS = frozenset({"key", "row", "old", "new"})
_CHANGED_CELL = ("table_name", "column_name", "key", "rule", "old", "new")


def write_repair_log(connection: Connection, run: int, journal: Path) -> None:
    """Record every repaired cell and removed row in the caller's transaction, and check what was written."""
    connection.execute(sql.SQL(_CREATE).format(schema=sql.Identifier(BOOKKEEPING)))
    for table, columns, lines in (("quarantine", _QUARANTINE, _rows), ("changed_cell", _CHANGED_CELL, _cells)):
        statement = sql.SQL("COPY {}.{} ({}) FROM STDIN").format(
            sql.Identifier(BOOKKEEPING),
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, ("run", *columns))),
        )
        with connection.cursor() as cursor, cursor.copy(statement) as copy:
            for line in lines(journal):
                copy.write_row((run, *line))
        for there, here in zip_longest(_read(connection, table, columns, run), lines(journal)):
            if there is None or here is None or _values(columns, there) != _values(columns, here):
                raise PublishError(
                    _(
                        "The record of what was changed and left out did not arrive complete: {here}.",
                        here=(here or there)[0],
                    ),
                    remedy=_("Nothing was published. This should not happen; please report it."),
                )


def _rows(journal: Path) -> Iterator[tuple[str, ...]]:
    for rule, table, fate, row in iter_quarantined(journal):
        yield table, _json(row.key), _json(row.row), rule, row.reason, fate.value


def _cells(journal: Path) -> Iterator[tuple[str, ...]]:
    for rule, table, column, key, old, new in iter_changes(journal):
        yield table, column, key, rule, _json(old), _json(new)


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def _read(connection: Connection, table: str, columns: Sequence[str], run: int) -> Iterator[tuple[str, ...]]:
    query = sql.SQL("SELECT {} FROM {}.{} WHERE run = %s ORDER BY id").format(
        sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(column)) for column in columns),
        sql.Identifier(BOOKKEEPING),
        sql.Identifier(table),
    )
    # A server-side cursor, because there may be as many records as rows.
    with connection.cursor(name="migrate_to_pg_record") as cursor:
        yield from cursor.execute(query, [run])


def _values(columns: Sequence[str], line: Sequence[str]) -> list[object]:
    """Parse the JSON columns: jsonb changes spaces, the order of keys and the escaping of characters."""
    return [json.loads(text) if column in _JSON_COLUMNS else text for column, text in zip(columns, line, strict=True)]
