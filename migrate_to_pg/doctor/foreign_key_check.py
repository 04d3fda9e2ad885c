"""Find rows that break foreign keys as SQLite declares them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import closing
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.records import Finding, Sample, SourceCatalog, SourceForeignKey, SourceTable
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.doctor_findings import FOREIGN_KEY_CHECK
from migrate_to_pg.sqlite.connection import open_snapshot
from migrate_to_pg.sqlite.missing_functions import register_project_functions
from migrate_to_pg.sqlite.sql import compose, name

#: Rules that report the same rows, or the key that nothing can satisfy.
_OTHER_RULES = ("foreign-key-orphan", "dangling-foreign-key", "code-in-key", "empty-key", "key-spelled-otherwise")


def declared_key_findings(snapshot: Path, catalog: SourceCatalog, others: Collection[Finding]) -> Iterator[Finding]:
    """Yield a finding for each broken key that no other rule has reported."""
    reported = {_place(finding.table, finding.column) for finding in others if finding.rule in _OTHER_RULES}
    # Without substitutes: SQLite searches parents by an index, which a substitute would search in another order.
    with closing(open_snapshot(snapshot)) as database:
        register_project_functions(database)
        for table in catalog.tables:
            if table.unreadable:
                continue
            for key, rowids, count in _broken(database, table):
                is_reported = _place(table.name, ", ".join(key.columns)) in reported
                if not is_reported and catalog.table(key.parent) is not None:
                    yield _finding(table, key, rowids, count)


def _place(table: str, column: str) -> tuple[str, str]:
    return table.lower(), column.lower()


def _broken(
    database: sqlite3.Connection, table: SourceTable
) -> Iterator[tuple[SourceForeignKey, list[int | None], int]]:
    """Yield (key, first rowids, count of rows) for each broken key."""
    rowids: dict[int, list[int | None]] = defaultdict(list)
    counts: dict[int, int] = defaultdict(int)
    try:
        for _, rowid, _, number in database.execute(compose("PRAGMA foreign_key_check({t})", t=name(table.name))):
            counts[number] += 1
            if len(rowids[number]) < SAMPLES:
                rowids[number].append(rowid)
    except sqlite3.OperationalError:
        # "foreign key mismatch": the parent has no such key. Every write fails, as the write probe reports.
        return
    for number, count in sorted(counts.items()):
        yield table.foreign_keys[number], rowids[number], count


def _finding(table: SourceTable, key: SourceForeignKey, rowids: list[int | None], count: int) -> Finding:
    columns = ", ".join(key.columns)
    return FOREIGN_KEY_CHECK.finding(
        table=table.name,
        column=columns,
        count=count,
        # A table WITHOUT ROWID has none to show.
        samples=[
            Sample(key={"rowid": str(rowid)}, value=_("no such row in {parent}", parent=key.parent))
            for rowid in rowids
            if rowid is not None
        ],
        explanation=(
            _(
                "{rows} of {table} refer by {columns} to rows of {parent} that do not exist, says PRAGMA"
                " foreign_key_check.",
                rows=pluralize(count, "row", "rows"),
                table=table.name,
                columns=columns,
                parent=key.parent,
            )
        ),
        remedy=_(FOREIGN_KEY_CHECK.remedy),
    )
