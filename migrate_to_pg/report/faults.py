"""In: a Report. Out: the parts of the HTML page that tell of faults: findings, and differences that the proof found."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.records import Difference, Finding, Report
from migrate_to_pg.report.blocked import Sentences, blocking_rows, by_hand, groups, is_blocked
from migrate_to_pg.report.grid import Row, grid, samples, section
from migrate_to_pg.report.markup import Html, el, join
from migrate_to_pg.report.messages import say
from migrate_to_pg.report.summary import (
    both_values,
    extent,
    finding_counts,
    findings,
    headline,
    key_text,
    place,
    status,
    title,
    what_to_do,
)
from migrate_to_pg.report.tables import TableFacts, side_counts, tables
from migrate_to_pg.report.verdict import at_stake
from migrate_to_pg.rules.docs import rules_by_id


def blocked_section(report: Report) -> Html:
    """What stands in the way, and the command that goes on."""
    if not is_blocked(report):
        return join()
    rows = [_obstacle(row) for row in blocking_rows(report)]
    table = grid(say("blocked_caption"), [say(key) for key in ("rule", "where", "repair", "rows_column")], rows, text=3)
    rules = by_hand(report)
    before = say("go_on_by_hand", rules=", ".join(rules)) if rules else say("go_on")
    needs = [el("p", report.continue_needs, class_="note")] if report.continue_needs else []
    stake = [el("p", at_stake(report), class_="stake")] if at_stake(report) else []
    return section("in_the_way", table, *stake, el("p", before), el("pre", report.continue_with), *needs)


def _obstacle(row: tuple[str, ...]) -> Row:
    rule, *others = row
    words = title(rule)
    # The last row of a table that was cut says how many more there are.
    name = join(el("a", words, href=f"#{rule}"), " ", el("code", rule)) if words else rule
    return name, others, ""


def findings_section(report: Report) -> Html:
    """Every rule that found something; its findings unfold: what, where, why, which rows, what to do or was done."""
    cards = [_group(group, report) for group in groups(findings(report))]
    return section("findings", *cards, note=finding_counts(report)) if cards else join()


def _group(group: list[Finding], report: Report) -> Html:
    states = list(dict.fromkeys(status(finding, report) for finding in group))
    rule = group[0].rule
    sentences = Sentences()
    summary = el(
        "summary",
        *(el("span", say(state), class_=f"chip {state}") for state in states),
        el("span", title(rule), class_="title"),
        " ",
        el("code", rule),
        el("span", _extent(group), class_="note"),
    )
    found = [part for finding in group for part in _finding(finding, report, sentences)]
    return el("details", summary, *found, *_about(rule), class_=f"card {states[0]}", id=rule)


def _extent(group: list[Finding]) -> str:
    """attributions_attribution.course_id, 3 rows; or 3 places, 12 rows."""
    where = place(group[0]) if len(group) == 1 else say("places", n=len(group))
    rows = extent(group[0]) if len(group) == 1 else say("rows", n=sum(finding.count for finding in group))
    return ", ".join(filter(None, [where, rows]))


def _finding(finding: Finding, report: Report, sentences: Sentences) -> Iterator[Html]:
    yield el("h3", el("code", place(finding)), " ", el("span", extent(finding), class_="extent"))
    yield from (el("p", text) for text in sentences.new(finding.explanation.splitlines()))
    yield from _samples(finding)
    yield from (el("p", text, class_="do") for text in sentences.new(what_to_do(finding, report)))


def _about(rule: str) -> list[Html]:
    """The rule's page; the documentation is in English."""
    known = rules_by_id().get(rule)
    if known is None:
        return []
    texts = (known.meaning, known.repair_description)
    about = el("summary", say("about_rule"))
    return [el("details", about, *(el("p", text, lang="en") for text in texts if text), class_="about")]


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
    return section("differences_title", *(_table(t, kept[t.name]) for t in wrong))


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
