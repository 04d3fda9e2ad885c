"""Check the journal of the repairs against the snapshot, and determine the rows that PostgreSQL should hold.

The snapshot with the edits of the journal must be what PostgreSQL holds, cell by cell: an edit without a line, or a
line without an edit, is a difference. Nothing of the journal is believed. Each line must begin at the snapshot's own
value, in a column that an accepted repair may change, and each row that was taken out must be kept complete. Whether a
new value is the right one is a matter of each rule's own tests.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked
from migrate_to_pg.records import Plan, PlannedColumn, PlannedTable
from migrate_to_pg.records.repairs import RepairResult, RowOutcome
from migrate_to_pg.sqlite.connection import NUMBER, numbered_rows, quote_name, row_number, snapshot_uri
from migrate_to_pg.verify.differences import TableDifferences
from migrate_to_pg.verify.sqlite_reader import Relation, Source, snapshot_relation

MERGE, ORPHAN = "duplicate-key", "foreign-key-orphan"
#: The rules whose repairs change keys alone: those of foreign keys, or generic ones.
KEY_RULES = frozenset({MERGE, ORPHAN, "code-in-key", "empty-key"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpectedTable:
    """The rows of one table that PostgreSQL should hold, and how the repairs account for the others."""

    #: The rows as the snapshot has them, and as they should be now.
    original: Relation
    relation: Relation
    #: What the journal says and the snapshot does not.
    unexplained: TableDifferences | None = None
    quarantined: int = 0
    merged: int = 0
    #: How many cells repairs changed; one that was changed twice counts once.
    cells_changed: int = 0


def unrepaired(relation: Relation) -> ExpectedTable:
    """Return a table that was not repaired."""
    return ExpectedTable(original=relation, relation=relation)


def expected_tables(
    plan: Plan, source: Source, repairs: RepairResult | None
) -> tuple[dict[str, ExpectedTable], list[TableDifferences]]:
    """Return the tables that were repaired, and the journal's differences in tables outside the plan.

    Raises:
        VerificationError: The journal cannot be read.
    """
    if repairs is None:
        return {}, []
    try:
        uri = snapshot_uri(repairs.journal.resolve())
        journal = _Journal(plan, repairs, source.open(attached=uri), uri)
        tables = {table.name: journal.table(table) for table in plan.tables if table.name in journal.names}
    except sqlite3.Error as error:
        raise VerificationError(
            _("The verification could not follow the record of the repairs: {error}", error=error),
            remedy=_("Nothing was published. Run again; if it happens again, please report this."),
        ) from error
    return tables, [journal.differences_of(name) for name in journal.names if name not in tables]


class _Journal:
    """The snapshot and the journal, as ``main`` and ``attached`` of one connection."""

    def __init__(self, plan: Plan, repairs: RepairResult, database: sqlite3.Connection, uri: str) -> None:
        self._plan = plan
        self._uri = uri
        self._repairs = repairs
        self._database = database
        self._differences: dict[str, TableDifferences] = {}
        changed = {(c.rule, c.table, c.column): c.count for c in repairs.changed}
        aside = {(a.rule, a.table, str(a.outcome)): a.count for a in repairs.removed}
        self._check_sums('SELECT rule, "table", "column", count(*) FROM attached.changed GROUP BY 1, 2, 3', changed)
        self._check_sums('SELECT rule, "table", fate, count(*) FROM attached.aside GROUP BY 1, 2, 3', aside)
        #: The tables that it has lines of.
        self.names = list(self._differences)

    def differences_of(self, name: str) -> TableDifferences:
        """Return the differences found in the lines of one table."""
        return self._differences.setdefault(name, TableDifferences(name))

    def _check_sums(self, query: str, reported: dict[tuple[str, str, str], int]) -> None:
        """Count each sum that differs between the report and the journal. A table outside the plan may have no line."""
        recorded = {(rule, table, what): count for rule, table, what, count in self._rows(query)}
        for rule, table, what in sorted(recorded.keys() | reported.keys()):
            sums, others = recorded.get((rule, table, what), 0), reported.get((rule, table, what), 0)
            differences = self.differences_of(table)
            if sums != others or self._plan.table(table) is None:
                why = _(
                    "Of {rule}, {others} were reported and {sums} are in the journal.",
                    rule=rule,
                    others=others,
                    sums=sums,
                )
                differences.add("unexplained", {}, "" if what in tuple(RowOutcome) else what, why, None)

    def table(self, table: PlannedTable) -> ExpectedTable:
        """Check every line that the journal has of one table."""
        fates = dict(self._rows('SELECT fate, count(*) FROM attached.aside WHERE "table" = ? GROUP BY 1', table.name))
        if fates:
            self._check_rows(table)
        columns = list(self._changed_columns(table))
        return ExpectedTable(
            original=snapshot_relation(table.source),
            relation=_relation(table, columns, self._uri, rows_are_gone=bool(fates)),
            unexplained=self.differences_of(table.name),
            quarantined=fates.get(RowOutcome.QUARANTINED, 0),
            merged=fates.get(RowOutcome.MERGED, 0),
            cells_changed=sum(self._check_cells(table, column) for column in columns),
        )

    # --- rows that were taken out ---

    def _check_rows(self, table: PlannedTable) -> None:
        """Count the rows taken out unaccepted, those not kept complete, and those merged into a row that is missing."""
        taken = 'SELECT rule, fate, kept IS NOT NULL, count(*) FROM attached.aside WHERE "table" = ? GROUP BY 1, 2, 3'
        for rule, fate, has_kept, rows in self._rows(taken, table.name):
            if not self._may_take(rule, fate, has_kept=bool(has_kept)):
                why = _("No rows may be taken out for {rule}: that was not accepted.", rule=rule)
                self._unexplained(table, None, "", fate, why)
                self.differences_of(table.name).differences += rows - 1
        copies = f"attached.{quote_name(f'rows of {table.name}')}"
        computed = {c.source.name for c in table.columns if c.source.generated and c.target.generated}
        columns = [column.name for column in table.source.columns if column.name not in computed]
        names = [name for __, name, *__ in self._rows(f"PRAGMA attached.table_info({copies.partition('.')[2]})")]
        if names != [NUMBER, *columns]:
            why = _("The quarantine keeps the columns {names}, not those of the table.", names=", ".join(names) or "-")
            self._unexplained(table, None, "", None, why)
            return
        for query, why in (
            (_incomplete(table, copies, columns), _("The quarantine does not keep this row as the snapshot has it.")),
            (_surplus(copies), _("The quarantine keeps this row, which was not put there.")),
        ):
            for (row,) in self._rows(query, table.name):
                self._unexplained(table, row, "", None, why)
        for row in self._unmerged(table):
            why = _("This row was merged into one that is not in PostgreSQL.")
            self._unexplained(table, row, "", None, why)

    def _unmerged(self, table: PlannedTable) -> Iterator[int]:
        """Yield the merged rows that lead to none in PostgreSQL, even through others that were merged."""
        query = "SELECT row, kept FROM attached.aside WHERE \"table\" = ? AND fate = 'merged'"
        kept = dict(self._rows(query, table.name))
        number, gone = row_number(table.source), 'FROM attached.aside WHERE "table" = ?1'
        found = f"SELECT {number} FROM {numbered_rows(table.source)} WHERE {number} IN (SELECT kept {gone})"
        there = {row for (row,) in self._rows(f"{found} AND {number} NOT IN (SELECT row {gone})", table.name)}
        for first in kept:
            row, passed = first, set()
            while row in kept and row not in passed:
                passed.add(row)
                row = kept[row]
            if row not in there:
                yield first

    def _may_take(self, rule: str, fate: str, *, has_kept: bool) -> bool:
        """Return whether a rule may take rows out in that way. A quarantined row takes along what depends on it."""
        merged = has_kept and rule == MERGE and rule in self._repairs.fix
        if fate == RowOutcome.QUARANTINED:
            return merged or rule == ORPHAN or rule in self._repairs.quarantine
        return merged and fate == RowOutcome.MERGED

    # --- cells that were changed ---

    def _changed_columns(self, table: PlannedTable) -> Iterator[PlannedColumn]:
        """Yield the columns with lines, but for those that no repair changes, and count lines of no accepted rule."""
        lines = 'SELECT "column", group_concat(DISTINCT rule) FROM attached.changed WHERE "table" = ? GROUP BY 1'
        by_name = {c.name: c for c in table.loaded_columns if not c.source.generated and c not in table.key}
        keys = {name for key in table.target.foreign_keys for name in key.columns}
        keys |= {key.object_column for key in self._plan.generic_keys if key.table == table.name}
        for name, rules in self._rows(lines, table.name):
            if name in by_name:
                yield by_name[name]
            may_change = self._repairs.fix if name in keys else self._repairs.fix - KEY_RULES
            for rule in sorted(set(rules.split(",")) - may_change if name in by_name else {rules}):
                why = _("No accepted repair of {rule} changes this column.", rule=rule)
                self._unexplained(table, None, name, None, why)

    def _check_cells(self, table: PlannedTable, column: PlannedColumn) -> int:
        """Report the lines that do not follow the snapshot's value, or the line before. Return the cells."""
        number = row_number(table.source)
        query = (
            f"SELECT c.row, c.rule, c.old, c.new, t.{number} IS NOT NULL AND a.row IS NULL, row_number() OVER cell,"
            f" iif(row_number() OVER cell = 1, t.{quote_name(column.source.name)}, lag(c.new) OVER cell)"
            f" FROM attached.changed AS c LEFT JOIN {numbered_rows(table.source)} AS t ON t.{number} = c.row"
            ' LEFT JOIN attached.aside AS a ON a."table" = c."table" AND a.row = c.row'
            ' WHERE c."table" = ? AND c."column" = ? WINDOW cell AS (PARTITION BY c.row ORDER BY c.rowid)'
        )
        cells = 0
        for row, rule, old, new, there, turn, value in self._rows(query, table.name, column.name):
            cells += turn == 1
            why = ""
            if not there:
                why = _("{rule} changed this row, which is not in PostgreSQL.", rule=rule)
            elif not _same(old, value):
                before, found = (masked(table.name, column.name, repr(one)) for one in (value, old))
                why = _("{rule} found {old}, and the value before was {value}.", rule=rule, old=found, value=before)
            elif _same(old, new):
                why = _("{rule} changed nothing: the new value is the old one.", rule=rule)
            if why:
                self._unexplained(table, row, column.name, new, why)
        return cells

    def _rows(self, query: str, *values: str) -> Iterator[tuple[Any, ...]]:
        return iter(self._database.execute(query, values))

    def _unexplained(self, table: PlannedTable, row: int | None, column: str, value: object, why: str) -> None:
        key = {} if row is None else {"rowid": str(row)}
        self.differences_of(table.name).add("unexplained", key, column, why, None if value is None else str(value))


