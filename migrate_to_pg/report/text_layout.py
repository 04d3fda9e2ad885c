"""In: a Report. Out: the lines and grids of its text form, verdict first, before anyone chose a width or colours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.records import Difference, Finding, Report, Sample
from migrate_to_pg.records.repairs import ChangedCells
from migrate_to_pg.report.blocked import Sentences, blocking_rows, by_hand, groups, is_blocked
from migrate_to_pg.report.messages import duration, say, size
from migrate_to_pg.report.repair_counts import Edit, edits, extent_of, mended_counts, nature_of, place_of, whole_record
from migrate_to_pg.report.summary import (
    both_values,
    extent,
    finding_counts,
    findings,
    headline,
    key_text,
    place,
    sample_texts,
    status,
    target_words,
    times,
    total_seconds,
    what_to_do,
)
from migrate_to_pg.report.tables import TableFacts, side_counts, table_cells, table_columns, tables
from migrate_to_pg.report.verdict import assurances, at_stake, tone, verdict

#: Rows of one finding that are shown.
SAMPLES = 5
#: Differences of one table that are shown.
DIFFERENCES = 10
#: Tables that are equal on both sides and are shown, the largest first.
EQUAL_TABLES = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line, or one paragraph."""

    #: (text, style): a style is one of the words that ``text.STYLES`` knows, or ''.
    parts: tuple[tuple[str, str], ...]
    indent: int = 0
    #: What stands before the first line, further lines being aligned after it: "->", "1.".
    marker: str = ""
    #: A fact that may be searched for: it stays on one line where there is no terminal.
    whole: bool = False
    #: To be copied: one line on a terminal too, however long.
    unbroken: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Columns under headings: the first to the left, the others to the right."""

    headings: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    #: How many columns are to the left.
    left: int = 1
    #: The column that is folded where the width does not do.
    folds: int = 0


Block = Line | Grid


def line(text: str, style: str = "", *, indent: int = 0, marker: str = "", whole: bool = False) -> Line:
    """A line in one style."""
    return Line(parts=((text, style),), indent=indent, marker=marker, whole=whole)


def fact(text: str, style: str = "", *, indent: int = 0) -> Line:
    """A line that is never wrapped where there is no terminal."""
    return line(text, style, indent=indent, whole=True)


def copied(text: str, *, indent: int) -> Line:
    """A line to be copied: the terminal folds it, nothing here does."""
    return Line(parts=((text, ""),), indent=indent, whole=True, unbroken=True)


def heading(key: str, note: str = "") -> list[Block]:
    """An empty line and a title."""
    return [line(""), Line(parts=((say(key), "strong"), (f"  {note}" if note else "", "dim")))]


def blocks(report: Report) -> list[Block]:
    """The whole report; what one needs to go on comes last."""
    parts = (_verdict, _findings, _mended, _differences, _databases, _tables, _identities, _stages)
    end = _blocked if is_blocked(report) else _next_steps
    return [block for part in (*parts, end) for block in part(report)]


def _verdict(report: Report) -> Iterator[Block]:
    first, *rest = verdict(report).splitlines() or [""]
    yield fact(first, tone(report))
    yield from (fact(text, tone(report)) if report.ok else fact(text, indent=2) for text in rest)
    if report.failure:
        yield from (fact(text, indent=2) for entry in report.failure.detail for text in entry.splitlines())
        yield from _arrows(report.failure.remedy.splitlines(), indent=2)
    yield from (line(text) for text in assurances(report))


def _arrows(texts: list[str], *, indent: int, sentences: Sentences | None = None) -> list[Block]:
    """What to do; a line after a colon, and each further statement, is to be copied, and so is never wrapped.

    What ``sentences`` have already is left out.
    """
    result: list[Block] = []
    to_copy, before = False, ""
    for text in texts:
        to_copy = before.endswith(":") or (to_copy and text.endswith(";"))
        before = text
        new = sentences.new([text]) if sentences else [text]
        if to_copy and new:
            result.append(copied(text, indent=indent + 3))
        else:
            result += [line(part, indent=indent, marker="->") for part in new]
    return result


def _findings(report: Report) -> Iterator[Block]:
    if report.findings:
        yield from heading("findings", finding_counts(report))
    for group in groups(findings(report)):
        sentences = Sentences()
        for finding in group:
            yield from finding_blocks(finding, report, sentences)
    if is_blocked(report):
        yield from [line(""), line(say("explain"), "dim")]


def finding_blocks(
    finding: Finding, report: Report | None = None, sentences: Sentences | None = None
) -> Iterator[Block]:
    """One finding: what, where, why, which rows, what to do; what was done, where a report tells of it.

    ``sentences`` are those of the findings of the same rule before it.
    """
    said = sentences or Sentences()
    yield line("")
    state = status(finding, report)
    parts = ((say(state), state), (finding.rule, "strong"), (place(finding), "strong"), (extent(finding), ""))
    yield Line(parts=tuple((f"  {t}" if i else t, s) for i, (t, s) in enumerate(parts) if t), whole=True)
    yield from (line(text, indent=2) for text in said.new(finding.explanation.splitlines()))
    yield from (_sample(sample) for sample in finding.samples[:SAMPLES])
    hidden = finding.count - len(finding.samples[:SAMPLES])
    if finding.samples and hidden > 0:
        yield line(say("more_rows", n=hidden), "dim", indent=4)
    yield from _arrows(what_to_do(finding, report), indent=2, sentences=said)


def _sample(sample: Sample) -> Line:
    return fact(say("sample", key=key_text(sample.key), value=sample.value), indent=4)


def _mended(report: Report) -> Iterator[Block]:
    told = edits(report)
    if not told:
        return
    yield from heading("mended", mended_counts(report))
    yield line(say("only_the_copy"))
    for edit in told:
        yield from _edit(report, edit)
    yield line("")
    if any(edit.count > SAMPLES for edit in told):
        yield line(say("more_in_files"))
    yield from (fact(text) for text in whole_record(report))


def _edit(report: Report, edit: Edit) -> Iterator[Block]:
    """What one rule did in one place: how much, and the first cells or rows."""
    nature = nature_of(report, edit)
    parts = ((edit.rule, "strong"), (f" ({nature})" if nature else "", ""), (f"  {place_of(edit)}", "strong"))
    yield line("")
    yield Line(parts=(*parts, (f"  {extent_of(report, edit)}", "")), whole=True)
    samples = sample_texts(edit, SAMPLES)
    yield from (fact(text, indent=4) for text in samples)
    if edit.count > len(samples):
        words = "more_cells" if isinstance(edit, ChangedCells) else "more_rows"
        yield line(say(words, n=edit.count - len(samples)), "dim", indent=4)


def _differences(report: Report) -> Iterator[Block]:
    wrong = [t for t in tables(report) if not t.equal]
    if wrong:
        yield from heading("differences_title")
    samples = {t.name: t.samples for t in report.proof.tables} if report.proof else {}
    for table in wrong:
        yield from _wrong_table(table, samples[table.name])


def _wrong_table(table: TableFacts, samples: tuple[Difference, ...]) -> Iterator[Block]:
    total = table.differences or 0
    extra = f"  {say('differences', n=total)}" if total else ""
    yield line("")
    yield Line(parts=((table.name, "strong"), (extra, "bad")), whole=True)
    yield line(side_counts(table), indent=2)
    shown = samples[:DIFFERENCES]
    for difference in shown:
        yield from _difference(difference)
    if total > len(shown):
        yield line(say("more_differences", n=total - len(shown)), "dim", indent=2)
    if len(samples) > len(shown):
        yield line(say("kept_differences", n=len(samples)), "dim", indent=2)


def _difference(difference: Difference) -> Iterator[Block]:
    yield fact(headline(difference), indent=2)
    values = both_values(difference)
    width = max((len(side) for side, _ in values), default=0)
    yield from (line(value, indent=4, marker=f"{side:<{width}}", whole=True) for side, value in values)


def _databases(report: Report) -> Iterator[Block]:
    if report.source:
        source = report.source
        held = {"tables": say("tables", n=source.tables), "rows": say("rows", n=source.rows)}
        facts = [source.path, say("source_size", size=size(source.bytes), **held)]
        if source.dump:
            facts.append(say("from_dump", path=source.dump.path, written=source.dump.written))
        if source.sha256_after:
            same = source.sha256 == source.sha256_after and not source.changed
            facts.append(say("source_unchanged" if same else "source_changed"))
        yield from [line(""), *named("source", say("then").join(facts))]
        yield from named("snapshot", source.snapshot)
    if report.dump:
        yield from named("dump", say("then").join((report.dump.path, size(report.dump.bytes), report.dump.sha256)))
    if report.target:
        target = report.target
        about = say("target_version", version=target.version, schema=target.schema)
        yield from named("target", say("then").join((target_words(target), about)))
    if report.export:
        yield from named("export", say("export_size", path=report.export.path, size=size(report.export.bytes)))


def named(key: str, text: str) -> list[Block]:
    """A fact under its name; nothing where there is none."""
    return [Line(parts=((say("named", name=say(key)), "strong"), (text, "")), whole=True)] if text else []


def _tables(report: Report) -> Iterator[Block]:
    known = tables(report)
    if not known:
        return
    columns = table_columns(known, narrow=True)
    largest = sorted((t for t in known if t.equal and not t.mended), key=lambda t: -(t.rows_target or 0))
    shown = [t for t in known if not t.equal] + [t for t in known if t.equal and t.mended] + largest[:EQUAL_TABLES]
    yield line("")
    yield Grid(headings=tuple(say(c) for c in columns), rows=tuple(table_cells(t, columns) for t in shown))
    if hidden := len(known) - len(shown):
        yield line(say("more_tables", n=hidden), "dim")


def _identities(report: Report) -> Iterator[Block]:
    if report.identities:
        yield from [line(""), line(say("identities_set", n=len(report.identities)))]


def _stages(report: Report) -> Iterator[Block]:
    if report.stages:
        rows = [(name, duration(seconds)) for name, seconds in times(report)]
        rows.append((say("total"), duration(total_seconds(report))))
        yield line("")
        yield Grid(headings=(say("stage"), say("seconds_column")), rows=tuple(rows))


def _blocked(report: Report) -> Iterator[Block]:
    """What fits one screen: the verdict, each obstacle with what repairs it, and the command that goes on."""
    yield line("")
    yield fact(f"{verdict(report)} {say('unpublished')}", "bad")
    yield line("")
    yield Grid(
        headings=tuple(map(say, ("rule", "where", "repair", "rows_column"))),
        rows=tuple(blocking_rows(report)),
        left=3,
        folds=1,
    )
    yield line("")
    if at_stake(report):
        yield from [line(at_stake(report), "warning"), line("")]
    rules = by_hand(report)
    yield line(say("go_on_by_hand", rules=", ".join(rules)) if rules else say("go_on"), "strong")
    yield copied(report.continue_with, indent=2)
    if report.continue_needs:
        yield line(report.continue_needs, indent=2)
    yield from [line(""), *_report_place(report)]


def _report_place(report: Report) -> list[Block]:
    """The path of the page, from here where it is below here."""
    if not report.directory:
        return []
    page = Path(report.directory, "report.html")
    # The directory that the process is in may be gone by now.
    with contextlib.suppress(OSError, ValueError):
        page = page.relative_to(Path.cwd())
    return [Line(parts=((say("named", name=say("report")), "strong"), (str(page), "")), whole=True, unbroken=True)]


def _next_steps(report: Report) -> Iterator[Block]:
    if report.next_steps:
        yield from heading("next_steps")
    for position, step in enumerate(report.next_steps, start=1):
        first, *rest = step.splitlines() or [""]
        yield line(first, indent=2, marker=f"{position}.", whole=True)
        # To be copied.
        yield from (copied(text, indent=5) for text in rest)
    yield from [line(""), *_report_place(report)] if report.directory else ()
