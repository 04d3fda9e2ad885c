"""Record publications in schema ``migrate_to_pg`` of the target, for --undo and --purge.

These records decide which objects are moved and dropped, and other roles may write to them. So each record is checked
when it is read, and an error names the record that ``record_publication`` cannot have written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.publish.archive_schemas import mark
from migrate_to_pg.publish.check_history import (
    LineReader,
    as_counts,
    as_dated_or_none,
    as_datetime,
    as_names,
    as_number,
    as_objects,
    as_text,
    as_transaction,
    as_transactions,
)
from migrate_to_pg.publish.required_privileges import require_readable
from migrate_to_pg.publish.written_since import PublishedRows
from migrate_to_pg.records import BOOKKEEPING
from migrate_to_pg.records.repairs import RowOutcome

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
#: Columns that were added in later versions. A table of an earlier version lacks them.
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
#: Naming the table is an error for a role that may not use its schema. So the catalogue is read.
_COLUMNS = """
SELECT a.attname, has_schema_privilege(n.oid, 'USAGE') AND has_column_privilege(c.oid, a.attnum, 'SELECT')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relname = 'publication' AND a.attnum > 0 AND NOT a.attisdropped
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """The record of one publication."""

    id: int
    published_at: datetime
    final_schema: str
    #: Schema of the replaced objects, '' if nothing was replaced. After --undo, schema of the published ones.
    archive: str
    transaction_id: str
    #: The objects that were moved into the final schema.
    published: tuple[SchemaObject, ...]
    #: Objects that were moved out of it. None where an earlier version did not record them.
    kept: tuple[SchemaObject, ...] | None
    #: Number of rows of each table when it was published.
    rows: dict[str, int]
    #: Transactions that wrote these rows. None where an earlier version did not record them.
    writers: tuple[str, ...] | None
    #: The highest published id of each table whose primary key is one integer.
    highest: dict[str, int]
    snapshot: str
    #: The SQLite file that was moved. '' for a dump, or where an earlier version did not record it.
    source: str
    undone_at: datetime | None

    @property
    def undone(self) -> bool:
        """Return whether it was undone."""
        return self.undone_at is not None

    @property
    def marks_archive(self) -> bool:
        """Return whether the version that wrote this record also marked the archive schema."""
        return self.kept is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRecord:
    """What is recorded of the run that publishes, for --undo, --purge and the way back."""

    #: Table -> number of rows.
    rows: Mapping[str, int] = field(default_factory=dict)
    #: The snapshot's file.
    snapshot: str = ""
    #: The SQLite file, or '' where a dump was loaded.
    source: str = ""
    #: Models whose rows were left out.
    excluded: Sequence[str] = ()
    exact_decimals: bool = False


#: Of a publication that no run made.
NOT_RECORDED = RunRecord()


def record_publication(
    connection: Connection,
    *,
    final: str,
    archive: str,
    objects: Iterable[SchemaObject],
    kept: Iterable[SchemaObject],
    written: PublishedRows,
    run: RunRecord,
) -> int:
    """Write the record in the caller's transaction, so that it exists exactly if the publication does. Return its id.

    ``archive`` is the schema of the objects ``kept``, or ''. ``written`` describes the published rows, and ``run.rows``
    replaces its numbers of rows.
    """
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
            # now() is when the transaction began, which was before verify.
            " highest, snapshot, source, left_out, exact_decimals) VALUES (clock_timestamp(),"
            " pg_current_xact_id()::xid, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id"
        ).format(_TABLE),
        [
            final,
            archive,
            Jsonb([asdict(o) for o in objects], dumps=json.dumps),
            Jsonb([asdict(o) for o in kept], dumps=json.dumps),
            Jsonb({**written.rows, **run.rows}),
            Jsonb(list(written.writers)),
            Jsonb(written.highest),
            run.snapshot,
            run.source,
            Jsonb(list(run.excluded)),
            run.exact_decimals,
        ],
    ).fetchone()
    publication = int(row[0]) if row else 0
    if archive:
        mark(connection, archive, publication)
    return publication


