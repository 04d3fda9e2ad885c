"""Give the cells of the new file the form that they have in the old one, where Django reads the same from both.

PostgreSQL keeps what a value means, not how it was written: jsonb puts the keys of an object in its own order, and a
decimal gets the places of its column. What a repair changed stays as the repair left it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

from django.apps import apps
from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg.move_back.make_schema import fill_search_index, indexes_other_table
from migrate_to_pg.project.identifiers import cut
from migrate_to_pg.project.secret_columns import masked, masked_key
from migrate_to_pg.records import Finding, Sample, folded
from migrate_to_pg.rules.back.notes import key_written_otherwise, written_otherwise
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.samples import format_value
from migrate_to_pg.sqlite.compare_contents import StoredTable, stored_tables
from migrate_to_pg.sqlite.connection import NUMBER
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number, text
from migrate_to_pg.verify.orm import UNREADABLE
from migrate_to_pg.verify.orm_equality import equality

_CHUNK = 1000
#: Bytes of PostgreSQL's longest name. The journal has PostgreSQL's names.
_LONGEST_NAME = 63
_TABLES: Final = (
    "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
)
# Of one number, the affinity of the column's type decides whether it is an integer or a float.
_DIFFERS: Final = (
    "(n.{c} COLLATE BINARY IS NOT o.{c} OR typeof(n.{c}) <> typeof(o.{c})"
    " AND (typeof(n.{c}) NOT IN ('integer', 'real') OR typeof(o.{c}) NOT IN ('integer', 'real')))"
)
_UNREPAIRED: Final = (
    ' AND o.{row} NOT IN (SELECT row FROM {journal}.changed WHERE "table" = {table} AND "column" = {column})'
)
#: A column's name in small letters -> its declared type, and its place in the primary key.
_Columns = dict[str, tuple[str, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pair:
    """One table in both files."""

    table: StoredTable
    #: Columns of the primary key.
    key: tuple[str, ...]
    #: The other columns that both have.
    columns: tuple[str, ...]
    #: Those that Django reads alike from either file where the cells are equal.
    same_type: frozenset[str]
    #: FROM item of the old table's rows, and what numbers them there: the rowid or the position, as in the journal.
    old: Sql
    old_row: Sql
    #: FROM both tables, as n and o, joined by the key.
    joined: Sql


class KeepForms:
    """The comparison of main with the database attached as ``other``, cell by cell."""

    def __init__(self, connection: BaseDatabaseWrapper, other: str, journal: str = "") -> None:
        """Remember the databases.

        Args:
            connection: Django's, to the new file, in autocommit.
            other: the name under which the old file is attached.
            journal: that of the repairs' journal. '' where nothing was repaired.
        """
        self._connection = connection
        self._database: sqlite3.Connection = connection.connection
        self._other = other
        self._journal = journal
        self._repaired = self._repaired_columns()
        #: Without those that belong to a virtual table, and SQLite's own.
        self._tables = {found for (found,) in self._database.execute(_TABLES)}
        self._fields = {
            folded(model._meta.db_table): {
                folded(str(field.column)): field for field in model._meta.local_concrete_fields
            }
            for model in apps.get_models(include_auto_created=True)
            if not model._meta.proxy
        }

    def run(self) -> Iterator[Finding]:
        """Give the cells their old form. Yield a finding for each column with cells that have another one now."""
        is_changed = False
        with self._without_triggers():
            for table in list(stored_tables(self._database)):
                if table.name in self._tables and (pair := self._pair(table)):
                    if lost := self._count(self._unmatched(pair)):
                        yield key_written_otherwise(table.name, ", ".join(pair.key), lost)
                    for column in self._differing(pair, pair.columns):
                        is_changed |= self._keep(pair, column)
                        yield from self._remaining(pair, column)
            if is_changed:
                self._fill_search_indexes()

    def _repaired_columns(self) -> set[tuple[str, str]]:
        if not self._journal:
            return set()
        query = compose('SELECT DISTINCT "table", "column" FROM {journal}.changed', journal=name(self._journal))
        return set(self._database.execute(query).fetchall())

    @contextmanager
    def _without_triggers(self) -> Iterator[None]:
        """Hold a transaction in which no trigger repeats what it did before."""
        query = "SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger' ORDER BY rowid"
        triggers = self._database.execute(query).fetchall()
        self._database.execute("BEGIN")
        for trigger, _sql in triggers:
            self._database.execute(compose("DROP TRIGGER main.{trigger}", trigger=name(trigger)))
        yield
        for _name, sql in triggers:
            self._database.execute(Sql(sql))
        self._database.execute("COMMIT")

    def _pair(self, table: StoredTable) -> _Pair | None:
        """Return a table of both files that has a primary key."""
        new, old = (self._columns(table.name, schema) for schema in ("main", self._other))
        shared = [column for column in table.columns if folded(column) in old]
        key = sorted((column for column in shared if new[folded(column)][1]), key=lambda c: new[folded(c)][1])
        if not key or len(key) < sum(place > 0 for _type, place in new.values()):
            return None
        on = join(" AND ", [compose("n.{k} = o.{k}", k=name(part)) for part in key])
        rows, row = self._old_rows(table.name, old)
        return _Pair(
            table=table,
            key=tuple(key),
            columns=tuple(column for column in shared if column not in key),
            same_type=frozenset(c for c in shared if folded(new[folded(c)][0]) == folded(old[folded(c)][0])),
            old=rows,
            old_row=row,
            joined=compose(" FROM main.{t} AS n JOIN {old} AS o ON {on}", t=name(table.name), old=rows, on=on),
        )

    def _columns(self, table: str, schema: str) -> _Columns:
        query = "SELECT name, type, pk FROM pragma_table_xinfo(?, ?) WHERE hidden NOT IN (2, 3)"
        return {folded(c): (type_, place) for c, type_, place in self._database.execute(query, [table, schema])}

    def _old_rows(self, table: str, columns: Collection[str]) -> tuple[Sql, Sql]:
        """Return the FROM item of the old table, and the name of what numbers its rows there."""
        rows = compose("{other}.{t}", other=name(self._other), t=name(table))
        query = "SELECT wr FROM pragma_table_list WHERE schema = ? AND lower(name) = lower(?) AND type = 'table'"
        has_rowid = self._database.execute(query, [self._other, table]).fetchone() == (0,)
        free = [Sql(row) for row in ("rowid", "_rowid_", "oid") if row not in columns]
        if has_rowid and free:
            return rows, free[0]
        numbered = "(SELECT CAST(row_number() OVER () AS INTEGER) AS {number}, * FROM {rows} NOT INDEXED)"
        return compose(numbered, number=name(NUMBER), rows=rows), name(NUMBER)

    def _unmatched(self, pair: _Pair) -> Sql:
        on = join(" AND ", [compose("n.{k} = o.{k}", k=name(part)) for part in pair.key])
        return compose(
            "SELECT count(*) FROM main.{t} AS n WHERE NOT EXISTS (SELECT 1 FROM {other}.{t} AS o WHERE {on})",
            t=name(pair.table.name),
            other=name(self._other),
            on=on,
        )

    def _differing(self, pair: _Pair, columns: Sequence[str]) -> list[str]:
        """Return the columns with cells that differ. One pass over both tables."""
        if not columns:
            return []
        sums = join(", ", [compose("sum({differs})", differs=compose(_DIFFERS, c=name(c))) for c in columns])
        found = self._database.execute(compose("SELECT {sums}{joined}", sums=sums, joined=pair.joined)).fetchone()
        return [column for column, count in zip(columns, found, strict=True) if count]

    def _where(self, pair: _Pair, column: str) -> Sql:
        """Return the condition of the cells that differ and that no repair changed."""
        differs = compose(" WHERE " + _DIFFERS, c=name(column))
        wanted = tuple(folded(cut(found, _LONGEST_NAME)) for found in (pair.table.name, column))
        for table, changed in self._repaired:
            if (folded(table), folded(changed)) == wanted:
                parts = {"journal": name(self._journal), "table": text(table), "column": text(changed)}
                differs = join("", [differs, compose(_UNREPAIRED, row=pair.old_row, **parts)])
        return differs

    def _keep(self, pair: _Pair, column: str) -> bool:
        """Give a column's cells their old form, where Django reads the same from it. Return whether any got it."""
        field = self._fields.get(folded(pair.table.name), {}).get(folded(column))
        if field is None or field.remote_field is not None or column not in pair.same_type:
            return False
        if not pair.table.rowid:
            return False
        self._database.execute("CREATE TEMP TABLE migrate_to_pg_same (new INTEGER PRIMARY KEY, old INTEGER NOT NULL)")
        self._find_same(pair, column, field)
        update = compose(
            # A row that a constraint of the new file refuses in its old form stays, and is counted.
            "UPDATE OR IGNORE main.{t} SET {c} = f.c FROM (SELECT s.new, o.{c} AS c FROM temp.migrate_to_pg_same AS s"
            " JOIN {old} AS o ON o.{old_row} = s.old) AS f WHERE main.{t}.{row} = f.new",
            t=name(pair.table.name),
            c=name(column),
            row=pair.table.key[0],
            old=pair.old,
            old_row=pair.old_row,
        )
        count = self._database.execute(update).rowcount
        self._database.execute("DROP TABLE temp.migrate_to_pg_same")
        return count > 0

    def _find_same(self, pair: _Pair, column: str, field: Any) -> None:
        """Write down the rows in which Django reads the same from both cells."""
        is_same, read = equality(field, exact=False), self._reader(field)
        query = compose(
            "SELECT n.{row}, o.{old}, n.{c}, o.{c}{joined}{where}",
            row=pair.table.key[0],
            old=pair.old_row,
            c=name(column),
            joined=pair.joined,
            where=self._where(pair, column),
        )
        cells = self._database.execute(query)
        try:
            while chunk := cells.fetchmany(_CHUNK):
                same = [(new, old) for new, old, now, before in chunk if is_same(read(before), read(now))]
                self._database.executemany("INSERT INTO temp.migrate_to_pg_same VALUES (?, ?)", same)
        except UNREADABLE:
            # The others keep the form of the new file, and are counted.
            cells.close()

    def _reader(self, field: Any) -> Callable[[Any], Any]:
        """Return what Django makes of a value that SQLite's driver gives."""
        column = field.get_col(field.model._meta.db_table)
        converters = [
            *self._connection.ops.get_db_converters(column),
            *column.get_db_converters(self._connection),
        ]

        def read(value: Any) -> Any:
            for convert in converters:
                value = convert(value, column, self._connection)
            return value

        return read

    def _remaining(self, pair: _Pair, column: str) -> Iterator[Finding]:
        """Yield a finding about the cells of a column that are not as they were."""
        where = self._where(pair, column)
        count = self._count(compose("SELECT count(*){joined}{where}", joined=pair.joined, where=where))
        if not count:
            return
        keys = join(", ", [compose("+n.{k}", k=name(part)) for part in pair.key])
        # The plus: the driver would convert a value by the column's declared type.
        query = compose(
            "SELECT {keys}, +o.{c}, +n.{c}{joined}{where} LIMIT {most}",
            keys=keys,
            c=name(column),
            joined=pair.joined,
            where=where,
            most=number(SAMPLES),
        )
        samples = []
        for *parts, before, now in self._database.execute(query):
            key = masked_key(pair.table.name, {k: str(v) for k, v in zip(pair.key, parts, strict=True)})
            shown = (masked(pair.table.name, column, format_value(value, with_class=True)) for value in (before, now))
            samples.append(Sample(key=key, value=" -> ".join(one or "" for one in shown)))
        yield written_otherwise(pair.table.name, column, count, samples)

    def _count(self, query: Sql) -> int:
        return int(self._database.execute(query).fetchone()[0])

    def _fill_search_indexes(self) -> None:
        """Fill the full-text tables again that index texts which may have got their old form."""
        query = "SELECT name, sql FROM main.sqlite_master WHERE type = 'table' AND sql IS NOT NULL"
        for table, sql in self._database.execute(query).fetchall():
            if indexes_other_table(sql):
                fill_search_index(self._database, table)
