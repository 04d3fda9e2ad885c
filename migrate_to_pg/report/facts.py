"""In: a Report. Out: what all its renderings tell alike: verdict, merged tables, findings in order, values in words."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import takewhile

from migrate_to_pg.records import Difference, Finding, Level, Report, TableProof, Verify
from migrate_to_pg.report.words import duration, number, say

#: From this length on a reader is told where two values begin to differ.
_LONG = 60
#: How much of two long values is shown from there.
_EXCERPT = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table: what load and prove know of it together; None is what nobody knows."""

    name: str
    rows_source: int | None
    rows_target: int | None
    cells_compared: int | None
    differences: int | None
    seconds: float

    @property
    def equal(self) -> bool:
        """True where nothing is known to differ."""
        return not self.differences and self.rows_source in (None, self.rows_target)


def tables(report: Report) -> tuple[TableFacts, ...]:
    """The proven tables, then those that were only loaded."""
    loaded = {t.name: t for t in report.loaded}
    proven = {t.name: t for t in report.proof.tables} if report.proof else {}
    both = [_proven(t, loaded[n].seconds if n in loaded else 0.0) for n, t in proven.items()]
    return (*both, *(_loaded(t.name, t.rows, t.seconds) for t in report.loaded if t.name not in proven))


def _proven(table: TableProof, load_seconds: float) -> TableFacts:
    return TableFacts(
        name=table.name,
        rows_source=table.rows_source,
        rows_target=table.rows_target,
        cells_compared=table.cells_compared,
        differences=table.differences,
        seconds=load_seconds + table.seconds,
    )


def _loaded(name: str, rows: int, seconds: float) -> TableFacts:
    return TableFacts(
        name=name, rows_source=None, rows_target=rows, cells_compared=None, differences=None, seconds=seconds
    )


def findings(report: Report) -> list[Finding]:
    """What stops the run first, then what was repaired, then the warnings."""
    return sorted(report.findings, key=lambda f: (not f.blocks, f.level is not Level.ERROR))


def status(finding: Finding) -> str:
    """error, repaired or warning: also the name of its style."""
    return "repaired" if finding.applied else finding.level.value


def finding_counts(report: Report) -> str:
    """1 error, 1 repaired, 2 warnings: those that there are."""
    states = [status(f) for f in report.findings]
    counts = (("error", "errors"), ("repaired", "repaired_errors"), ("warning", "warnings"))
    return ", ".join(say(words, n=states.count(state)) for state, words in counts if state in states)


def place(finding: Finding) -> str:
    """table, table.column, or table (a, b)."""
    if "," in finding.column:
        return f"{finding.table} ({finding.column})"
    return f"{finding.table}.{finding.column}" if finding.column else finding.table


def extent(finding: Finding) -> str:
    """3 rows; nothing for a fault of the schema, which has no rows to show."""
    return say("rows", n=finding.count) if finding.samples or finding.count > 1 else ""


def what_to_do(finding: Finding) -> list[str]:
    """The repair that was accepted, or the remedy and the repair that is offered."""
    repair = {"lossless": say("repair_lossless"), "lossy": say("repair_lossy")}.get(finding.repair, finding.repair)
    if finding.applied:
        return [say("repair_accepted", rule=finding.rule, repair=repair)]
    remedy = finding.remedy.splitlines()
    if repair and "--fix" not in finding.remedy:
        remedy.append(say("repair_offered", rule=finding.rule, repair=repair))
    return remedy


def key_text(key: Mapping[str, str]) -> str:
    """id = 17, or every part of a compound key."""
    return ", ".join(f"{name} = {value}" for name, value in key.items()) or say("no_key")


def headline(difference: Difference) -> str:
    """Which row, which column, and what is wrong with it."""
    kind = difference.kind if difference.kind in ("missing", "extra") else "changed"
    return say(kind, key=key_text(difference.key), column=difference.column)


