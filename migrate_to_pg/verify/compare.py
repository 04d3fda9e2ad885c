"""Compare two streams of one table's rows, in key order.

Rows at the same place are compared first, whole columns at a time. Cells that the vectorized comparison cannot show
equal are compared one by one by their canonical forms. If the keys differ, the next common key is searched nearby, and
the rows before it wait in the pool for a partner. The order makes this quick. The result does not depend on it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import pyarrow as pa
import pyarrow.compute as pc

from migrate_to_pg.verify.canonical import Value
from migrate_to_pg.verify.differences import TableDifferences, key_text, row_text, source_text, target_text
from migrate_to_pg.verify.rows import Column, Rows, Stream
from migrate_to_pg.verify.unmatched import SOURCE, TARGET, Cells, UnmatchedRows
from migrate_to_pg.verify.vectorized import Array

#: How far to look for the next common key: near first, most faults being one row.
WINDOWS = (16, 256, 2048)
#: A text that Arrow cannot parse spoils its array: the array is halved until the spoiled pieces are this small.
SMALLEST_PIECE = 32
NOT_SHOWN = pa.scalar(False)


class Comparison:
    """Compare the rows of one table."""

    def __init__(self, table: str, columns: Sequence[Column], key: Sequence[Column]) -> None:
        self.found = TableDifferences(table)
        self._columns = columns
        #: A table without a key is compared as a multiset of rows: the whole row is the key.
        self._key = key or [column for column in columns if not column.computed] or columns
        self._rest = [column for column in columns if column not in self._key]
        #: What PostgreSQL computes is verified by its own expression, and counted apart.
        self._cells = sum(not column.computed or column in self._key for column in columns)

    def run(self, source: Stream, target: Stream, progress: Callable[[int], None]) -> TableDifferences:
        """Read both streams to their ends. ``progress`` is called with the number of source rows read so far."""
        pool = UnmatchedRows(self._columns, self._key)
        try:
            while source and target:
                self._step(source, target, pool)
                progress(source.taken)
            for side, stream in ((SOURCE, source), (TARGET, target)):
                while stream:
                    pool.add(side, stream.take(stream.front.count))
                    progress(source.taken)
            self._match_late(pool)
        finally:
            pool.close()
        return self.found

    def _step(self, source: Stream, target: Stream, pool: UnmatchedRows) -> None:
        """Compare the rows at the same place as far as their keys agree, then go to the next common key."""
        count = min(source.front.count, target.front.count)
        left, right = source.front.slice(0, count), target.front.slice(0, count)
        agreeing = first_key_difference(self._key, left, right)
        if agreeing:
            self._compare_cells(source.take(agreeing), target.take(agreeing))
        if agreeing < count:
            skip_source, skip_target = self._next_common_key(source, target)
            pool.add(SOURCE, source.take(skip_source))
            pool.add(TARGET, target.take(skip_target))

    def _compare_cells(self, left: Rows, right: Rows) -> None:
        """Compare every cell of rows whose keys are equal."""
        self.found.cells += left.count * self._cells
        different: set[int] = set()
        for column in self._rest:
            rows = rows_to_check(column, left, right)
            sources, targets = left.values(column.index, rows), right.values(column.index, rows)
            for row, source, target in zip(rows, sources, targets, strict=True):
                if column.source_form(source) != column.target_form(target):
                    different.update(() if column.computed else (row,))
                    self._changed(column, right, row, source, target)

        self.found.changed += len(different)

    def _changed(self, column: Column, right: Rows, row: int, source: Value | None, target: Value | None) -> None:
        if self.found.is_full and not column.computed:
            self.found.differences += 1
            return
        texts = {c.name: target_text(c, right.values(c.index, [row])[0]) for c in self._key}
        key = {name: key_text(text) for name, text in texts.items()}
        self._report(column, key, source_text(column, source), target_text(column, target))

    def _report(self, column: Column, key: Mapping[str, str], source: str | None, target: str | None) -> None:
        if column.computed:
            self.found.add_otherwise(key, column.name, source, target)
        else:
            self.found.add("changed", key, column.name, source, target)

    def _next_common_key(self, source: Stream, target: Stream) -> tuple[int, int]:
        """Return how many rows to leave on each side before the next common key."""
        for size in WINDOWS:
            left, right = source.window(size), target.window(size)
            found = nearest_pair(keys(self._key, left, SOURCE), keys(self._key, right, TARGET))
            if found is not None:
                return found
        return self._lower_side(left, right)

    def _lower_side(self, left: Rows, right: Rows) -> tuple[int, int]:
        """Return how many rows to leave on each side if no common key is nearby.

        Leave the side whose keys end lower. If the keys cannot be compared, leave as many rows on both sides.
        """
        even = min(left.count, right.count)
        lasts = [[rows.values(c.index, [rows.count - 1])[0] for c in self._key] for rows in (left, right)]
        if list(map(type, lasts[0])) != list(map(type, lasts[1])) or None in lasts[0] or lasts[0] == lasts[1]:
            return even, even
        return (left.count, 0) if lasts[0] < lasts[1] else (0, right.count)

    def _match_late(self, pool: UnmatchedRows) -> None:
        """Compare the rows that found each other late, and report those that did not."""
        for left, right in pool.pairs():
            if left is None or right is None:
                self._report_unmatched(left, right)
                continue
            self.found.cells += self._cells
            different = [c for c in self._rest if left[0][c.index] != right[0][c.index]]
            self.found.changed += any(not column.computed for column in different)
            for column in different:
                key = {c.name: key_text(right[1][c.index]) for c in self._key}
                self._report(column, key, left[1][column.index], right[1][column.index])

    def _report_unmatched(self, left: Cells | None, right: Cells | None) -> None:
        """Report a row that only one side has."""
        self.found.removed += left is not None
        self.found.added += right is not None
        for kind, cells in (("missing", left), ("extra", right)):
            if cells is not None:
                key = {c.name: key_text(cells[1][c.index]) for c in self._key}
                row = row_text(self.found.table, self._columns, cells[1])
                self.found.add(kind, key, "", *((row, None) if kind == "missing" else (None, row)))


def rows_to_check(column: Column, left: Rows, right: Rows) -> list[int]:
    """Return the rows whose cells the vectorized comparison did not show equal."""
    equal = shown_equal(column, left.arrays[column.index], right.arrays[column.index])
    rows = [] if equal.true_count == left.count else pc.indices_nonzero(pc.invert(equal)).to_pylist()
    exceptions = left.exceptions.get(column.index)
    return sorted({*rows, *exceptions}) if exceptions else rows


def shown_equal(column: Column, source: Array, target: Array) -> Array:
    """Return for each cell whether it is shown equal. Two nulls are equal."""
    try:
        equal = column.comparison.shows_equal(source, target, column.facts)
    except pa.ArrowInvalid:
        if len(source) <= SMALLEST_PIECE:
            return pa.array([False] * len(source), pa.bool_())
        half = len(source) // 2
        pieces = [shown_equal(column, source[a:b], target[a:b]) for a, b in ((0, half), (half, len(source)))]
        return pa.concat_arrays(pieces)
    if not source.null_count and not target.null_count:
        return equal
    both_null = pc.and_(pc.is_null(source), pc.is_null(target))
    return pc.or_(pc.fill_null(equal, NOT_SHOWN), both_null)


def first_key_difference(key: Sequence[Column], left: Rows, right: Rows) -> int:
    """Return the first row whose keys differ, or the number of rows."""
    doubtful = sorted({row for column in key for row in rows_to_check(column, left, right)})
    for row in doubtful:
        if keys(key, left.slice(row, row + 1), SOURCE) != keys(key, right.slice(row, row + 1), TARGET):
            return row
    return left.count


def keys(key: Sequence[Column], rows: Rows, side: int) -> list[tuple[str | None, ...]]:
    """Return the canonical keys of some rows."""
    everything = list(range(rows.count))
    forms = []
    for column in key:
        form = column.source_form if side == SOURCE else column.target_form
        forms.append([form(value) for value in rows.values(column.index, everything)])
    return list(zip(*forms, strict=True))


def nearest_pair(left: list[tuple[str | None, ...]], right: list[tuple[str | None, ...]]) -> tuple[int, int] | None:
    """Return the places of the first key that both have. Of several, the pair with the fewest rows before it."""
    places = {key: place for place, key in reversed(list(enumerate(right)))}
    pairs = [(place, places[key]) for place, key in enumerate(left) if key in places]
    return min(pairs, key=sum, default=None)
