"""Convert values where nothing has to be guessed, and put NULL in place of texts that stand for it.

A value is converted to its column's storage class: the old and the new value stand for the same number, the same
characters or the same bytes. Django may still read a value of another type from the new one.
"""

from __future__ import annotations

import re
import sqlite3
from decimal import Decimal
from functools import partial

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.text import decode_text
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, CellRepairFor, Subject, UnrepairableError, Value
from migrate_to_pg.rules.malformed import TEXT_TYPES

#: Leading zeros may mean something, as in a code: such texts are no numbers here.
_WHOLE = re.compile(r"0|-?[1-9][0-9]{0,18}")
_PLAIN_DECIMAL = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?")
#: Whole numbers below this are held exactly by a double, so that a REAL is exactly one of them.
_EXACT = 2**53
#: NULL where the 15 digits that SQLite writes of a REAL are not all of it.
_AS_TEXT = "SELECT CAST(?1 AS TEXT) WHERE CAST(CAST(?1 AS TEXT) AS REAL) = ?1"


def conversion_for(subject: Subject, _: PlannedTable, column: PlannedColumn) -> CellRepair | None:
    """Return the conversion to the column's type, or None where there is none."""
    kind = column.target.type_name
    if kind in TEXT_TYPES:
        return partial(_text, subject.database)
    return _BY_TYPE.get(kind, _decoded if codec_for(column.target).storage == ("text",) else None)


def declared_word(column: PlannedColumn) -> str:
    """Return the first word of the declared type, by which Python's sqlite3 chooses Django's converter."""
    return re.split(r"[ (]", column.source.declared_type, maxsplit=1)[0].lower()


def _integer(value: Value) -> Value:
    if isinstance(value, str) and _WHOLE.fullmatch(value) and -(2**63) <= int(value) < 2**63:
        return int(value)
    if isinstance(value, float) and value.is_integer() and abs(value) < _EXACT:
        return int(value)
    raise UnrepairableError


def _number(value: Value) -> Value:
    """Convert at most 15 digits, which is what a REAL holds, and what Django reads of it."""
    if not isinstance(value, str) or not _PLAIN_DECIMAL.fullmatch(value):
        raise UnrepairableError
    number = float(value)
    if Decimal(f"{number:.15g}") != Decimal(value):
        raise UnrepairableError
    return int(value) if "." not in value and abs(number) < _EXACT else number


def _text(database: sqlite3.Connection, value: Value) -> Value:
    if isinstance(value, int):
        return str(value)
    if isinstance(value, float):
        found = database.execute(_AS_TEXT, [value]).fetchone()
        if found is None:
            raise UnrepairableError
        return str(found[0])
    return _decoded(value)


def _decoded(value: Value) -> Value:
    """Decode text that was stored as its bytes."""
    text = decode_text(value) if isinstance(value, bytes) else None
    if text is None:
        raise UnrepairableError
    return text


def _encoded(value: Value) -> Value:
    if isinstance(value, str):
        return value.encode("utf-8", "surrogateescape")
    raise UnrepairableError


_BY_TYPE: dict[str, CellRepair] = {
    "int2": _integer,
    "int4": _integer,
    "int8": _integer,
    "numeric": _number,
    "float8": _number,
    "float4": _number,
    "bytea": _encoded,
}


#: "No date" as MySQL and the exports made from it have it.
ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00")


def null_for(*texts: str) -> CellRepairFor:
    """Return a repair that puts NULL in place of exactly these texts, in columns that allow it."""

    def conversion_for(_: Subject, __: PlannedTable, column: PlannedColumn) -> CellRepair | None:
        return None if column.target.not_null else partial(null_in_place_of, frozenset(texts))

    return conversion_for


def null_in_place_of(texts: frozenset[str], value: Value) -> Value:
    """Return NULL for one of the texts.

    Raises:
        UnrepairableError: the value is none of them.
    """
    if value in texts:
        return None
    raise UnrepairableError
