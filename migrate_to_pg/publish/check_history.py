"""Validate records of schema ``migrate_to_pg`` before --undo and --purge rely on them.

They decide which objects are moved and dropped. Every role that may write there can have written anything: NULL,
another type, or the name of another schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.publish.archive_schemas import is_dated
from migrate_to_pg.records import BOOKKEEPING

T = TypeVar("T")


class LineReader:
    """Read the columns of one record. Each column is converted and checked by a function of this module."""

    def __init__(self, table: str, line: Mapping[str, Any], *, number: str = "id") -> None:
        self._table = f"{BOOKKEEPING}.{table}"
        self._line = line
        self._number = line.get(number)

    def __call__(self, column: str, convert: Callable[[Any], T]) -> T:
        """Return the converted value. Raise PublishError if the column is missing or its value is invalid."""
        try:
            return convert(self._line[column])
        except (KeyError, TypeError, ValueError) as error:
            raise PublishError(
                _(
                    "Line {number} of table {table} is not as migrate_to_pg writes it: column {column} is missing, or"
                    " holds what cannot be true.",
                    number=self._number if isinstance(self._number, int) else "?",
                    table=self._table,
                    column=column,
                ),
                remedy=_(
                    "Nothing was changed. Bring the line back from a backup of the PostgreSQL database; or delete it,"
                    " and what it remembers is neither undone nor purged any more."
                ),
            ) from error

    def optional(self, column: str, convert: Callable[[Any], T]) -> T | None:
        """Return the converted value, or None if an earlier version did not write the column."""
        return None if self._line.get(column) is None else self(column, convert)


def as_number(value: object) -> int:
    """Return an integer that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def as_text(value: object) -> str:
    """Return a string. Nothing else is converted to one."""
    if not isinstance(value, str):
        raise TypeError
    return value


def as_datetime(value: object) -> datetime:
    """Return a date and time."""
    return datetime.fromisoformat(as_text(value))


def as_transaction(value: object) -> str:
    """Return a transaction number as PostgreSQL prints it."""
    return str(as_number(int(as_text(value))))


def as_transactions(value: object) -> tuple[str, ...]:
    """Return several transaction numbers."""
    return tuple(map(as_transaction, _as_list(value)))


def as_names(value: object) -> tuple[str, ...]:
    """Return a list of names."""
    return tuple(map(as_text, _as_list(value)))


def as_dated_or_none(value: object) -> str:
    """Return '' or the name of a schema that publish or undo made, never another name."""
    name = as_text(value)
    if name and not is_dated(name):
        raise ValueError
    return name


def as_counts(value: object) -> dict[str, int]:
    """Return a number for each table name."""
    if not isinstance(value, dict):
        raise TypeError
    return {name: as_number(count) for name, count in value.items()}


def as_objects(value: object) -> tuple[SchemaObject, ...]:
    """Return the objects that were stored by ``dataclasses.asdict``."""
    objects = tuple(SchemaObject(**item) for item in _as_list(value))
    for found in objects:
        as_number(found.class_oid), as_number(found.oid), as_text(found.type), as_text(found.identity)
        for text in (*_as_list(found.names), *_as_list(found.arguments)):
            as_text(text)
    return objects


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value
