"""The lines of schema ``migrate_to_pg`` read with suspicion: they decide what is moved and dropped.

Whoever may write there may have written anything: NULL, another type, the name of somebody else's schema.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, TypeVar

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.publish.archive_names import is_dated
from migrate_to_pg.records import BOOKKEEPING

T = TypeVar("T")


class LineReader:
    """The columns of one line; each as its reader takes it, or PublishError that names line and column."""

    def __init__(self, table: str, line: Mapping[str, Any], *, number: str = "id") -> None:
        self._table = f"{BOOKKEEPING}.{table}"
        self._line = line
        self._number = line.get(number)

    def __call__(self, column: str, meaning: Callable[[Any], T]) -> T:
        """What the column holds. Raises PublishError where it is missing or holds what cannot be true."""
        try:
            return meaning(self._line[column])
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

    def if_there(self, column: str, meaning: Callable[[Any], T]) -> T | None:
        """The same; None where an earlier version had no such column, or wrote nothing into it."""
        return None if self._line.get(column) is None else self(column, meaning)


def as_number(value: object) -> int:
    """A whole number that is not negative."""
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise ValueError
    return value


def as_text(value: object) -> str:
    """Text, and nothing that could be made one."""
    if not isinstance(value, str):
        raise TypeError
    return value


def as_moment(value: object) -> datetime:
    """A date and a time."""
    return datetime.fromisoformat(as_text(value))


def as_transaction(value: object) -> str:
    """The number of a transaction, as PostgreSQL shows it."""
    return str(as_number(int(as_text(value))))


def as_transactions(value: object) -> tuple[str, ...]:
    """Several of them."""
    return tuple(map(as_transaction, _as_list(value)))


def as_names(value: object) -> tuple[str, ...]:
    """Names of whatever."""
    return tuple(map(as_text, _as_list(value)))


def as_dated_or_none(value: object) -> str:
    """'' or the name of a schema that publish or undo made: never that of another."""
    name = as_text(value)
    if name and not is_dated(name):
        raise ValueError
    return name


def as_counts(value: object) -> dict[str, int]:
    """Tables and their rows."""
    if not isinstance(value, dict):
        raise TypeError
    return {name: as_number(count) for name, count in value.items()}


def as_objects(value: object) -> tuple[SchemaObject, ...]:
    """What ``dataclasses.asdict`` made of them."""
    return tuple(_as_object(**item) for item in _as_list(value))


def _as_object(**values: object) -> SchemaObject:
    found = SchemaObject(**values)  # type: ignore[arg-type]
    as_number(found.class_oid), as_number(found.oid), as_text(found.type), as_text(found.identity)
    for text in (*_as_list(found.names), *_as_list(found.arguments)):
        as_text(text)
    return found


def _as_list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError
    return value
