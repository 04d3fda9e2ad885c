"""A key of a row that was merged into another goes in; the key of that other row comes out: merge-duplicates."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from migrate_to_pg.verify.repairs.cell_repairs import whole_number
from migrate_to_pg.verify.repairs.journal_reader import Record, Table, Value
from migrate_to_pg.verify.repairs.quarantine import gone
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

#: Every value that a cell had at some time: (table, row, column, the snapshot's value) -> values.
History = Callable[[Table, int, Column, Value], list[Value]]
#: A key's canonical form -> the keys of the rows that stand for the merged row of that key.
Keys = Mapping[str | None, list[Value]]


class Followers:
    """Looks up the rows that stand for merged ones."""

    def __init__(self, record: Record, history: History) -> None:
        self._record = record
        self._history = history
        self._followers: dict[tuple[str, str], Keys] = {}
        self._content_types: dict[int, list[Table]] | None = None

    def followed(self, table: Table, column: Column, row: int, value: Value) -> Iterator[Value]:
        """The key of the row into which the row of this key was merged."""
        for parent, other in self._record.parents(table, column):
            yield from self._followers_of(parent, other).get(column.source_form(value), ())
        for generic in self._record.plan.generic_keys:
            if (generic.table, generic.object_column) == (table.name, column.name):
                for kind in table.named([generic.content_type_column]):
                    yield from self._followed_generic(table, kind, row, value)

    def _followed_generic(self, table: Table, kind: Column, row: int, value: Value) -> Iterator[Value]:
        query = f"SELECT {quoted(kind.planned.source.name)} FROM {table.rows} WHERE {table.rowid} = ?"
        kinds = [one for (first,) in self._record.rows(query, row) for one in self._history(table, row, kind, first)]
        parents = [parent for one in kinds if isinstance(one, int) for parent in self._of_content_type(one)]
        for parent in parents:
            if len(parent.key) == 1:
                for key in self._followers_of(parent, parent.key[0]).get(parent.key[0].source_form(as_key(value)), ()):
                    yield str(key) if isinstance(value, str) else key

    def _of_content_type(self, number: int) -> list[Table]:
        if self._content_types is None:
            self._content_types = dict(self._models())
        return self._content_types.get(number, [])

    def _models(self) -> Iterator[tuple[int, list[Table]]]:
        types = self._record.tables.get("django_content_type")
        if types is None or not types.named(["id", "app_label", "model"]):
            return
        for number, label, model in self._record.rows(f"SELECT id, app_label, model FROM main.{types.source}"):
            table = self._record.tables.get(self._record.plan.models.get((label, model), ""))
            yield number, [table] if table else []

    def _followers_of(self, parent: Table, column: Column) -> Keys:
        place = parent.name, column.name
        if place not in self._followers:
            found: dict[str | None, list[Value]] = defaultdict(list)
            for row, left, kept, right in self._merged(parent, column):
                for value in self._history(parent, row, column, left):
                    found[column.source_form(value)] += self._history(parent, kept, column, right)
            self._followers[place] = found
        return self._followers[place]

    def _merged(self, parent: Table, column: Column) -> Iterator[tuple[int, Value, int, Value]]:
        if not parent.aside:
            return
        name = quoted(column.planned.source.name)
        query = (
            f"SELECT x.row, g.{name}, x.kept, k.{name} FROM {gone(parent)} AS x"
            f" JOIN {parent.rows} AS g ON g.{parent.rowid} = x.row"
            f" JOIN {parent.rows} AS k ON k.{parent.rowid} = x.kept"
        )
        yield from self._record.rows(query)


def as_key(value: Value) -> Value:
    """A generic key that spells a number is that number."""
    number = whole_number(value) if isinstance(value, str) else None
    return value if number is None else number
