"""Inspect the values of each column of a SQLite table in all rows, and choose PostgreSQL's columns for them.

Declared types may be wrong. A column with values of several storage classes becomes one column for each class. So no
value is converted, and the column that is not NULL shows the storage class in SQLite.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrate_to_pg.leftovers.create_tables import IdentifierAllocator
from migrate_to_pg.records import Holds, LeftoverColumn, SourceColumn
from migrate_to_pg.sqlite.connection import affinity, quote_name

#: {0} is a column, {1} a condition that is true if PostgreSQL can store its text. A unary plus removes the column's
#: affinity, which could make SQLite compare a number as text.
_EXPRESSIONS = (
    "max(typeof({0}) = 'integer')",
    "max(typeof({0}) = 'integer' AND +{0} NOT BETWEEN -(1 << 53) AND 1 << 53)",
    "max(typeof({0}) = 'real')",
    "max(CASE WHEN typeof({0}) = 'text' THEN {1} END)",
    "min(CASE WHEN typeof({0}) = 'text' THEN {1} END)",
    "max(typeof({0}) = 'blob')",
    "max({0} IS NULL)",
    "max(length(CAST({0} AS BLOB)))",
)
#: SQLite limits a result to 2,000 columns.
_COLUMNS_PER_QUERY = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnContents:
    """The values of one column in all rows."""

    #: Kinds of values in the order of ``Holds``. Empty if all are NULL.
    kinds: tuple[Holds, ...]
    nulls: bool
    #: Bytes of the longest value.
    longest: int


def inspect_columns(
    database: sqlite3.Connection, relation: str, columns: Sequence[str], storable: str
) -> tuple[int, list[ColumnContents]]:
    """Return the number of rows and the contents of each column.

    ``relation`` is SQL that follows FROM. ``storable`` is the condition that ``register_storable`` returns.
    """
    rows, found = 0, []
    for part in (columns[i : i + _COLUMNS_PER_QUERY] for i in range(0, len(columns), _COLUMNS_PER_QUERY)):
        selected = ", ".join(
            text.format(quote_name(c), storable.format(quote_name(c))) for c in part for text in _EXPRESSIONS
        )
        query = f"SELECT count(*), {selected} FROM {relation}"  # noqa: S608 - quoted names and templates of ours
        rows, *answers = database.execute(query).fetchone()
        found += [_contents(answers[i : i + len(_EXPRESSIONS)]) for i in range(0, len(answers), len(_EXPRESSIONS))]
    return rows, found


def _contents(answers: Sequence[Any]) -> ColumnContents:
    integers, large, reals, some_text, all_text, blobs, nulls, longest = answers
    if integers and reals and not (large or blobs or some_text is not None):
        kinds = [Holds.NUMBER]
    else:
        present = {
            Holds.INTEGER: integers,
            Holds.REAL: reals,
            Holds.TEXT: some_text,
            Holds.TEXT_BYTES: all_text == 0,
            Holds.BLOB: blobs,
        }
        kinds = [kind for kind, found in present.items() if found]
    return ColumnContents(kinds=tuple(kinds), nulls=bool(nulls), longest=longest or 0)


#: {0} is a column with text. Printable ASCII, which most text is, needs no call of Python. GLOB ends at a NUL, so that
#: is searched first.
_UTF8 = (
    "(instr(CAST({0} AS BLOB), x'00') = 0 AND ({0} NOT GLOB '*[^ -~]*' OR migrate_to_pg_storable(CAST({0} AS BLOB))))"
)
_UTF16 = "migrate_to_pg_storable(CAST({0} AS BLOB))"


def register_storable(database: sqlite3.Connection) -> str:
    """Register a function, and return a condition over text ``{0}`` that is true if PostgreSQL can store it."""
    encoding = str(database.execute("PRAGMA encoding").fetchone()[0])

    def storable(raw: bytes) -> bool:
        try:
            return "\0" not in raw.decode(encoding)
        except UnicodeDecodeError:
            return False

    database.create_function("migrate_to_pg_storable", 1, storable, deterministic=True)
    return _UTF8 if encoding == "UTF-8" else _UTF16


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
    columns = []
    for source, held in zip(sources, found, strict=True):
        name = unsplit.get(source.name)
        for kind in held.kinds or (Holds.NOTHING,):
            column = LeftoverColumn(
                name=names.allocate(f"{source.name}__{kind}") if name is None else name,
                source=source.name,
                holds=kind,
                declared_type=source.declared_type,
                generated=source.generated,
                # SQLite gives a column without a declared type the affinity of a BLOB.
                empty_type=_EMPTY_TYPES.get(affinity(source.declared_type), "text") if source.declared_type else "text",
                shared=name is None,
                # Without rows there is no NULL either. Then only key columns are NOT NULL.
                not_null=name is not None and not held.nulls and bool(held.kinds or source.key_position),
            )
            columns.append(column)
    return tuple(columns)


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
