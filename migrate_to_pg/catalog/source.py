"""A snapshot in, its SourceCatalog out: what SQLite really holds."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from migrate_to_pg.errors import SourceError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import (
    MadeTable,
    SourceCatalog,
    SourceColumn,
    SourceForeignKey,
    SourceIndex,
    SourceTable,
)
from migrate_to_pg.sizes import largest_rows
from migrate_to_pg.sqlite import open_snapshot, quote_name


def read_source(snapshot: Path, *, original: Path | None = None) -> SourceCatalog:
    """What the snapshot really holds: tables with columns, foreign keys and row counts, views, triggers, migrations.

    ``original`` is what the snapshot is a copy of, for messages. Raises SourceError where SQLite cannot read its own
    schema, or count the rows of a table.
    """
    largest = largest_rows(snapshot)
    try:
        with contextlib.closing(open_snapshot(snapshot)) as connection:
            return _read_source(connection, largest)
    except sqlite3.Error as error:
        raise SourceError(
            _("SQLite cannot read all of {original}: {error}.", original=original or snapshot, error=error),
            remedy=_("Run PRAGMA integrity_check on the database; restore a backup where it is damaged."),
        ) from error


def _read_source(connection: sqlite3.Connection, largest: Mapping[str, int]) -> SourceCatalog:
    objects: dict[str, dict[str, str]] = defaultdict(dict)
    for kind, name, text in connection.execute("SELECT type, name, sql FROM sqlite_master"):
        objects[kind][name] = text or ""
    facts = {row[1]: row for row in connection.execute("PRAGMA table_list") if row[0] == "main"}
    names = [name for name in objects["table"] if not name.startswith("sqlite_")]
    tables = tuple(
        _source_table(connection, name, objects["table"][name], facts.get(name), largest.get(name)) for name in names
    )
    return SourceCatalog(
        tables=tables,
        views=dict(objects["view"]),
        triggers=dict(objects["trigger"]),
        applied_migrations=_applied_migrations(connection, names),
    )


def _source_table(
    connection: sqlite3.Connection, name: str, text: str, facts: Any, largest_row: int | None
) -> SourceTable:
    columns = connection.execute('SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)', [name])
    return SourceTable(
        name=name,
        sql=text,
        columns=tuple(
            SourceColumn(
                name=column,
                declared_type=kind,
                not_null=bool(not_null),
                key_position=position,
                generated=hidden in (2, 3),
            )
            for column, kind, not_null, position, hidden in columns
            # A virtual table's own, as rank of FTS5: it holds no data.
            if hidden != 1
        ),
        foreign_keys=_source_foreign_keys(connection, name),
        rows=_count(connection, name),
        # PRAGMA table_list: schema, name, type, ncol, wr, strict.
        kind=str(facts[2]) if facts else "table",
        without_rowid=bool(facts and facts[4]),
        largest_row=largest_row,
        last_id=_last_id(connection, name),
    )


def read_made(connection: sqlite3.Connection) -> dict[str, MadeTable]:
    """Name in lower case -> each table of an empty database that holds what the migrations make on SQLite."""
    kinds = {row[1]: row for row in connection.execute("PRAGMA main.table_list")}
    tables = connection.execute("SELECT name, sql FROM sqlite_master WHERE type = 'table'").fetchall()
    return {
        name.lower(): MadeTable(
            table=_source_table(connection, name, text, kinds.get(name), None),
            indexes=tuple(_indexes(connection, name)),
        )
        for name, text in tables
        if not name.startswith("sqlite_")
    }


def _indexes(connection: sqlite3.Connection, table: str) -> Iterator[SourceIndex]:
    listed = connection.execute('SELECT name, "unique", partial FROM pragma_index_list(?)', [table]).fetchall()
    for index, unique, partial in listed:
        parts = connection.execute("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", [index])
        yield SourceIndex(columns=tuple(name or "" for (name,) in parts), unique=bool(unique), partial=bool(partial))


def _count(connection: sqlite3.Connection, name: str) -> int:
    # SQLite would ask the smallest index, which may be damaged while the table is whole.
    query = f"SELECT count(*) FROM {quote_name(name)} NOT INDEXED"  # noqa: S608 - the identifier is quoted
    return int(connection.execute(query).fetchone()[0])


def _source_foreign_keys(connection: sqlite3.Connection, name: str) -> tuple[SourceForeignKey, ...]:
    parts: dict[int, list[tuple[str, str, str | None]]] = defaultdict(list)
    query = 'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq'
    for key, parent, column, parent_column in connection.execute(query, [name]):
        parts[key].append((parent, column, parent_column))
    return tuple(
        SourceForeignKey(
            parent=part[0][0],
            columns=tuple(column for _, column, _ in part),
            parent_columns=tuple(parent_column for _, _, parent_column in part if parent_column is not None),
        )
        for _, part in sorted(parts.items())
    )


def _last_id(connection: sqlite3.Connection, name: str) -> int | None:
    """sqlite_sequence holds the highest id an AUTOINCREMENT table ever gave, that of a deleted row included.

    Any program may write there; SQLite itself takes whatever it finds for an integer.
    """
    if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        return None
    row = connection.execute("SELECT max(CAST(seq AS INTEGER)) FROM sqlite_sequence WHERE name = ?", [name]).fetchone()
    return None if row[0] is None else int(row[0])


def _applied_migrations(connection: sqlite3.Connection, names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    if "django_migrations" not in names:
        return ()
    # Bytes that are no UTF-8 name no migration, and are a finding later.
    connection.text_factory = lambda raw: raw.decode("utf-8", "replace")
    return tuple(connection.execute("SELECT app, name FROM django_migrations ORDER BY id"))
