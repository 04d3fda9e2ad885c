"""Report what the repairs did to every row, cell and finding."""

from __future__ import annotations

import enum

from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import BOOKKEEPING, Finding, Report, Verify
from migrate_to_pg.records.repairs import ChangedCells, RemovedRows, RowOutcome
from migrate_to_pg.report.tables import count_cells, count_rows, row_sum, tables
from migrate_to_pg.report.text_layout import more_cells, more_rows, visible

#: What one rule did in one place.
Edit = ChangedCells | RemovedRows


class Resolution(enum.Enum):
    """The ways in which a finding, or some of its rows, were settled. Each has its sentence."""

    REPAIRED = N_("The repair was accepted with --fix {rule} ({repair}).")
    REST_BY_OTHERS = N_("The rest of these rows were left out, or repaired for another of their faults.")
    QUARANTINED = N_("These rows were left out with --quarantine {rule}.")
    BY_OTHERS = N_("These rows were repaired, or left out, for another of their faults.")
    VALUES_QUARANTINED = N_("These values were left out with --quarantine {rule}.")
    QUARANTINED_FOR_OTHERS = N_("Left out: these rows went into quarantine for another of their faults.")


def edits(report: Report) -> tuple[Edit, ...]:
    """List all that the repairs did: cells changed first, then rows that are not in PostgreSQL."""
    return (*report.changed, *report.removed)


def row_account(report: Report) -> str:
    """Show that every source row is in the target, quarantined or merged.

    Return '' if nothing shows it, or nothing has to.
    """
    known = tables(report)
    if report.verification is None or not report.verification.holds or not any(table.repaired for table in known):
        return ""
    own = [table for table in known if not table.of_view]
    target = sum(table.rows_target or 0 for table in own)
    source = pluralize(sum(table.rows_source or 0 for table in own), "row", "rows")
    sentences = [_("Accounted for: {source} in SQLite = {sum}.", source=source, sum=row_sum(report, known, target))]
    if of_views := sum(table.rows_target or 0 for table in known if table.of_view):
        sentences.append(
            ngettext(
                "With {n:,} row that a view gave, {target:,} are in PostgreSQL.",
                "With {n:,} rows that views gave, {target:,} are in PostgreSQL.",
                of_views,
                target=target + of_views,
            )
        )
    if cells := sum(table.cells_changed for table in known):
        sentences.append(_recorded(cells, report.verification.verify))
    return " ".join(sentences)


def _recorded(cells: int, verify: Verify) -> str:
    if verify is Verify.COUNTS:
        return ngettext(
            "{n:,} cell changed, recorded with its old and its new value, but not compared with PostgreSQL, as --verify"
            " counts asks.",
            "{n:,} cells changed, each recorded with its old and its new value, but not compared with PostgreSQL, as"
            " --verify counts asks.",
            cells,
        )
    return ngettext(
        "{n:,} cell changed, recorded with its old and its new value.",
        "{n:,} cells changed, each recorded with its old and its new value.",
        cells,
    )


def repair_counts(report: Report) -> str:
    """Format 17 cells changed, 3 rows in quarantine, 1 row merged: those that there are.

    The record has the edits, the verification the number of cells that they changed.
    """
    made = count_cells(report)
    verified = report.verification is not None and report.verification.holds
    cells = sum(table.cells_changed for table in tables(report)) if verified else made
    counts = []
    if cells != made:
        changes = pluralize(made, "edit", "edits")
        counts.append(ngettext("{n:,} cell changed by {edits}", "{n:,} cells changed by {edits}", cells, edits=changes))
    elif cells:
        counts.append(ngettext("{n:,} cell changed", "{n:,} cells changed", cells))
    rows = ((outcome, count_rows(report, outcome)) for outcome in RowOutcome)
    return ", ".join([*counts, *(_extent_of_rows(outcome, count) for outcome, count in rows if count)])


def _extent_of_rows(outcome: RowOutcome, count: int) -> str:
    if outcome is RowOutcome.QUARANTINED:
        return ngettext("{n:,} row in quarantine", "{n:,} rows in quarantine", count)
    return ngettext("{n:,} row merged", "{n:,} rows merged", count)


def record_locations(report: Report) -> list[str]:
    """Name the places of all edits, because the report shows only the first of them."""
    journal = report.source.journal if report.source else ""
    lines = [_("All of it, in SQLite's own values: {journal}", journal=journal)] if journal else []
    if report.made and report.made.quarantine:
        lines.append(_("All of it, as PostgreSQL has it: {quarantine}", quarantine=report.made.quarantine))
    if report.publication:
        lines.append(
            _(
                "All of it is on the target too: tables {schema}.quarantine and {schema}.changed_cell.",
                schema=BOOKKEEPING,
            )
        )
    return lines


