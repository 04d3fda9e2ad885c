"""Lay out what pg_behaviour found as lines of text."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.records import Behaviour, Effect, Report
from migrate_to_pg.behaviour.report import words
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.report.text_layout import Block, Line, fact, heading, line, named


def blocks(report: Report) -> list[Block]:
    """Lay out the verdict, each finding, and what is not known."""
    style = "bad" if report.count(Effect.ERROR) else "warning" if report.findings or not report.is_complete else "good"
    result: list[Block] = [fact(words.verdict(report), style)]
    result += named(_("Source"), report.source)
    result += named(_("Looked at"), words.looked_by(report))
    for _anchor, title, findings in words.groups(report):
        result += heading(title, str(len(findings)))
        for found in findings:
            result += _finding(found)
    if report.unexecuted:
        result += [*heading(_("Not executed")), line(words.unexecuted_note())]
        result += [fact(str(place), indent=2) for place in report.unexecuted]
    if report.notes:
        result += heading(_("Notes"))
        result += [line(note, marker="-") for note in report.notes]
    return result


def _finding(found: Behaviour) -> Iterator[Block]:
    style = "error" if found.effect is Effect.ERROR else "warning"
    yield line()
    yield Line(parts=((str(found.place), "strong"), (f"  {found.rule}", style)), unwrapped=True)
    yield line(f"{words.title(found)} ({words.how_sure(found)}).", indent=2)
    if found.example.explanation:
        yield line(found.example.explanation, indent=2)
    for name, text in words.sides(found):
        yield fact(f"{name + ':':<12}{text}", indent=2)
    yield line(words.instead(found), indent=2, marker="->")
