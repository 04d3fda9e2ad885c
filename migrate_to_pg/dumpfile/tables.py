"""A table of an SQLite file in, all that it holds out: its shape, and its rows as Arrow batches with a fingerprint.

SQLite gives each value a storage class of its own. A column of values of one class is one Arrow column; where several
meet, it is one for each class, of which at most one is filled in each row. Texts travel as their bytes: they need not
be UTF-8.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import struct
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs.driver import READ_ERRORS, OtherTypesError, record_batches
from migrate_to_pg.dumpfile.manifest import KeyPart, StoredColumn, StoredTable
from migrate_to_pg.errors import ArchiveError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.connection import quote_name

#: Storage class -> how Arrow holds it.
_TYPES = {"integer": pa.int64(), "real": pa.float64(), "text": pa.binary(), "blob": pa.binary()}
#: Storage class -> a value of that Arrow type, for the typed row in front.
_LITERALS = {"integer": "0", "real": "0.0", "text": "x'00'", "blob": "x'00'"}
#: Storage class -> its bit in the sum of those that a column holds.
_BITS = {kind: 1 << place for place, kind in enumerate(_TYPES)}
_CASES = " ".join(f"WHEN '{kind}' THEN {bit}" for kind, bit in _BITS.items())
_ROWID = "rowid"


def shape(database: sqlite3.Connection, name: str) -> StoredTable:
    """The columns that are on the disk, and what the rows are sorted by."""
    told = database.execute("SELECT name, pk, hidden FROM pragma_table_xinfo(?)", [name]).fetchall()
    columns = [(column, pk) for column, pk, hidden in told if hidden != 2]
    key_index = _key_index(database, name)
    is_sorted = _is_without_rowid(database, name)
    numbered = [place for place, (_, pk) in enumerate(columns) if pk]
    # An INTEGER PRIMARY KEY is the one key that has no index.
    is_alias = not is_sorted and key_index is None and len(numbered) == 1
    return StoredTable(
        name=name,
        columns=tuple(StoredColumn(name=column) for column, _ in columns),
        alias=numbered[0] if is_alias else None,
        key=_key(database, key_index, [column for column, _ in columns]) if is_sorted and key_index else (),
    )


def _is_without_rowid(database: sqlite3.Connection, name: str) -> bool:
    query = "SELECT 1 FROM pragma_table_list(?) WHERE schema = 'main' AND wr"
    return database.execute(query, [name]).fetchone() is not None


def _key_index(database: sqlite3.Connection, name: str) -> str | None:
    found = database.execute("SELECT name FROM pragma_index_list(?) WHERE origin = 'pk'", [name]).fetchone()
    return str(found[0]) if found else None


def _key(database: sqlite3.Connection, index: str, columns: list[str]) -> tuple[KeyPart, ...]:
    query = 'SELECT name, coll, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno'
    return tuple(
        KeyPart(column=columns.index(name), collation=collation, descending=bool(descending))
        for name, collation, descending in database.execute(query, [index])
    )


def take(
    path: Path,
    database: sqlite3.Connection,
    name: str,
    largest: int | None,
    keep: Callable[[StoredTable, Iterator[pa.RecordBatch]], None] | None = None,
) -> StoredTable:
    """Read a table whole: its shape, number of rows and fingerprint. ``keep`` is given the rows as they are read.

    ``database`` is open on ``path``. Raises ArchiveError where the table cannot be read whole.
    """
    table = _classes(database, shape(database, name))
    fingerprint = Fingerprint(table)
    batches = fingerprint.follow(_batches(path, database, table, largest))
    if keep:
        keep(table, batches)
    for _batch in batches:
        pass
    if fingerprint.rows != table.rows:
        raise _unread(name, _("{read:,} rows of {rows:,}", read=fingerprint.rows, rows=table.rows))
    return replace(table, sha256=fingerprint.hexdigest())


def _unread(name: str, reason: str) -> ArchiveError:
    return ArchiveError(
        _("Table {name} cannot be read to its end: {reason}.", name=name, reason=reason),
        remedy=_("Run PRAGMA integrity_check on the database; restore a backup where it is damaged."),
    )


def _classes(database: sqlite3.Connection, table: StoredTable) -> StoredTable:
    """With the storage classes that its columns hold and the number of its rows."""
    names = [quote_name(column.name) for column in table.columns]
    # Faster than a max() for each class: 2.8 s against 5.2 s for 2,000,000 rows of eleven columns.
    held = [f"sum(DISTINCT CASE typeof({name}) {_CASES} END)" for name in names]
    nulls = [f"sum({names[part.column]} IS NULL)" for part in table.key]
    query = f"SELECT {', '.join(['count(*)', *nulls, *held])} FROM {quote_name(table.name)} NOT INDEXED"  # noqa: S608 - quoted
    rows, *masks = database.execute(query).fetchone()
    if any(masks[: len(nulls)]):
        raise ArchiveError(
            _("Table {name} has NULL in its primary key, which no WITHOUT ROWID table can be given.", name=table.name),
            remedy=_("Delete or correct these rows, then run again."),
        )
    columns = (
        replace(column, classes=tuple(kind for kind, bit in _BITS.items() if (mask or 0) & bit))
        for column, mask in zip(table.columns, masks[len(nulls) :], strict=True)
    )
    return replace(table, rows=rows, columns=tuple(columns))


def fields(table: StoredTable) -> list[tuple[int, str]]:
    """(place of the column, storage class) of each Arrow column but the rowid, in order."""
    return [
        (place, kind) for place, column in enumerate(table.columns) if place != table.alias for kind in column.classes
    ]


def schema(table: StoredTable) -> pa.Schema:
    """The Arrow columns of a table: ``rowid``, then ``3.text`` for the texts of column 3."""
    first = [] if table.key else [(_ROWID, pa.int64())]
    return pa.schema([*first, *((f"{place}.{kind}", _TYPES[kind]) for place, kind in fields(table))])


def _batches(
    path: Path, database: sqlite3.Connection, table: StoredTable, largest: int | None
) -> Iterator[pa.RecordBatch]:
    if not table.rows:
        return
    typed = schema(table)
    query = _query(table, _rowid(database, table))
    made = record_batches(path, query, typed.types, largest=largest)
    while True:
        try:
            batch = next(made, None)
        except (OtherTypesError, *READ_ERRORS) as error:
            raise _unread(table.name, str(error)) from error
        if batch is None:
            return
        yield pa.RecordBatch.from_arrays(batch.columns, schema=typed)


def _rowid(database: sqlite3.Connection, table: StoredTable) -> str | None:
    """A name by which SQLite gives the rowid; None for a table that has none."""
    if table.key:
        return None
    if table.alias is not None:
        return quote_name(table.columns[table.alias].name)
    taken = {name.lower() for (name,) in database.execute("SELECT name FROM pragma_table_xinfo(?)", [table.name])}
    free = [name for name in ("rowid", "_rowid_", "oid") if name not in taken]
    # Whoever cannot ask for the numbers cannot miss them: the order of the rows is all that is left of them.
    return free[0] if free else "row_number() OVER ()"


def _query(table: StoredTable, rowid: str | None) -> str:
    """All rows in the order in which they are stored, after a row that types every column."""
    first = [("0", rowid)] if rowid else []
    columns = [(_LITERALS[kind], _value(table.columns[place], kind)) for place, kind in fields(table)]
    literals, values = zip(*[*first, *columns], strict=True)
    named = ", ".join(f"{literal} AS c{n}" for n, literal in enumerate(literals))
    # No index: one that is damaged, or sorted otherwise, must not stand for the table.
    return f"SELECT {named} UNION ALL SELECT {', '.join(values)} FROM {quote_name(table.name)} NOT INDEXED"  # noqa: S608 - quoted


def _value(column: StoredColumn, kind: str) -> str:
    name = quote_name(column.name)
    given = f"CAST({name} AS BLOB)" if kind == "text" else name
    return given if len(column.classes) == 1 else f"CASE typeof({name}) WHEN '{kind}' THEN {given} END"


class Fingerprint:
    """A SHA-256 of the rows of a table that does not depend on how they are cut into batches."""

    def __init__(self, table: StoredTable) -> None:
        self.rows = 0
        shape = [table.name, table.alias, [[c.name, c.classes] for c in table.columns]]
        key = [[part.column, part.collation, part.descending] for part in table.key]
        self._head = json.dumps([shape, key]).encode("ascii")
        self._columns = [_ColumnPrint() for _ in schema(table)]

    def follow(self, batches: Iterator[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
        """The same batches, taken into account as they go by."""
        for batch in batches:
            self.rows += batch.num_rows
            for column, values in zip(self._columns, batch.columns, strict=True):
                column.update(values)
            yield batch

    def hexdigest(self) -> str:
        """Of the shape of the table and all rows that went by."""
        whole = hashlib.sha256(self._head)
        for column in self._columns:
            whole.update(column.digest())
        return whole.hexdigest()


class _ColumnPrint:
    """Which values are there, the values, and for bytes how long each is."""

    def __init__(self) -> None:
        self._parts = [hashlib.sha256() for _ in range(3)]

    def update(self, array: Any) -> None:
        there, values, data = self._parts
        there.update(_numbers(pc.cast(array.is_valid(), pa.uint8()), 1))
        if pa.types.is_binary(array.type):
            values.update(_numbers(pc.fill_null(pc.cast(pc.binary_length(array), pa.int64()), 0), 8))
            data.update(_bytes(array))
        else:
            values.update(_numbers(pc.fill_null(array, 0), 8))

    def digest(self) -> bytes:
        return b"".join(part.digest() for part in self._parts)


def _numbers(array: Any, width: int) -> memoryview:
    """The numbers of an array without NULL, as they are in memory."""
    start = array.offset * width
    return memoryview(array.buffers()[1])[start : start + len(array) * width]


def _bytes(array: Any) -> memoryview:
    """The values of a binary array, one after the other; a NULL has none."""
    _, offsets, data = array.buffers()
    first, last = (struct.unpack_from("=i", offsets, 4 * (array.offset + n))[0] for n in (0, len(array)))
    return memoryview(data)[first:last] if data else memoryview(b"")
