"""In: a Report. Out: the parts of the HTML page that measure, with bars: figures, the time of the stages, tables."""

from __future__ import annotations

from migrate_to_pg.i18n import number
from migrate_to_pg.records import Report
from migrate_to_pg.report.grid import Row, folded_section, grid
from migrate_to_pg.report.markup import Html, el, join
from migrate_to_pg.report.messages import duration, say
from migrate_to_pg.report.summary import times, total_seconds
from migrate_to_pg.report.tables import TableFacts, table_cells, table_columns, table_totals, tables

#: Parts of the time bar that are narrower than this, in percent, have no room for their number.
_ROOM = 4.0
#: More tables than this are folded.
_FEW = 25


def figures(report: Report) -> Html:
    """The few numbers that a reader looks for first."""
    known = tables(report)
    compared = sum(t.cells_compared or 0 for t in known)
    told = {
        "tables_title": number(len(known)) if known else "",
        "rows_column": number(sum(t.rows_target or 0 for t in known)) if known else "",
        "cells_compared": number(compared) if compared else "",
        "differences_title": number(sum(t.differences or 0 for t in known)) if report.proof else "",
        "total": duration(total_seconds(report)) if report.stages else "",
    }
    shown = [el("div", el("dt", say(key)), el("dd", text)) for key, text in told.items() if text]
    return el("dl", *shown, class_="figures") if len(shown) > 1 else join()


def stages_section(report: Report) -> Html:
    """One bar of the whole time, cut into numbered parts; below it a line for each number."""
    if not report.stages:
        return join()
    whole = total_seconds(report) or 1.0
    parts, rows, before = [], [], 0.0
    for position, (name, seconds) in enumerate(times(report), start=1):
        width = 100 * seconds / whole
        parts.append(el("span", str(position) if width >= _ROOM else "", style=f"width:{width:.2f}%"))
        bar = el("span", class_="bar", style=f"margin-left:{100 * before / whole:.2f}%;width:{width:.2f}%")
        rows.append(_stage(position, name, bar, duration(seconds)))
        before += seconds
    total = el("th", say("total"), scope="row"), el("td"), el("td", duration(before), class_="number")
    table = el("table", *_stages_head(), el("tbody", *rows), el("tfoot", el("tr", *total)), class_="stages")
    bar = el("div", *parts, class_="time", aria_hidden="true")
    return folded_section("stages", bar, table, note=duration(whole), is_open=report.ok)


def _stages_head() -> tuple[Html, ...]:
    titles = (
        el("th", say("stage"), scope="col"),
        el("th", say("when"), scope="col"),
        el("th", say("seconds_column"), scope="col", class_="number"),
    )
    return el("caption", say("stages_caption")), el("thead", el("tr", *titles))


def _stage(position: int, name: str, bar: Html, seconds: str) -> Html:
    title = el("th", el("span", str(position), class_="which"), name, scope="row")
    return el("tr", title, el("td", bar, class_="track"), el("td", seconds, class_="number"))


def tables_section(report: Report) -> Html:
    """Every table with what was counted and compared; the bar below a name is its part of the largest table's rows."""
    known = tables(report)
    if not known:
        return join()
    columns = table_columns(known)
    largest = max((t.rows_target or 0 for t in known), default=0) or 1
    rows = [_table(t, columns, 100 * (t.rows_target or 0) / largest) for t in known]
    name, *totals = table_totals(known, columns)
    foot: Row | None = (name, totals, "") if len(known) > 1 else None
    table = grid(say("tables_caption"), [say(c) for c in columns], rows, foot)
    note = say("tables", n=len(known))
    return folded_section("tables_title", table, note=note, is_open=len(known) <= _FEW)


def _table(table: TableFacts, columns: tuple[str, ...], share: float) -> Row:
    name, *numbers = table_cells(table, columns)
    bar = el("span", class_="share", style=f"width:{share:.2f}%", aria_hidden="true") if share else join()
    return join(name, bar), numbers, "" if table.equal else "bad"
