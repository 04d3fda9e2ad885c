"""Repair texts that were written where NULL was meant: put NULL in their place."""

from __future__ import annotations

from functools import partial

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, CellRepairFor, Subject, UnrepairableError, Value

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
