"""Reports to render, and what people see of each: shared by the tests of the report."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

from rich.console import Console

from migrate_to_pg.records import (
    Difference,
    Failure,
    Finding,
    Identity,
    Level,
    LoadedTable,
    Publication,
    Report,
    Sample,
    SourceFacts,
    StageTime,
    TargetFacts,
    Verification,
    VerifiedTable,
    Verify,
)
from migrate_to_pg.records.repairs import Change, ChangedCells, RemovedRow, RemovedRows, RowOutcome
from migrate_to_pg.report.text_layout import show
from migrate_to_pg.report.to_html import to_html
from migrate_to_pg.report.to_text import blocks, lines

HOSTILE = ["<script>alert(1)</script>", "[red]x[/red]", "\x1b[31mred", "a\ud800b", "nul\x00", "‮evil", "\x9b31m"]
LONG = "é" * 9_999 + "!"
FRENCH = "L’attribution a été refusée : déjà à l’œuvre"


def table(name: str = "courses_course", **changes: object) -> VerifiedTable:
    facts: dict[str, Any] = {
        "rows_source": 7,
        "rows_target": 7,
        "cells_compared": 70,
        "differences": 0,
        "samples": (),
        "seconds": 0.5,
    }
    return VerifiedTable(name=name, **(facts | changes))


def finding(**changes: object) -> Finding:
    facts: dict[str, Any] = {
        "rule": "foreign-key-orphan",
        "level": Level.ERROR,
        "table": "attributions_attribution",
        "column": "course_id",
        "count": 3,
        "samples": (Sample(key={"id": "17"}, value="'AGV211'"),),
        "explanation": "These rows name a course that does not exist.",
        "remedy": "Create the courses.",
    }
    return Finding(**(facts | changes))


def difference(**changes: object) -> Difference:
    facts: dict[str, Any] = {
        "table": "courses_course",
        "key": {"id": "17"},
        "column": "hours",
        "kind": "changed",
        "source": "1.005",
        "target": "1.00",
    }
    return Difference(**(facts | changes))


def unequal(*samples: Difference, total: int = 0) -> Verification:
    return Verification(verify=Verify.CELLS, tables=(table(differences=total or len(samples), samples=samples),))


def changed(**changes: object) -> ChangedCells:
    facts: dict[str, Any] = {
        "rule": "text-too-long",
        "table": "courses_course",
        "column": "name",
        "count": 1,
        "samples": (Change(key={"id": "7"}, old="'abc'", new="'ab'"),),
    }
    return ChangedCells(**(facts | changes))


def aside(**changes: object) -> RemovedRows:
    facts: dict[str, Any] = {
        "rule": "foreign-key-orphan",
        "table": "attributions_attribution",
        "outcome": RowOutcome.QUARANTINED,
        "count": 1,
        "samples": (
            RemovedRow(key={"id": "17"}, reason="Key without a parent row: course_id", row={"id": 17, "course_id": 99}),
        ),
    }
    return RemovedRows(**(facts | changes))


PUBLISHED = Report(
    ok=True,
    mode="publish",
    started="2026-01-12T10:00:00+01:00",
    stages=(StageTime(name="snapshot", seconds=1.0), StageTime(name="load", seconds=3.0)),
    source=SourceFacts(
        path="/srv/db.sqlite3",
        bytes=2048,
        sha256="aa" * 32,
        sha256_after="aa" * 32,
        tables=1,
        rows=7,
        snapshot="/srv/kept.sqlite3",
    ),
    target=TargetFacts(url="postgresql://app@db/attribution", version="18.1", schema="public"),
    loaded=(LoadedTable(name="courses_course", rows=7, seconds=0.25),),
    identities=(Identity(table="courses_course", column="id", next=1_008),),
    verification=Verification(verify=Verify.CELLS, tables=(table(),)),
    publication=Publication(
        schema="public",
        tables=("courses_course",),
        replaced=("courses_course",),
        archive="public_20260112",
        locked_seconds=0.05,
    ),
    versions={"Django": "6.1"},
    next_steps=("Restart the application.",),
)
#: 1,204 rows in SQLite: 3 in quarantine, 1 merged, 17 cells changed.
MENDED = replace(
    PUBLISHED,
    source=replace(PUBLISHED.source, rows=1_204, tables=3, journal="/srv/kept.journal.sqlite3"),  # type: ignore[type-var]
    loaded=(),
    publication=replace(PUBLISHED.publication, tables=("attributions_attribution", "courses_course", "auth_user")),  # type: ignore[type-var]
    findings=(
        finding(applied=True, quarantinable=True, repair="lossy"),
        finding(rule="text-too-long", table="courses_course", column="name", count=17, applied=True, repair="lossy"),
        finding(rule="duplicate-key", table="courses_course", column="code", count=1, applied=True, repair="lossy"),
    ),
    changed=(changed(count=17),),
    removed=(
        aside(count=3),
        aside(
            rule="duplicate-key",
            table="courses_course",
            outcome=RowOutcome.MERGED,
            samples=(RemovedRow(key={"id": "9"}, reason="same code as id = 3", row={"id": 9, "code": "LEPL1101"}),),
        ),
    ),
    verification=Verification(
        verify=Verify.CELLS,
        tables=(
            table(
                "attributions_attribution", rows_source=1_003, rows_target=1_000, quarantined=3, cells_compared=9_000
            ),
            table("courses_course", rows_source=151, rows_target=150, merged=1, cells_changed=17, cells_compared=1_500),
            table("auth_user", rows_source=50, rows_target=50, cells_compared=550),
        ),
    ),
)
FAILED = replace(PUBLISHED, ok=False, publication=None, next_steps=())


def terminal(report: Report, width: int = 80) -> str:
    """What a terminal of that width is sent, colours included."""
    console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor", width=width, _environ={})
    show(blocks(report), console)
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def without_colours(text: str) -> str:
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


class Page(HTMLParser):
    """The text and the elements of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text = ""
        self.elements: list[str] = []
        self.attributes: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append(tag)
        self.attributes += [name for name, _ in attrs]

    def handle_data(self, data: str) -> None:
        if self.elements[-1:] != ["style"]:
            self.text += data


