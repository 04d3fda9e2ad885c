"""In: a Report. Out: one HTML file that needs nothing else: no network, no script; verdict first.

It reads well on a phone, in the dark and on paper. Every text passes through ``markup``, which escapes it, and a
Content-Security-Policy forbids all but the style sheet. Headings are in order, every table has its caption, and no
fact is told by colour alone.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from pathlib import Path

from migrate_to_pg.i18n import language, number
from migrate_to_pg.records import Report
from migrate_to_pg.report.amounts import figures, stages_section, tables_section
from migrate_to_pg.report.faults import blocked_section, differences_section, findings_section
from migrate_to_pg.report.grid import Row, contents, facts, folded_section, grid, pairs, section
from migrate_to_pg.report.markup import Html, el, join, lines, raw, void
from migrate_to_pg.report.mended_html import mended_section
from migrate_to_pg.report.messages import duration, say, size
from migrate_to_pg.report.summary import started, target_words
from migrate_to_pg.report.verdict import assurances, tone, verdict

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
#: Beside the verdict, by its style.
_MARKS = {"good": "✓", "warning": "!", "bad": "✗"}


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
    """The verdict and what to do, then what is wrong, then all else, folded where it is long."""
    parts = (
        ("in_the_way", blocked_section(report)),
        ("next_steps", _steps(report)),
        ("differences_title", differences_section(report)),
        ("findings", findings_section(report)),
        ("mended", mended_section(report)),
        ("tables_title", tables_section(report)),
        ("stages", stages_section(report)),
        ("publication", _publication(report)),
        ("identities", _identities(report)),
        ("databases", _databases(report)),
        ("versions", _environment(report)),
        ("reproduce", _reproduce(report)),
    )
    yield from (_header(report), figures(report), contents(parts))
    yield from (part for _, part in parts)
    yield el("footer", el("p", say("private"), " ", say("for_programs")))


def _mode(report: Report) -> str:
    """What was asked for; by its own name where a later version knows more."""
    return say(_MODES[report.mode]) if report.mode in _MODES else report.mode


def _header(report: Report) -> Html:
    first, *rest = [verdict(report)] if report.ok else verdict(report).splitlines() or [""]
    told = (*rest, *assurances(report))
    below = [el("p", text, class_="" if i else "first") for i, text in enumerate(told)]
    style = tone(report)
    mark = el("span", _MARKS[style], class_="mark", aria_hidden="true")
    about = el("p", f"{say('title')} · {_mode(report)} · {started(report)}", class_="kicker")
    return el("header", mark, about, el("h1", lines(first)), *_failure(report), *below, class_=style)


def _failure(report: Report) -> list[Html]:
    if report.failure is None:
        return []
    detail = "\n".join(report.failure.detail)
    parts = [el("pre", lines(detail))] if detail else []
    return [*parts, *(el("p", line, class_="do") for line in report.failure.remedy.splitlines())]


def _steps(report: Report) -> Html:
    return section("next_steps", *([el("ol", *map(_step, report.next_steps))] if report.next_steps else []))


def _step(step: str) -> Html:
    """What to do, and below it what is to be copied."""
    first, *rest = step.splitlines() or [""]
    return el("li", first, *([el("pre", lines("\n".join(rest)))] if rest else []))


def _identities(report: Report) -> Html:
    if not report.identities:
        return join()
    rows: list[Row] = [(f"{i.table}.{i.column}", (number(i.next),), "") for i in report.identities]
    table = grid(say("identities_caption"), [say("column"), say("next_value")], rows)
    return folded_section("identities", table, note=number(len(rows)))


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
    return folded_section("publication", facts(told))


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
        told |= {"target": target_words(target), "postgresql": version}
    if report.export:
        told["export"] = say("export_size", path=report.export.path, size=size(report.export.bytes))
    return folded_section("databases", *([facts(told)] if told else []), is_open=True)


def _environment(report: Report) -> Html:
    return folded_section("versions", *([pairs(report.versions)] if report.versions else []))


def _reproduce(report: Report) -> Html:
    parts: list[Html] = []
    if report.command:
        parts += [el("p", say("reproduce_command")), el("pre", report.command)]
    # A dumped source is on another machine.
    if report.source is not None and report.source.dump is None:
        check = f"sha256sum {shlex.quote(report.source.path)}"
        parts += [el("p", say("reproduce_source")), el("pre", check)]
    return folded_section("reproduce", *parts)
