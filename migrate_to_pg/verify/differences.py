"""Collect the differences of a table: exact totals, and the first ones as text."""

from __future__ import annotations

import datetime
import decimal
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import replace

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked, masked_key
from migrate_to_pg.records import ComputedOtherwise, Difference
from migrate_to_pg.verify.canonical import EPOCH, FIFTEEN_DIGITS, MICROSECOND, NO_SPAN, Value
from migrate_to_pg.verify.rows import Column

SAMPLES = 20
#: Longest value in a sample; of longer ones the part where they begin to differ is shown.
SHOWN = 200


class TableDifferences:
    """The differences found in one table."""

    def __init__(self, table: str) -> None:
        self.table = table
        self.cells = 0
        #: Of columns that PostgreSQL computes itself.
        self.computed = 0
        self.differences = 0
        #: Rows of PostgreSQL alone, of SQLite alone, and of both with other values.
        self.added = self.removed = self.changed = 0
        self.samples: list[Difference] = []
        self._otherwise: dict[str, ComputedOtherwise] = {}

    @property
    def is_full(self) -> bool:
        """Report whether differences are only counted from now on."""
        return len(self.samples) >= SAMPLES

    @property
    def otherwise(self) -> tuple[ComputedOtherwise, ...]:
        """Return the columns that PostgreSQL computes and that hold another value in SQLite."""
        return tuple(self._otherwise.values())

    def add_otherwise(self, key: Mapping[str, str], column: str, source: str | None, target: str | None) -> None:
        """Count a value that PostgreSQL computes and that differs in SQLite. Keep the first ones."""
        known = self._otherwise.get(column, ComputedOtherwise(table=self.table, column=column, count=0, samples=()))
        samples = known.samples
        if len(samples) < SAMPLES:
            samples = (*samples, difference(self.table, "changed", key, column, source, target))
        self._otherwise[column] = replace(known, count=known.count + 1, samples=samples)

    def add(self, kind: str, key: Mapping[str, str], column: str, source: str | None, target: str | None) -> None:
        """Count one difference. Keep the first ones."""
        self.differences += 1
        if not self.is_full:
            if source is not None and source == target:
                source = _("{source} (which Django does not read as the column's type)", source=source)
            self.samples.append(difference(self.table, kind, key, column, source, target))


def difference(
    table: str, kind: str, key: Mapping[str, str], column: str, source: str | None, target: str | None
) -> Difference:
    """Return one cell or row that differs. A long value is cut around the difference, a secret one is masked.

    ``source`` of a difference of kind "unexplained" is a reason.
    """
    if kind != "unexplained":
        source = masked(table, column, source)
    key, target = masked_key(table, key), masked(table, column, target)
    start = first_difference(source, target)
    return Difference(
        table=table,
        key={name: excerpt(value, 0) for name, value in key.items()},
        column=column,
        kind=kind,
        source=None if source is None else excerpt(source, start),
        target=None if target is None else excerpt(target, start),
    )


def first_difference(source: str | None, target: str | None) -> int:
    """Return the place at which two texts begin to differ."""
    pairs = enumerate(zip(source or "", target or "", strict=False))
    shorter = min(len(source or ""), len(target or ""))
    return next((place for place, (left, right) in pairs if left != right), shorter)


def excerpt(value: str, start: int) -> str:
    """Return a value, or of a long one the part around ``start``. Bytes that are not text are escaped."""
    value = value.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    if len(value) <= SHOWN:
        return value
    start = max(0, min(start - SHOWN // 4, len(value) - SHOWN))
    end = start + SHOWN
    return ("…" if start else "") + value[start:end] + ("…" if end < len(value) else "")


def row_text(table: str, columns: Sequence[Column], values: Sequence[str | None]) -> str:
    """Format a complete row as one line."""
    return ", ".join(f"{c.name}={key_text(masked(table, c.name, v))}" for c, v in zip(columns, values, strict=True))


def key_text(value: str | None) -> str:
    """Format a value in a key."""
    return "NULL" if value is None else value


def source_text(column: Column, value: Value | None) -> str | None:
    """Format SQLite's value as a person would recognise it."""
    if value is None or type(value) is str:
        return value
    if type(value) is bytes:
        return value.hex() if column.planned.target.type_name == "uuid" else f"\\x{value.hex()}"
    return repr(value)


def target_text(column: Column, value: Value | None) -> str | None:
    """Format PostgreSQL's value as PostgreSQL or Django would print it."""
    if value is None or type(value) is str:
        return value
    if type(value) is bool:
        return str(value).lower()
    if type(value) is bytes:
        return str(uuid.UUID(bytes=value)) if column.planned.target.type_name == "uuid" else f"\\x{value.hex()}"
    if type(value) is float:
        return real_text(column, value)
    return moment_text(column.planned.target.type_name, value)


def real_text(column: Column, value: float) -> str:
    """Format a double, or a short numeric that was sent as one."""
    if column.planned.target.type_name != "numeric" or value - value != 0:
        return repr(value)
    scale = column.planned.target.scale or 0
    return str(FIFTEEN_DIGITS.create_decimal_from_float(value).quantize(decimal.Decimal(1).scaleb(-scale)))


def moment_text(type_name: str, value: int) -> str:
    """Format a count since 1970 as a moment. PostgreSQL's calendar has years that Python's has not."""
    try:
        match type_name:
            case "timestamptz":
                return f"{EPOCH + value * MICROSECOND}+00:00"
            case "timestamp":
                return str(EPOCH + value * MICROSECOND)
            case "date":
                return str((EPOCH + datetime.timedelta(days=value)).date())
            case "interval" if value == NO_SPAN:
                return _("an interval that is no span of microseconds")
            case "time":
                return str((EPOCH + value * MICROSECOND).time()) if value < 86_400_000_000 else "24:00:00"
            case _:
                return str(value)
    except OverflowError:
        return _("infinity, or a date outside the years 1 to 9999")
