"""A planned table and the snapshot in, batches of converted columns out: the one reading that examine and load share.

Every value is guarded by its storage class: a cast alone would turn '12abc' into 12 without a word.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi as sqlite
import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.codec import Codec, Context, Converted, any_true
from migrate_to_pg.errors import SourceError
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.sqlite import quote_name, rowid_name, snapshot_uri

#: Rows in a batch. Measured on 2,070,000 rows of ten columns: 8 Ki to 128 Ki differ by less than the noise; larger
#: batches only cost memory.
BATCH_ROWS = 32_768
#: What one batch may weigh where rows are wide.
BATCH_BYTES = 16 * 2**20
#: Bits of the mask column that names the columns of a wrong storage class; SQLite integers are signed, 64 bits wide.
_MASK_BITS = 62


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnBatch:
    """One column of one batch."""

    column: PlannedColumn
    values: pa.Array
    #: True where the storage class is none that carries this type; None: nowhere.
    wrong_storage: pa.BooleanArray | None
    #: True where the value cannot become one of PostgreSQL's; None: nowhere.
    malformed: pa.BooleanArray | None

    @property
    def is_null(self) -> pa.BooleanArray:
        """True where SQLite holds NULL itself, not where a value was set aside."""
        empty = self.values.is_null()
        for mask in (self.wrong_storage, self.malformed):
            if mask is not None:
                empty = pc.and_not(empty, mask)
        return empty


@dataclass(frozen=True, slots=True, kw_only=True)
class TableBatch:
    """Some rows of a table, in rowid order."""

    columns: tuple[ColumnBatch, ...]
    #: SQLite's rowid of each row; None for a WITHOUT ROWID table.
    rowids: pa.Int64Array | None
    rows: int

    @property
    def faultless(self) -> bool:
        """Whether every value became one of PostgreSQL's."""
        return all(c.wrong_storage is None and c.malformed is None for c in self.columns)


def read(table: PlannedTable, snapshot: Path, *, time_zone: str) -> Iterator[TableBatch]:
    """All loaded columns of a table, batch after batch, as the codecs convert them.

    Raises SourceError where SQLite cannot read the table. Columns without a codec must have been refused before.
    """
    selection = _Selection(table)
    with _open(snapshot) as cursor:
        try:
            yield from _batches(cursor, selection, time_zone)
        except adbc_driver_manager.Error as error:
            raise SourceError(
                f"SQLite could not read table {table.source.name}.",
                detail=[str(error)],
                remedy="Run PRAGMA integrity_check on the database; restore the damaged table from a backup.",
            ) from error


