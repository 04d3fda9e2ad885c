"""Join what load, the repairs and the verification know of each table, and lay it out as one table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from migrate_to_pg.i18n import duration, ngettext, number, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Report
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.report.text_layout import visible

#: What the verification knows of a table under the same name.
_VERIFIED = (
    *(
        "name",
        "rows_source",
        "rows_target",
        "quarantined",
        "merged",
        "cells_changed",
        "cells_compared",
        "cells_computed",
    ),
    *("differences", "of_view", "rows_added", "rows_changed", "rows_removed"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table. A field is None if nobody knows it."""

    name: str
    rows_source: int | None = None
    rows_target: int | None
    #: Rows of the source that are not in the target, and are kept complete.
    quarantined: int
    merged: int
    cells_changed: int
    cells_compared: int | None = None
    #: By PostgreSQL itself, and verified by its own expressions.
    cells_computed: int | None = None
    differences: int | None = None
    seconds: float
    #: Whether its rows are what a view of SQLite's gave: neither it nor they are counted among the source's.
    of_view: bool = False
    #: Rows that PostgreSQL alone has, rows of both with other values, and rows that PostgreSQL has no longer.
    rows_added: int = 0
    rows_changed: int = 0
    rows_removed: int = 0

    @property
    def missing(self) -> int:
        """Rows of the source that are not in the target, nor quarantined, nor merged. Below zero, rows too many."""
        if self.rows_source is None or self.rows_target is None:
            return 0
        return self.rows_source - self.rows_target - self.quarantined - self.merged

    @property
    def equal(self) -> bool:
        """True where nothing is known to differ but what the repairs did."""
        return not self.differences and not self.missing

    @property
    def repaired(self) -> bool:
        """True where the repairs changed anything."""
        return bool(self.quarantined or self.merged or self.cells_changed)


def tables(report: Report) -> tuple[TableFacts, ...]:
    """List the verified tables, then those that were only loaded."""
    verified = report.verification.tables if report.verification else ()
    load_seconds = {table.name: table.seconds for table in report.loaded}
    known = [
        TableFacts(
            seconds=load_seconds.get(table.name, 0.0) + table.seconds,
            **{field: getattr(table, field) for field in _VERIFIED},
        )
        for table in verified
    ]
    names = {table.name for table in verified}
    for table in report.loaded:
        if table.name not in names:
            known.append(
                TableFacts(
                    name=table.name,
                    rows_target=table.rows,
                    quarantined=count_rows(report, RowOutcome.QUARANTINED, table.name),
                    merged=count_rows(report, RowOutcome.MERGED, table.name),
                    cells_changed=count_cells(report, table.name),
                    seconds=table.seconds,
                    of_view=table.of_view,
                )
            )
    return tuple(known)


def count_rows(report: Report, outcome: RowOutcome, table: str | None = None) -> int:
    """Count the rows of a table, or of all, that have that outcome in the record."""
    return sum(rows.count for rows in report.removed if rows.outcome is outcome and table in (None, rows.table))


def count_cells(report: Report, table: str | None = None) -> int:
    """Count the cells of a table, or of all, that the record has as changed. One changed twice counts twice."""
    return sum(cells.count for cells in report.changed if table in (None, cells.table))


def row_changes(added: int, changed: int, removed: int) -> str:
    """Format 3 rows added, 1 changed, 0 removed."""
    return _(
        "{added} added, {changed:,} changed, {removed:,} removed",
        added=pluralize(added, "row", "rows"),
        changed=changed,
        removed=removed,
    )


def side_counts(table: TableFacts) -> str:
    """Format 5 rows in SQLite, 4 in PostgreSQL. Add those in quarantine or merged, if there are any."""
    source = pluralize(table.rows_source or 0, "row", "rows")
    counts = _("{source} in SQLite, {target:,} in PostgreSQL", source=source, target=table.rows_target or 0)
    if table.rows_added or table.rows_changed or table.rows_removed:
        changes = row_changes(table.rows_added, table.rows_changed, table.rows_removed)
        counts = _("{counts}; on PostgreSQL {changes}", counts=counts, changes=changes)
    return ", ".join([counts, *_not_moved(table.quarantined, table.merged)])


def _not_moved(quarantined: int, merged: int) -> list[str]:
    """Format what is not in PostgreSQL as it was: 3 in quarantine, 1 merged."""
    parts = [_("{n:,} in quarantine", n=quarantined)] if quarantined else []
    return [*parts, ngettext("{n:,} merged", "{n:,} merged", merged)] if merged else parts


def row_sum(report: Report, known: Sequence[TableFacts], target: int) -> str:
    """Format where the rows of all tables are: 1,200 in PostgreSQL + 3 in quarantine + 1 merged."""
    others = _not_moved(sum(table.quarantined for table in known), sum(table.merged for table in known))
    there = _("{n:,} in the new file", n=target) if report.mode == "rebuild" else _("{n:,} in PostgreSQL", n=target)
    return " + ".join([there, *others])


def sides(report: Report) -> tuple[str, str]:
    """Name what is compared in a report: the side that was there, and the one that was made or written to."""
    return (
        (_("Old file"), _("New file")) if report.mode == "rebuild" and report.made else (_("SQLite"), _("PostgreSQL"))
    )


def table_grid(
    report: Report, known: Sequence[TableFacts], shown: Sequence[TableFacts], *, narrow: bool = False
) -> tuple[list[str], list[list[str]], list[str]]:
    """Format tables as headings, one row for each table shown, and the totals of all that are known.

    Columns that would hold the same in every row are left out. With ``narrow``, rows that are not in PostgreSQL
    take the place of cells and seconds, so that 80 columns hold it.
    """
    incomplete = any(table.quarantined or table.merged for table in known)
    same = not incomplete and all(table.equal for table in known)
    roomy = not (narrow and incomplete)
    source, target = sides(report)
    columns = (
        ("rows_target", _("Rows"), same),
        ("rows_source", source, not same),
        ("rows_target", target, not same),
        ("quarantined", _("Quarantined"), any(table.quarantined for table in known)),
        ("merged", _("Merged"), any(table.merged for table in known)),
        ("cells_changed", _("Changed"), any(table.cells_changed for table in known)),
        ("cells_compared", _("Cells"), roomy and any(table.cells_compared for table in known)),
        ("differences", _("Differ"), not all(table.equal for table in known)),
    )
    wanted = [(field, heading) for field, heading, is_wanted in columns if is_wanted]

    def row(name: str, counts: list[int | None], seconds: float) -> list[str]:
        texts = ["" if count is None else number(count) for count in counts]
        return [visible(name), *texts, *([duration(seconds)] if roomy else [])]

    headings = [_("Table"), *(heading for __, heading in wanted), *([_("Time")] if roomy else [])]
    rows = [row(table.name, [getattr(table, field) for field, __ in wanted], table.seconds) for table in shown]
    sums = [sum(getattr(table, field) or 0 for table in known) for field, __ in wanted]
    return headings, rows, row(_("Total"), [*sums], sum(table.seconds for table in known))
