"""A planned table in, the two ways of asking SQLite for it out: SQL, and where each column stands in the result.

Every value is guarded by its storage class, because a cast alone would turn '12abc' into 12 without a word.

The plain statement is cheap: it refuses the whole table where one value is not sound. The driver takes the type of a
column from the first batch: it is no longer int64 or double where that holds anything else, and what differs in a later
batch is an error. Only to bytes does the driver turn everything without a word, so there SQLite is made to fail.
A table that is refused is read by the guarded statement: NULL in such a cell's place, and a mask that says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.base import Codec, Rendering
from migrate_to_pg.records import PlannedTable, SourceTable
from migrate_to_pg.sqlite.connection import numbered_rows, quote_name, row_number, rowid_name

#: Columns that one integer of the mask speaks for; SQLite integers are signed, 64 bits wide.
_MASK_BITS = 62
#: An integer overflow, SQLite's own error, for whatever the column holds; not a constant, which SQLite might compute
#: beforehand.
_FAIL = "abs(-9223372036854775807 - ({0} IS NOT NULL))"
#: Type -> a literal that makes the driver take it for the column, also where the first batch holds nothing but NULL.
_LITERALS = {pa.int64(): "0", pa.float64(): "0.0", pa.binary(): "x''"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A SELECT: every column's renderings side by side, the masks, the rowid where asked for."""

    sql: str
    #: What the driver must give.
    types: tuple[pa.DataType, ...]
    #: Number of renderings of each column.
    widths: tuple[int, ...]
    masks: int
    has_rowid: bool

    def parts(self, batch: pa.RecordBatch) -> Iterator[Sequence[pa.Array]]:
        """The renderings of each column."""
        position = 0
        for width in self.widths:
            yield batch.columns[position : position + width]
            position += width

    def wrong_storage(self, batch: pa.RecordBatch, index: int) -> pa.BooleanArray | None:
        """Where column ``index`` has a storage class that does not carry its type; None: nowhere."""
        if not self.masks:
            return None
        mask = batch.column(sum(self.widths) + index // _MASK_BITS)
        wrong = pc.not_equal(pc.bit_wise_and(mask, 1 << index % _MASK_BITS), 0)
        return wrong if pc.any(wrong).as_py() else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """The rows with these rowids, both included."""

    first: int
    last: int


def within(table: SourceTable, span: Span | None) -> str:
    """What follows the table in a statement that is to read those rows alone; nothing where all are wanted."""
    if span is None:
        return ""
    return f" WHERE {rowid_name(table)} BETWEEN {span.first} AND {span.last}"


def plain(table: PlannedTable, *, rowids: bool, span: Span | None = None) -> Statement:
    """Only what is needed where every value is sound; an error of the driver's where one is not."""
    columns = [(c, codec_for(c.target)) for c in table.loaded_columns]
    values = [_checked_column(codec, codec.renderings[0], quote_name(column.source.name)) for column, codec in columns]
    types = [codec.renderings[0].type for _, codec in columns]
    return _statement(table, values, types, widths=[1] * len(columns), masks=[], rowids=rowids, span=span)


def guarded(table: PlannedTable, *, rowids: bool, span: Span | None = None) -> Statement:
    """All renderings, and masks."""
    quoted = [(quote_name(c.source.name), codec_for(c.target)) for c in table.loaded_columns]
    pairs = [(name, codec, rendering) for name, codec in quoted for rendering in codec.renderings]
    values = [f"CASE WHEN {_is_stored_as(codec, name)} THEN {r.sql.format(name)} END" for name, codec, r in pairs]
    widths = [len(codec.renderings) for _, codec in quoted]
    masks = list(_masks(quoted))
    types = [r.type for _, _, r in pairs]
    return _statement(table, values, types, widths=widths, masks=masks, rowids=rowids, span=span)


def _checked_column(codec: Codec, rendering: Rendering, quoted: str) -> str:
    if rendering.type != pa.binary():
        return quoted
    value, fail = rendering.sql.format(quoted), _FAIL.format(quoted)
    converted = value if value == quoted else f"ifnull({value}, {fail})"
    return f"CASE WHEN {_is_stored_as(codec, quoted)} THEN {converted} WHEN {quoted} IS NOT NULL THEN {fail} END"


def _masks(quoted: Sequence[tuple[str, Codec]]) -> Iterator[str]:
    """One integer for every 62 columns: bit n is set where column n has a wrong storage class."""
    for start in range(0, len(quoted), _MASK_BITS):
        part = quoted[start : start + _MASK_BITS]
        wrong = [f"{name} IS NOT NULL AND NOT {_is_stored_as(codec, name)}" for name, codec in part]
        yield " | ".join(f"(({condition}) << {bit})" for bit, condition in enumerate(wrong))


def _statement(
    table: PlannedTable,
    values: Sequence[str],
    types: Sequence[pa.DataType],
    *,
    widths: Sequence[int],
    masks: Sequence[str],
    rowids: bool,
    span: Span | None,
) -> Statement:
    """A typed row that is not data, then the rows of the table, in its own order and from nowhere but the table."""
    rowid = row_number(table.source) if rowids else None
    extra = [*masks, *([rowid] if rowid else [])]
    all_types = (*types, *[pa.int64()] * len(extra))
    names = ", ".join(f"{_LITERALS[arrow_type]} AS c{i}" for i, arrow_type in enumerate(all_types))
    # Identifiers are quoted; the rest are templates of ours. An index could hold the rows in another order.
    source = f"{quote_name(table.source.name)} NOT INDEXED{within(table.source, span)}"
    if rowid and rowid_name(table.source) is None and not table.source.numbered:
        source = numbered_rows(table.source)
    rows = f"SELECT {', '.join([*values, *extra])} FROM {source}"  # noqa: S608 - all quoted
    return Statement(
        sql=f"SELECT {names} UNION ALL {rows}",
        types=all_types,
        widths=tuple(widths),
        masks=len(masks),
        has_rowid=rowid is not None,
    )


def _is_stored_as(codec: Codec, quoted: str) -> str:
    if len(codec.storage) == 1:
        return f"typeof({quoted}) = '{codec.storage[0]}'"
    return f"typeof({quoted}) IN ({', '.join(repr(name) for name in codec.storage)})"
