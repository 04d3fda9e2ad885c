"""In: a Report. Out: the part of the HTML page that tells what the repairs changed and set aside, to be unfolded."""

from __future__ import annotations

import json

from migrate_to_pg.records import Report
from migrate_to_pg.records.repairs import AsideRow, Change, ChangedCells
from migrate_to_pg.report.grid import samples, section
from migrate_to_pg.report.markup import Html, el, join, lines
from migrate_to_pg.report.messages import say
from migrate_to_pg.report.repair_counts import Edit, edits, extent_of, mended_counts, nature_of, place_of, whole_record
from migrate_to_pg.report.summary import key_text, title

#: Cells or rows of one rule in one place that are shown.
SAMPLES = 50


def mended_section(report: Report) -> Html:
    """Every rule and place with its number, and below it the first cells or rows."""
    told = edits(report)
    if not told:
        return join()
    cards = [el("p", say("only_the_copy")), *(_edit(report, e) for e in told)]
    record = (el("p", text, class_="note") for text in whole_record(report))
    return section("mended", *cards, *record, note=mended_counts(report))


def _edit(report: Report, edit: Edit) -> Html:
    state = "repaired" if isinstance(edit, ChangedCells) else "aside"
    summary = el(
        "summary",
        el("code", place_of(edit), class_="place"),
        " ",
        el("span", extent_of(report, edit), class_="extent"),
        el("span", ", ".join(filter(None, [edit.rule, title(edit.rule), nature_of(report, edit)])), class_="note"),
    )
    return el("details", summary, *_samples(edit), class_=f"card {state}")


def _samples(edit: Edit) -> list[Html]:
    if isinstance(edit, ChangedCells):
        shown, hidden = [_cells(edit.samples[:SAMPLES])], "more_cells"
    else:
        shown, hidden = [_row(row) for row in edit.samples[:SAMPLES]], "more_rows"
    more = edit.count - min(len(edit.samples), SAMPLES)
    return [*shown, *([el("p", say(hidden, n=more), class_="note")] if more > 0 else [])]


def _cells(cells: tuple[Change, ...]) -> Html:
    rows = ((key_text(cell.key), cell.old, cell.new) for cell in cells)
    return samples(say("cells_caption"), ("row", "old", "new"), rows)


def _row(row: AsideRow) -> Html:
    """A row with its reason; the whole of it unfolds."""
    whole = json.dumps(row.row, indent=2, ensure_ascii=False)
    summary = el("summary", el("code", key_text(row.key)), " ", row.reason)
    return el("details", summary, el("pre", lines(whole)), class_="row")
