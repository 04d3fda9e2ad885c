"""Compose the two SELECT statements for a planned table, with the position of each column in the result.

Each value is checked for its storage class, because a cast alone would silently turn '12abc' into 12.

The fast statement is cheap, but fails if one value of the table is invalid. The driver derives a column's type from the
first batch: it is no longer int64 or double if any other value occurs there, and other values in later batches are an
error. The driver converts everything to bytes silently, so for bytes the statement makes SQLite fail. The checked
statement returns NULL for an invalid value, and a mask of wrong storage classes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.codec import Codec, mask_or_none
from migrate_to_pg.records import PlannedTable, SourceTable
from migrate_to_pg.sqlite.connection import numbered_rows, quote_name, row_number, rowid_name

#: Columns per integer of the mask. SQLite's integers are signed and have 64 bits.
_MASK_BITS = 62
#: An integer overflow, which is an error in SQLite, for any value of the column. SQLite might evaluate a constant
#: beforehand.
_FAIL = "abs(-9223372036854775807 - ({0} IS NOT NULL))"
#: Literals from which the driver derives each type, even if the first batch has only NULL.
_LITERALS = {pa.int64(): "0", pa.float64(): "0.0", pa.binary(): "x''"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """A SELECT of all columns' expressions, then the masks, then the rowid if requested."""

    sql: str
    #: The types that the driver must return.
    types: tuple[pa.DataType, ...]
    #: Number of expressions of each column.
    widths: tuple[int, ...]
    masks: int
    has_rowid: bool

    def parts(self, batch: pa.RecordBatch) -> Iterator[Sequence[pa.Array]]:
        """Yield the arrays of each column's expressions."""
        position = 0
        for width in self.widths:
            yield batch.columns[position : position + width]
            position += width

    def wrong_storage(self, batch: pa.RecordBatch, index: int) -> pa.BooleanArray | None:
        """Return a mask of wrong storage classes in column ``index``, or None if it has none."""
        if not self.masks:
            return None
        mask = batch.column(sum(self.widths) + index // _MASK_BITS)
        wrong = pc.not_equal(pc.bit_wise_and(mask, 1 << index % _MASK_BITS), 0)
        return mask_or_none(wrong)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A range of rowids, both included."""

    first: int
    last: int


def span_condition(table: SourceTable, span: Span | None) -> str:
    """Return the WHERE clause that selects the rows of a span. None selects all rows."""
    if span is None:
        return ""
    return f" WHERE {rowid_name(table)} BETWEEN {span.first} AND {span.last}"


def fast_select(table: PlannedTable, *, rowids: bool, span: Span | None = None) -> Statement:
    """Return the statement that suffices if all values are valid. The driver raises an error if one is not."""
    values, types = [], []
    for column in table.loaded_columns:
        codec, quoted = codec_for(column.target), quote_name(column.source.name)
        expression = codec.expressions[0]
        types.append(expression.type)
        if expression.type != pa.binary():
            values.append(quoted)
            continue
        value, fail = expression.sql.format(quoted), _FAIL.format(quoted)
        converted = value if value == quoted else f"ifnull({value}, {fail})"
        values.append(
            f"CASE WHEN {_is_stored_as(codec, quoted)} THEN {converted} WHEN {quoted} IS NOT NULL THEN {fail} END"
        )
    return _statement(table, values, types, widths=[1] * len(values), masks=[], rowids=rowids, span=span)


def checked_select(table: PlannedTable, *, rowids: bool, span: Span | None = None) -> Statement:
    """Return the statement that selects all expressions, and masks: bit n is set where column n is of a wrong class."""
    quoted = [(quote_name(c.source.name), codec_for(c.target)) for c in table.loaded_columns]
    pairs = [(name, codec, expression) for name, codec in quoted for expression in codec.expressions]
    values = [f"CASE WHEN {_is_stored_as(codec, name)} THEN {r.sql.format(name)} END" for name, codec, r in pairs]
    widths = [len(codec.expressions) for _, codec in quoted]
    types = [r.type for _, _, r in pairs]
    wrong = [f"{name} IS NOT NULL AND NOT {_is_stored_as(codec, name)}" for name, codec in quoted]
    masks = [
        " | ".join(f"(({condition}) << {bit})" for bit, condition in enumerate(wrong[start : start + _MASK_BITS]))
        for start in range(0, len(wrong), _MASK_BITS)
    ]
    return _statement(table, values, types, widths=widths, masks=masks, rowids=rowids, span=span)


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
    """Return a SELECT of a typed row, then of the table's rows in its own order, read from no index."""
    rowid = row_number(table.source) if rowids else None
    extra = [*masks, *([rowid] if rowid else [])]
    all_types = (*types, *[pa.int64()] * len(extra))
    names = ", ".join(f"{_LITERALS[arrow_type]} AS c{i}" for i, arrow_type in enumerate(all_types))
    # An index could have the rows in another order.
    source = f"{quote_name(table.source.name)} NOT INDEXED{span_condition(table.source, span)}"
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
