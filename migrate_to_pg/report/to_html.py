"""Render a report as one HTML page that needs nothing else: no network, no script. The verdict is first."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from django.template import Context, Engine, Library

from migrate_to_pg.i18n import duration, gettext, language, number, pluralize, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Report
from migrate_to_pg.report import repairs, summary
from migrate_to_pg.report.tables import TableFacts, side_counts, table_grid, tables
from migrate_to_pg.report.text_layout import more_differences, more_rows, visible
from migrate_to_pg.report.verdict import at_stake, notes, tone, verdict
from migrate_to_pg.rules.docs import rules_by_id

#: More tables than this are folded.
_FEW_TABLES = 25
#: Parts of the time bar that are narrower than this, in percent, have no room for their number.
_LEAST_LABELLED = 4.0
#: What the template asks for and the context lacks is shown by its name, and the tests look for it.
MISSING = "MISSING %s"

#: What the template knows besides Django's own: {% translate %} asks this package's catalogue.
register = Library()
register.simple_tag(gettext, name="translate")
for function in (
    *(summary.both_values, summary.extent, summary.headline, summary.key_text, summary.place, summary.status_label),
    *(summary.title, repairs.extent_of, repairs.more_samples, repairs.nature_of, repairs.place_of, side_counts),
):
    register.filter(function.__name__, function)


@register.filter
def pretty(row: dict[str, object]) -> str:
    """Write a row as JSON, a line a column."""
    return json.dumps(row, indent=2, ensure_ascii=False)


@register.filter
def hidden_rows(finding: Finding) -> str:
    """Count the rows of a finding that are not shown. Return '' for none, and for a fault of the schema."""
    return more_rows(finding.count - len(finding.samples)) if finding.samples else ""


def to_html(report: Report) -> str:
    """Return the report as a self-contained HTML document."""
    first, *rest = [verdict(report)] if report.ok else verdict(report).splitlines() or [""]
    modes = {
        "publish": _("move"),
        "check": _("check"),
        "dump": _("dump"),
        "rehearse": _("rehearsal"),
        "verify_only": _("verification"),
        "undo": _("taking back"),
        "move_back": _("move back"),
        "rebuild": _("rebuild"),
        "since_publish": _("what was written since"),
    }
    subjects = {"move_back": _("PostgreSQL to SQLite"), "rebuild": _("SQLite, made anew")}
    context = {
        "report": report,
        "language": language(),
        "style": tone(report),
        "subject": subjects.get(report.mode, _("SQLite to PostgreSQL")),
        # A mode of a later version has its own name.
        "kind": modes.get(report.mode, report.mode),
        "started": report.started.replace("T", " ", 1),
        "headline": first,
        "detail": "\n".join(report.failure.detail) if report.failure else "",
        "remedy": report.failure.remedy.splitlines() if report.failure else [],
        "notes": [*rest, *notes(report)],
        "figures": _figures(report),
        "parts": list(_parts(report)),
    }
    return render("report.html", context, __name__, Path(__file__).parent)


def render(template: str, context: Mapping[str, Any], library: str, *folders: Path) -> str:
    """Fill in a template of these folders, which takes its filters and tags from the module ``library``."""
    # Not one of the project's TEMPLATES: those may escape nothing.
    engine = Engine([str(folder) for folder in folders], builtins=[library], string_if_invalid=MISSING)
    page = engine.get_template(template).render(Context(dict(context), use_l10n=False))
    return "\n".join(map(visible, page.split("\n")))


def _figures(report: Report) -> list[tuple[str, str]]:
    """List the few numbers that a reader looks for first."""
    known = tables(report)
    compared = sum(table.cells_compared or 0 for table in known)
    figures = [
        (_("Tables"), number(len(known)) if known else ""),
        (_("Rows"), number(sum(table.rows_target or 0 for table in known)) if known else ""),
        (_("Cells compared"), number(compared) if compared else ""),
        (_("Differences"), number(sum(table.differences or 0 for table in known)) if report.verification else ""),
        (_("Total"), duration(summary.total_seconds(report)) if report.stages else ""),
    ]
    shown = [figure for figure in figures if figure[1]]
    return shown if len(shown) > 1 else []


def _parts(report: Report) -> Iterator[dict[str, Any]]:
    """List the parts that there are: what to do, then what is wrong, then all else, folded where it is long."""
    known, source = tables(report), report.source
    if summary.is_blocked(report):
        yield {"id": "in-the-way", "title": _("What blocks the run"), **_blocked(report)}
    if report.next_steps:
        steps = [step.partition("\n") for step in report.next_steps]
        yield {"id": "next-steps", "title": _("What to do now"), "steps": steps}
    if wrong := [table for table in known if not table.equal]:
        yield {"id": "differences", "title": _("Differences"), "tables": list(_differences(report, wrong))}
    if report.findings:
        cards = [_finding_card(group, report) for group in summary.groups(summary.findings(report))]
        yield {"id": "findings", "title": _("Findings"), "note": summary.finding_counts(report), "cards": cards}
    if edits := repairs.edits(report):
        note, locations = repairs.repair_counts(report), repairs.record_locations(report)
        title = _("What was changed or left out")
        yield {"id": "repairs", "title": title, "note": note, "edits": edits, "locations": locations}
    if known:
        note = pluralize(len(known), "table", "tables")
        yield _folded("tables", _("Tables"), note, is_open=len(known) <= _FEW_TABLES, grid=_tables(report, known))
    if report.stages:
        note = duration(summary.total_seconds(report))
        yield _folded("stages", _("Time"), note, is_open=report.ok, stages=list(_stages(report)), total=note)
    if published := report.publication:
        facts = [
            (_("Schema"), published.schema),
            (_("Tables"), ", ".join(published.tables)),
            (_("Replaced"), ", ".join(published.replaced)),
            (_("Kept in schema"), published.archive),
            (_("Locked for"), duration(published.locked_seconds)),
        ]
        yield _folded("publication", _("Publication"), facts=facts)
    if report.identities:
        caption = _("The next value that each sequence gives: ids are never given twice.")
        rows = [(f"{identity.table}.{identity.column}", number(identity.next)) for identity in report.identities]
        grid = _grid(caption, [_("Column"), _("Next value")], rows)
        yield _folded("identities", _("Next identity values"), number(len(rows)), grid=grid)
    if facts := _databases(report):
        yield _folded("databases", _("Databases"), is_open=True, facts=facts)
    if report.versions:
        yield _folded("versions", _("Environment"), facts=report.versions.items())
    # A dumped source is on another machine.
    check = f"sha256sum {shlex.quote(source.path)}" if source and not source.dump else ""
    if report.command or check:
        yield _folded("reproduce", _("How to reproduce"), command=report.command, check=check)


def _folded(
    anchor: str,
    title: str,
    note: str = "",
    *,
    is_open: bool = False,
    facts: Iterable[tuple[str, str]] = (),
    **content: Any,
) -> dict[str, Any]:
    shown = [(name, text) for name, text in facts if text]
    return {"id": anchor, "title": title, "note": note, "folded": True, "open": is_open, "facts": shown, **content}


def _grid(
    caption: str,
    headings: Sequence[str],
    rows: Iterable[Sequence[str]],
    foot: Iterable[Sequence[str]] = (),
    *,
    text: int = 1,
) -> dict[str, Any]:
    """Return a table whose first ``text`` columns hold text and the others numbers.

    On a phone each row is a list, in which every cell has its heading.
    """

    def laid_out(rows: Iterable[Sequence[str]]) -> list[dict[str, Any]]:
        return [
            {"name": texts[0], "cells": [(headings[i], texts[i], i >= text) for i in range(1, len(texts))]}
            for texts in rows
        ]

    columns = [(heading, i >= text) for i, heading in enumerate(headings)]
    return {"caption": caption, "columns": columns, "bodies": {"tbody": laid_out(rows), "tfoot": laid_out(foot)}}


def _blocked(report: Report) -> dict[str, Any]:
    rows = summary.blocking_rows(report)
    caption = _("Each of these has to be corrected, repaired or left out.")
    grid = _grid(caption, summary.blocking_headings(), rows, text=3)
    for row in grid["bodies"]["tbody"]:
        # The last row of a table that was cut counts the others: it names no rule.
        row["link"] = summary.title(row["name"])
    return {"grid": grid, "at_stake": at_stake(report), "how": summary.how_to_go_on(report)}


def _tables(report: Report, known: Sequence[TableFacts]) -> dict[str, Any]:
    """Lay out every table with what was counted and compared, and its rows against those of the largest table."""
    headings, rows, totals = table_grid(report, known, known)
    caption = _("The bar below a name shows its rows, against those of the largest table.")
    grid = _grid(caption, headings, rows, [totals] if len(known) > 1 else [])
    largest = max(table.rows_target or 0 for table in known) or 1
    for table, row in zip(known, grid["bodies"]["tbody"], strict=True):
        row["share"] = f"{100 * table.rows_target / largest:.2f}%" if table.rows_target else ""
        row["bad"] = not table.equal
    return grid


def _stages(report: Report) -> Iterator[dict[str, Any]]:
    """Cut one bar of the complete time into numbered parts, with a line for each number."""
    total, before = summary.total_seconds(report) or 1.0, 0.0
    for name, seconds in summary.times(report):
        width = 100 * seconds / total
        is_labelled = width >= _LEAST_LABELLED
        start = f"{100 * before / total:.2f}%"
        yield {"name": name, "start": start, "width": f"{width:.2f}%", "label": is_labelled, "time": duration(seconds)}
        before += seconds


def _databases(report: Report) -> list[tuple[str, str]]:
    facts = []
    if source := report.source:
        facts += [
            (_("Source"), source.path),
            (_("SQLite"), summary.source_size(source)),
            (_("SHA-256"), source.sha256),
            (_("SHA-256 after"), source.sha256_after),
            (_("Snapshot kept"), source.snapshot),
            (_("Journal of repairs"), source.journal),
        ]
    if dump := report.dump or (source.dump if source else None):
        written = _("{path}, {size}, written {written}", path=dump.path, size=size(dump.bytes), written=dump.written)
        facts += [(_("Dump"), written), (_("SHA-256 of the dump"), dump.sha256)]
    if target := report.target:
        side = _("Source") if report.mode == "move_back" else _("Target")
        facts += [(side, summary.target_label(target)), (_("PostgreSQL"), summary.target_version(target))]
    if made := report.made:
        facts += [(_("New file"), summary.made_file(made)), (_("SHA-256"), made.sha256)]
    if report.export:
        facts.append((_("Exported"), summary.export_size(report.export)))
    return facts


def _differences(report: Report, wrong: Sequence[TableFacts]) -> Iterator[dict[str, Any]]:
    kept = {table.name: table.samples for table in report.verification.tables} if report.verification else {}
    for table in wrong:
        total, samples = table.differences or 0, kept[table.name]
        count = pluralize(total, "difference", "differences") if total else ""
        yield {"table": table, "count": count, "samples": samples, "more": more_differences(total - len(samples))}


def _finding_card(group: list[Finding], report: Report) -> dict[str, Any]:
    """Lay out a rule that found something, with each of its findings, and each sentence once."""
    places, extent = summary.place(group[0]), summary.extent(group[0])
    if len(group) > 1:
        places = summary.place_count(len(group))
        extent = pluralize(sum(finding.count for finding in group), "row", "rows")
    sentences = summary.Sentences()
    return {
        "rule": group[0].rule,
        "states": list(dict.fromkeys(summary.status(finding, report) for finding in group)),
        "extent": ", ".join(filter(None, [places, extent])),
        "findings": [
            (
                finding,
                sentences.new(finding.explanation.splitlines()),
                sentences.advice(summary.what_to_do(finding, report)),
            )
            for finding in group
        ],
        "about": rules_by_id().get(group[0].rule),
    }
