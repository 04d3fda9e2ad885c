"""In: a Report. Out: the account of its repairs in sentences: what became of every finding, row and cell."""

from __future__ import annotations

from migrate_to_pg.records import BOOKKEEPING, Finding, Report, Verify
from migrate_to_pg.records.repairs import ChangedCells, Fate, RowsAside
from migrate_to_pg.report.messages import say
from migrate_to_pg.report.tables import TableFacts, changed_cells, rows_aside, tables

#: Rules that also put NULL where the row that a key refers to went into quarantine.
_KEYS = ("foreign-key-orphan", "generic-foreign-key-orphan")
#: What one rule did in one place.
Edit = ChangedCells | RowsAside


def edits(report: Report) -> tuple[Edit, ...]:
    """All that the repairs did: cells changed first, then rows set aside."""
    return (*report.changed, *report.aside)


def accounted(report: Report) -> str:
    """Source rows = target rows + quarantined + merged; '' where nothing was mended, or the proof does not hold."""
    known = tables(report)
    if report.proof is None or not report.proof.holds or not any(t.mended for t in known):
        return ""
    own = [table for table in known if not table.of_view]
    source, target = sum(t.rows_source or 0 for t in own), sum(t.rows_target or 0 for t in own)
    cells = sum(t.cells_changed for t in known)
    sentence = say("accounted", source=say("rows", n=source), target=target, aside=_aside(known))
    if of_views := sum(t.rows_target or 0 for t in known if t.of_view):
        sentence += say("with_views", n=of_views, target=target + of_views)
    if cells:
        how = "not_compared" if report.proof.verify is Verify.COUNTS else "recomputed"
        sentence += say(how, cells=say("cells_changed", n=cells))
    return sentence + "."


def _aside(known: tuple[TableFacts, ...]) -> str:
    counts = {"in_quarantine": sum(t.quarantined for t in known), "merged": sum(t.merged for t in known)}
    return "".join(f" + {say(words, n=count)}" for words, count in counts.items() if count)


def mended_counts(report: Report) -> str:
    """17 cells changed, 3 rows in quarantine, 1 row merged: those that there are."""
    counts = {
        "rows_quarantined": rows_aside(report, Fate.QUARANTINED),
        "rows_merged": rows_aside(report, Fate.MERGED),
    }
    return ", ".join(filter(None, [_cells_changed(report), *(say(w, n=count) for w, count in counts.items() if count)]))


def _cells_changed(report: Report) -> str:
    """The record tells of edits; how many cells they were made to, some of them twice, the proof has counted."""
    made = changed_cells(report)
    proven = report.proof is not None and report.proof.holds
    cells = sum(t.cells_changed for t in tables(report)) if proven else made
    if cells == made:
        return say("cells_changed", n=cells) if cells else ""
    return say("cells_changed_by", cells=say("cells_changed", n=cells), edits=say("edits", n=made))


def whole_record(report: Report) -> list[str]:
    """Where every edit can be found, the report showing the first of them only."""
    journal = report.source.journal if report.source else ""
    lines = [say("record_in_journal", journal=journal)] if journal else []
    if report.publication:
        lines.append(say("record_in_target", schema=BOOKKEEPING))
    return lines


def place_of(edit: Edit) -> str:
    """table.column, or table."""
    return f"{edit.table}.{edit.column}" if isinstance(edit, ChangedCells) else edit.table


def extent_of(report: Report, edit: Edit) -> str:
    """12 cells changed, 3 rows in quarantine, 1 row merged; with the keys that lost their row to quarantine."""
    if isinstance(edit, ChangedCells):
        place = (edit.rule, edit.table, edit.column)
        found = sum(f.count for f in report.findings if (f.rule, f.table, f.column) == place)
        extent = say("cells_changed", n=edit.count)
        lost = edit.count - found if edit.rule in _KEYS else 0
        return extent + (say("lost_to_quarantine", n=lost) if lost > 0 else "")
    return say("rows_quarantined" if edit.fate is Fate.QUARANTINED else "rows_merged", n=edit.count)


def nature_of(report: Report, edit: Edit) -> str:
    """lossless or lossy, as the findings of the rule say; '' for quarantine, which loses nothing."""
    if isinstance(edit, RowsAside) and edit.fate is Fate.QUARANTINED:
        return ""
    return repair_words(next((f.repair for f in report.findings if f.rule == edit.rule and f.repair), ""))


def repair_words(repair: str) -> str:
    """A repair's nature as it is shown."""
    return {"lossless": say("repair_lossless"), "lossy": say("repair_lossy")}.get(repair, repair)


def settled(finding: Finding, report: Report | None) -> tuple[str, ...]:
    """How a finding was settled: names of sentences; none where it stands."""
    if not finding.applied:
        return ()
    if report is None:
        return ("repair_accepted",)
    repaired = _cells(finding, report) + _rows(finding, report, Fate.MERGED)
    if repaired:
        return ("repair_accepted", "rest_settled")[: 1 if repaired >= finding.count else 2]
    if _rows(finding, report, Fate.QUARANTINED):
        return ("set_aside",)
    # What has a repair and is not about rows is of the schema: no cell and no row tells of it.
    if finding.repair and not (finding.quarantinable and edits(report)):
        return ("repair_accepted",)
    return ("settled_by_others" if _mended_by_others(finding, report) else "aside_for_others",)


def is_aside(ways: tuple[str, ...]) -> bool:
    """Whether a finding that was settled in these ways was settled by setting its rows aside."""
    return ways in (("set_aside",), ("aside_for_others",))


def _mended_by_others(finding: Finding, report: Report) -> bool:
    """Whether more than quarantine may have settled it: a cell of its column was changed, or a row merged."""
    columns = finding.column.split(", ")
    changed = any(c.table == finding.table and c.column in columns for c in report.changed)
    aside = [rows.fate for rows in report.aside if rows.table == finding.table]
    return changed or Fate.QUARANTINED not in aside or Fate.MERGED in aside


def left_over(finding: Finding, report: Report | None) -> str:
    """A finding that stands although cells of it were changed: what is left is beyond its repair."""
    changed = _cells(finding, report) if report and not finding.applied else 0
    return say("left_over", rule=finding.rule, n=changed) if changed else ""


def _cells(finding: Finding, report: Report) -> int:
    place = (finding.rule, finding.table, finding.column)
    return sum(c.count for c in report.changed if (c.rule, c.table, c.column) == place)


def _rows(finding: Finding, report: Report, fate: Fate) -> int:
    place = (finding.rule, finding.table, fate)
    return sum(r.count for r in report.aside if (r.rule, r.table, r.fate) == place)
