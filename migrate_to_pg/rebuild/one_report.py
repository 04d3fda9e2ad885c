"""Make one report of the two moves of a rebuild."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.pipeline.after_move_back import put_in_place
from migrate_to_pg.pipeline.state import write_report
from migrate_to_pg.records import (
    Advice,
    Finding,
    MadeFile,
    Options,
    Report,
    SourceFacts,
    StageTime,
    Verification,
    VerifiedTable,
)
from migrate_to_pg.report.doctor_report import is_of_move_alone
from migrate_to_pg.rules.back.notes import EMPTY_ON_SQLITE, NOT_IN_NEW_FILE
from migrate_to_pg.rules.schema import leftover_table, not_carried, schema_drift

#: Rules whose findings a rebuild settles: the migrations make the tables, and all else is copied as it is.
_SETTLED = {
    rule.id for rule in (EMPTY_ON_SQLITE, NOT_IN_NEW_FILE, leftover_table.RULE, not_carried.RULE, schema_drift.RULE)
}


def of_stopped(report: Report, options: Options, *, damaged: bool = False) -> Report:
    """Return the report of the move that stopped as that of the rebuild, and write it.

    ``options`` are those of the rebuild, ``damaged`` says that the file needs --salvage.
    """
    blocked = bool(report.continue_with)
    if damaged:
        options = replace(options, salvage=True)
    again = _("To make the new file of what can be read:\n{line}", line=command_line(options))
    return _written(
        replace(
            report,
            mode="rebuild",
            target=None,
            publication=None,
            findings=tuple(_unsettled(report.findings)),
            next_steps=(again,) if damaged and not blocked else (),
            command=command_line(options),
            continue_with=command_line(options, report.advice) if blocked else "",
            continue_needs="",
        )
    )


def of_both(there: Report, back: Report, options: Options, found: tuple[Finding, ...]) -> Report:
    """Return the report of a rebuild that made a file, and write it.

    Args:
        there: the report of the move to PostgreSQL.
        back: the report of the move back.
        options: those of the rebuild.
        found: what stays in the old file alone.
    """
    return _written(
        replace(
            back,
            mode="rebuild",
            started=there.started,
            stages=_stages(there, back),
            seconds=there.seconds + back.seconds,
            source_choice=there.source_choice,
            source=there.source,
            target=None,
            findings=tuple(_unsettled((*there.findings, *back.findings, *found))),
            could_stay=there.could_stay,
            changed=there.changed,
            removed=(*there.removed, *back.removed),
            verification=_verification(there.verification, back.verification),
            command=command_line(options),
            # PostgreSQL was a place between: the old file is the source.
            made=back.made and replace(back.made, old=None),
            next_steps=tuple(_steps(there.source, back.made)),
        )
    )


def _unsettled(findings: Iterable[Finding]) -> Iterator[Finding]:
    """Yield what is to be read. What matters on PostgreSQL alone is over, or comes over as it is."""
    for finding in findings:
        if finding.applied or not (finding.rule in _SETTLED or is_of_move_alone(finding)):
            yield finding


def _written(report: Report) -> Report:
    return write_report(report, Path(report.directory)) if report.directory else report


def command_line(options: Options, advice: Advice | None = None) -> str:
    """Return the command line of the rebuild, with what to accept besides."""
    fix, quarantine = (advice.fix, advice.quarantine) if advice else (options.fix, options.quarantine)
    words = [*options.invocation.program, str(options.source), "--rebuild", str(options.target)]
    words += ["--salvage"] if options.salvage else []
    words += ["--fix", ",".join(fix)] if fix else []
    words += ["--quarantine", ",".join(quarantine)] if quarantine else []
    return shlex.join([*words, *(word for pair in options.invocation.common for word in pair)])


def _stages(there: Report, back: Report) -> tuple[StageTime, ...]:
    """Return each stage once, with the time that it took in both moves."""
    seconds: dict[str, float] = {}
    for stage in (*there.stages, *back.stages):
        seconds[stage.name] = seconds.get(stage.name, 0.0) + stage.seconds
    return tuple(StageTime(name=name, seconds=taken) for name, taken in seconds.items())


def _verification(there: Verification | None, back: Verification | None) -> Verification | None:
    """Return what was compared with the old file, with the rows of the new one in the place of PostgreSQL's."""
    if there is None or back is None:
        return there
    new = {table.name: table for table in back.tables}
    return replace(there, tables=tuple(_both(table, new[table.name]) for table in there.tables if table.name in new))


def _both(there: VerifiedTable, back: VerifiedTable) -> VerifiedTable:
    return replace(
        there,
        rows_target=back.rows_source,
        cells_compared=min(there.cells_compared, back.cells_compared),
        quarantined=there.quarantined + back.quarantined,
        seconds=there.seconds + back.seconds,
    )


def _steps(source: SourceFacts | None, made: MadeFile | None) -> Iterator[str]:
    if source is None or made is None:
        return
    yield _("Keep the application stopped: what it writes to the old file from now on is not in the new one.")
    yield from put_in_place(Path(made.path), Path(source.path))
    yield _("Restart every worker: old ones still have the old file open.")
    yield _("Keep the old file until you trust the new one.")
