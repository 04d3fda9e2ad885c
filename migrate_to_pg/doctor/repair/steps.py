"""The steps of a repair in place: each describes and makes one change of the tables or rows.

A step reads the tables when it is applied, so that each may follow any other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

from migrate_to_pg.doctor.repair.edits import TableEdits
from migrate_to_pg.doctor.repair.rebuild import RebuildError, TableRebuild, rebuild
from migrate_to_pg.doctor.repair.reference_schema import Index, ReferenceTable, lost_indexes
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding
from migrate_to_pg.records.diagnosis import Repaired
from migrate_to_pg.sqlite import ddl
from migrate_to_pg.sqlite.ddl import read_definition, read_statement


class RowsError(RebuildError):
    """The rows of one table of several cannot be replaced."""

    def __init__(self, table: str, reason: str) -> None:
        super().__init__(reason)
        self.table = table


class Step(Protocol):
    """One repair, made completely or not at all."""

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the repairs."""

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the repair. Raise RebuildError or sqlite3.Error where it cannot be made."""

    def repairs(self, finding: Finding) -> bool:
        """Report whether this finding must be gone afterwards."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FixForeignKeys:
    """Let the dangling foreign keys of a table refer to the tables that the migrations name."""

    rule: str
    table: str
    #: The key's columns -> the right table.
    parents: Mapping[tuple[str, ...], str]

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the table that each key refers to now."""
        keys = (
            _("the foreign key on {columns} names {parent}", columns=", ".join(columns), parent=parent)
            for columns, parent in self.parents.items()
        )
        return (Repaired(rule=self.rule, table=self.table, what=_("rebuilt: {keys}", keys="; ".join(keys))),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Rebuild the table."""
        sql = read_statement(database, self.table)
        keys = read_definition(database, self.table).foreign_keys
        wanted = {at: self.parents[key[1]] for at, key in enumerate(keys) if key[1] in self.parents}
        # SQLite counts its foreign keys from the last one written.
        positions = {len(keys) - 1 - at: parent for at, parent in wanted.items()}
        if [token.name.lower() for token in ddl.parents(sql)] != [key[0].lower() for key in reversed(keys)]:
            raise RebuildError(_("the statement of {table} cannot be read as SQLite reads it", table=self.table))
        rebuild(database, TableRebuild(table=self.table, sql=ddl.with_parents(sql, positions), parents=wanted))

    def repairs(self, finding: Finding) -> bool:
        """Report whether the finding is about one of the keys."""
        columns = map(", ".join, self.parents)
        return (finding.rule, finding.table) == (self.rule, self.table) and finding.column in columns


@dataclass(frozen=True, slots=True, kw_only=True)
class RedefineColumns:
    """Define columns of a table as the migrations do: their type, NOT NULL, their key."""

    rule: str
    table: str
    columns: tuple[str, ...]
    reference: ReferenceTable

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the columns."""
        what = _("rebuilt: {columns} defined as the migrations do", columns=", ".join(self.columns))
        return (Repaired(rule=self.rule, table=self.table, what=what),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Rebuild the table."""
        rebuild(database, self.rebuild(database))

    def rebuild(self, database: sqlite3.Connection, edits: TableEdits | None = None) -> TableRebuild:
        """Return the table's new definition and rows."""
        definitions = {column.lower(): self.reference.definition(column) or "" for column in self.columns}
        sql = ddl.with_columns(read_statement(database, self.table), definitions)
        return TableRebuild(table=self.table, sql=sql, redefined=frozenset(definitions), edits=edits)

    def repairs(self, finding: Finding) -> bool:
        """Report whether the finding is about the columns. Indexes belong to another step."""
        same = finding.rule == self.rule and finding.table.lower() == self.table.lower()
        return same and set(finding.column.split(", ")) <= set(self.columns)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplaceRows:
    """Replace the rows of all tables by the repaired ones."""

    done: tuple[Repaired, ...]
    #: SQLite's name of each table -> its edits.
    edits: Mapping[str, TableEdits]
    #: New definitions of these tables.
    definitions: tuple[RedefineColumns, ...] = ()
    #: The part of them that the edits need.
    needed: tuple[RedefineColumns, ...] = ()

    def without_table(self, table: str) -> ReplaceRows | None:
        """Return the step with only the definitions that the edits of that table need, or None if it has no others."""
        needed = tuple(definition for definition in self.needed if definition.table == table)
        others = tuple(definition for definition in self.definitions if definition.table != table)
        smaller = replace(self, definitions=(*others, *needed))
        return smaller if set(smaller.definitions) != set(self.definitions) else None

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe what was changed and merged, then what was defined."""
        return (*self.done, *(repair for definition in self.definitions for repair in definition.repaired()))

    def apply(self, database: sqlite3.Connection) -> None:
        """Rebuild each table with its edited rows: a key may only fit the type that it gets at the same time.

        Raise RowsError with the table where that fails.
        """
        definitions = {definition.table: definition for definition in self.definitions}
        for table, edits in self.edits.items():
            known = definitions.get(table)
            plain = TableRebuild(table=table, sql=read_statement(database, table), edits=edits)
            try:
                rebuild(database, known.rebuild(database, edits) if known else plain)
            except RebuildError as error:
                raise RowsError(table, str(error)) from error

    def repairs(self, finding: Finding) -> bool:
        """Report whether a definition repairs the finding. The repair of rows knows its own findings."""
        return any(definition.repairs(finding) for definition in self.definitions)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIndexes:
    """Create the indexes that the migrations create and the table lacks."""

    rule: str
    table: str
    indexes: tuple[Index, ...]
    reference: ReferenceTable

    def remaining(self, database: sqlite3.Connection) -> CreateIndexes | None:
        """Return what is left to do: a redefined column may have created its unique index."""
        lost = tuple(lost_indexes(database, self.table, self.reference))
        return replace(self, indexes=lost) if lost else None

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the indexes."""
        count = pluralize(len(self.indexes), "index", "indexes")
        what = _("{count} made: {indexes}", count=count, indexes=", ".join(index.name for index in self.indexes))
        return (Repaired(rule=self.rule, table=self.table, what=what),)

    def apply(self, database: sqlite3.Connection) -> None:
        """Create them. SQLite refuses a unique one where there are duplicates."""
        for index in self.indexes:
            database.execute(index.sql)

    def repairs(self, finding: Finding) -> bool:
        """Return False: schema-drift may report more about the table, and SQLite itself confirms an index."""
        return False
