"""A key's value goes in; what a repair that looks at other rows makes of it comes out.

The other rows are looked up here anew, in the snapshot: the code's row, the row that a merged one went into, and
whether a key that was set to NULL has a row in PostgreSQL after all.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping

from migrate_to_pg.prove.mended.aside import gone
from migrate_to_pg.prove.mended.cells import INTEGERS, TEXTS, whole_number
from migrate_to_pg.prove.mended.expected import relation
from migrate_to_pg.prove.mended.record import Record, Row, Table, Value, same, unexplained
from migrate_to_pg.prove.rows import Column
from migrate_to_pg.prove.source import quoted
from migrate_to_pg.records import TargetForeignKey

#: Every value that a cell had at some time: (table, row, column, the snapshot's value) -> values.
History = Callable[[Table, int, Column, Value], list[Value]]
#: A key's canonical form -> the rows that stand for the merged row of that key, by their key.
Followers = Mapping[str | None, list[Value]]

#: Rules that set a key to NULL because no row has it.
NULLING = ("foreign-key-orphan", "empty-key")


class Keys:
    """Looks up the rows that a key refers to."""

    def __init__(self, record: Record, history: History) -> None:
        self._record = record
        self._history = history
        self._followers: dict[tuple[str, str], Followers] = {}
        self._codes: dict[tuple[str, str], list[tuple[Table, Column, Column]]] = {}
        self._content_types: dict[int, list[Table]] | None = None

    # --- merge-duplicates ---------------------------------------------------------------------------------------------

    def followed(self, table: Table, column: Column, row: int, value: Value) -> Iterator[Value]:
        """The key of the row into which the row of this key was merged."""
        for parent, other in self._record.parents(table, column):
            yield from self._followers_of(parent, other).get(column.source_form(value), ())
        for generic in self._record.plan.generic_keys:
            if (generic.table, generic.object_column) == (table.name, column.name):
                for kind in table.named([generic.content_type_column]):
                    yield from self._followed_generic(table, kind, row, value)

    def _followed_generic(self, table: Table, kind: Column, row: int, value: Value) -> Iterator[Value]:
        query = f"SELECT {quoted(kind.planned.source.name)} FROM main.{table.source} WHERE {table.rowid} = ?"  # noqa: S608
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
        for number, label, model in self._record.rows(f"SELECT id, app_label, model FROM main.{types.source}"):  # noqa: S608
            table = self._record.tables.get(self._record.plan.models.get((label, model), ""))
            yield number, [table] if table else []

    def _followers_of(self, parent: Table, column: Column) -> Followers:
        place = parent.name, column.name
        if place not in self._followers:
            found: dict[str | None, list[Value]] = defaultdict(list)
            for row, left, kept, right in self._merged(parent, column):
                for value in self._history(parent, row, column, left):
                    found[column.source_form(value)] += self._history(parent, kept, column, right)
            self._followers[place] = found
        return self._followers[place]

    def _merged(self, parent: Table, column: Column) -> Iterator[tuple[int, Value, int, Value]]:
        if "merged" not in parent.aside:
            return
        name = quoted(column.planned.source.name)
        query = (
            f"SELECT x.row, g.{name}, x.kept, k.{name} FROM {gone(parent)} AS x"  # noqa: S608
            f" JOIN main.{parent.source} AS g ON g.{parent.rowid} = x.row"
            f" JOIN main.{parent.source} AS k ON k.{parent.rowid} = x.kept WHERE x.fate = 'merged'"
        )
        yield from self._record.rows(query)

    # --- code-in-key --------------------------------------------------------------------------------------------------

    def decoded(self, table: Table, column: Column, row: int, value: Value) -> Iterator[Value]:
        """The key of the one row that has this text as its code, or the number that it spells and that is a key."""
        if not isinstance(value, str) or column.planned.target.type_name not in INTEGERS:
            return
        for parent, code, key in self._codes_of(table, column):
            found = self._with_code(parent, code, key, value)
            if len(found) == 1:
                yield from found[0]
            if found:
                return
        number = whole_number(value)
        if number is not None:
            parents = self._record.parents(table, column)
            yield from (number for parent, key in parents if self._is_key(parent, key, number))

    def _with_code(self, parent: Table, code: Column, key: Column, value: str) -> list[list[Value]]:
        """The keys of each row with this code; a row that was merged into another does not count beside others."""
        names = quoted(code.planned.source.name), quoted(key.planned.source.name)
        merged = f"t.{parent.rowid} IN (SELECT row FROM {gone(parent)} WHERE fate = 'merged')" if parent.aside else "0"  # noqa: S608
        query = (
            f"SELECT t.{parent.rowid}, t.{names[1]}, {merged} FROM main.{parent.source} AS t"  # noqa: S608
            f" WHERE (t.{names[0]} COLLATE BINARY = ? AND typeof(t.{names[0]}) = 'text') OR t.{parent.rowid} IN"
            ' (SELECT row FROM journal.changed WHERE "table" = ? AND "column" = ?'
            " AND new = ? AND typeof(new) = 'text')"
        )
        found = list(self._record.rows(query, value, parent.name, code.name, value))
        rows = found if len(found) == 1 else [row for row in found if not row[2]]
        return [self._history(parent, row, key, first) for row, first, _ in rows]

    def _codes_of(self, table: Table, column: Column) -> list[tuple[Table, Column, Column]]:
        """The unique text column that knows most of the column's different texts; several where they know as many."""
        place = table.name, column.name
        if place not in self._codes:
            known = [(self._known(table, column, one[0], one[1]), one) for one in self._unique_texts(table, column)]
            most = max((count for count, _ in known), default=0)
            self._codes[place] = [one for count, one in known if count == most and most]
        return self._codes[place]

    def _unique_texts(self, table: Table, column: Column) -> Iterator[tuple[Table, Column, Column]]:
        for parent, key in self._record.parents(table, column):
            for unique in parent.planned.target.uniques:
                if len(unique.columns) == 1 and not unique.predicate and parent.rowid:
                    codes = parent.named(unique.columns)
                    yield from ((parent, c, key) for c in codes if c.planned.target.type_name in TEXTS)

    def _known(self, table: Table, column: Column, parent: Table, code: Column) -> int:
        """How many of the texts are codes, as the snapshot has both or a repair of the codes made them."""
        mine, other = quoted(column.planned.source.name), quoted(code.planned.source.name)
        return self._record.number(
            f"SELECT count(DISTINCT t.{mine} COLLATE BINARY) FROM main.{table.source} AS t"  # noqa: S608
            f" WHERE typeof(t.{mine}) = 'text' AND t.{mine} COLLATE BINARY IN"
            f" (SELECT {other} FROM main.{parent.source} WHERE typeof({other}) = 'text'"
            ' UNION SELECT new FROM journal.changed WHERE "table" = ? AND "column" = ?)',
            parent.name,
            code.name,
        )

    def _is_key(self, parent: Table, key: Column, number: int) -> bool:
        name = quoted(key.planned.source.name)
        query = f"SELECT EXISTS (SELECT 1 FROM main.{parent.source} WHERE {name} = ?)"  # noqa: S608
        return bool(self._record.number(query, number))

    # --- keys that were set to NULL -----------------------------------------------------------------------------------

    def check_nulled(self, table: Table, column: Column) -> None:
        """Count the keys that were set to NULL although a row in PostgreSQL has them."""
        present = [
            self._answered(table, column, key)
            for key in table.planned.target.foreign_keys
            if column.name in key.columns
        ]
        for row in sorted(set.intersection(*present)) if present else ():
            unexplained(table, row, column.name, None, "a key was set to NULL although a row has it")

    def _answered(self, table: Table, column: Column, key: TargetForeignKey) -> set[int]:
        """The rows whose key was set to NULL, and is the key of a row that PostgreSQL should hold."""
        parent = self._record.tables.get(key.parent)
        columns, others = table.named(key.columns), parent.named(key.parent_columns) if parent else []
        if parent is None or not columns or not others:
            return set()
        rows = defaultdict(list)
        for row, *values in self._nulled(table, column, columns):
            rows[forms(columns, values)].append(row)
        names = ", ".join(f"t.{quoted(c.planned.source.name)}" for c in others)
        here = self._record.rows(f"SELECT {names} FROM {relation(parent).sql} AS t") if rows else iter(())  # noqa: S608
        found = {form for values in here if (form := forms(others, list(values))) in rows}
        return {row for form in found for row in rows[form]}

    def _nulled(self, table: Table, column: Column, columns: list[Column]) -> Iterator[Row]:
        cells = ", ".join("c.old" if c is column else f"t.{quoted(c.planned.source.name)}" for c in columns)
        query = (
            f"SELECT c.row, {cells} FROM journal.changed AS c JOIN main.{table.source} AS t ON t.{table.rowid} = c.row"  # noqa: S608
            f' WHERE c."table" = ? AND c."column" = ? AND c.rule IN (?, ?)'
        )
        return self._record.rows(query, table.name, column.name, *NULLING)


def forms(columns: list[Column], values: list[Value]) -> tuple[str | None, ...]:
    """A key's canonical form."""
    return tuple(column.source_form(value) for column, value in zip(columns, values, strict=True))


def as_key(value: Value) -> Value:
    """A generic key that spells a number is that number."""
    number = whole_number(value) if isinstance(value, str) else None
    return value if number is None else number


def distinct(values: list[Value]) -> list[Value]:
    """Each value once."""
    found: list[Value] = []
    for value in values:
        if not any(same(value, other) for other in found):
            found.append(value)
    return found
