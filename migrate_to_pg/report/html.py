"""In: a Report. Out: one HTML file that needs nothing else: no network, no script; verdict first.

It reads well on a phone, in the dark and on paper. Every text passes through ``markup``, which escapes it, and a
Content-Security-Policy forbids all but the style sheet.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from migrate_to_pg.records import Report
from migrate_to_pg.report.facts import assurances, total_seconds, verdict
from migrate_to_pg.report.faults import differences_section, findings_section
from migrate_to_pg.report.markup import Html, el, join, lines, raw, void
from migrate_to_pg.report.mended import mended_section
from migrate_to_pg.report.tables import table_cells, table_columns, tables
from migrate_to_pg.report.words import duration, number, say, size

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = Path(__file__).with_name("report.css")


def to_html(report: Report) -> str:
    """The report as a self-contained HTML document."""
    head = el(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="referrer", content="no-referrer"),
        el("title", f"{verdict(report).partition(chr(10))[0]} - {say('title')}"),
        el("style", raw(_STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!DOCTYPE html>\n{el('html', head, el('body', el('main', *_sections(report))), lang='en')}\n"


def _sections(report: Report) -> Iterable[Html]:
    yield from (_header(report), _figures(report), _steps(report), findings_section(report))
    yield from (
        mended_section(report),
        differences_section(report),
        _stages(report),
        _tables(report),
        _publication(report),
    )
    yield from (_databases(report), _identities(report), _reproduce(report), _versions(report))
    yield el("footer", el("p", say("private"), " ", say("for_programs")))


def _header(report: Report) -> Html:
    first, *rest = verdict(report).splitlines() or [""]
    below = [el("p", text) for text in (*rest, *assurances(report))]
    about = el("p", f"{say('title')} · {report.mode} · {report.started.replace('T', ' ', 1)}", class_="kicker")
    return el("header", about, el("h1", first), *_failure(report), *below, class_="good" if report.ok else "bad")


def _failure(report: Report) -> list[Html]:
    if report.failure is None:
        return []
    detail = "\n".join(report.failure.detail)
    parts = [el("pre", lines(detail))] if detail else []
    return [*parts, *(el("p", line, class_="do") for line in report.failure.remedy.splitlines())]


def _figures(report: Report) -> Html:
    known = tables(report)
    figures = {
        "tables_title": number(len(known)) if known else "",
        "rows_column": number(sum(t.rows_target or 0 for t in known)) if known else "",
        "cells_compared": number(sum(t.cells_compared or 0 for t in known)) if report.proof else "",
        "differences_title": number(sum(t.differences or 0 for t in known)) if report.proof else "",
        "total": duration(total_seconds(report)) if report.stages else "",
    }
    shown = [el("div", el("dt", say(key)), el("dd", text)) for key, text in figures.items() if text]
    return el("dl", *shown, class_="figures") if len(shown) > 1 else join()


def section(key: str, *content: Html, note: str = "") -> Html:
    """A part of the page under its heading; nothing at all where there is no content."""
    title = el("h2", say(key), *([el("small", note)] if note else []))
    return el("section", title, *content) if any(content) else join()


def _steps(report: Report) -> Html:
    steps = [el("li", lines(step)) for step in report.next_steps]
    return section("next_steps", *([el("ol", *steps)] if steps else []))


def _stages(report: Report) -> Html:
    whole = total_seconds(report) or 1.0
    rows, before = [], 0.0
    for stage in report.stages:
        place = f"margin-left:{100 * before / whole:.2f}%;width:{100 * stage.seconds / whole:.2f}%"
        bar = el("td", el("span", class_="bar", style=place), class_="track")
        rows.append(el("tr", el("td", stage.name), bar, el("td", duration(stage.seconds), class_="number")))
        before += stage.seconds
    total = el("tr", el("td", say("total")), el("td"), el("td", duration(before), class_="number"), class_="total")
    return section("stages", *([el("table", el("tbody", *rows, total))] if rows else []))


def _tables(report: Report) -> Html:
    known = tables(report)
    columns = table_columns(known)
    rows = [_row(table_cells(t, columns), "" if t.equal else "bad") for t in known]
    return section("tables_title", *([_grid([say(c) for c in columns], rows)] if rows else []))


def _grid(headings: list[str], rows: list[Html]) -> Html:
    titles = [el("th", text, scope="col", class_="number" if i else "") for i, text in enumerate(headings)]
    return el("div", el("table", el("thead", el("tr", *titles)), el("tbody", *rows)), class_="wide")


def _row(cells: tuple[str, ...], class_: str = "") -> Html:
    data = [el("td", text, class_="number" if i else "") for i, text in enumerate(cells)]
    return el("tr", *data, class_=class_)


def _identities(report: Report) -> Html:
    rows = [_row((f"{i.table}.{i.column}", number(i.next))) for i in report.identities]
    return section("identities", *([_grid([say("column"), say("next_value")], rows)] if rows else []))


def _publication(report: Report) -> Html:
    if report.publication is None:
        return join()
    published = report.publication
    facts = {
        "schema": published.schema,
        "published_tables": ", ".join(published.tables),
        "replaced_tables": ", ".join(published.replaced),
        "archive": published.archive,
        "locked_time": duration(published.locked_seconds),
    }
    return section("publication", _facts(facts))


def _facts(facts: dict[str, str]) -> Html:
    return _pairs({say(key): text for key, text in facts.items() if text})


def _pairs(told: Mapping[str, str]) -> Html:
    pairs = [part for name, text in told.items() for part in (el("dt", name), el("dd", el("code", text)))]
    return el("dl", *pairs, class_="facts")


def _databases(report: Report) -> Html:
    facts: dict[str, str] = {}
    if report.source:
        source = report.source
        held = {"tables": say("tables", n=source.tables), "rows": say("rows", n=source.rows)}
        facts |= {"source": source.path, "sqlite": say("source_size", size=size(source.bytes), **held)}
        facts |= {"fingerprint": source.sha256, "fingerprint_after": source.sha256_after, "snapshot": source.snapshot}
        facts["journal"] = source.journal
    if report.target:
        target = report.target
        version = say("target_version", version=target.version, schema=target.schema)
        facts |= {"target": target.url, "postgresql": version}
    return section("databases", *([_facts(facts)] if facts else []))


def _versions(report: Report) -> Html:
    return section("versions", *([_pairs(report.versions)] if report.versions else []))


def _reproduce(report: Report) -> Html:
    if report.source is None:
        return join()
    command = el("pre", f"sha256sum {shlex.quote(report.source.path)}")
    return section("reproduce", el("p", say("reproduce_source")), command)
