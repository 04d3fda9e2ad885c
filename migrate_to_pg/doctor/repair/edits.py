"""Turn a journal of edits into SQL that applies one table's edits while it is rebuilt.

The journal and the working copy are attached to the repairing connection. Their values never pass through Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.row_repair.journal import ROW, rows_table
from migrate_to_pg.sqlite.compare_contents import StoredTable
from migrate_to_pg.sqlite.connection import NUMBER, snapshot_uri
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, text

#: Schema names of the attached journal, and of the working copy with the repaired rows.
_JOURNAL, REPAIRED = "migrate_to_pg_journal", "migrate_to_pg_repaired"

#: First and last value of each cell, which may have been changed several times.
_NET_EDITS = """
CREATE TABLE edits ("table" TEXT, "column" TEXT, row INTEGER, old, new, PRIMARY KEY ("table", "column", row))
    WITHOUT ROWID;
INSERT INTO edits
    SELECT f."table", f."column", f.row, f.old, l.new
    FROM (SELECT min(rowid) AS first, max(rowid) AS last FROM changed GROUP BY "table", "column", row)
    JOIN changed AS f ON f.rowid = first JOIN changed AS l ON l.rowid = last
    WHERE f.old IS NOT l.new OR typeof(f.old) <> typeof(l.new);
"""
_EDITED = """
SELECT "table", "column" FROM edits GROUP BY 1, 2 UNION ALL SELECT "table", '' FROM aside GROUP BY 1 ORDER BY 1, 2
"""


def net_edits(journal: Path) -> dict[str, set[str]]:
    """Write the net edits into the journal, and return table -> edited columns, by PostgreSQL's names.

    A table of which rows are only removed has no columns.
    """
    found: dict[str, set[str]] = {}
    with closing(sqlite3.connect(journal, isolation_level=None)) as database:
        database.executescript(_NET_EDITS)
        for table, column in database.execute(_EDITED):
            found.setdefault(table, set()).update({column} - {""})
    return found


def attach(database: sqlite3.Connection, working: Path, journal: Path) -> None:
    """Attach both databases to the repairing connection."""
    database.execute(f"ATTACH ? AS {REPAIRED}", [snapshot_uri(working)])
    database.execute(f"ATTACH ? AS {_JOURNAL}", [snapshot_uri(journal)])


@dataclass(frozen=True, slots=True, kw_only=True)
class TableEdits:
    """The edits of the rows of one table."""

    #: PostgreSQL's name of it.
    table: str
    #: SQLite's name of each column that is edited -> PostgreSQL's.
    columns: Mapping[str, str]

    @property
    def numbers(self) -> frozenset[str]:
        """The edited columns, in lower case, in which a declared type may convert 36.0 to 36."""
        return frozenset(column.lower() for column in self.columns)

    def selection(self, old: StoredTable, *, with_rowid: bool) -> Sql:
        """Return the query for the repaired rows, made of the present ones."""
        own = compose("o.{row}", row=_number(old))
        cells = [self._cell(column, own) for column in old.columns]
        return compose(
            'SELECT {cells} FROM {table} AS o WHERE {row} NOT IN (SELECT row FROM {j}.aside WHERE "table" = {t})',
            cells=join(", ", [own, *cells] if with_rowid else cells),
            table=_numbered(old),
            row=own,
            j=Sql(_JOURNAL),
            t=text(self.table),
        )

    def _cell(self, column: str, row: Sql) -> Sql:
        if column not in self.columns:
            return compose("o.{c}", c=name(column))
        edit = compose(
            'FROM {j}.edits AS e WHERE e."table" = {t} AND e."column" = {pg} AND e.row = {row}',
            j=Sql(_JOURNAL),
            t=text(self.table),
            pg=text(self.columns[column]),
            row=row,
        )
        return compose("iif(EXISTS (SELECT 1 {edit}), (SELECT e.new {edit}), o.{c})", edit=edit, c=name(column))

    def is_outdated(self, database: sqlite3.Connection, old: StoredTable) -> bool:
        """Report whether any cell or row to edit has changed since the edit was decided on."""
        checks = [self._changed_since(old, column) for column in self.columns]
        has_rows = compose("SELECT count(*) FROM {j}.sqlite_master WHERE name = ?", j=Sql(_JOURNAL))
        if database.execute(has_rows, [rows_table(self.table)]).fetchone()[0]:
            checks.append(self._row_changed_since(old))
        return any(database.execute(check).fetchone() for check in checks)

    def _changed_since(self, old: StoredTable, column: str) -> Sql:
        return compose(
            "SELECT 1 FROM {j}.edits AS e LEFT JOIN {table} AS o ON o.{row} = e.row"
            ' WHERE e."table" = {t} AND e."column" = {c} AND (o.{row} IS NULL OR {differs}) LIMIT 1',
            j=Sql(_JOURNAL),
            table=_numbered(old),
            row=_number(old),
            t=text(self.table),
            c=text(self.columns[column]),
            differs=_differs(compose("o.{c}", c=name(column)), Sql("e.old")),
        )

    def _row_changed_since(self, old: StoredTable) -> Sql:
        pairs = ((compose("o.{c}", c=name(c)), compose("e.{c}", c=name(c))) for c in old.columns)
        return compose(
            "SELECT 1 FROM {j}.{rows} AS e LEFT JOIN {table} AS o ON o.{row} = e.{id}"
            " WHERE o.{row} IS NULL OR {differs} LIMIT 1",
            j=Sql(_JOURNAL),
            rows=name(rows_table(self.table)),
            table=_numbered(old),
            row=_number(old),
            id=name(ROW),
            differs=join(" OR ", (_differs(here, there) for here, there in pairs)),
        )


def _number(old: StoredTable) -> Sql:
    return old.key[0] if old.rowid else name(NUMBER)


def _numbered(old: StoredTable) -> Sql:
    """Return the rows with the journal's row numbers: positions where a table has no rowid."""
    table = compose("main.{table}", table=name(old.name))
    if old.rowid:
        return table
    return compose("(SELECT row_number() OVER () AS {n}, * FROM {table} NOT INDEXED)", n=name(NUMBER), table=table)


def _differs(here: Sql, there: Sql) -> Sql:
    return compose("{h} COLLATE BINARY IS NOT {t} OR typeof({h}) <> typeof({t})", h=here, t=there)
