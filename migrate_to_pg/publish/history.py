"""What was published, remembered in schema ``migrate_to_pg`` of the target, for --undo and --purge.

What is read from there decides what is moved and dropped, and others may write to it: a line that is not as
``remember`` writes it is refused by name.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.publish.archive_names import mark
from migrate_to_pg.publish.check_history import (
    LineReader,
    as_counts,
    as_dated_or_none,
    as_moment,
    as_names,
    as_number,
    as_objects,
    as_text,
    as_transaction,
    as_transactions,
)
from migrate_to_pg.publish.required_privileges import require_readable
from migrate_to_pg.publish.written_since import Written
from migrate_to_pg.records import BOOKKEEPING

Connection = psycopg.Connection[Any]

_TABLE = sql.Identifier(BOOKKEEPING, "publication")

_CREATE = """
CREATE TABLE IF NOT EXISTS {} (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    published_at timestamptz NOT NULL DEFAULT now(),
    undone_at timestamptz,
    final_schema text NOT NULL,
    archive text NOT NULL,
    -- the publishing transaction: rows with a later xmin were written since
    transaction_id xid NOT NULL,
    objects jsonb NOT NULL,
    rows jsonb NOT NULL,
    snapshot text NOT NULL
)
"""
#: What later versions of this program remember besides, and what an earlier one left out.
_LATER = {
    # the names given to --exclude-data
    "left_out": "jsonb NOT NULL DEFAULT '[]'",
    # whether --exact-decimals was given
    "exact_decimals": "boolean NOT NULL DEFAULT false",
    # the objects that went to the dated schema, which must all be there for --undo
    "kept": "jsonb",
    # the transactions that wrote the published rows: a row of any other was written since
    "writers": "jsonb",
    # table -> the highest published id, where the key is one whole number
    "highest": "jsonb",
    # the SQLite file that was moved, '' where a dump was
    "source": "text NOT NULL DEFAULT ''",
}
#: Not by name: that is an error for a role that may not look into the schema.
_COLUMNS = """
SELECT a.attname, has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'publication' AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One publication, as it is remembered."""

    id: int
    published_at: datetime
    final_schema: str
    #: Where the replaced objects are kept, '' where nothing was replaced; once undone, where the published ones are.
    archive: str
    transaction_id: str
    #: The objects that were moved into the final schema.
    published: tuple[SchemaObject, ...]
    #: Those that were moved out of it; None where an earlier version did not say.
    kept: tuple[SchemaObject, ...] | None
    #: table -> number of rows when it was published.
    rows: dict[str, int]
    #: The transactions that wrote these rows; None where an earlier version did not say.
    writers: tuple[str, ...] | None
    #: table -> the highest published id, of those whose key is one whole number.
    highest: dict[str, int]
    snapshot: str
    #: The SQLite file that was moved; '' where a dump was, or an earlier version did not say.
    source: str
    undone_at: datetime | None

    @property
    def undone(self) -> bool:
        """Whether it was taken back."""
        return self.undone_at is not None

    @property
    def marks_archive(self) -> bool:
        """Whether the version that wrote this marked the dated schema as its own."""
        return self.kept is not None


def record_publication(
    connection: Connection,
    *,
    final: str,
    archive: str,
    objects: Iterable[SchemaObject],
    kept: Iterable[SchemaObject],
    rows: dict[str, int],
    written: Written,
    snapshot: str,
    source: str,
    left_out: Sequence[str],
    exact_decimals: bool,
) -> int:
    """Write the entry, within the caller's transaction: it is there exactly if the publication is; returns its id."""
    connection.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(BOOKKEEPING)))
    connection.execute(sql.SQL(_CREATE).format(_TABLE))
    there = _columns(connection)
    for name, definition in _LATER.items():
        if name not in there:
            statement = sql.SQL("ALTER TABLE {} ADD COLUMN {} ").format(_TABLE, sql.Identifier(name))
            connection.execute(statement + sql.SQL(definition))
    row = connection.execute(
        sql.SQL(
            "INSERT INTO {} (published_at, transaction_id, final_schema, archive, objects, kept, rows, writers,"
            # The transaction began when verify did.
            " highest, snapshot, source, left_out, exact_decimals) VALUES (clock_timestamp(),"
            " pg_current_xact_id()::xid, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
        ).format(_TABLE),
        [
            final,
            archive,
            Jsonb([asdict(o) for o in objects], dumps=json.dumps),
            Jsonb([asdict(o) for o in kept], dumps=json.dumps),
            Jsonb(written.rows | rows),
            Jsonb(list(written.writers)),
            Jsonb(written.highest),
            snapshot,
            source,
            Jsonb(list(left_out)),
            exact_decimals,
        ],
    ).fetchone()
    publication = int(row[0]) if row else 0
    if archive:
        mark(connection, archive, publication)
    return publication


