"""Compare values that the ORM reads from SQLite and from PostgreSQL: whether the application reads the same."""

from __future__ import annotations

import decimal
import ipaddress
import struct
from collections.abc import Callable
from typing import Any

from django.db import models

from migrate_to_pg.verify.canonical import FIFTEEN_DIGITS


def same(source: Any, target: Any) -> bool:
    """Return whether two values are one to the application: the type counts, a decimal's places, and a float's bits."""
    if isinstance(source, (memoryview, bytes)) and isinstance(target, (memoryview, bytes)):
        return bytes(source) == bytes(target)
    if type(source) is not type(target):
        return False
    if isinstance(source, decimal.Decimal):
        return bool(source.as_tuple() == target.as_tuple())
    if isinstance(source, float):
        return struct.pack("<d", source) == struct.pack("<d", target)
    # Of moments the instant counts: in which zone each database gives them is a matter of settings.
    return bool(source == target)


def equality(field: Any, *, exact: bool) -> Callable[[Any, Any], bool]:
    """Return how the values of a field are compared. ``exact``: decimals were loaded with all their digits."""
    if isinstance(field, models.JSONField):
        return same_json
    if exact:
        return same_exact
    return same_address if isinstance(field, models.GenericIPAddressField) else same


def same_exact(source: Any, target: Any) -> bool:
    """Compare a decimal loaded with all its digits, of which Django reads 15 from SQLite. See ``canonical``."""
    if same(source, target) or not isinstance(source, decimal.Decimal) or not isinstance(target, decimal.Decimal):
        return same(source, target)
    read = FIFTEEN_DIGITS.create_decimal(target)
    return target == target.to_integral_value() and read == source and source.as_tuple()[2] == target.as_tuple()[2]


def same_address(source: Any, target: Any) -> bool:
    """Compare addresses by value. PostgreSQL writes them in its own way, and another program may not."""
    try:
        return ipaddress.ip_interface(source) == ipaddress.ip_interface(target)
    except ValueError:
        return same(source, target)


def same_json(source: Any, target: Any) -> bool:
    """Compare objects by their keys, arrays by their places, numbers by value, which is all that jsonb keeps.

    true is not 1. But 1e2 is 100 in jsonb, 1e308 an integer, and -0.0 is 0.0. This works without recursion, because a
    document may be as deep as the stack.
    """
    waiting = [(source, target)]
    while waiting:
        one, other = waiting.pop()
        if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
            waiting.extend((value, other[key]) for key, value in one.items())
        elif isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
            waiting.extend(zip(one, other, strict=True))
        elif isinstance(one, (dict, list)) or not _same_scalar(one, other):
            return False
    return True


def _same_scalar(source: Any, target: Any) -> bool:
    if isinstance(source, bool) or isinstance(target, bool):
        return source is target
    if isinstance(source, float) or isinstance(target, float):
        try:
            return (
                isinstance(source, (int, float)) and isinstance(target, (int, float)) and float(source) == float(target)
            )
        except OverflowError:
            return False
    return type(source) is type(target) and bool(source == target)