def everything(report: Report) -> dict[str, str]:
    """Each rendering for people, with folding and layout taken out."""
    shown = {
        "text": "\n".join(lines(report)),
        "terminal": without_colours(terminal(report, width=20_000)),
        "html": Page(to_html(report)).text,
    }
    return {name: " ".join(text.split()) for name, text in shown.items()}


def check_all_tell(report: Report, *facts: str) -> None:
    for name, text in everything(report).items():
        for fact in facts:
            assert fact in text, name


def poisoned(text: str) -> Report:
    """A report in which every free text is that text."""
    sample = Sample(key={text: text}, value=text)
    wrong = difference(table=text, key={text: text}, column=text, source=text, target=text + "!")
    failure = Failure(message=f"Refused {text}", detail=(text,), remedy=text, exit_status=1)
    verification = Verification(verify=Verify.CELLS, tables=(table(text, differences=1, samples=(wrong,)),))
    assert PUBLISHED.source
    edits = (Change(key={text: text}, old=text, new=text),)
    rows = (RemovedRow(key={text: text}, reason=text, row={text: text, "n": None, "b": {"blob": text}}),)
    return replace(
        FAILED,
        mode=text,
        started=text,
        stages=(StageTime(name=text, seconds=1.0),),
        source=replace(PUBLISHED.source, path=text, snapshot=text, journal=text),
        target=TargetFacts(url=text, version=text, schema=text),
        loaded=(),
        findings=(finding(rule=text, table=text, column=text, samples=(sample,), explanation=text, remedy=text),),
        changed=(changed(rule=text, table=text, column=text, samples=edits),),
        removed=(aside(rule=text, table=text, samples=rows),),
        identities=(Identity(table=text, column=text, next=1),),
        verification=verification,
        publication=Publication(
            schema=text,
            tables=(text,),
            replaced=(text,),
            archive=text,
            locked_seconds=0.0,
            leftovers=(text,),
            leftovers_archive=text,
        ),
        failure=failure,
        versions={text: text},
        next_steps=(text,),
    )