def both_values(difference: Difference) -> tuple[tuple[str, str], ...]:
    """(side, value) for each side; one line more where two long values begin to differ."""
    source, target = difference.source, difference.target
    if not difference.column and source is None and target is None:
        return ()
    show = ascii if _look_alike(source, target) else repr
    absent = say("null") if difference.column else say("no_row")
    sides = tuple(
        (side, absent if value is None else show(value))
        for side, value in ((say("sqlite"), source), (say("postgresql"), target))
    )
    return sides + _where_they_part(source, target)


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


def total_seconds(report: Report) -> float:
    """The time of all stages."""
    return sum(s.seconds for s in report.stages)


def verdict(report: Report) -> str:
    """The one sentence that a person reads first."""
    if report.failure:
        return report.failure.message
    blocking = sum(f.blocks for f in report.findings)
    if not report.ok:
        return say("blocked", n=blocking) if blocking else say("failed")
    return _success(report)


def _success(report: Report) -> str:
    known = tables(report)
    rows = say("rows", n=sum(t.rows_target or 0 for t in known))
    if report.mode == "publish" and report.publication:
        published = report.publication
        return say("published", rows=rows, tables=say("tables", n=len(published.tables)), schema=published.schema)
    if report.mode == "rehearse":
        return say("rehearsed", rows=rows, tables=say("tables", n=len(known)))
    return say({"check": "ready", "undo": "undone"}.get(report.mode, "done"))


def assurances(report: Report) -> list[str]:
    """The sentences under the verdict: what was proven, what was and was not published, what is worth reading."""
    lines = [_proof(report), *_publication(report)]
    repaired = sum(f.applied for f in report.findings)
    warned = sum(f.level is Level.WARNING and not f.applied for f in report.findings)
    lines.append(say("repairs_accepted", n=repaired) if repaired else "")
    lines.append(say("warnings_to_read", n=warned) if warned else "")
    return [line for line in lines if line]


def _proof(report: Report) -> str:
    if report.proof is None:
        return ""
    if not report.proof.holds:
        wrong = [t for t in tables(report) if not t.equal]
        # Where only rows were counted, the differences are the rows too many or too few.
        count = sum(t.differences or abs((t.rows_source or 0) - (t.rows_target or 0)) for t in wrong)
        return say("unproven", differences=say("differences", n=count), tables=say("tables", n=len(wrong)))
    if report.proof.verify is Verify.COUNTS:
        return say("proven_counts")
    return say("proven_cells", cells=say("cells", n=sum(t.cells_compared for t in report.proof.tables)))


def _publication(report: Report) -> list[str]:
    published = report.publication
    if published is None:
        return [] if report.ok or report.mode == "undo" else [say("unpublished")]
    lines = [] if report.ok else [say("published_before_failure", schema=published.schema)]
    if published.replaced:
        lines.append(say("replaced", tables=say("tables", n=len(published.replaced)), archive=published.archive))
    return [*lines, say("locked", seconds=duration(published.locked_seconds))]


def side_counts(table: TableFacts) -> str:
    """5 rows in SQLite, 4 in PostgreSQL."""
    source = say("rows", n=table.rows_source or 0)
    return say("row_counts", source=source, target=table.rows_target or 0)


def table_columns(rows: tuple[TableFacts, ...]) -> tuple[str, ...]:
    """The headings of the tables' table; columns that would say the same in every row are left out."""
    sides = ("rows_column",) if all(t.equal for t in rows) else ("sqlite", "postgresql")
    cells = ("cells_column",) if any(t.cells_compared for t in rows) else ()
    wrong = () if all(t.equal for t in rows) else ("differences_column",)
    return ("table", *sides, *cells, *wrong, "seconds_column")


def table_cells(table: TableFacts, columns: tuple[str, ...]) -> tuple[str, ...]:
    """One row of that table."""
    values: dict[str, int | None] = {
        "rows_column": table.rows_target,
        "sqlite": table.rows_source,
        "postgresql": table.rows_target,
        "cells_column": table.cells_compared,
        "differences_column": table.differences,
    }
    text = {name: "" if value is None else number(value) for name, value in values.items()}
    text |= {"table": table.name, "seconds_column": duration(table.seconds)}
    return tuple(text[c] for c in columns)
