"""Inspect the values of each column of a SQLite table in all rows, because declared types may be wrong."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from migrate_to_pg.records import Holds
from migrate_to_pg.sqlite.connection import quote_name

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
