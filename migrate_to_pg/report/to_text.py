"""Render a report as text, with the verdict first and the next steps last."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from migrate_to_pg.i18n import duration, ngettext, pluralize, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Report
from migrate_to_pg.records.repairs import Change
from migrate_to_pg.report.repairs import (
    edits,
    extent_of,
    more_samples,
    nature_of,
    place_of,
    record_locations,
    repair_counts,
)
from migrate_to_pg.report.summary import (
    Sentences,
    blocking_headings,
    blocking_rows,
    both_values,
    export_size,
    extent,
    finding_counts,
    findings,
    groups,
    headline,
    how_to_go_on,
    is_blocked,
    key_text,
    lines_to_copy,
    made_file,
    place,
    source_size,
    status,
    status_label,
    target_label,
    target_version,
    times,
    total_seconds,
    what_to_do,
)
from migrate_to_pg.report.tables import side_counts, table_grid, tables
from migrate_to_pg.report.text_layout import (
    Block,
    Grid,
    Line,
    command,
    fact,
    heading,
    line,
    more_differences,
    more_rows,
    named,
    plain,
)
from migrate_to_pg.report.verdict import at_stake, not_done, notes, tone, verdict

if TYPE_CHECKING:
    pass

#: Rows of one finding that are shown.
SAMPLES = 5
#: Differences of one table that are shown.
DIFFERENCES = 10
#: Tables that are equal on both sides and are shown, the largest first.
EQUAL_TABLES = 20


def lines(report: Report) -> list[str]:
    """Return the report as plain text."""
    return plain(blocks(report))


def blocks(report: Report) -> Iterator[Block]:
    """Lay out the complete report."""
    for part in (_verdict, _findings, _repairs, _differences, _databases, _tables, _identities, _stages):
        yield from part(report)
    yield from (_blocked if is_blocked(report) else _next_steps)(report)


def _verdict(report: Report) -> Iterator[Block]:
    first, *rest = verdict(report).splitlines() or [""]
    yield fact(first, tone(report))
    yield from (fact(text, tone(report)) if report.ok else fact(text, indent=2) for text in rest)
    if report.failure:
        yield from (fact(text, indent=2) for entry in report.failure.detail for text in entry.splitlines())
        yield from _arrows(report.failure.remedy.splitlines())
    yield from map(line, notes(report))


def _arrows(remedy: list[str]) -> Iterator[Block]:
    """Lay out what to do. What is to be copied is never wrapped."""
    for text, is_copied in lines_to_copy(remedy):
        yield command(text, indent=5) if is_copied else line(text, indent=2, marker="->")


def _findings(report: Report) -> Iterator[Block]:
    if report.findings:
        yield from heading(_("Findings"), finding_counts(report))
    for group in groups(findings(report)):
        sentences = Sentences()
        for finding in group:
            yield from finding_blocks(finding, report, sentences)
    if is_blocked(report):
        yield from [line(), line(_("What a rule means, at length: --explain RULE."), "dim")]


def finding_blocks(finding: Finding, report: Report | None, sentences: Sentences) -> Iterator[Block]:
    """Lay out a finding: what, where, why, which rows, and what to do, or what was done if a report has it.

    ``sentences`` are those of the findings of the same rule before it.
    """
    yield line()
    state = status(finding, report)
    parts = ((status_label(state), state), (finding.rule, "strong"), (place(finding), "strong"), (extent(finding), ""))
    yield Line(parts=tuple((f"  {t}" if i else t, s) for i, (t, s) in enumerate(parts) if t), unwrapped=True)
    yield from (line(text, indent=2) for text in sentences.new(finding.explanation.splitlines()))
    shown = finding.samples[:SAMPLES]
    for sample in shown:
        yield fact(_("{key}: {value}", key=key_text(sample.key), value=sample.value), indent=4)
    if shown:
        yield from _dim(more_rows(finding.count - len(shown)), indent=4)
    yield from _arrows(sentences.advice(what_to_do(finding, report)))


def _dim(text: str, indent: int = 2) -> list[Block]:
    return [line(text, "dim", indent=indent)] if text else []


def _repairs(report: Report) -> Iterator[Block]:
    done = edits(report)
    if not done:
        return
    yield from heading(_("What was changed or left out"), repair_counts(report))
    if report.mode == "move_back":
        yield line(_("PostgreSQL itself was not touched."))
    else:
        yield line(_("The repairs were made on a copy; SQLite itself was not touched."))
    for edit in done:
        nature = nature_of(report, edit)
        rule = ((edit.rule, "strong"), (f" ({nature})" if nature else "", ""))
        yield line()
        yield Line(parts=(*rule, (f"  {place_of(edit)}", "strong"), (f"  {extent_of(edit)}", "")), unwrapped=True)
        for sample in edit.samples[:SAMPLES]:
            key = key_text(sample.key)
            if isinstance(sample, Change):
                yield fact(_("{key}: {old} -> {new}", key=key, old=sample.old, new=sample.new), indent=4)
            else:
                yield fact(_("{key}: {reason}", key=key, reason=sample.reason), indent=4)
        yield from _dim(more_samples(edit, SAMPLES), indent=4)
    yield line()
    if any(edit.count > SAMPLES for edit in done):
        yield line(_("report.html and report.json show more of each."))
    yield from map(fact, record_locations(report))


def _differences(report: Report) -> Iterator[Block]:
    wrong = [table for table in tables(report) if not table.equal]
    if wrong:
        yield from heading(_("Differences"))
    samples = {table.name: table.samples for table in report.verification.tables} if report.verification else {}
    for table in wrong:
        total, shown = table.differences or 0, samples[table.name][:DIFFERENCES]
        count = f"  {pluralize(total, 'difference', 'differences')}" if total else ""
        yield line()
        yield Line(parts=((table.name, "strong"), (count, "bad")), unwrapped=True)
        yield line(side_counts(table), indent=2)
        for difference in shown:
            yield fact(headline(difference), indent=2)
            values = both_values(difference)
            width = max((len(side) for side, __ in values), default=0)
            for side, value in values:
                yield Line(parts=((value, ""),), indent=4, marker=f"{side:<{width}}", unwrapped=True)
        yield from _dim(more_differences(total - len(shown)))
        if len(samples[table.name]) > len(shown):
            yield from _dim(_("report.html and report.json show the first {n:,}", n=len(samples[table.name])))


def _databases(report: Report) -> Iterator[Block]:
    between = _("; ")
    if source := report.source:
        facts = [source.path, source_size(source)]
        if source.dump:
            facts.append(
                _("from the dump {path}, written {written}", path=source.dump.path, written=source.dump.written)
            )
        if source.sha256_after:
            same = source.sha256 == source.sha256_after and not source.changed
            facts.append(_("unchanged at the end of the run") if same else _("CHANGED during the run"))
        yield from [line(), *named(_("Source"), between.join(facts)), *named(_("Snapshot kept"), source.snapshot)]
    if dump := report.dump:
        yield from named(_("Dump"), between.join((dump.path, size(dump.bytes), dump.sha256)))
    if target := report.target:
        side = _("Source") if report.mode == "move_back" else _("Target")
        yield from named(side, between.join((target_label(target), target_version(target))))
    if report.made:
        yield from named(_("New file"), made_file(report.made))
    if report.export:
        yield from named(_("Exported"), export_size(report.export))


def _tables(report: Report) -> Iterator[Block]:
    known = tables(report)
    if not known:
        return
    largest = sorted((t for t in known if t.equal and not t.repaired), key=lambda t: -(t.rows_target or 0))
    shown = [t for t in known if not t.equal] + [t for t in known if t.equal and t.repaired] + largest[:EQUAL_TABLES]
    headings, rows, __ = table_grid(report, known, shown, narrow=True)
    yield line()
    yield Grid(headings=headings, rows=rows)
    if hidden := len(known) - len(shown):
        yield from _dim(
            ngettext(
                "and {n:,} more table, equal on both sides: report.html and report.json have it",
                "and {n:,} more tables, equal on both sides: report.html and report.json have them",
                hidden,
            ),
            indent=0,
        )


def _identities(report: Report) -> Iterator[Block]:
    if report.identities:
        yield line()
        yield line(
            ngettext(
                "{n:,} identity continues after the highest id ever given: report.html lists it.",
                "{n:,} identities continue after the highest id ever given: report.html lists them.",
                len(report.identities),
            )
        )


def _stages(report: Report) -> Iterator[Block]:
    if report.stages:
        rows = [*times(report), (_("Total"), total_seconds(report))]
        yield line()
        yield Grid(headings=(_("Stage"), _("Time")), rows=[(name, duration(seconds)) for name, seconds in rows])


def _blocked(report: Report) -> Iterator[Block]:
    """Lay out what fits one screen: the verdict, what blocks and what repairs it, and the command that continues."""
    yield from [line(), fact(f"{verdict(report)} {not_done(report.mode)}", "bad"), line()]
    yield Grid(headings=blocking_headings(), rows=blocking_rows(report), left=3, folds=1)
    yield line()
    if at_stake(report):
        yield from [line(at_stake(report), "warning"), line()]
    yield from [line(how_to_go_on(report), "strong"), command(report.continue_with, indent=2)]
    if report.continue_needs:
        yield line(report.continue_needs, indent=2)
    yield from [line(), *_report_place(report)]


def _report_place(report: Report) -> list[Block]:
    """Name the page, from here where it is below here."""
    if not report.directory:
        return []
    page = Path(report.directory, "report.html")
    # The directory that the process is in may be gone by now.
    with contextlib.suppress(OSError, ValueError):
        page = page.relative_to(Path.cwd())
    return [Line(parts=((_("{name}:", name=_("Report")), "strong"), (f" {page}", "")), copied=True)]


def _next_steps(report: Report) -> Iterator[Block]:
    if report.next_steps:
        yield from heading(_("What to do now"))
    for position, step in enumerate(report.next_steps, start=1):
        first, *rest = step.splitlines() or [""]
        yield Line(parts=((first, ""),), indent=2, marker=f"{position}.", unwrapped=True)
        yield from (command(text, indent=5) for text in rest)
    yield from [line(), *_report_place(report)] if report.directory else ()
