"""Copy from one SQLite database to another what no migration makes: tables, indexes, views and triggers.

SQLite's own statements make them, and SQLite copies the rows: each value keeps its storage class, each row its rowid.
The tables behind a virtual table are copied as they are. A full-text index of another table is made anew from it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.move_back.make_schema import fill_search_index, indexes_other_table
from migrate_to_pg.records import Finding, folded
from migrate_to_pg.rules.back.notes import left_in_old_file
from migrate_to_pg.sqlite.compare_contents import StoredTable, same_rows, stored_tables
from migrate_to_pg.sqlite.ddl import read_definition
from migrate_to_pg.sqlite.sql import Sql, compose, name, names

_STATEMENTS = (
    "SELECT type, name, tbl_name, sql FROM {other}.sqlite_master WHERE sql IS NOT NULL"
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
    # In the order in which one may need another.
    " ORDER BY CASE type WHEN 'table' THEN 1 WHEN 'index' THEN 2 WHEN 'view' THEN 3 ELSE 4 END, rowid"
)
_KINDS = "SELECT name, type FROM pragma_table_list WHERE schema = ?"


class CopyAsIs:
    """The copy from the database attached as ``other`` into main."""

    def __init__(self, database: sqlite3.Connection, other: str) -> None:
        self._database = database
        self._other = name(other)
        self._kinds: dict[str, str] = dict(database.execute(_KINDS, [other]).fetchall())
        self._known = {folded(found) for (found,) in database.execute("SELECT name FROM main.sqlite_master")}
        statements = database.execute(compose(_STATEMENTS, other=self._other)).fetchall()
        self._search_indexes = [own_name for __, own_name, __, sql in statements if indexes_other_table(sql)]
        #: The tables that were made here.
        self.made: set[str] = set()
        self._missing = [row for row in statements if folded(row[1]) not in self._known and not self._is_shadow(row[1])]

    def run(self) -> Iterator[Finding]:
        """Yield a finding for each object that SQLite does not make here.

        Raises VerificationError where the rows of a table are not the same afterwards.
        """
        yield from self._make("table")
        for stored in stored_tables(self._database):
            if self._is_to_be_copied(stored):
                self._copy(stored)
        # After the rows: a trigger would repeat what it did before.
        for kind in ("index", "view", "trigger"):
            yield from self._make(kind)

    def _make(self, wanted: str) -> Iterator[Finding]:
        for kind, own_name, table, sql in self._missing:
            if kind != wanted:
                continue
            try:
                self._database.execute(Sql(sql))
                if kind == "table":
                    self.made.add(own_name)
                if own_name in self._search_indexes:
                    fill_search_index(self._database, own_name)
            except (sqlite3.Error, UnicodeEncodeError) as error:
                yield left_in_old_file(kind, own_name, table, str(error))

    def _is_shadow(self, table: str) -> bool:
        return self._kinds.get(table) == "shadow"

    def _is_to_be_copied(self, stored: StoredTable) -> bool:
        """Return whether a table was made here, or belongs to a virtual table with rows of its own."""
        if self._is_shadow(stored.name):
            return not any(stored.name.startswith(f"{index}_") for index in self._search_indexes)
        return self._kinds.get(stored.name) == "table" and stored.name in self.made

    def _copy(self, stored: StoredTable) -> None:
        old = compose("{other}.{table}", other=self._other, table=name(stored.name))
        new = compose("main.{table}", table=name(stored.name))
        # A column that is an alias of the rowid already copies it.
        with_rowid = stored.rowid and not read_definition(self._database, stored.name).rowid_column
        columns = names(stored.columns)
        listed = compose("{key}, {columns}", key=stored.key[0], columns=columns) if with_rowid else columns
        parts = {"old": old, "new": new, "columns": listed}
        self._database.execute("PRAGMA ignore_check_constraints = ON")
        # A virtual table that was just made has rows about itself.
        self._database.execute(compose("DELETE FROM {new}", **parts))
        self._database.execute(compose("INSERT INTO {new} ({columns}) SELECT {columns} FROM {old}", **parts))
        self._database.execute("PRAGMA ignore_check_constraints = OFF")
        if not same_rows(self._database, old, new, stored.columns, stored.key):
            raise VerificationError(
                _("Table {table} is not the same in the new file as in the old one.", table=stored.name),
                remedy=_("No file was made. Please report this."),
            )
        known = "SELECT count(*) FROM main.sqlite_master WHERE name = 'sqlite_sequence'"
        if not self._database.execute(known).fetchone()[0]:
            return
        # An UPDATE would not find a table that is empty now.
        self._database.execute("DELETE FROM main.sqlite_sequence WHERE name = ?", [stored.name])
        query = "INSERT INTO main.sqlite_sequence SELECT name, seq FROM {other}.sqlite_sequence WHERE name = ?"
        if self._kinds.get("sqlite_sequence"):
            self._database.execute(compose(query, other=self._other), [stored.name])
