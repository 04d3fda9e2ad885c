"""Repair rows on a working copy, and turn the journal of edits into SQL that replays them while a table is rebuilt.

The repairs are those of ``migrate_to_pg --fix``, made by the same code. The journal and the working copy are attached
to the repairing connection. Their values never pass through Python.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.doctor.diagnose import stage
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding, Plan, PlannedTable, Progress, SourceCatalog
from migrate_to_pg.records.diagnosis import NotRepaired, Repaired
from migrate_to_pg.records.repairs import ChangedCells, RepairResult
from migrate_to_pg.row_repair.engine import Accepted, needs_repair, repair_rows
from migrate_to_pg.row_repair.journal import ROW, rows_table
from migrate_to_pg.sqlite.compare_contents import StoredTable
from migrate_to_pg.sqlite.connection import NUMBER, snapshot_uri
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, text
from migrate_to_pg.system.workdir import WorkDirectory

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
        cells = []
        for column in old.columns:
            if column not in self.columns:
                cells.append(compose("o.{c}", c=name(column)))
                continue
            edit = compose(
                'FROM {j}.edits AS e WHERE e."table" = {t} AND e."column" = {pg} AND e.row = {row}',
                j=Sql(_JOURNAL),
                t=text(self.table),
                pg=text(self.columns[column]),
                row=own,
            )
            cell = "iif(EXISTS (SELECT 1 {edit}), (SELECT e.new {edit}), o.{c})"
            cells.append(compose(cell, edit=edit, c=name(column)))
        return compose(
            'SELECT {cells} FROM {table} AS o WHERE {row} NOT IN (SELECT row FROM {j}.aside WHERE "table" = {t})',
            cells=join(", ", [own, *cells] if with_rowid else cells),
            table=_numbered(old),
            row=own,
            j=Sql(_JOURNAL),
            t=text(self.table),
        )

    def is_outdated(self, database: sqlite3.Connection, old: StoredTable) -> bool:
        """Report whether any cell or row to edit has changed since the edit was decided on."""
        checks = [
            compose(
                "SELECT 1 FROM {j}.edits AS e LEFT JOIN {table} AS o ON o.{row} = e.row"
                ' WHERE e."table" = {t} AND e."column" = {c} AND (o.{row} IS NULL OR {differs}) LIMIT 1',
                j=Sql(_JOURNAL),
                table=_numbered(old),
                row=_number(old),
                t=text(self.table),
                c=text(self.columns[column]),
                differs=_differs(compose("o.{c}", c=name(column)), Sql("e.old")),
            )
            for column in self.columns
        ]
        has_rows = compose("SELECT count(*) FROM {j}.sqlite_master WHERE name = ?", j=Sql(_JOURNAL))
        if database.execute(has_rows, [rows_table(self.table)]).fetchone()[0]:
            pairs = ((compose("o.{c}", c=name(c)), compose("e.{c}", c=name(c))) for c in old.columns)
            checks.append(
                compose(
                    "SELECT 1 FROM {j}.{rows} AS e LEFT JOIN {table} AS o ON o.{row} = e.{id}"
                    " WHERE o.{row} IS NULL OR {differs} LIMIT 1",
                    j=Sql(_JOURNAL),
                    rows=name(rows_table(self.table)),
                    table=_numbered(old),
                    row=_number(old),
                    id=name(ROW),
                    differs=join(" OR ", (_differs(here, there) for here, there in pairs)),
                )
            )
        return any(database.execute(check).fetchone() for check in checks)


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


@dataclass(frozen=True, slots=True, kw_only=True)
class RepairedRows:
    """The result of the accepted repairs of rows."""

    #: SQLite databases with the repaired rows and the edits.
    working: Path
    journal: Path
    result: RepairResult
    #: The tables that are edited, by SQLite's name, with their edits.
    edits: tuple[tuple[PlannedTable, TableEdits], ...]
    #: Findings afterwards: repaired ones are marked as applied.
    findings: tuple[Finding, ...]

    def changes(self, table: str, column: str) -> Iterator[ChangedCells]:
        """Return the changes of a column, by PostgreSQL's names."""
        return (cells for cells in self.result.changed if (cells.table, cells.column) == (table, column))

    def repaired(self) -> Iterator[Repaired]:
        """Describe the repairs by SQLite's names of the tables."""
        own = {table.name: table.source.name for table, __ in self.edits}
        for cells in self.result.changed:
            changed = pluralize(cells.count, "value", "values")
            what = _(
                "{changed} of {column} changed; the old ones are in the backup", changed=changed, column=cells.column
            )
            yield Repaired(rule=cells.rule, table=own.get(cells.table, cells.table), what=what)
        for rows in self.result.removed:
            what = _(
                "{rows} merged into those that stay; the backup has them as they were",
                rows=pluralize(rows.count, "row", "rows"),
            )
            yield Repaired(rule=rows.rule, table=own.get(rows.table, rows.table), what=what)

    def remaining(self, rules: frozenset[str], skipped: Collection[str]) -> Iterator[NotRepaired]:
        """Yield what is left of those rules' findings, except in skipped tables."""
        for finding in self.findings:
            if finding.rule in rules and not finding.applied and finding.table not in skipped:
                rows = pluralize(finding.count, "row", "rows")
                reason = _("{rows} without an unambiguous value, to be corrected by hand", rows=rows)
                yield NotRepaired(rule=finding.rule, table=finding.table, column=finding.column, reason=reason)


def repaired_rows(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    findings: tuple[Finding, ...],
    *,
    rules: frozenset[str],
    skipped: Collection[str],
    place: WorkDirectory,
    progress: Progress,
) -> RepairedRows | None:
    """Make the repairs on a copy, except in the tables ``skipped``. Return None where nothing needs them."""
    accepted = Accepted(fix=rules, skipped_tables=frozenset(skipped))
    if not needs_repair(findings, accepted):
        return None
    working, journal = place.working_copy, place.unfinished_journal
    with stage(progress, "trial"):
        result, __, remaining = repair_rows(
            plan, catalog, snapshot, findings, accepted=accepted, working=working, journal=journal, progress=progress
        )
        edited = net_edits(journal)
    tables = [(table, edited[table.name]) for table in plan.tables if table.name in edited]
    return RepairedRows(
        working=working,
        journal=journal,
        result=result,
        edits=tuple(
            (
                table,
                TableEdits(table=table.name, columns={c.source.name: c.name for c in table.columns if c.name in names}),
            )
            for table, names in tables
        ),
        findings=remaining,
    )
