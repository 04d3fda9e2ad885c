"""Show a diagnosis as text, or as JSON. A healthy database is one line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from migrate_to_pg.doctor.repair.choose_repairs import BY_REBUILD, REPAIRS, repairable_by_rebuild
from migrate_to_pg.i18n import N_, ngettext, pluralize, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.records.diagnosis import Diagnosis, RepairRecord
from migrate_to_pg.report.summary import Sentences, groups, repair_offer, title
from migrate_to_pg.report.text_layout import Block, command, fact, heading, line, named
from migrate_to_pg.report.to_text import finding_blocks
from migrate_to_pg.rules.advice import advise

#: What a text about the move names, in every language.
_OF_MOVE = ("PostgreSQL", "--fix", "--quarantine", "--rehearse", "migrate_to_pg", "sqlite_leftovers")

_LEFT_OUT = N_(
    "{option} leaves out of the new file the rows that no repair keeps, with those that refer to them, and lists them."
    " Without it no file is made while there are such rows."
)


def blocks(diagnosis: Diagnosis, program: Sequence[str] = ("python", "manage.py", "sqlite_doctor")) -> list[Block]:
    """Lay out verdict, what was repaired, facts, findings. ``program`` is how the command was started."""
    repair = list(_repair(diagnosis.repair)) if diagnosis.repair else []
    if not diagnosis.findings:
        healthy = _("Healthy: {path}; {held}; nothing was found.", path=diagnosis.source, held=_contents(diagnosis))
        return [fact(healthy, "good"), *repair]
    levels = [finding.level for finding in diagnosis.findings]
    errors, warnings = levels.count(Level.ERROR), levels.count(Level.WARNING)
    counts = ", ".join(
        [
            *([ngettext("{n:,} error", "{n:,} errors", errors)] if errors else []),
            *([ngettext("{n:,} warning", "{n:,} warnings", warnings)] if warnings else []),
        ]
    )
    verdict = (
        fact(_("Not healthy: {counts}.", counts=counts), "bad")
        if errors
        else fact(_("Healthy, but read on: {counts}.", counts=counts), "good")
    )
    result = [verdict, *repair, *_facts(diagnosis), *_grouped(diagnosis.findings, _of_sqlite)]
    tried = {left.rule for left in diagnosis.repair.not_repaired} if diagnosis.repair else set()
    if repairable := [rule for rule in diagnosis.repairable if rule not in tried]:
        again = shlex.join([*program, diagnosis.source, "--repair", ",".join(repairable)])
        result += [line(), line(_("To repair SQLite itself, a backup of it first:")), command(again, indent=2)]
    if rules := repairable_by_rebuild(diagnosis.findings):
        source = Path(diagnosis.source)
        new = source.with_name(f"{source.stem}.rebuilt{source.suffix}")
        advice = advise(diagnosis.findings, fix=rules, quarantine=())
        left_out = ["--quarantine", ",".join(advice.quarantine)] if advice.quarantine else []
        anew = shlex.join([*program, diagnosis.source, "--rebuild", str(new), "--fix", ",".join(advice.fix), *left_out])
        result += [line(), line(_("To repair rows, in a new file of all of it:")), command(anew, indent=2)]
        if left_out:
            result += [line(_(_LEFT_OUT, option=shlex.join(left_out)), indent=2)]
    if of_move := _grouped(diagnosis.findings, _of_move):
        explanation = _(
            "This matters for a move alone. --fix and --quarantine are options of migrate_to_pg: they change what is"
            " moved, not SQLite."
        )
        result += [*heading(_("For a move to PostgreSQL")), line(explanation), *of_move]
    return result


def _grouped(found: Sequence[Finding], lay_out: Callable[[Finding, Sentences], Iterator[Block]]) -> list[Block]:
    """Lay out each finding, those of one rule together and each sentence once."""
    result: list[Block] = []
    for group in groups(found):
        sentences = Sentences()
        result += [block for finding in group for block in lay_out(finding, sentences)]
    return result


def _of_sqlite(finding: Finding, sentences: Sentences) -> Iterator[Block]:
    """Lay out a finding as far as it is about SQLite."""
    if is_of_move_alone(finding):
        return
    explanation = "\n".join(text for text in finding.explanation.splitlines() if not _is_of_move(text))
    finding = replace(finding, explanation=explanation or f"{title(finding.rule)}.")
    remedy = [text for text in finding.remedy.splitlines() if not _is_of_move(text)]
    options = {**dict.fromkeys(REPAIRS, "--repair"), **dict.fromkeys(BY_REBUILD, "--rebuild NEW --fix")}
    remedy += repair_offer(finding, options[finding.rule]) if finding.rule in options else []
    own = replace(finding, remedy="\n".join(remedy), repair="", repairable=None, quarantinable=False)
    yield from finding_blocks(own, None, sentences)


def _of_move(finding: Finding, sentences: Sentences) -> Iterator[Block]:
    """Lay out what a finding means for a move, if it means anything. Its rows are shown above."""
    if is_of_move_alone(finding):
        yield from finding_blocks(finding, None, sentences)
        return
    remedy = "\n".join(text for text in finding.remedy.splitlines() if _is_of_move(text))
    explained = _is_of_move(finding.explanation)
    if explained or remedy or finding.repairable is not None or finding.quarantinable:
        explanation = finding.explanation if explained else ""
        of_move = replace(finding, explanation=explanation, remedy=remedy, samples=())
        yield from finding_blocks(of_move, None, sentences)


def is_of_move_alone(finding: Finding) -> bool:
    """Return whether it is a warning about the move alone."""
    return (
        finding.level is Level.WARNING
        and finding.rule not in (*REPAIRS, *BY_REBUILD)
        and _is_of_move(finding.explanation)
    )


def _is_of_move(text: str) -> bool:
    return any(word in text for word in _OF_MOVE)


def _repair(record: RepairRecord) -> Iterator[Block]:
    """Describe the result of --repair, and name the backup."""
    for done in record.repaired:
        yield fact(_("Repaired: {place}: {what}.", place=_place(done.rule, done.table), what=done.what), "good")
    for left in record.not_repaired:
        place = _place(left.rule, left.table, left.column)
        yield line(_("Not repaired: {place}: {reason}.", place=place, reason=left.reason), "bad")
    if record.failure:
        yield line(record.failure.message, "bad")
        yield from (line(text, indent=2) for entry in record.failure.detail for text in entry.splitlines())
        yield from (line(text, indent=2, marker="->") for text in record.failure.remedy.splitlines())
    elif not record.repaired and not record.not_repaired:
        yield line(_("Nothing was repaired: the repairs that were named change nothing of what was found."))
    if record.restored:
        yield line(_("The backup was restored: the database has its former content."), "bad")
    yield from named(_("Backup"), record.backup)


def _place(rule: str, table: str, column: str = "") -> str:
    return " ".join(part for part in (rule, ".".join(part for part in (table, column) if part)) if part)


def _contents(diagnosis: Diagnosis) -> str:
    """Format 1.2 MiB, 20 tables, 672 rows: as far as it is known."""
    parts = [size(diagnosis.file.bytes)]
    if diagnosis.tables is not None and diagnosis.rows is not None:
        parts += [pluralize(diagnosis.tables, "table", "tables"), pluralize(diagnosis.rows, "row", "rows")]
    return ", ".join(parts)


def _facts(diagnosis: Diagnosis) -> Iterator[Block]:
    between = _("; ")
    yield from named(_("Source"), between.join((diagnosis.source, _contents(diagnosis))))
    if diagnosis.pages:
        pages = _(
            "{journal_mode} journal, {encoding}, auto_vacuum {auto_vacuum}, {page_count:,} pages of {page_size:,}"
            " bytes, {free_pages:,} of them free; SQLite {version}",
            version=diagnosis.sqlite_version,
            **asdict(diagnosis.pages),
        )
        yield from named(_("File"), pages)
    beside = [f"{suffix} {size(count)}" for suffix, count in diagnosis.file.beside.items()]
    yield from named(_("Beside it"), ", ".join(beside) or _("nothing"))
    open_in = [
        _("process {pid} ({program}), which holds the write lock", pid=holder.pid, program=holder.program)
        if holder.writes
        else _("process {pid} ({program})", pid=holder.pid, program=holder.program)
        for holder in diagnosis.file.holders
    ]
    if not diagnosis.file.all_holders:
        open_in.append(_("this system, or this user, is not shown every process: there may be others"))
    yield from named(_("Open in"), between.join(open_in or [_("no other process")]))
    needed, free = size(diagnosis.space_needed), size(diagnosis.space_free)
    yield from named(_("Snapshot"), _("needs {needed}; {free} are free", needed=needed, free=free))


def dumps(diagnosis: Diagnosis) -> str:
    """Return the diagnosis as a JSON document, ending in a newline. The keys are a public interface."""
    record = diagnosis.repair
    document = {
        "ok": diagnosis.ok,
        "source": diagnosis.source,
        "facts": facts_json(diagnosis),
        # ``repaired`` is empty if the repair was stopped or rolled back.
        "repair": {
            "ok": record.ok,
            "backup": record.backup or None,
            "repaired": [asdict(done) for done in record.repaired],
            "not_repaired": [asdict(left) for left in record.not_repaired],
            "restored": record.restored,
            "failure": asdict(record.failure) if record.failure else None,
        }
        if record
        else None,
        "findings": [asdict(finding) for finding in diagnosis.findings],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def facts_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """Return what is known of the database and its files, and null for what could not be found out."""
    file = diagnosis.file
    return {
        "bytes": file.bytes,
        "tables": diagnosis.tables,
        "rows": diagnosis.rows,
        "migrations": diagnosis.migrations,
        "pages": asdict(diagnosis.pages) if diagnosis.pages else None,
        "beside": dict(file.beside),
        "journal_is_hot": file.journal_is_hot,
        "holders": [asdict(holder) for holder in file.holders],
        "all_holders_known": file.all_holders,
        "space_needed": diagnosis.space_needed,
        "space_free": diagnosis.space_free,
        "sqlite_version": diagnosis.sqlite_version,
    }
