"""Hold record batches of one side as rows that can be sliced and taken one after another."""

from __future__ import annotations

import contextlib
import zoneinfo
from collections.abc import Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.system.threads import is_no_more_threads
from migrate_to_pg.verify.canonical import ColumnFacts, Value
from migrate_to_pg.verify.type_comparison import TypeComparison, comparison_of
from migrate_to_pg.verify.vectorized import Array

#: A window over wide rows stops growing here.
WINDOW_BYTES = 16_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One compared column, at its place in every batch of both sides."""

    index: int
    planned: PlannedColumn
    comparison: TypeComparison
    facts: ColumnFacts

    @property
    def name(self) -> str:
        """Return PostgreSQL's name of the column."""
        return self.planned.name

    @property
    def computed(self) -> bool:
        """Return whether PostgreSQL computes the column itself, from columns that are compared."""
        return self.planned.target.generated

    def source_form(self, value: Value | None) -> str | None:
        """Return the canonical form of SQLite's value."""
        return None if value is None else self.comparison.source_form(value, self.facts)

    def target_form(self, value: Value | None) -> str | None:
        """Return the canonical form of PostgreSQL's value."""
        return None if value is None else self.comparison.target_form(value, self.facts)


def columns_of(table: PlannedTable, zone: zoneinfo.ZoneInfo) -> list[Column]:
    """Return the columns of a table, in the plan's order."""
    columns = []
    for index, planned in enumerate(table.columns):
        target = planned.target
        comparison = comparison_of(target.type_name, target.precision, target.scale)
        facts = ColumnFacts(precision=target.precision, scale=target.scale, exact=target.exact, zone=zone)
        columns.append(Column(index=index, planned=planned, comparison=comparison, facts=facts))
    return columns


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Some consecutive rows of one side."""

    arrays: tuple[Array, ...]
    count: int
    #: Column -> row -> the value of a cell that its array cannot hold; the array has a null there.
    exceptions: Mapping[int, Mapping[int, Value]] = field(default_factory=dict)

    def slice(self, start: int, stop: int) -> Rows:
        """Return the rows from start up to stop."""
        if (start, stop) == (0, self.count):
            return self
        exceptions = {
            index: {row - start: value for row, value in cells.items() if start <= row < stop}
            for index, cells in self.exceptions.items()
        }
        return Rows(
            arrays=tuple(a.slice(start, stop - start) for a in self.arrays), count=stop - start, exceptions=exceptions
        )

    def concat(self, more: Rows) -> Rows:
        """Return these rows and the following ones."""
        exceptions = {index: dict(cells) for index, cells in self.exceptions.items()}
        for index, cells in more.exceptions.items():
            exceptions.setdefault(index, {}).update({row + self.count: value for row, value in cells.items()})
        arrays = tuple(pa.concat_arrays(pair) for pair in zip(self.arrays, more.arrays, strict=True))
        return Rows(arrays=arrays, count=self.count + more.count, exceptions=exceptions)

    def values(self, index: int, rows: list[int]) -> list[Value | None]:
        """Return some cells of a column as Python values. Moments and days are counts since 1970."""
        if not rows:
            return []
        values = python_values(self.arrays[index].take(pa.array(rows, pa.int64())))
        exceptions = self.exceptions.get(index)
        return [exceptions.get(row, value) for row, value in zip(rows, values, strict=True)] if exceptions else values


def python_values(array: Array) -> list[Any]:
    """Return the values of an array. Bytes that are not UTF-8 become lone surrogates, which PostgreSQL never has."""
    if pa.types.is_string(array.type):
        pieces = array.cast(pa.binary()).to_pylist()
        return [None if piece is None else piece.decode("utf-8", "surrogateescape") for piece in pieces]
    if pa.types.is_temporal(array.type):
        array = array.cast(pa.int32() if pa.types.is_date(array.type) else pa.int64())
    values: list[Any] = array.to_pylist()
    return values


def prefetch(batches: Generator[Rows]) -> Generator[Rows]:
    """Yield the batches, reading the next one in a thread while this one is compared: drivers release the GIL."""
    with contextlib.closing(batches), ThreadPoolExecutor(1, "verify") as reader:
        try:
            coming = reader.submit(next, batches, None)
        except RuntimeError as error:
            if not is_no_more_threads(error):
                raise
            yield from batches
            return
        while (batch := coming.result()) is not None:
            coming = reader.submit(next, batches, None)
            yield batch


class Stream:
    """Take one side's rows from the front, in key order."""

    def __init__(self, batches: Iterator[Rows]) -> None:
        self._batches = batches
        self.front = Rows(arrays=(), count=0)
        #: Rows taken so far.
        self.taken = 0

    def __bool__(self) -> bool:
        """Return whether a row is left. Read on if the front is used up."""
        while not self.front.count:
            batch = next(self._batches, None)
            if batch is None:
                return False
            self.front = batch
        return True

    def take(self, count: int) -> Rows:
        """Cut that many rows off the front."""
        taken = self.front.slice(0, count)
        # Not even an empty slice keeps large values.
        rest = self.front.slice(count, self.front.count) if count < self.front.count else Rows(arrays=(), count=0)
        self.front = rest
        self.taken += count
        return taken

    def window(self, count: int) -> Rows:
        """Return that many rows, or fewer if they are wide or at an end, without taking them."""
        while self.front.count < count and sum(a.nbytes for a in self.front.arrays) < WINDOW_BYTES:
            batch = next(self._batches, None)
            if batch is None:
                break
            self.front = self.front.concat(batch) if self.front.count else batch
        return self.front.slice(0, min(count, self.front.count))
