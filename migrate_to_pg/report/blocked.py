"""What a run in whose way findings stand says at its end: what they are, what repairs them, how to go on."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from migrate_to_pg.i18n import number
from migrate_to_pg.records import Finding, Level, Report
from migrate_to_pg.report.messages import say
from migrate_to_pg.report.repair_counts import repair_words
from migrate_to_pg.report.summary import findings, place

#: Rows of the table: with all that stands around it they fill a screen of 30 lines.
ROWS = 14
#: Where one sentence ends and the next begins.
_NEXT_SENTENCE = re.compile(r"(?<=[.!?]) (?=\W?[^\W\d_a-z])")


def is_blocked(report: Report) -> bool:
    """Whether findings are why the run did not succeed."""
    return not report.ok and any(finding.blocks for finding in report.findings)


def groups(ordered: Sequence[Finding]) -> list[list[Finding]]:
    """The findings in their order, but those of one rule together."""
    first: dict[str, int] = {}
    for position, finding in enumerate(ordered):
        first.setdefault(finding.rule, position)
    # What stops the run stays before what does not.
    key = [(not f.blocks, f.level is not Level.ERROR, first[f.rule]) for f in ordered]
    together = sorted(zip(key, ordered, strict=True), key=lambda pair: pair[0])
    return [[finding for _, finding in group] for _, group in groupby(together, key=lambda pair: pair[0])]


class Sentences:
    """What was said of a group of findings, so that none of it is said once more."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def new(self, texts: Iterable[str]) -> list[str]:
        """The texts without the sentences that were said before."""
        left = (self._unsaid(text) for text in texts)
        return [text for text in left if text]

    def _unsaid(self, text: str) -> str:
        unsaid = [sentence for sentence in _NEXT_SENTENCE.split(text) if sentence not in self._said]
        self._said.update(unsaid)
        return " ".join(unsaid)


def blocking_rows(report: Report, most: int = ROWS) -> list[tuple[str, ...]]:
    """Rule, place, what repairs it, rows: one line a finding, or one a rule where there would be too many."""
    blocking = [[f for f in group if f.blocks] for group in groups(findings(report))]
    by_rule = [group for group in blocking if group]
    lines = [[finding] for group in by_rule for finding in group]
    shown = lines if len(lines) <= most else by_rule
    rows = [_row(group) for group in shown[:most]]
    if len(shown) > most:
        rows.append((say("more_rules", n=len(shown) - most), "", "", ""))
    return rows


def _row(group: Sequence[Finding]) -> tuple[str, ...]:
    first = group[0]
    where = place(first) if len(group) == 1 else say("places", n=len({place(finding) for finding in group}))
    return first.rule, where, _remedies(group), number(sum(finding.count for finding in group))


def _remedies(group: Sequence[Finding]) -> str:
    """lossless, lossy, or both; with a number where that does not repair all; none, where nothing does."""
    repairs = [repair_words(repair) for repair in dict.fromkeys(f.repair for f in group if f.repair)]
    if not repairs:
        return say("quarantine_only" if any(f.quarantinable for f in group) else "no_repair")
    count = sum(finding.count for finding in group)
    repaired = count - sum(finding.beyond_repair for finding in group)
    return ", ".join(repairs) if repaired == count else say("repairs_some", how=", ".join(repairs), n=repaired)


def by_hand(report: Report) -> list[str]:
    """The rules of what neither a repair nor quarantine takes out of the way."""
    left = (f for f in report.findings if f.blocks and f.beyond_repair and not f.quarantinable)
    return list(dict.fromkeys(finding.rule for finding in left))
