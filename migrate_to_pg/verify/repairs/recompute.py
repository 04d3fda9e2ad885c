"""The journal's changes of one column go in; each is computed anew, and what the column should hold is written down."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked
from migrate_to_pg.verify.repairs.cell_repairs import CELLS
from migrate_to_pg.verify.repairs.code_in_key import Codes
from migrate_to_pg.verify.repairs.expected import cells
from migrate_to_pg.verify.repairs.journal_reader import Line, Record, Table, Value, bound, distinct, same, unexplained
from migrate_to_pg.verify.repairs.merged_keys import Followers
from migrate_to_pg.verify.repairs.quarantine import gone
from migrate_to_pg.verify.rows import Column

#: More values than this no cell had.
HISTORY = 16


class Recompute:
    """Computes new values by the proof's own repairs."""

    def __init__(self, record: Record) -> None:
        self._record = record
        self._followers = Followers(record, self.history)
        self._codes = Codes(record, self.history)

    def changeable(self, table: Table, name: str) -> list[Column]:
        """The column, where repairs may change it: keys of rows and computed columns stay as they are."""
        columns = [c for c in table.named([name]) if not c.planned.target.generated and c not in table.key]
        if not columns:
            unexplained(table, None, name, None, _("a column was changed that no repair changes"))
        return columns

    def column(self, table: Table, column: Column) -> None:
        """Compute every changed cell of the column; what cannot be explained is counted and left as it was."""
        name = column.planned.source.name
        place = cells(table, name)
        self._record.execute(f"CREATE TABLE {place} (row INTEGER PRIMARY KEY, value)")
        new_values = ((row, *bound(value)) for row, value in self._new_values(table, column))
        for mark, rows in itertools.groupby(new_values, key=lambda cell: cell[1]):
            insert = f"INSERT INTO {place} VALUES (?, {mark})"
            self._record.many(insert, ((row, value) for row, _, value in rows))
        table.changed[name] = self._record.number(f"SELECT count(*) FROM {place}")

    def _new_values(self, table: Table, column: Column) -> Iterator[tuple[int, Value]]:
        for row, lines in itertools.groupby(self._record.lines(table, column), key=lambda line: line.row):
            new = self._follow(table, column, list(lines))
            if new:
                yield row, new[0]

    def _follow(self, table: Table, column: Column, lines: list[Line]) -> list[Value]:
        """The value that a cell's changes lead to; none where one of them cannot be explained."""
        value = lines[0].value
        for line in lines:
            why = self._fault(table, column, line, value)
            if why:
                unexplained(table, line.row, column.name, line.new, f"{line.rule}: {why}")
                return []
            value = line.new
        return [value]

    def _fault(self, table: Table, column: Column, line: Line, value: Value) -> str:
        """Why a change cannot be explained; '' where it can."""
        if not line.there or self._is_gone(table, line.row):
            return _("the row is not in PostgreSQL")
        if not same(line.old, value):
            shown = [masked(table.name, column.name, repr(one)) for one in (value, line.old)]
            return _("the old value is {value} and not {old}", value=shown[0], old=shown[1])
        new = list(self.values(line.rule, table, column, line.row, value))
        if not any(same(one, line.new) and not same(one, value) for one in new):
            values = (str(masked(table.name, column.name, repr(one))) for one in new)
            return _("the new value is {values}", values=_(" or ").join(values) or "none")
        return ""

    def _is_gone(self, table: Table, row: int) -> bool:
        query = f"SELECT EXISTS (SELECT 1 FROM {gone(table)} WHERE row = ?)"
        return bool(table.aside and self._record.number(query, row))

    def values(self, rule: str, table: Table, column: Column, row: int, value: Value) -> Iterable[Value]:
        """What the rule's repair makes of a cell: mostly one value or none."""
        if rule == "duplicate-key":
            return self._followers.followed(table, column, row, value)
        if rule == "code-in-key":
            return self._codes.decoded(table, column, value)
        return CELLS[rule](value, column) if rule in CELLS else ()

    def history(self, table: Table, row: int, column: Column, value: Value) -> list[Value]:
        """Every value that the cell had, by the journal and, where the row was set aside, by any lawful repair."""
        query = 'SELECT new FROM journal.changed WHERE "table" = ? AND row = ? AND "column" = ? ORDER BY rowid'
        found = [value, *(new for (new,) in self._record.rows(query, table.name, row, column.name))]
        if column in table.key or not self._is_gone(table, row):
            return distinct(found)
        return self._reached(table, row, column, distinct(found))

    def _reached(self, table: Table, row: int, column: Column, found: list[Value]) -> list[Value]:
        """These values and all that repairs, one after another, make of them."""
        rules = (*CELLS, "duplicate-key", "code-in-key")
        for one in found:
            if len(found) > HISTORY:
                break
            new = [value for rule in rules for value in self.values(rule, table, column, row, one)]
            # The list grows while it is gone through: what was reached may lead on.
            found += [value for value in distinct(new) if not any(same(value, other) for other in found)]
        return found

    def forms(self, table: Table, row: int, column: Column, value: Value) -> set[str | None]:
        """The canonical forms of those values."""
        return {column.source_form(one) for one in self.history(table, row, column, value)}
