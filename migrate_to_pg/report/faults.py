"""In: a Report. Out: the parts of the HTML page that tell of faults: findings, and differences that the proof found."""

from __future__ import annotations

from migrate_to_pg.records import Difference, Finding, Report
from migrate_to_pg.report.facts import (
    both_values,
    extent,
    finding_counts,
    findings,
    headline,
    key_text,
    place,
    status,
    what_to_do,
)
from migrate_to_pg.report.grid import samples
from migrate_to_pg.report.markup import Html, el, join
from migrate_to_pg.report.tables import TableFacts, side_counts, tables
from migrate_to_pg.report.words import say


def findings_section(report: Report) -> Html:
    """Every finding: what, where, why, which rows, what to do or what was done."""
    if not report.findings:
        return join()
    title = el("h2", say("findings"), el("small", finding_counts(report)))
    return el("section", title, *(_finding(f, report) for f in findings(report)))


def _finding(finding: Finding, report: Report) -> Html:
    state = status(finding, report)
    title = el(
        "h3",
        el("span", say(state), class_=f"chip {state}"),
        el("code", place(finding)),
        " ",
        el("span", extent(finding), class_="extent"),
    )
    return el(
        "article",
        title,
        el("p", finding.rule, class_="note"),
        *(el("p", text) for text in finding.explanation.splitlines()),
        *_samples(finding),
        *(el("p", text, class_="do") for text in what_to_do(finding, report)),
        class_=f"card short {state}",
    )


def _samples(finding: Finding) -> list[Html]:
    if not finding.samples:
        return []
    rows = ((key_text(sample.key), sample.value) for sample in finding.samples)
    table = samples(say("samples_caption"), ("row", "value"), rows)
    hidden = finding.count - len(finding.samples)
    return [table, *([el("p", say("more_rows", n=hidden), class_="note")] if hidden > 0 else [])]


def differences_section(report: Report) -> Html:
    """Every table that is not the same on both sides, with the rows and values that the proof kept."""
    wrong = [t for t in tables(report) if not t.equal]
    kept = {t.name: t.samples for t in report.proof.tables} if report.proof else {}
    cards = [_table(t, kept[t.name]) for t in wrong]
    return el("section", el("h2", say("differences_title")), *cards) if cards else join()


def _table(table: TableFacts, kept: tuple[Difference, ...]) -> Html:
    total = table.differences or 0
    hidden = total - len(kept)
    return el(
        "article",
        el(
            "h3", el("code", table.name), " ", el("span", say("differences", n=total) if total else "", class_="extent")
        ),
        el("p", side_counts(table), class_="note"),
        *(part for difference in kept for part in _difference(difference)),
        *([el("p", say("more_differences", n=hidden), class_="note")] if hidden > 0 else []),
        class_="card error",
    )


def _difference(difference: Difference) -> list[Html]:
    pairs = [part for side, text in both_values(difference) for part in (el("dt", side), el("dd", el("code", text)))]
    facts = [el("dl", *pairs, class_="facts")] if pairs else []
    return [el("p", headline(difference)), *facts]
