"""The repairs in place, each for findings of one table, or of rows: what it is going to do, and how in a transaction.

A step looks at the tables as they are when it is its turn, so that each may follow any other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from migrate_to_pg.doctor.repair.drift import lost_indexes
from migrate_to_pg.doctor.repair.edits import Edits
from migrate_to_pg.doctor.repair.rebuild import Rebuild, RebuildError, rebuild
from migrate_to_pg.doctor.repair.reference_schema import Index, ReferenceTable
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding
from migrate_to_pg.records.diagnosis import Repaired
from migrate_to_pg.sqlite import ddl_statement
from migrate_to_pg.sqlite.ddl import read_definition


class RowsError(RebuildError):
    """The rows of one table of several cannot be put in the place of those that were."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(reason)
        self.table = table


class Step(Protocol):
    """One repair: all of it is made, or nothing."""

    def repaired(self) -> tuple[Repaired, ...]:
        """What it does, in words."""

    def apply(self, database: sqlite3.Connection) -> None:
        """Do it. Raises RebuildError or sqlite3.Error where it cannot be done."""

    def repairs(self, finding: Finding) -> bool:
        """Whether this very finding must be gone afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NameParents:
    """Let the dangling foreign keys of a table name the tables that the migrations name."""

    rule: str
    table: str
    #: The key's columns -> the right table.
    parents: Mapping[tuple[str, ...], str]

    def repaired(self) -> tuple[Repaired, ...]:
        """Which table each key names now."""
        keys = (
            _("the foreign key on {columns} names {parent}", columns=", ".join(columns), parent=parent)
            for columns, parent in self.parents.items()
        )
        return (Repaired(rule=self.rule, table=self.table, what=_("rebuilt: {keys}", keys="; ".join(keys))),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the table anew."""
        sql = _statement(database, self.table)
        keys = read_definition(database, self.table).foreign_keys
        wanted = {at: self.parents[key[1]] for at, key in enumerate(keys) if key[1] in self.parents}
        # SQLite counts its foreign keys from the last one written.
        positions = {len(keys) - 1 - at: parent for at, parent in wanted.items()}
        if [token.name.lower() for token in ddl_statement.parents(sql)] != [key[0].lower() for key in reversed(keys)]:
            raise RebuildError(_("the statement of {table} cannot be read as SQLite reads it", table=self.table))
        rebuild(database, Rebuild(table=self.table, sql=ddl_statement.with_parents(sql, positions), parents=wanted))

    def repairs(self, finding: Finding) -> bool:
        """Each key that it names."""
        columns = map(", ".join, self.parents)
        return (finding.rule, finding.table) == (self.rule, self.table) and finding.column in columns


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineColumns:
    """Define columns of a table as the migrations do: their type, NOT NULL, their key."""

    rule: str
    table: str
    columns: tuple[str, ...]
    reference: ReferenceTable

    def repaired(self) -> tuple[Repaired, ...]:
        """Which columns."""
        what = _("rebuilt: {columns} defined as the migrations do", columns=", ".join(self.columns))
        return (Repaired(rule=self.rule, table=self.table, what=what),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the table anew."""
        rebuild(database, self.rebuild(database))

    def rebuild(self, database: sqlite3.Connection, edits: Edits | None = None) -> Rebuild:
        """What becomes of the table, and of its rows."""
        definitions = {column.lower(): self.reference.definition(column) or "" for column in self.columns}
        sql = ddl_statement.with_columns(_statement(database, self.table), definitions)
        return Rebuild(table=self.table, sql=sql, redefined=frozenset(definitions), edits=edits)

    def repairs(self, finding: Finding) -> bool:
        """Its columns; indexes are another step's."""
        same = finding.rule == self.rule and finding.table.lower() == self.table.lower()
        return same and set(finding.column.split(", ")) <= set(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditRows:
    """Put the mended rows of all tables in the place of those that were."""

    done: tuple[Repaired, ...]
    #: SQLite's name of each table -> its edits.
    edits: Mapping[str, Edits]
    #: What is defined otherwise on the way.
    definitions: tuple[DefineColumns, ...] = ()
    #: Those of them that the edits need.
    needed: tuple[DefineColumns, ...] = ()

    def without_table(self, table: str) -> EditRows | None:
        """The same with no more definitions in that table than the edits need; None where there are no others."""
        needed = tuple(definition for definition in self.needed if definition.table == table)
        others = tuple(definition for definition in self.definitions if definition.table != table)
        lesser = replace(self, definitions=(*others, *needed))
        return lesser if set(lesser.definitions) != set(self.definitions) else None

    def repaired(self) -> tuple[Repaired, ...]:
        """What was changed and merged, then what was defined."""
        return (*self.done, *(told for definition in self.definitions for told in definition.repaired()))

    def apply(self, database: sqlite3.Connection) -> None:
        """Make each table anew with its edited rows: a key may only fit the type that it gets at the same time.

        Raises RowsError where that fails, which says of which table.
        """
        definitions = {definition.table: definition for definition in self.definitions}
        for table, edits in self.edits.items():
            known = definitions.get(table)
            plain = Rebuild(table=table, sql=_statement(database, table), edits=edits)
            try:
                rebuild(database, known.rebuild(database, edits) if known else plain)
            except RebuildError as error:
                raise RowsError(table, str(error)) from error

    def repairs(self, finding: Finding) -> bool:
        """Those of the definitions; of rows it is known which findings are to be gone."""
        return any(definition.repairs(finding) for definition in self.definitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeIndexes:
    """Make the indexes that the migrations make and the table lacks."""

    rule: str
    table: str
    indexes: tuple[Index, ...]
    reference: ReferenceTable

    def still_due(self, database: sqlite3.Connection) -> MakeIndexes | None:
        """What of it is left to be done: a column that was defined anew may have brought its unique index along."""
        lost = tuple(lost_indexes(database, self.table, self.reference))
        return replace(self, indexes=lost) if lost else None

    def repaired(self) -> tuple[Repaired, ...]:
        """Which indexes."""
        count = pluralize(len(self.indexes), "index", "indexes")
        what = _("{count} made: {indexes}", count=count, indexes=", ".join(index.name for index in self.indexes))
        return (Repaired(rule=self.rule, table=self.table, what=what),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Make them; SQLite refuses a unique one where there are duplicates."""
        for index in self.indexes:
            database.execute(index.sql)

    def repairs(self, finding: Finding) -> bool:
        """Never all that schema-drift may tell of a table; what it repairs, SQLite says itself."""
        return False


def _statement(database: sqlite3.Connection, table: str) -> str:
    query = "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    (sql,) = database.execute(query, [table]).fetchone()
    return str(sql)


def _keywords(sql: str) -> set[str]:
    return {token.keyword for token in ddl_statement.tokens(sql)}
