"""Choose PostgreSQL's columns for the contents of SQLite's columns, and the SQL that selects their values.

A column with values of several storage classes becomes one column for each class. So no value is converted, and the
column that is not NULL shows the storage class in SQLite.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate_to_pg.leftovers.allocate_names import IdentifierAllocator
from migrate_to_pg.leftovers.infer_types import ColumnContents
from migrate_to_pg.records import Holds, LeftoverColumn, SourceColumn
from migrate_to_pg.sqlite.connection import affinity, quote_name

#: PostgreSQL's INDEX_MAX_KEYS, and bytes of a key that fit into a btree page even without compression.
_KEY_COLUMNS = 32
_KEY_BYTES = 2600

#: Condition for each kind. {0} is a column, {1} a condition that is true if PostgreSQL can store its text.
_CONDITIONS = {
    Holds.INTEGER: "typeof({0}) = 'integer'",
    Holds.REAL: "typeof({0}) = 'real'",
    Holds.NUMBER: "typeof({0}) IN ('integer', 'real')",
    Holds.TEXT: "typeof({0}) = 'text' AND {1}",
    Holds.TEXT_BYTES: "typeof({0}) = 'text' AND NOT {1}",
    Holds.BLOB: "typeof({0}) = 'blob'",
    Holds.NOTHING: "0",
}

#: Type of a column without values, by the affinity of its declared type.
_EMPTY_TYPES = {"INTEGER": "bigint", "REAL": "double precision", "BLOB": "bytea"}


def columns_for(sources: Sequence[SourceColumn], found: Sequence[ColumnContents]) -> tuple[LeftoverColumn, ...]:
    """Return PostgreSQL's columns in SQLite's order."""
    names = IdentifierAllocator(columns=True)
    # Columns that are not split get their names first, so that no part of a split column takes them.
    unsplit = {c.name: names.allocate(c.name) for c, held in zip(sources, found, strict=True) if len(held.kinds) < 2}
    return tuple(
        column
        for source, held in zip(sources, found, strict=True)
        for column in _columns(source, held, unsplit.get(source.name), names)
    )


def _columns(
    source: SourceColumn, held: ColumnContents, unsplit: str | None, names: IdentifierAllocator
) -> Iterator[LeftoverColumn]:
    for kind in held.kinds or (Holds.NOTHING,):
        yield LeftoverColumn(
            name=names.allocate(f"{source.name}__{kind}") if unsplit is None else unsplit,
            source=source.name,
            holds=kind,
            declared_type=source.declared_type,
            generated=source.generated,
            empty_type=_empty_type(source.declared_type),
            shared=unsplit is None,
            # Without rows there is no NULL either. Then only key columns are NOT NULL.
            not_null=unsplit is not None and not held.nulls and bool(held.kinds or source.key_position),
        )


def _empty_type(declared: str) -> str:
    # SQLite gives a column without a declared type the affinity of a BLOB.
    return _EMPTY_TYPES.get(affinity(declared), "text") if declared else "text"


def key_for(
    sources: Sequence[SourceColumn], found: Sequence[ColumnContents], columns: Sequence[LeftoverColumn]
) -> tuple[str, ...]:
    """Return the primary key's columns on PostgreSQL, or none if PostgreSQL cannot have that key.

    SQLite allows NULL in a key, and a key of any size.
    """
    longest = {source.name: held.longest for source, held in zip(sources, found, strict=True)}
    by_source = {column.source: column for column in columns}
    parts = [by_source[s.name] for s in sorted(sources, key=lambda s: s.key_position) if s.key_position]
    fits = len(parts) <= _KEY_COLUMNS and sum(longest[part.source] for part in parts) <= _KEY_BYTES
    return tuple(part.name for part in parts) if fits and all(part.not_null for part in parts) else ()


def select_expression(column: LeftoverColumn, storable: str) -> str:
    """Return SQL that selects the values of the column's kind, and NULL for others."""
    name = quote_name(column.source)
    condition = _CONDITIONS[column.holds].format(name, storable.format(name))
    value = f"CAST({name} AS BLOB)" if column.holds is Holds.TEXT_BYTES else name
    return f"CASE WHEN {condition} THEN {value} END"
