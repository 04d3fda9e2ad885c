"""The repairs of the schema, each for one finding: what it is going to do, and how it does it in a transaction.

A step looks at the tables as they are when it is its turn, so that each may follow any other.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol

from migrate_to_pg.records import Finding
from migrate_to_pg.repair import statement
from migrate_to_pg.repair.rebuild import Rebuild, RebuildError, rebuild
from migrate_to_pg.repair.reference import Index, ReferenceTable, read_indexes
from migrate_to_pg.repair.shape import Shape, read_shape
from migrate_to_pg.rules.rule import counted
from migrate_to_pg.rules.schema_drift import affinity

#: What a column's definition may hold that Django's would not: it is not thrown away.
_OWN = frozenset({"CHECK", "COLLATE", "GENERATED", "AS"})


class Step(Protocol):
    """One repair of one table."""

    @property
    def rule(self) -> str:
        """The rule whose finding it repairs."""

    @property
    def table(self) -> str:
        """The table, as SQLite spells it."""

    @property
    def what(self) -> str:
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

    @property
    def what(self) -> str:
        """Which table each key names now."""
        keys = (f"the foreign key on {', '.join(columns)} names {parent}" for columns, parent in self.parents.items())
        return f"rebuilt: {'; '.join(keys)}"

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the table anew."""
        sql = _statement(database, self.table)
        keys = read_shape(database, self.table).foreign_keys
        wanted = {at: self.parents[key[1]] for at, key in enumerate(keys) if key[1] in self.parents}
        # SQLite counts its foreign keys from the last one written.
        positions = {len(keys) - 1 - at: parent for at, parent in wanted.items()}
        if [token.name.lower() for token in statement.parents(sql)] != [key[0].lower() for key in reversed(keys)]:
            raise RebuildError(f"the statement of {self.table} cannot be read as SQLite reads it")
        rebuild(database, Rebuild(table=self.table, sql=statement.with_parents(sql, positions), parents=wanted))

    def repairs(self, finding: Finding) -> bool:
        """Each key that it names."""
        return finding.table == self.table and finding.column in map(", ".join, self.parents)


@dataclass(frozen=True, slots=True, kw_only=True)
class DefineColumns:
    """Define columns of a table as the migrations do: their type, NOT NULL, their key."""

    rule: str
    table: str
    columns: tuple[str, ...]
    reference: ReferenceTable

    @property
    def what(self) -> str:
        """Which columns."""
        return f"rebuilt: {', '.join(self.columns)} defined as the migrations do"

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the table anew."""
        sql = _statement(database, self.table)
        own = {column.name.lower(): column.text for column in statement.columns(sql)}
        definitions = {column.lower(): self._definition(column, own) for column in self.columns}
        new = statement.with_columns(sql, definitions)
        rebuild(database, Rebuild(table=self.table, sql=new, redefined=frozenset(definitions)))

    def repairs(self, finding: Finding) -> bool:
        """Its columns; indexes are another step's."""
        return finding.table.lower() == self.table.lower() and set(finding.column.split(", ")) <= set(self.columns)

    def _definition(self, column: str, own: Mapping[str, str]) -> str:
        new = self.reference.definition(column) or ""
        lost = _OWN & (_keywords(own.get(column.lower(), "")) - _keywords(new))
        if not new or lost:
            what = f"has {' and '.join(sorted(lost))} of its own" if lost else "is not Django's"
            raise RebuildError(f"the definition of {self.table}.{column} {what}")
        return new


@dataclass(frozen=True, slots=True, kw_only=True)
class MakeIndexes:
    """Make the indexes that the migrations make and the table lacks."""

    rule: str
    table: str
    indexes: tuple[Index, ...]

    @property
    def what(self) -> str:
        """Which indexes."""
        count = counted(len(self.indexes), "index", "indexes")
        return f"{count} made: {', '.join(index.name for index in self.indexes)}"

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
    return {token.keyword for token in statement.tokens(sql)}


def drifted_columns(shape: Shape, reference: Shape) -> Iterator[str]:
    """The columns that have lost their type, their NOT NULL or their place in the primary key."""
    wanted = {column[0].lower(): column for column in reference.columns}
    for name, declared, not_null, _, position, _ in shape.columns:
        if name.lower() in wanted:
            _, type_wanted, not_null_wanted, _, position_wanted, _ = wanted[name.lower()]
            same_type = affinity(declared) == affinity(type_wanted)
            if not same_type or (not_null_wanted and not not_null) or (position_wanted and not position):
                yield name


def lost_indexes(database: sqlite3.Connection, table: str, reference: ReferenceTable) -> Iterator[Index]:
    """The indexes of the reference that the table lacks, and that no other index stands in for."""
    own = list(read_indexes(database, table))
    key = read_shape(database, table).rowid_column
    for index in reference.indexes:
        if index.sql and not any(_stands_in(other, index) for other in own) and index.columns != ((key or "").lower(),):
            yield index


def _stands_in(own: Index, wanted: Index) -> bool:
    """Whether an index of the table does what the wanted one would; of one with a condition, the name alone is told."""
    if own.name.lower() == wanted.name.lower():
        return True
    if own.columns is None or wanted.columns is None:
        return False
    if wanted.unique:
        return own.unique and set(own.columns) <= set(wanted.columns)
    return own.columns[: len(wanted.columns)] == wanted.columns
