"""Compare the values of two answers: by what they mean, by their Python type, and as a reader sees them."""

from __future__ import annotations

import json
import math
import re
import uuid
from collections.abc import Iterable, Sequence, Set
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from decimal import Decimal
from typing import Any

from django.utils.dateparse import parse_datetime

from migrate_to_pg.project.secret_columns import MASK

Row = tuple[Any, ...]
#: The sum of floats depends on the order in which they are added.
_DIGITS = 12
_EXACT = 2**53
_DATE = re.compile(r"\d{4}-\d\d-\d\d([ T]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d(:?\d\d)?)?)?\Z")
_UUID = re.compile(r"[0-9a-f]{32}\Z|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z", re.IGNORECASE)
_SHOWN = 80
_SHOWN_ROWS = 3


def meaning(value: Any) -> tuple[str, Any]:
    """Return what a value says, whatever its Python type: 1 and True, 1.5 and Decimal('1.50') are the same."""
    if value is None:
        return ("null", None)
    if isinstance(value, (bool, int, float, Decimal)):
        return ("number", _number(value))
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return ("bytes", bytes(value))
    if isinstance(value, (dict, list, tuple)):
        return ("json", _json(value))
    if isinstance(value, datetime):
        aware = value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)
        return ("time", aware.isoformat())
    if isinstance(value, (date, time)):
        return ("time", value.isoformat())
    if isinstance(value, timedelta):
        return ("number", _number(value // timedelta(microseconds=1)))
    if isinstance(value, uuid.UUID):
        return ("uuid", value.hex)
    return ("other", str(value))


def _number(value: bool | float | Decimal) -> str:
    try:
        number = float(value)
    except OverflowError:
        number = math.inf if value > 0 else -math.inf
    # One that may have been written with an exponent is written out by jsonb: 1e300.
    if isinstance(value, int) and abs(value) >= _EXACT and not (math.isinf(number) or Decimal(repr(number)) == value):
        return str(int(value))
    return format(number + 0.0, f".{_DIGITS}g")


def _json(value: Any) -> Any:
    """Return what a value of JSON says, whatever the order of its keys and the spelling of its numbers."""
    if isinstance(value, dict):
        return ("object", tuple(sorted((str(key), _json(inner)) for key, inner in value.items())))
    if isinstance(value, (list, tuple)):
        return ("array", tuple(map(_json, value)))
    if isinstance(value, (int, float, Decimal)) and not isinstance(value, bool):
        return ("number", _number(value))
    return (type(value).__name__, str(value))


def _text(value: str) -> tuple[str, Any]:
    if value[:1] in ("{", "["):
        try:
            return meaning(json.loads(value))
        except ValueError:
            return ("text", value)
    if _UUID.match(value):
        return ("uuid", value.replace("-", "").lower())
    if _DATE.match(value):
        return ("time", _time(value))
    return ("text", value)


def _time(value: str) -> str:
    if len(value) == len("2026-01-01"):
        return value
    try:
        parsed = parse_datetime(value)
    except ValueError:
        parsed = None
    return value if parsed is None else str(meaning(parsed)[1])


def row_meaning(row: Sequence[Any]) -> Row:
    """Return the meaning of each value."""
    return tuple(map(meaning, row))


def type_change(ours: Iterable[Row], theirs: Iterable[Row]) -> tuple[int, Any, Any] | None:
    """Return the column and both values of the first that have one meaning and two Python types, or None."""
    for one, other in zip(ours, theirs, strict=False):
        for column, (left, right) in enumerate(zip(one, other, strict=False)):
            if left is not None and right is not None and _kind(left) is not _kind(right):
                return column, left, right
    return None


def _kind(value: Any) -> type:
    if isinstance(value, datetime):
        # A naive one and one with a zone cannot be compared.
        return datetime if value.tzinfo is None else tzinfo
    for kind in (bool, int, float, Decimal, str, date, dict, list):
        if isinstance(value, kind):
            return kind
    return bytes if isinstance(value, (bytes, bytearray, memoryview)) else type(value)


def key_order_change(ours: Iterable[Row], theirs: Iterable[Row]) -> tuple[int, Any, Any] | None:
    """Return the column and both values of the first JSON whose keys have another order, or None."""
    for one, other in zip(ours, theirs, strict=False):
        for column, (left, right) in enumerate(zip(one, other, strict=False)):
            if (
                isinstance(left, (dict, list))
                and isinstance(right, (dict, list))
                and key_order(left) != key_order(right)
            ):
                return column, left, right
    return None


def key_order(value: Any) -> Any:
    """Return the keys of a value of JSON in their order, without the values."""
    if isinstance(value, dict):
        return [(key, key_order(inner)) for key, inner in value.items()]
    return [key_order(inner) for inner in value] if isinstance(value, list) else None


def show(value: Any) -> str:
    """Return a value as a reader sees it, shortened."""
    text = repr(value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 4]} ..."


def show_rows(rows: Sequence[Row], *, secret: Set[int]) -> str:
    """Return the first rows. A single value stands without parentheses, *** for a secret one."""
    shown = [
        tuple(MASK if column in secret else value for column, value in enumerate(row)) for row in rows[:_SHOWN_ROWS]
    ]
    cells = [show(row[0] if len(row) == 1 else row) for row in shown]
    more = " ..." if len(rows) > _SHOWN_ROWS else ""
    return ", ".join(cells) + more
