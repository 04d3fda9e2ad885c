"""Spell PostgreSQL's values as Django's SQLite backend writes them.

Each type is read as one of five kinds that SQLite can store. The column's affinity then makes the storage class, as it
does for what Django itself sends: the text 12.50 becomes a REAL in a column that is declared decimal.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Any, NoReturn

import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from migrate_to_pg.records import TargetColumn

Array = Any

#: Of HH:MM:SS.000000.
_NO_FRACTION = ".000000"


@dataclass(frozen=True, slots=True, kw_only=True)
class Spelling:
    """The way of one type: what PostgreSQL is asked for, and what becomes of the answer."""

    #: SQL over {0}, the column, and {zone}, that of times without one.
    query: str
    #: The values as SQLite's driver binds them: integers, floats, text, bytes.
    values: Callable[[Array], Array] = lambda array: array


def _moments(array: Array) -> Array:
    """Return times with six digits of a second, or none where they are all zero."""
    texts = array.cast(pa.string())
    short = pc.utf8_slice_codeunits(texts, 0, -len(_NO_FRACTION))
    return pc.if_else(pc.ends_with(texts, _NO_FRACTION), short, texts)


def spell_json(text: str) -> str:
    """Return the text that json.dumps makes of a value, or the text itself where Python would change a number."""
    try:
        return json.dumps(json.loads(text, parse_float=_exact_float, parse_constant=_no_constant))
    except (ValueError, RecursionError):
        return text


def _exact_float(text: str) -> float:
    number = float(text)
    try:
        if Decimal(repr(number)) == Decimal(text):
            return number
    except InvalidOperation:
        pass
    raise ValueError(text)


def _no_constant(text: str) -> NoReturn:
    raise ValueError(text)


_AS_IT_IS = Spelling(query="{0}")
_INTEGER = Spelling(query="({0})::int8")
#: What the type's own output function writes, where a cast to text would add a prefix or pad.
_OUTPUT = Spelling(query="CASE WHEN {0} IS NOT NULL THEN format('%s', {0}) END")
_TEXT = Spelling(query="({0})::text")
_JSON = Spelling(
    query="({0})::text",
    values=lambda array: pa.array([text and spell_json(text) for text in array.to_pylist()], pa.string()),
)

#: pg_type.typname -> its spelling. Any other type is written as its output function does.
_SPELLINGS = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), _INTEGER),
    "bool": Spelling(query="({0})::int4::int8"),
    "float8": _AS_IT_IS,
    # The shortest text that is exact is what Django reads.
    "float4": Spelling(query="({0})::text::float8"),
    **dict.fromkeys(("numeric", "text", "varchar", "bpchar", "citext", "name", "char"), _TEXT),
    "timestamptz": Spelling(query="({0}) AT TIME ZONE {zone}", values=_moments),
    "timestamp": Spelling(query="{0}", values=_moments),
    "time": Spelling(query="{0}", values=_moments),
    "date": Spelling(query="{0}", values=lambda array: array.cast(pa.string())),
    # Microseconds. Days have 24 hours, as in Python.
    "interval": Spelling(query="(extract(epoch FROM {0}) * 1000000)::int8"),
    "uuid": Spelling(query="replace(({0})::text, '-', '')"),
    "bytea": _AS_IT_IS,
    "json": _JSON,
    "jsonb": _JSON,
}


def spelling_of(column: TargetColumn) -> Spelling:
    """Return the way of a column's values."""
    return _SPELLINGS.get(column.type_name, _OUTPUT)


def read_expression(column: TargetColumn, zone: str) -> sql.Composed:
    """Return what PostgreSQL is asked for, of a table with the alias t."""
    place = sql.SQL("t.{}").format(sql.Identifier(column.name))
    # The templates are a few texts of our own.
    return sql.SQL(spelling_of(column).query).format(place, zone=sql.Literal(zone))


#: pg_type.typname -> the type that Django declares on SQLite for such values.
_DECLARED = {
    **dict.fromkeys(("int2", "int4", "int8", "oid"), "bigint"),
    "bool": "bool",
    **dict.fromkeys(("float4", "float8"), "real"),
    "numeric": "decimal",
    **dict.fromkeys(("timestamptz", "timestamp"), "datetime"),
    "date": "date",
    "time": "time",
    "interval": "bigint",
    "uuid": "char(32)",
    "bytea": "BLOB",
}


def declared_type(column: TargetColumn) -> str:
    """Return the type for the column of a table that no migration makes."""
    return _DECLARED.get(column.type_name, "text")
