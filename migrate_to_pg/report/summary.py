"""What all renderings of a report tell alike: findings in order, values in words, times."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from itertools import takewhile

from migrate_to_pg.i18n import gettext
from migrate_to_pg.records import Difference, Finding, Level, Report, TargetFacts
from migrate_to_pg.records.repairs import ChangedCells
from migrate_to_pg.report.messages import say, stage_name
from migrate_to_pg.report.repair_counts import Edit, is_aside, left_over, repair_words, settled
from migrate_to_pg.rules.docs import rules_by_id

#: From this length on a reader is told where two values begin to differ.
_LONG = 60
#: How much of two long values is shown from there.
_EXCERPT = 20


def findings(report: Report) -> list[Finding]:
    """What stops the run first, then what was repaired, then the warnings."""
    return sorted(report.findings, key=lambda f: (not f.blocks, f.level is not Level.ERROR))


def status(finding: Finding, report: Report | None = None) -> str:
    """error, repaired, aside or warning: also the name of its style."""
    if not finding.applied:
        return finding.level.value
    return "aside" if is_aside(settled(finding, report)) else "repaired"


def finding_counts(report: Report) -> str:
    """1 error, 1 repaired, 1 set aside, 2 warnings: those that there are."""
    states = [status(f, report) for f in report.findings]
    counts = (
        ("error", "errors"),
        ("repaired", "repaired_errors"),
        ("aside", "errors_aside"),
        ("warning", "warnings"),
    )
    return ", ".join(say(words, n=states.count(state)) for state, words in counts if state in states)


def title(rule: str) -> str:
    """What a rule finds, in words; '' of one that is not known."""
    known = rules_by_id().get(rule)
    return gettext(known.title) if known else ""


def place(finding: Finding) -> str:
    """table, table.column, or table (a, b)."""
    if "," in finding.column:
        return f"{finding.table} ({finding.column})"
    return f"{finding.table}.{finding.column}" if finding.column else finding.table


def extent(finding: Finding) -> str:
    """3 rows; nothing for a fault of the schema, which has no rows to show."""
    return say("rows", n=finding.count) if finding.samples or finding.count > 1 else ""


def what_to_do(finding: Finding, report: Report | None = None) -> list[str]:
    """What was done, as accepted; or the remedy, and the repair and the quarantine that are offered."""
    words = {"rule": finding.rule, "repair": repair_words(finding.repair)}
    if finding.applied:
        return [say(way, **words) for way in settled(finding, report)]
    left = left_over(finding, report)
    remedy = [*filter(None, [left]), *finding.remedy.splitlines()]
    if "--fix" not in finding.remedy and not left:
        remedy += repair_offer(finding)
    if finding.quarantinable and "--quarantine" not in finding.remedy:
        remedy.append(say("quarantine_offered", **words))
    return remedy


def repair_offer(finding: Finding, option: str = "--fix") -> list[str]:
    """How many of the rows the repair was tried on with success; nothing where the rule has none."""
    words = {"option": option, "rule": finding.rule, "repair": repair_words(finding.repair)}
    if finding.repairable is None:
        return [say("repair_offered", **words)] if finding.repair else []
    if not finding.repairable:
        return [say("repair_of_none", n=finding.count, **words)]
    if finding.repairable < finding.count:
        return [say("repair_of_some", repaired=finding.repairable, n=finding.count, **words)]
    # A fault of the schema has no rows.
    way = "repair_of_rows" if finding.samples or finding.count > 1 else "repair_offered"
    return [say(way, repaired=finding.repairable, n=finding.count, **words)]


def key_text(key: Mapping[str, str]) -> str:
    """id = 17, or every part of a compound key."""
    return ", ".join(f"{name} = {value}" for name, value in key.items()) or say("no_key")


def sample_texts(edit: Edit, shown: int) -> list[str]:
    """The first cells, as id = 7: 'abc' -> 'ab', or the first rows with the reason."""
    if isinstance(edit, ChangedCells):
        return [say("cell_changed", key=key_text(c.key), old=c.old, new=c.new) for c in edit.samples[:shown]]
    return [say("row_aside", key=key_text(row.key), reason=row.reason) for row in edit.samples[:shown]]


def headline(difference: Difference) -> str:
    """Which row, which column, and what is wrong with it."""
    kind = difference.kind if difference.kind in ("missing", "extra", "unexplained") else "changed"
    if kind == "unexplained" and difference.column:
        kind = "unexplained_cell"
    # The record of a whole table or column may be at fault: then there is no row to name.
    about_row = difference.key or difference.kind != "unexplained"
    key = key_text(difference.key) if about_row else difference.table
    return say(kind, key=key, column=difference.column)


def both_values(difference: Difference) -> tuple[tuple[str, str], ...]:
    """(side, value) for each side; one line more where two long values begin to differ."""
    source, target = difference.source, difference.target
    if difference.kind == "unexplained":
        return _unconfirmed(source, target)
    if not difference.column and source is None and target is None:
        return ()
    show = ascii if _look_alike(source, target) else repr
    absent = say("null") if difference.column else say("no_row")
    sides = tuple(
        (side, absent if value is None else show(value))
        for side, value in ((say("sqlite"), source), (say("postgresql"), target))
    )
    return sides + _where_they_part(source, target)


def _unconfirmed(why: str | None, recorded: str | None) -> tuple[tuple[str, str], ...]:
    reason = () if why is None else ((say("why"), why),)
    return reason if recorded is None else (*reason, (say("recorded"), repr(recorded)))


def _look_alike(source: str | None, target: str | None) -> bool:
    """True where a reader could not tell the two apart: é written as one character or as two."""
    if source is None or target is None:
        return False
    return unicodedata.normalize("NFKC", source) == unicodedata.normalize("NFKC", target)


def _where_they_part(source: str | None, target: str | None) -> tuple[tuple[str, str], ...]:
    if source is None or target is None or max(len(source), len(target)) < _LONG:
        return ()
    same = takewhile(lambda pair: pair[0] == pair[1], zip(source, target, strict=False))
    start = sum(1 for _ in same)
    excerpts = {"source": ascii(source[start : start + _EXCERPT]), "target": ascii(target[start : start + _EXCERPT])}
    return (("", say("first_difference", position=start + 1, **excerpts)),)


def started(report: Report) -> str:
    """2026-01-12 10:00:00+01:00."""
    return report.started.replace("T", " ", 1)


#: Less time between the stages is not told.
_LITTLE = 0.01


def total_seconds(report: Report) -> float:
    """The time of the whole run."""
    return report.seconds or sum(stage.seconds for stage in report.stages)


def times(report: Report) -> list[tuple[str, float]]:
    """What each stage took, and what went by around them, so that all of it together is the whole time."""
    told = [(stage_name(stage.name), stage.seconds) for stage in report.stages]
    between = total_seconds(report) - sum(seconds for _, seconds in told)
    return [*told, (say("between_stages"), between)] if between > _LITTLE else told


def target_words(target: TargetFacts) -> str:
    """The server and the database, as a person names them."""
    if not target.embedded:
        return target.url
    return say("embedded_target", major=target.version.partition(".")[0], path=target.embedded)