def place_of(edit: Edit) -> str:
    """Format table.column, or table."""
    return visible(f"{edit.table}.{edit.column}" if isinstance(edit, ChangedCells) else edit.table)


def extent_of(edit: Edit) -> str:
    """Format 12 cells changed, 3 rows in quarantine, 1 row merged. Add the keys that lost their row to quarantine."""
    if not isinstance(edit, ChangedCells):
        return _extent_of_rows(edit.outcome, edit.count)
    cells = ngettext("{n:,} cell changed", "{n:,} cells changed", edit.count)
    if not edit.following:
        return cells
    return ngettext(
        "{cells}; {n:,} of them since the row that it refers to is in quarantine",
        "{cells}; {n:,} of them since the rows that they refer to are in quarantine",
        edit.following,
        cells=cells,
    )


def more_samples(edit: Edit, shown: int) -> str:
    """Count the cells or rows that are not shown, if there are no more than so many. Return '' for none."""
    hidden = edit.count - min(len(edit.samples), shown)
    return more_cells(hidden) if isinstance(edit, ChangedCells) else more_rows(hidden)


def nature_of(report: Report, edit: Edit) -> str:
    """Name the repair lossless or lossy, as the findings of its rule do. Quarantine loses nothing and gives ''."""
    if isinstance(edit, RemovedRows) and edit.outcome is RowOutcome.QUARANTINED:
        return ""
    return repair_label(next((f.repair for f in report.findings if f.rule == edit.rule and f.repair), ""))


def repair_label(repair: str) -> str:
    """Translate a repair's nature."""
    return {"lossless": _("lossless"), "lossy": _("lossy")}.get(repair, repair)


def resolutions(finding: Finding, report: Report | None) -> tuple[Resolution, ...]:
    """Return how a finding was settled, or () if it is open."""
    if not finding.applied:
        return ()
    if report is None:
        return (Resolution.REPAIRED,)
    if report.mode == "move_back":
        # It has no repairs.
        has_rows = _rows(finding, report, RowOutcome.QUARANTINED)
        return (Resolution.QUARANTINED if has_rows else Resolution.VALUES_QUARANTINED,)
    if repaired := _cells(finding, report) + _rows(finding, report, RowOutcome.MERGED):
        return (Resolution.REPAIRED, Resolution.REST_BY_OTHERS)[: 1 if repaired >= finding.count else 2]
    if _rows(finding, report, RowOutcome.QUARANTINED):
        return (Resolution.QUARANTINED,)
    # What has a repair and is not about rows is of the schema: no cell and no row records it.
    if finding.repair and not (finding.quarantinable and edits(report)):
        return (Resolution.REPAIRED,)
    # Another repair may have settled it: a cell of its column was changed, or a row merged.
    columns = finding.column.split(", ")
    changed = any(c.table == finding.table and c.column in columns for c in report.changed)
    outcomes = [rows.outcome for rows in report.removed if rows.table == finding.table]
    by_others = changed or RowOutcome.QUARANTINED not in outcomes or RowOutcome.MERGED in outcomes
    return (Resolution.BY_OTHERS if by_others else Resolution.QUARANTINED_FOR_OTHERS,)


def is_quarantined(found: tuple[Resolution, ...]) -> bool:
    """Return whether a finding that was settled in these ways was settled by quarantine alone."""
    settled = (Resolution.QUARANTINED, Resolution.VALUES_QUARANTINED, Resolution.QUARANTINED_FOR_OTHERS)
    return found in [(one,) for one in settled]


def remaining(finding: Finding, report: Report | None) -> str:
    """Explain that a finding is open although cells of it were changed: what is left is beyond its repair."""
    changed = _cells(finding, report) if report and not finding.applied else 0
    if not changed:
        return ""
    return ngettext(
        "--fix {rule} changed {n:,} cell and cannot repair the rest.",
        "--fix {rule} changed {n:,} cells and cannot repair the rest.",
        changed,
        rule=finding.rule,
    )


def _cells(finding: Finding, report: Report) -> int:
    place = (finding.rule, finding.table, finding.column)
    return sum(c.count for c in report.changed if (c.rule, c.table, c.column) == place)


def _rows(finding: Finding, report: Report, outcome: RowOutcome) -> int:
    place = (finding.rule, finding.table, outcome)
    return sum(r.count for r in report.removed if (r.rule, r.table, r.outcome) == place)
