"""A table of SQLite's in, what each column really holds in all rows out: no declared type is believed."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from migrate_to_pg.records import Holds
from migrate_to_pg.sqlite.connection import quote_name

#: Over {0}, a column, and {1}, a condition that says whether PostgreSQL can hold its text. A unary plus takes the
#: column's affinity away, with which a number would be compared as text.
_ASKED = (
    "max(typeof({0}) = 'integer')",
    "max(typeof({0}) = 'integer' AND +{0} NOT BETWEEN -(1 << 53) AND 1 << 53)",
    "max(typeof({0}) = 'real')",
    "max(CASE WHEN typeof({0}) = 'text' THEN {1} END)",
    "min(CASE WHEN typeof({0}) = 'text' THEN {1} END)",
    "max(typeof({0}) = 'blob')",
    "max({0} IS NULL)",
    "max(length(CAST({0} AS BLOB)))",
)
#: Columns of one statement: SQLite takes 2,000 results.
_COLUMNS = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Contents:
    """What one column holds in all rows."""

    #: Kinds of values, in the order of ``Holds``; empty where there is none.
    kinds: tuple[Holds, ...]
    nulls: bool
    #: Bytes of its longest value.
    longest: int


def contents(
    database: sqlite3.Connection, relation: str, columns: Sequence[str], storable: str
) -> tuple[int, list[Contents]]:
    """The number of rows, what each column holds; ``relation`` stands after FROM, ``storable`` is as in ``text``."""
    rows, found = 0, []
    for part in _parts(columns):
        asked = ", ".join(text.format(quote_name(c), storable.format(quote_name(c))) for c in part for text in _ASKED)
        query = f"SELECT count(*), {asked} FROM {relation}"  # noqa: S608 - quoted names and templates of ours
        rows, *answers = database.execute(query).fetchone()
        found += [_contents(answers[i : i + len(_ASKED)]) for i in range(0, len(answers), len(_ASKED))]
    return rows, found


def _parts(columns: Sequence[str]) -> Iterator[Sequence[str]]:
    for start in range(0, len(columns), _COLUMNS):
        yield columns[start : start + _COLUMNS]


def _contents(answers: Sequence[Any]) -> Contents:
    integers, large, reals, some_text, all_text, blobs, nulls, longest = answers
    if integers and reals and not (large or blobs or some_text is not None):
        kinds = [Holds.NUMBER]
    else:
        there = {
            Holds.INTEGER: integers,
            Holds.REAL: reals,
            Holds.TEXT: some_text,
            Holds.TEXT_BYTES: all_text == 0,
            Holds.BLOB: blobs,
        }
        kinds = [kind for kind, is_there in there.items() if is_there]
    return Contents(kinds=tuple(kinds), nulls=bool(nulls), longest=longest or 0)