def _same(left: object, right: object) -> bool:
    """Compare two values of SQLite's, storage class included. -0.0 is not 0.0."""
    return type(left) is type(right) and repr(left) == repr(right)


def _incomplete(table: PlannedTable, copies: str, columns: list[str]) -> str:
    """Return the query for rows taken out that the snapshot lacks, or of which not every value was kept."""
    number = row_number(table.source)
    # BINARY: whatever collation the column declares. typeof: an affinity must not make 12 of '12'.
    equal = [f"k.{c} COLLATE BINARY IS t.{c} AND typeof(k.{c}) = typeof(t.{c})" for c in map(quote_name, columns)]
    complete = " AND ".join([f"t.{number} IS NOT NULL", f"k.{quote_name(NUMBER)} IS NOT NULL", *equal])
    return (
        f"SELECT a.row FROM attached.aside AS a LEFT JOIN {numbered_rows(table.source)} AS t ON t.{number} = a.row"
        f' LEFT JOIN {copies} AS k ON k.{quote_name(NUMBER)} = a.row WHERE a."table" = ? AND NOT ({complete})'
    )


def _surplus(copies: str) -> str:
    """Return the query for rows that are kept and were not taken out."""
    number = quote_name(NUMBER)
    return (
        f'SELECT k.{number} FROM {copies} AS k LEFT JOIN attached.aside AS a ON a."table" = ? AND a.row = k.{number}'
        " WHERE a.row IS NULL"
    )


