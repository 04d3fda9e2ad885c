"""Repair texts that were written where NULL was meant: put NULL in their place."""

from __future__ import annotations

from functools import partial

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Mend, MendOf, Subject, UnmendableError, Value

#: "No date" as MySQL and the exports made from it have it.
ZERO_DATES = ("0000-00-00", "0000-00-00 00:00:00")


def null_for(*texts: str) -> MendOf:
    """Return a repair that puts NULL in place of exactly these texts, in columns that allow it."""

    def mend_of(_: Subject, __: PlannedTable, column: PlannedColumn) -> Mend | None:
        return None if column.target.not_null else partial(null_in_place_of, frozenset(texts))

    return mend_of


def null_in_place_of(texts: frozenset[str], value: Value) -> Value:
    """Return NULL for one of the texts.

    Raises:
        UnmendableError: the value is none of them.
    """
    if value in texts:
        return None
    raise UnmendableError
