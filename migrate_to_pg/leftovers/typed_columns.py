"""What SQLite's columns hold in, PostgreSQL's columns for it out, and what each of them takes.

A column that holds values of several storage classes becomes one column for each of them: nothing is spelled in
another way, and which of them is not NULL tells what SQLite held.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from migrate_to_pg.leftovers.allocate_names import Names
from migrate_to_pg.leftovers.infer_types import Contents
from migrate_to_pg.records import Holds, LeftoverColumn, SourceColumn
from migrate_to_pg.sqlite.connection import affinity, quote_name

#: PostgreSQL's INDEX_MAX_KEYS, and bytes of a key that a page of a btree takes however little it can be compressed.
_KEY_COLUMNS = 32
_KEY_BYTES = 2600

#: Kind -> a condition over {0}, a column, and {1}, whether PostgreSQL can hold its text.
_CONDITIONS = {
    Holds.INTEGER: "typeof({0}) = 'integer'",
    Holds.REAL: "typeof({0}) = 'real'",
    Holds.NUMBER: "typeof({0}) IN ('integer', 'real')",
    Holds.TEXT: "typeof({0}) = 'text' AND {1}",
    Holds.TEXT_BYTES: "typeof({0}) = 'text' AND NOT {1}",
    Holds.BLOB: "typeof({0}) = 'blob'",
    Holds.NOTHING: "0",
}

#: Affinity -> the type of a column that no value speaks for: the declared type is all that there is to go by.
_EMPTY_TYPES = {"INTEGER": "bigint", "REAL": "double precision", "BLOB": "bytea"}


def columns_for(sources: Sequence[SourceColumn], found: Sequence[Contents]) -> tuple[LeftoverColumn, ...]:
    """PostgreSQL's columns, in SQLite's order."""
    names = Names(columns=True)
    # Whole columns keep their names, whatever the parts of others would be called.
    whole = {c.name: names.give(c.name) for c, held in zip(sources, found, strict=True) if len(held.kinds) < 2}
    return tuple(
        column
        for source, held in zip(sources, found, strict=True)
        for column in _columns(source, held, whole.get(source.name), names)
    )


def _columns(source: SourceColumn, held: Contents, whole: str | None, names: Names) -> Iterator[LeftoverColumn]:
    for kind in held.kinds or (Holds.NOTHING,):
        yield LeftoverColumn(
            name=names.give(f"{source.name}__{kind}") if whole is None else whole,
            source=source.name,
            holds=kind,
            declared_type=source.declared_type,
            generated=source.generated,
            empty_type=_empty_type(source.declared_type),
            shared=whole is None,
            # Without rows there is no NULL either; then only a key may not hold one.
            not_null=whole is not None and not held.nulls and bool(held.kinds or source.key_position),
        )


def _empty_type(declared: str) -> str:
    # SQLite gives a column without a declared type the affinity of a BLOB.
    return _EMPTY_TYPES.get(affinity(declared), "text") if declared else "text"


def key_for(
    sources: Sequence[SourceColumn], found: Sequence[Contents], columns: Sequence[LeftoverColumn]
) -> tuple[str, ...]:
    """The primary key by PostgreSQL's names; empty where PostgreSQL could not keep it.

    SQLite takes NULL in a key, and a key of any size.
    """
    longest = {source.name: held.longest for source, held in zip(sources, found, strict=True)}
    by_source = {column.source: column for column in columns}
    parts = [by_source[s.name] for s in sorted(sources, key=lambda s: s.key_position) if s.key_position]
    fits = len(parts) <= _KEY_COLUMNS and sum(longest[part.source] for part in parts) <= _KEY_BYTES
    return tuple(part.name for part in parts) if fits and all(part.not_null for part in parts) else ()


def selected(column: LeftoverColumn, storable: str) -> str:
    """SQL for what the column takes, NULL for anything else; ``storable`` is as in ``text``."""
    name = quote_name(column.source)
    condition = _CONDITIONS[column.holds].format(name, storable.format(name))
    value = f"CAST({name} AS BLOB)" if column.holds is Holds.TEXT_BYTES else name
    return f"CASE WHEN {condition} THEN {value} END"