def _relation(table: PlannedTable, changed: list[PlannedColumn], journal: str, *, rows_are_gone: bool) -> Relation:
    """Return the query for the snapshot's rows with the last new value of each cell, without those taken out."""
    if not changed and not rows_are_gone:
        return snapshot_relation(table.source)
    number, literal = f"b.{row_number(table.source)}", _literal(table.name)
    cells, joins = {c.name: f"b.{quote_name(c.name)}" for c in table.source.columns}, ""
    for column in changed:
        name, line = column.source.name, quote_name(f"line {column.source.name}")
        cells[name] = f"iif({line}.row IS NULL, {cells[name]}, {line}.new)"
        lines = f'FROM attached.changed WHERE "table" = {literal} AND "column" = {_literal(column.name)}'
        # The plus: SQLite would try each last line of the column, and not look by the row.
        joins += (
            f' LEFT JOIN attached.changed AS {line} ON {line}."table" = {literal} AND {line}.row = {number}'
            f" AND +{line}.rowid IN (SELECT max(rowid) {lines} GROUP BY row)"
        )
    columns = ", ".join(f"{cell} AS {quote_name(name)}" for name, cell in cells.items())
    gone = f' WHERE {number} NOT IN (SELECT row FROM attached.aside WHERE "table" = {literal})' if rows_are_gone else ""
    return Relation(sql=f"(SELECT {columns} FROM {numbered_rows(table.source)} AS b{joins}{gone})", attached=journal)


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
