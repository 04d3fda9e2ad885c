"""``sqlite_doctor --repair``: a database and accepted repairs in; the database repaired in place, or as it was, out.

The order in which it goes:

- ``choice``: what the names given stand for;
- ``file``: -wal and journal mode;
- ``in_place``: all the rest, in the order backup, examine, rehearse, repair, examine again:
  ``lock``, ``backup``, ``decision`` and ``planning`` (with ``reference``, what the migrations make on SQLite),
  ``steps`` and ``rebuild`` (with ``statement`` and ``shape``), ``soundness``, ``content`` and ``doubts``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from migrate_to_pg.doctor.diagnose import build_diagnosis, choose_database, diagnose_in, silent, temporary_workdir
from migrate_to_pg.doctor.examine import stage
from migrate_to_pg.doctor.file_state import file_findings, read_file_state
from migrate_to_pg.doctor.repair.choose_repairs import accepted_repairs
from migrate_to_pg.doctor.repair.run import InPlace
from migrate_to_pg.doctor.repair.wal import Outcome, checkpoint, switch_to_wal
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.records import Event
from migrate_to_pg.records.diagnosis import Diagnosis, NotRepaired, Repaired, RepairRecord

Progress = Callable[[Event], None]

_OF_THE_FILE = {"checkpoint": checkpoint, "wal": switch_to_wal}


def repair(database: str | None, names: Sequence[str], progress: Progress = silent) -> Diagnosis:
    """Repair what is named, and diagnose the database as it is then; the record of the repair comes with it.

    Raises UsageError where there is no such database or repair.
    """
    accepted = accepted_repairs(names)
    choice = choose_database(database)
    record = _with_outcomes(RepairRecord(named=accepted.named), choice, accepted.file, progress)
    if accepted.rules:
        return _in_place(choice, accepted.rules, record, progress)
    with temporary_workdir() as place:
        return dataclasses.replace(diagnose_in(choice, place, progress), repair=record)


def _with_outcomes(
    record: RepairRecord, choice: SourceChoice, names: Sequence[str], progress: Progress
) -> RepairRecord:
    outcomes = [_of_the_file(choice, name, progress) for name in names]
    return _combined(
        record,
        RepairRecord(
            repaired=tuple(outcome for outcome in outcomes if isinstance(outcome, Repaired)),
            not_repaired=tuple(outcome for outcome in outcomes if isinstance(outcome, NotRepaired)),
        ),
    )


def _of_the_file(choice: SourceChoice, name: str, progress: Progress) -> Outcome:
    with stage(progress, name):
        return _OF_THE_FILE[name](choice.path)


def _in_place(choice: SourceChoice, rules: frozenset[str], record: RepairRecord, progress: Progress) -> Diagnosis:
    # Before anything opens the database: even a reader leaves traces beside it.
    before = read_file_state(choice.path)
    with temporary_workdir() as place:
        run = InPlace(choice, place, rules, progress)
        record = _combined(record, run.run())
        if run.after is None:
            place.drop_unfinished()
            return dataclasses.replace(diagnose_in(choice, place, progress), repair=record)
        now = read_file_state(choice.path)
        # A -wal that nobody owned was written back by the repair.
        known = dataclasses.replace(before, bytes=now.bytes, beside=now.beside)
        run.after.add(file_findings(choice.path, known, now))
        return dataclasses.replace(build_diagnosis(choice, now, place, run.after), repair=record)


def _combined(first: RepairRecord, then: RepairRecord) -> RepairRecord:
    return dataclasses.replace(
        then,
        repaired=(*first.repaired, *then.repaired),
        not_repaired=(*first.not_repaired, *then.not_repaired),
        named=first.named,
    )


__all__ = ["repair"]
