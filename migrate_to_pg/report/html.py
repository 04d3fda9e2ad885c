"""In: a Report. Out: one HTML file that needs nothing else: no network, no script; verdict first.

It reads well on a phone, in the dark and on paper. Every text passes through ``markup``, which escapes it, and a
Content-Security-Policy forbids all but the style sheet. Headings are in order, every table has its caption, and no
fact is told by colour alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from migrate_to_pg.language import language, number
from migrate_to_pg.records import Report
from migrate_to_pg.report.amounts import figures, stages_section, tables_section
from migrate_to_pg.report.facts import assurances, started, verdict
from migrate_to_pg.report.faults import differences_section, findings_section
from migrate_to_pg.report.grid import facts, folded, grid, number_row, pairs, section
from migrate_to_pg.report.markup import Html, el, join, lines, raw, void
from migrate_to_pg.report.mended import mended_section
from migrate_to_pg.report.words import duration, say, size

_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_STYLE = Path(__file__).with_name("report.css")
_MODES = {
    "publish": "mode_publish",
    "check": "mode_check",
    "dump": "mode_dump",
    "rehearse": "mode_rehearse",
    "verify_only": "mode_verify_only",
    "undo": "mode_undo",
}
#: More identities than this are folded.
_FEW = 20


def to_html(report: Report) -> str:
    """The report as a self-contained HTML document."""
    head = el(
        "head",
        void("meta", charset="utf-8"),
        void("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        void("meta", name="viewport", content="width=device-width, initial-scale=1"),
        void("meta", name="color-scheme", content="light dark"),
        void("meta", name="referrer", content="no-referrer"),
        el("title", f"{verdict(report).partition(chr(10))[0]} - {say('title')}"),
        el("style", raw(_STYLE.read_text(encoding="utf-8"))),
    )
    return f"<!DOCTYPE html>\n{el('html', head, el('body', el('main', *_sections(report))), lang=language())}\n"


def _sections(report: Report) -> Iterable[Html]:
    yield from (_header(report), figures(report), _steps(report))
    yield from (stages_section(report), tables_section(report), differences_section(report))
    yield from (findings_section(report), mended_section(report))
    yield from (_publication(report), _identities(report), _databases(report), _environment(report))
    yield _reproduce(report)
    yield el("footer", el("p", say("private"), " ", say("for_programs")))


def _mode(report: Report) -> str:
    """What was asked for; by its own name where a later version knows more."""
    return say(_MODES[report.mode]) if report.mode in _MODES else report.mode


def _header(report: Report) -> Html:
    first, *rest = verdict(report).splitlines() or [""]
    told = (*rest, *assurances(report))
    below = [el("p", text, class_="" if i else "first") for i, text in enumerate(told)]
    mark = el("span", "✓" if report.ok else "✗", class_="mark", aria_hidden="true")
    about = el("p", f"{say('title')} · {_mode(report)} · {started(report)}", class_="kicker")
    style = "good" if report.ok else "bad"
    return el("header", mark, about, el("h1", first), *_failure(report), *below, class_=style)


def _failure(report: Report) -> list[Html]:
    if report.failure is None:
        return []
    detail = "\n".join(report.failure.detail)
    parts = [el("pre", lines(detail))] if detail else []
    return [*parts, *(el("p", line, class_="do") for line in report.failure.remedy.splitlines())]


def _steps(report: Report) -> Html:
    steps = [el("li", lines(step)) for step in report.next_steps]
    return section("next_steps", *([el("ol", *steps)] if steps else []))


def _identities(report: Report) -> Html:
    if not report.identities:
        return join()
    rows = [number_row(f"{i.table}.{i.column}", (number(i.next),)) for i in report.identities]
    table = grid(say("identities_caption"), [say("column"), say("next_value")], rows)
    few = len(rows) <= _FEW
    return section("identities", table if few else folded("show_all", table, is_open=False))


def _publication(report: Report) -> Html:
    if report.publication is None:
        return join()
    published = report.publication
    told = {
        "schema": published.schema,
        "published_tables": ", ".join(published.tables),
        "replaced_tables": ", ".join(published.replaced),
        "archive": published.archive,
        "locked_time": duration(published.locked_seconds),
    }
    return section("publication", facts(told))


def _databases(report: Report) -> Html:
    told: dict[str, str] = {}
    if report.source:
        source = report.source
        held = {"tables": say("tables", n=source.tables), "rows": say("rows", n=source.rows)}
        told |= {"source": source.path, "sqlite": say("source_size", size=size(source.bytes), **held)}
        told |= {"fingerprint": source.sha256, "fingerprint_after": source.sha256_after, "snapshot": source.snapshot}
        told["journal"] = source.journal
    dump = report.dump or (report.source.dump if report.source else None)
    if dump:
        told["dump"] = say("dump_facts", path=dump.path, size=size(dump.bytes), written=dump.written)
        told["dump_fingerprint"] = dump.sha256
    if report.target:
        target = report.target
        version = say("target_version", version=target.version, schema=target.schema)
        told |= {"target": target.url, "postgresql": version}
    if report.export:
        told["export"] = say("export_size", path=report.export.path, size=size(report.export.bytes))
    return section("databases", *([facts(told)] if told else []))


def _environment(report: Report) -> Html:
    return section("versions", *([pairs(report.versions)] if report.versions else []))


def _reproduce(report: Report) -> Html:
    parts: list[Html] = []
    if report.command:
        parts += [el("p", say("reproduce_command")), el("pre", report.command)]
    # A dumped source is on another machine.
    if report.source is not None and report.source.dump is None:
        check = f"sha256sum {shlex.quote(report.source.path)}"
        parts += [el("p", say("reproduce_source")), el("pre", check)]
    return section("reproduce", *parts)