def excluded_names(connection: Connection, final: str) -> tuple[str, ...] | None:
    """Return the names that the latest publication to that schema excluded, None if this role may not read them."""
    readable = _columns(connection).get("left_out")
    if not readable:
        return () if readable is None else None
    line = _latest(connection, final)
    return LineReader("publication", line)("left_out", as_names) if line else ()


def verified_exactly(connection: Connection, final: str) -> bool:
    """Return whether the latest publication used --exact-decimals. False if this role may not read the record."""
    line = _latest(connection, final) if _columns(connection).get("exact_decimals") else None
    return line is not None and line["exact_decimals"] is True


def recorded_source(connection: Connection, final: str) -> tuple[str, bool] | None:
    """Return the snapshot of the latest publication to that schema, and whether repairs were made before it.

    None if nothing is recorded, or this role may not read it.
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
    """Return whether that table has repairs of that publication. False if this role may not read it."""
    place = sql.Identifier(BOOKKEEPING, table)
    readable = connection.execute(
        "SELECT has_table_privilege(to_regclass(%s)::oid, 'SELECT')", [place.as_string(connection)]
    ).fetchone()
    if not readable or not readable[0]:
        return False
    found = connection.execute(sql.SQL("SELECT EXISTS (SELECT FROM {} WHERE run = %s)").format(place), [run]).fetchone()
    return bool(found and found[0])


def rows_left_out(connection: Connection, final: str) -> tuple[int, int]:
    """Return how many rows the latest publication to that schema left in quarantine, and merged into others."""
    line = _latest(connection, final)
    if line is None:
        return 0, 0
    run = LineReader("publication", line)("id", as_number)
    if not _is_recorded(connection, "quarantine", run):
        return 0, 0
    query = sql.SQL("SELECT fate, count(*) FROM {} WHERE run = %s GROUP BY 1")
    found = dict(connection.execute(query.format(sql.Identifier(BOOKKEEPING, "quarantine")), [run]).fetchall())
    return found.get(RowOutcome.QUARANTINED, 0), found.get(RowOutcome.MERGED, 0)


def _latest(connection: Connection, final: str) -> dict[str, Any] | None:
    query = sql.SQL(
        "SELECT to_jsonb(p) FROM {} p WHERE undone_at IS NULL AND final_schema = %s ORDER BY id DESC LIMIT 1"
    )
    row = connection.execute(query.format(_TABLE), [final]).fetchone()
    return row[0] if row else None


def published_schemas(connection: Connection, final: str) -> list[str]:
    """Return the other schemas that have a publication which was not undone."""
    return sorted({entry.final_schema for entry in entries(connection) if not entry.undone} - {final})


def latest(connection: Connection, final: str) -> Entry | None:
    """Return the current publication in that schema, else the last one that was undone, else None."""
    known = [entry for entry in entries(connection) if entry.final_schema == final]
    return next((entry for entry in reversed(known) if not entry.undone), known[-1] if known else None)


def _columns(connection: Connection) -> dict[str, bool]:
    """Return the columns of the table, and whether this role may read each."""
    return dict(connection.execute(_COLUMNS, [BOOKKEEPING]).fetchall())


def mark_undone(connection: Connection, entry: Entry, kept_in: str) -> None:
    """Record in the caller's transaction that a publication was undone and schema ``kept_in`` has its objects."""
    query = sql.SQL("UPDATE {} SET undone_at = now(), archive = %s WHERE id = %s").format(_TABLE)
    connection.execute(query, [kept_in, entry.id])
    mark(connection, kept_in, entry.id)


def entries(connection: Connection) -> list[Entry]:
    """Return every publication, the oldest first. Raise PublishError if a record is invalid."""
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
        published_at=read("published_at", as_datetime),
        undone_at=read.optional("undone_at", as_datetime),
        final_schema=read("final_schema", as_text),
        archive=read("archive", as_dated_or_none),
        transaction_id=read("transaction_id", as_transaction),
        published=read("objects", as_objects),
        kept=read.optional("kept", as_objects),
        rows=read("rows", as_counts),
        writers=read.optional("writers", as_transactions),
        highest=read.optional("highest", as_counts) or {},
        snapshot=read("snapshot", as_text),
        source=read.optional("source", as_text) or "",
    )
