"""In: a Diagnosis. Out: its lines for a terminal or a pipe, and its JSON; a healthy database is told in one line."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, replace
from typing import Any

from migrate_to_pg.doctor.repair.repairable import REPAIRS
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.records.diagnosis import Diagnosis, Holder, RepairRecord
from migrate_to_pg.report.blocked import Sentences, groups
from migrate_to_pg.report.messages import say, size
from migrate_to_pg.report.summary import repair_offer, title
from migrate_to_pg.report.text_layout import Block, copied, fact, finding_blocks, heading, line, named
from migrate_to_pg.report.to_json import finding_json

#: What a text about the move names, in every language.
_OF_MOVE = ("PostgreSQL", "--fix", "--quarantine", "--rehearse", "migrate_to_pg", "sqlite_leftovers")


def blocks(diagnosis: Diagnosis, program: Sequence[str] = ("python", "manage.py", "sqlite_doctor")) -> list[Block]:
    """Verdict, what was repaired, facts, findings; ``program`` is how the command was started."""
    repair = list(_repair(diagnosis.repair)) if diagnosis.repair else []
    if not diagnosis.findings:
        return [fact(say("healthy", path=diagnosis.source, held=_held(diagnosis)), "good"), *repair]
    healthy = all(finding.level is not Level.ERROR for finding in diagnosis.findings)
    told = [fact(_verdict(diagnosis, healthy), "good" if healthy else "bad"), *repair, *_facts(diagnosis)]
    told += _grouped(diagnosis.findings, _of_sqlite)
    tried = {left.rule for left in diagnosis.repair.not_repaired} if diagnosis.repair else set()
    repairable = [rule for rule in diagnosis.repairable if rule not in tried]
    if repairable:
        command = shlex.join([*program, diagnosis.source, "--repair", ",".join(repairable)])
        told += [line(""), line(say("repair_in_place")), copied(command, indent=2)]
    of_move = _grouped(diagnosis.findings, _of_move)
    if of_move:
        told += [*heading("of_the_move"), line(say("fix_is_for_the_move")), *of_move]
    return told


def _grouped(found: Sequence[Finding], told: Callable[[Finding, Sentences], Iterator[Block]]) -> list[Block]:
    """What ``told`` says of each finding, those of one rule together and each sentence once."""
    blocks: list[Block] = []
    for group in groups(found):
        sentences = Sentences()
        blocks += [block for finding in group for block in told(finding, sentences)]
    return blocks


def _of_sqlite(finding: Finding, sentences: Sentences) -> Iterator[Block]:
    """A finding as far as it is about SQLite."""
    if _is_of_move_alone(finding):
        return
    if _is_of_move(finding.explanation):
        finding = replace(finding, explanation=f"{title(finding.rule)}.")
    remedy = [text for text in finding.remedy.splitlines() if not _is_of_move(text)]
    remedy += repair_offer(finding, "--repair") if finding.rule in REPAIRS else []
    own = replace(finding, remedy="\n".join(remedy), repair="", repairable=None, quarantinable=False)
    yield from finding_blocks(own, sentences=sentences)


def _of_move(finding: Finding, sentences: Sentences) -> Iterator[Block]:
    """What the same finding means for a move, where it means anything; its rows are shown above."""
    if _is_of_move_alone(finding):
        yield from finding_blocks(finding, sentences=sentences)
        return
    remedy = "\n".join(text for text in finding.remedy.splitlines() if _is_of_move(text))
    explained = _is_of_move(finding.explanation)
    if explained or remedy or finding.repairable is not None or finding.quarantinable:
        explanation = finding.explanation if explained else ""
        of_move = replace(finding, explanation=explanation, remedy=remedy, samples=())
        yield from finding_blocks(of_move, sentences=sentences)


def _is_of_move_alone(finding: Finding) -> bool:
    """A warning that says nothing of SQLite."""
    return finding.level is Level.WARNING and finding.rule not in REPAIRS and _is_of_move(finding.explanation)


def _is_of_move(text: str) -> bool:
    return any(word in text for word in _OF_MOVE)


def _repair(record: RepairRecord) -> Iterator[Block]:
    """What came of --repair, and where the backup is."""
    for done in record.repaired:
        yield fact(say("repaired_in_place", place=_place(done.rule, done.table), what=done.what), "good")
    for left in record.not_repaired:
        yield line(say("not_repaired", place=_place(left.rule, left.table, left.column), reason=left.reason), "bad")
    if record.failure:
        yield line(record.failure.message, "bad")
        yield from (line(text, indent=2) for entry in record.failure.detail for text in entry.splitlines())
        yield from (line(text, indent=2, marker="->") for text in record.failure.remedy.splitlines())
    elif not record.repaired and not record.not_repaired:
        yield line(say("nothing_to_repair"))
    if record.restored:
        yield line(say("restored"), "bad")
    yield from named("backup", record.backup)


def _place(rule: str, table: str, column: str = "") -> str:
    return " ".join(part for part in (rule, ".".join(part for part in (table, column) if part)) if part)


def _verdict(diagnosis: Diagnosis, healthy: bool) -> str:
    levels = [finding.level for finding in diagnosis.findings]
    counts = ((Level.ERROR, "errors"), (Level.WARNING, "warnings"))
    told = ", ".join(say(words, n=levels.count(level)) for level, words in counts if level in levels)
    return say("healthy_with" if healthy else "unhealthy", counts=told)


def _held(diagnosis: Diagnosis) -> str:
    """1.2 MiB, 20 tables, 672 rows: as far as it is known."""
    parts = [size(diagnosis.file.bytes)]
    if diagnosis.tables is not None and diagnosis.rows is not None:
        parts += [say("tables", n=diagnosis.tables), say("rows", n=diagnosis.rows)]
    return ", ".join(parts)


def _facts(diagnosis: Diagnosis) -> Iterator[Block]:
    yield from named("source", say("then").join((diagnosis.source, _held(diagnosis))))
    pages = diagnosis.pages
    if pages:
        values = asdict(pages) | {"version": diagnosis.sqlite_version}
        yield from named("file", say("pages", **values))
    beside = [f"{suffix} {size(count)}" for suffix, count in diagnosis.file.beside.items()]
    yield from named("beside", ", ".join(beside) or say("nothing"))
    yield from named("open_in", say("then").join(_open_in(diagnosis)))
    room = {"needed": size(diagnosis.space_needed), "free": size(diagnosis.space_free)}
    yield from named("room", say("room_for_snapshot", **room))


def _open_in(diagnosis: Diagnosis) -> Iterator[str]:
    yield from map(_holder, diagnosis.file.holders)
    if not diagnosis.file.all_holders:
        yield say("holders_hidden")
    elif not diagnosis.file.holders:
        yield say("no_holder")


def _holder(holder: Holder) -> str:
    # A process number is a name: no thousands are grouped.
    return say("writer" if holder.writes else "holder", pid=str(holder.pid), program=holder.program)


def dumps(diagnosis: Diagnosis) -> str:
    """The diagnosis as a JSON document, ending in a newline; the keys are a public interface."""
    document = {
        "ok": diagnosis.ok,
        "source": diagnosis.source,
        "facts": facts_json(diagnosis),
        "repair": _repair_json(diagnosis.repair) if diagnosis.repair else None,
        "findings": [finding_json(finding) for finding in diagnosis.findings],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _repair_json(record: RepairRecord) -> dict[str, Any]:
    """What --repair did; ``repaired`` is empty where it was given up or taken back."""
    return {
        "ok": record.ok,
        "backup": record.backup or None,
        "repaired": [asdict(done) for done in record.repaired],
        "not_repaired": [asdict(left) for left in record.not_repaired],
        "restored": record.restored,
        "failure": asdict(record.failure) if record.failure else None,
    }


def facts_json(diagnosis: Diagnosis) -> dict[str, Any]:
    """What is known of the database and its files; null what could not be found out."""
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