class _Selection:
    """The SELECT for a table, and where each column's parts stand in its result."""

    def __init__(self, table: PlannedTable) -> None:
        self.table = table
        self.columns = table.loaded_columns
        self.codecs: list[Codec] = [_codec(column) for column in self.columns]
        self.rowid = rowid_name(table.source)
        self.masks = -(-len(self.columns) // _MASK_BITS)

    @property
    def sql(self) -> str:
        """A typed row that is not data, then every row of the table."""
        sentinels = [r.sentinel for codec in self.codecs for r in codec.renderings]
        sentinels += ["0"] * (self.masks + (self.rowid is not None))
        names = [f"{literal} AS c{i}" for i, literal in enumerate(sentinels)]
        values = [
            f"CASE WHEN {_is_stored_as(codec, quoted)} THEN {rendering.sql.format(quoted)} END"
            for quoted, codec in self._quoted()
            for rendering in codec.renderings
        ]
        values += self._mask_sql()
        if self.rowid is not None:
            values.append(self.rowid)
        table = quote_name(self.table.source.name)
        return f"SELECT {', '.join(names)} UNION ALL SELECT {', '.join(values)} FROM {table}"  # noqa: S608 - all quoted

    def _quoted(self) -> list[tuple[str, Codec]]:
        names = [quote_name(column.source.name) for column in self.columns]
        return list(zip(names, self.codecs, strict=True))

    def _mask_sql(self) -> Iterator[str]:
        """One integer for every 62 columns: bit n is set where column n has a wrong storage class."""
        quoted = self._quoted()
        for start in range(0, len(quoted), _MASK_BITS):
            part = quoted[start : start + _MASK_BITS]
            usual = " AND ".join(f"{_is_stored_as(codec, name, or_null=True)}" for name, codec in part)
            bits = " | ".join(
                f"((NOT {_is_stored_as(codec, name, or_null=True)}) << {bit})" for bit, (name, codec) in enumerate(part)
            )
            yield f"CASE WHEN {usual} THEN 0 ELSE {bits} END"

    def split(self, batch: pa.RecordBatch, time_zone: str) -> TableBatch:
        """The parts of a result batch -> the table's columns."""
        arrays, position = batch.columns, 0
        first_mask = sum(len(codec.renderings) for codec in self.codecs)
        columns = []
        for index, (column, codec) in enumerate(zip(self.columns, self.codecs, strict=True)):
            parts = arrays[position : position + len(codec.renderings)]
            position += len(codec.renderings)
            mask = arrays[first_mask + index // _MASK_BITS]
            columns.append(_column_batch(column, codec, parts, mask, index % _MASK_BITS, time_zone))
        rowids = arrays[-1] if self.rowid is not None else None
        return TableBatch(columns=tuple(columns), rowids=rowids, rows=batch.num_rows)


def _column_batch(
    column: PlannedColumn, codec: Codec, parts: Sequence[pa.Array], mask: pa.Array, bit: int, time_zone: str
) -> ColumnBatch:
    wrong = pc.not_equal(pc.bit_wise_and(mask, 1 << bit), 0)
    converted: Converted = codec.convert(parts, Context(column=column.target, time_zone=time_zone))
    return ColumnBatch(
        column=column,
        values=converted.values,
        wrong_storage=wrong if any_true(wrong) else None,
        malformed=converted.malformed,
    )


def _batches(cursor: Any, selection: _Selection, time_zone: str) -> Iterator[TableBatch]:
    rows = _batch_rows(cursor, selection.table)
    cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(rows)})
    cursor.execute(selection.sql)
    skip = 1  # the typed row in front
    for batch in cursor.fetch_record_batch():
        data = batch.slice(skip)
        skip = 0
        if data.num_rows:
            yield selection.split(data, time_zone)


def _batch_rows(cursor: Any, table: PlannedTable) -> int:
    """Fewer rows in a batch where the widest row is large, so that a 50 MB value does not multiply."""
    names = [quote_name(c.source.name) for c in table.loaded_columns if c.target.max_length is None]
    sizes = " + ".join(f"ifnull(octet_length({name}), 0)" for name in names)
    # octet_length reads the record's header alone. Identifiers are quoted above.
    cursor.execute(f"SELECT ifnull(max({sizes or '0'}), 0) FROM {quote_name(table.source.name)}")  # noqa: S608
    widest: int = cursor.fetchone()[0]
    return max(1, min(BATCH_ROWS, BATCH_BYTES // max(widest, 1)))


@contextmanager
def _open(snapshot: Path) -> Iterator[Any]:
    # The cursor must be closed before its connection.
    with sqlite.connect(snapshot_uri(snapshot)) as connection, connection.cursor() as cursor:
        yield cursor


def _codec(column: PlannedColumn) -> Codec:
    codec = codec_for(column.target)
    if codec is None:
        raise LookupError(f"{column.name}: {column.target.type_sql} has no codec; examine refuses such tables")
    return codec


def _is_stored_as(codec: Codec, quoted: str, *, or_null: bool = False) -> str:
    classes = [*codec.storage, "null"] if or_null else list(codec.storage)
    if len(classes) == 1:
        return f"typeof({quoted}) = '{classes[0]}'"
    return f"typeof({quoted}) IN ({', '.join(repr(name) for name in classes)})"
