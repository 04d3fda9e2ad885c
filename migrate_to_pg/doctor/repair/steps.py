"""The steps of a repair in place: each describes and makes one change of the schema. Neither touches a row."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Protocol

from migrate_to_pg.doctor.repair.reference_schema import Index, ReferenceTable, lost_indexes
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding
from migrate_to_pg.records.diagnosis import Repaired
from migrate_to_pg.sqlite.sql import compose, name


class Step(Protocol):
    """One repair, made completely or not at all."""

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the repairs."""

    def apply(self, database: sqlite3.Connection) -> None:
        """Make the repair. Raise sqlite3.Error where it cannot be made."""

    def repairs(self, finding: Finding) -> bool:
        """Report whether this finding must be gone afterwards."""


def prepare(database: sqlite3.Connection) -> None:
    """Set, before the transaction, that a rename corrects foreign keys, and leaves triggers and views alone."""
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA legacy_alter_table = ON")


@dataclass(frozen=True, slots=True, kw_only=True)
class FixForeignKeys:
    """Let all foreign keys that name a missing table refer to the one that the migrations name."""

    rule: str
    missing: str
    parent: str
    #: (table, columns) of each key.
    keys: tuple[tuple[str, tuple[str, ...]], ...]

    def repaired(self) -> tuple[Repaired, ...]:
        """Describe the table that each key refers to now."""
        return tuple(
            Repaired(
                rule=self.rule,
                table=table,
                what=_("the foreign key on {columns} names {parent}", columns=", ".join(columns), parent=self.parent),
            )
            for table, columns in self.keys
        )

    def apply(self, database: sqlite3.Connection) -> None:
        """Rename the table to the missing name and back, which corrects every key (sqlite.org/lang_altertable.html)."""
        with _last_ids_kept(database, (self.parent, self.missing)):
            for old, new in ((self.parent, self.missing), (self.missing, self.parent)):
                database.execute(compose("ALTER TABLE main.{old} RENAME TO {new}", old=name(old), new=name(new)))

    def repairs(self, finding: Finding) -> bool:
        """Report whether the finding is about one of the keys."""
        places = {(table, ", ".join(columns)) for table, columns in self.keys}
        return finding.rule == self.rule and (finding.table, finding.column) in places


@contextmanager
def _last_ids_kept(database: sqlite3.Connection, tables: tuple[str, str]) -> Iterator[None]:
    """Restore what AUTOINCREMENT remembers: a row of the missing name may be left, which a rename would take over."""
    if not database.execute("SELECT 1 FROM main.sqlite_master WHERE name = 'sqlite_sequence'").fetchone():
        yield
        return
    query = "SELECT rowid, name, seq FROM main.sqlite_sequence WHERE name COLLATE NOCASE IN (?, ?)"
    kept = database.execute(query, tables).fetchall()
    yield
    database.execute("DELETE FROM main.sqlite_sequence WHERE name COLLATE NOCASE IN (?, ?)", tables)
    database.executemany("INSERT INTO main.sqlite_sequence (rowid, name, seq) VALUES (?, ?, ?)", kept)


@dataclass(frozen=True, slots=True, kw_only=True)
class CreateIndexes:
    """Create the indexes that the migrations create and the table lacks."""

    rule: str
    table: str
    indexes: tuple[Index, ...]
    reference: ReferenceTable

    def remaining(self, database: sqlite3.Connection) -> CreateIndexes | None:
        """Return what is left to do."""
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
