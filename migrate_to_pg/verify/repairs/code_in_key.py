"""A text in a key of whole numbers goes in; the key that it stands for comes out: code-in-key."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.verify.repairs.cell_repairs import INTEGERS, TEXTS, whole_number
from migrate_to_pg.verify.repairs.journal_reader import Record, Table, Value, bound
from migrate_to_pg.verify.repairs.merged_keys import History
from migrate_to_pg.verify.repairs.quarantine import gone
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

#: A parent, its unique text column, and the column that the key should hold.
Coding = tuple[Table, Column, Column]


class Codes:
    """Looks up the rows that codes stand for."""

    def __init__(self, record: Record, history: History) -> None:
        self._record = record
        self._history = history
        self._codings: dict[tuple[str, str], list[Coding]] = {}
        self._indexed: set[str] = set()

    def decoded(self, table: Table, column: Column, value: Value) -> Iterator[Value]:
        """The key of the one row that has this text as its code, or the number that it spells and that is a key."""
        if not isinstance(value, str) or column.planned.target.type_name not in INTEGERS:
            return
        for parent, code, key in self._codings_of(table, column):
            found = self._with_code(parent, code, key, value)
            if len(found) == 1 and not self._is_another_s(parent, key, whole_number(value), found[0]):
                yield from found[0]
            if found:
                return
        number = whole_number(value)
        if number is not None:
            parents = self._record.parents(table, column)
            yield from (number for parent, key in parents if self._is_key(parent, key, number))

    def _is_another_s(self, parent: Table, key: Column, number: int | None, own: list[Value]) -> bool:
        """Whether a code is the key of another row at the same time, so that nothing says which is meant."""
        return number is not None and number not in own and self._is_key(parent, key, number)

    def _with_code(self, parent: Table, code: Column, key: Column, value: str) -> list[list[Value]]:
        """The keys of each row with this code; a row that was merged into another does not count beside others."""
        # Asked for one row after another: IN would gather all merged rows anew for each.
        of_row = f"SELECT 1 FROM {gone(parent)} AS m WHERE m.row = t.{parent.rowid} AND m.kept IS NOT NULL"
        merged = f"EXISTS ({of_row})" if parent.aside else "0"
        mark, raw = bound(value)
        query = (
            f"SELECT t.{parent.rowid}, t.{quoted(key.planned.source.name)}, {merged} FROM {parent.rows} AS t"
            f" WHERE t.{parent.rowid} IN (SELECT row FROM {self._index(parent, code)} WHERE code = {mark})"
        )
        found = list(self._record.rows(query, raw))
        rows = found if len(found) == 1 else [row for row in found if not row[2]]
        return [self._history(parent, row, key, first) for row, first, _ in rows]

    def _codings_of(self, table: Table, column: Column) -> list[Coding]:
        """The unique text column that knows most of the column's different texts; several where they know as many."""
        place = table.name, column.name
        if place not in self._codings:
            known = [(self._known(table, column, one[0], one[1]), one) for one in self._unique_texts(table, column)]
            most = max((count for count, _ in known), default=0)
            self._codings[place] = [one for count, one in known if count == most and most]
        return self._codings[place]

    def _unique_texts(self, table: Table, column: Column) -> Iterator[Coding]:
        for parent, key in self._record.parents(table, column):
            for unique in parent.planned.target.uniques:
                if len(unique.columns) == 1 and not unique.predicate and parent.rowid:
                    codes = parent.named(unique.columns)
                    yield from ((parent, c, key) for c in codes if c.planned.target.type_name in TEXTS)

    def _known(self, table: Table, column: Column, parent: Table, code: Column) -> int:
        """How many of the texts are codes."""
        mine, codes = f"t.{quoted(column.planned.source.name)}", self._index(parent, code)
        return self._record.number(
            f"SELECT count(DISTINCT {mine} COLLATE BINARY) FROM {table.rows} AS t"
            f" WHERE typeof({mine}) = 'text' AND {mine} COLLATE BINARY IN (SELECT code FROM {codes})"
        )

    def _index(self, parent: Table, code: Column) -> str:
        """A table of ``expected``: every code that a row had at some time."""
        name = f"codes_{parent.number}_{code.index}"
        if name not in self._indexed:
            self._indexed.add(name)
            self._record.execute(f"CREATE TABLE expected.{name} (code, row)")
            self._fill(parent, code, f"INSERT INTO expected.{name}")
            self._record.execute(f"CREATE INDEX expected.{name}_code ON {name} (code)")
        return f"expected.{name}"

    def _fill(self, parent: Table, code: Column, insert: str) -> None:
        cell = f"t.{quoted(code.planned.source.name)}"
        self._record.execute(
            f"{insert} SELECT {cell}, t.{parent.rowid} FROM {parent.rows} AS t WHERE typeof({cell}) = 'text'"
        )
        repaired = 'SELECT new, row FROM journal.changed WHERE "table" = ? AND "column" = ? AND typeof(new) = \'text\''
        self._record.execute(f"{insert} {repaired}", parent.name, code.name)
        if not parent.aside:
            return
        rows = f"SELECT t.{parent.rowid}, {cell} FROM {parent.rows} AS t JOIN {gone(parent)} AS x"
        for row, first in self._record.rows(f"{rows} ON x.row = t.{parent.rowid}"):
            for mark, raw in map(bound, self._history(parent, row, code, first)[1:]):
                self._record.execute(f"{insert} VALUES ({mark}, ?)", raw, row)

    def _is_key(self, parent: Table, key: Column, number: int) -> bool:
        query = f"SELECT EXISTS (SELECT 1 FROM {self._keys(parent, key)} WHERE key = ?)"
        return bool(self._record.number(query, number))

    def _keys(self, parent: Table, key: Column) -> str:
        """A table of ``expected``: the parent's keys, with the index that the snapshot may have lost."""
        name = f"keys_{parent.number}_{key.index}"
        if name not in self._indexed:
            self._indexed.add(name)
            column = quoted(key.planned.source.name)
            self._record.execute(f"CREATE TABLE expected.{name} (key)")
            self._record.execute(f"INSERT INTO expected.{name} SELECT {column} FROM {parent.rows}")
            self._record.execute(f"CREATE INDEX expected.{name}_key ON {name} (key)")
        return f"expected.{name}"