def left_out(connection: Connection, final: str) -> tuple[str, ...] | None:
    """The names that the latest publication to that schema left out; None where this role may not look."""
    readable = _columns(connection).get("left_out")
    if not readable:
        return () if readable is None else None
    line = _latest(connection, final)
    return LineReader("publication", line)("left_out", as_names) if line else ()


def verified_exactly(connection: Connection, final: str) -> bool:
    """Whether the latest publication to that schema was made with --exact-decimals, as far as this role may look."""
    line = _latest(connection, final) if _columns(connection).get("exact_decimals") else None
    return line is not None and line["exact_decimals"] is True


def recorded_source(connection: Connection, final: str) -> tuple[str, bool] | None:
    """The snapshot of the latest publication to that schema, and whether repairs were made before it.

    None where nothing is remembered, or this role may not look.
    """
    line = _latest(connection, final) if _columns(connection).get("snapshot") else None
    if line is None:
        return None
    read = LineReader("publication", line)
    run = read("id", as_number)
    return read("snapshot", as_text), any(
        _is_recorded(connection, name, run) for name in ("quarantine", "changed_cell")
    )


def _is_recorded(connection: Connection, table: str, run: int) -> bool:
    """Whether the record of the repairs has lines of that publication, as far as this role may look."""
    place = sql.Identifier(BOOKKEEPING, table)
    readable = connection.execute(
        "SELECT has_table_privilege(to_regclass(%s)::oid, 'SELECT')", [place.as_string(connection)]
    ).fetchone()
    if not readable or not readable[0]:
        return False
    found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE run = %s)").format(place), [run]).fetchone()
    return bool(found and found[0])


def _latest(connection: Connection, final: str) -> dict[str, Any] | None:
    query = sql.SQL(
        "SELECT to_jsonb(p) FROM {} p WHERE undone_at IS NULL AND final_schema = %s ORDER BY id DESC LIMIT 1"
    )
    row = connection.execute(query.format(_TABLE), [final]).fetchone()
    return row[0] if row else None


def other_schemas(connection: Connection, final: str) -> list[str]:
    """The schemas, but that one, to which something was published that was not undone."""
    return sorted({entry.final_schema for entry in entries(connection) if not entry.undone} - {final})


def latest(connection: Connection, final: str) -> Entry | None:
    """The publication that stands in that schema, else the last one that was undone; None where nothing is known."""
    known = [entry for entry in entries(connection) if entry.final_schema == final]
    return next((entry for entry in reversed(known) if not entry.undone), known[-1] if known else None)


def _columns(connection: Connection) -> dict[str, bool]:
    """The columns of the table, and whether this role may read each."""
    return dict(connection.execute(_COLUMNS, [BOOKKEEPING]).fetchall())


def mark_undone(connection: Connection, entry: Entry, kept_in: str) -> None:
    """Within the caller's transaction; ``kept_in`` has the objects now, and the replaced ones are back."""
    query = sql.SQL("UPDATE {} SET undone_at = now(), archive = %s WHERE id = %s").format(_TABLE)
    connection.execute(query, [kept_in, entry.id])
    mark(connection, kept_in, entry.id)


def entries(connection: Connection) -> list[Entry]:
    """Every publication, the oldest first. Raises PublishError where a line is not as this program writes it."""
    require_readable(connection, "publication")
    if not _columns(connection):
        return []
    # As JSON, because neither the columns nor their types can be relied on.
    query = sql.SQL("SELECT to_jsonb(p) FROM {} p ORDER BY to_jsonb(p) -> 'id'").format(_TABLE)
    return [_entry(line) for (line,) in connection.execute(query).fetchall()]


def _entry(line: dict[str, Any]) -> Entry:
    read = LineReader("publication", line)
    return Entry(
        id=read("id", as_number),
        published_at=read("published_at", as_moment),
        undone_at=read.if_there("undone_at", as_moment),
        final_schema=read("final_schema", as_text),
        archive=read("archive", as_dated_or_none),
        transaction_id=read("transaction_id", as_transaction),
        published=read("objects", as_objects),
        kept=read.if_there("kept", as_objects),
        rows=read("rows", as_counts),
        writers=read.if_there("writers", as_transactions),
        highest=read.if_there("highest", as_counts) or {},
        snapshot=read("snapshot", as_text),
        source=read.if_there("source", as_text) or "",
    )
