"""Repair a database in place with ``sqlite_doctor --repair``, or leave it unchanged.

The modules, in their order of use:

- ``choose_repairs``: the names given to --repair
- ``wal``: -wal and journal mode
- ``in_place``: everything else, in the order backup, examine, rehearse, repair, examine again, by ``lock``, ``backup``,
  ``decision`` and ``repair_plan`` (with ``reference_schema``), ``steps`` and ``rebuild``, ``integrity`` and
  ``regressions``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from migrate_to_pg.doctor.diagnose import build_diagnosis, choose_database, diagnose_in, no_progress, temporary_workdir
from migrate_to_pg.doctor.examine import stage
from migrate_to_pg.doctor.file_state import file_findings, read_file_state
from migrate_to_pg.doctor.repair.choose_repairs import accepted_repairs
from migrate_to_pg.doctor.repair.in_place import RepairRun
from migrate_to_pg.doctor.repair.wal import checkpoint, switch_to_wal
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.records import Event
from migrate_to_pg.records.diagnosis import Diagnosis, Repaired, RepairRecord

Progress = Callable[[Event], None]

_OF_THE_FILE = {"checkpoint": checkpoint, "wal": switch_to_wal}


def repair(database: str | None, names: Sequence[str], progress: Progress = no_progress) -> Diagnosis:
    """Repair what is named, and diagnose the database afterwards. The diagnosis has the record of the repair.

    Raise UsageError where there is no such database or repair.
    """
    accepted = accepted_repairs(names)
    choice = choose_database(database)
    record = RepairRecord(named=accepted.named)
    for name in accepted.file:
        with stage(progress, name):
            outcome = _OF_THE_FILE[name](choice.path)
        done, refused = ((outcome,), ()) if isinstance(outcome, Repaired) else ((), (outcome,))
        record = _combined(record, RepairRecord(repaired=done, not_repaired=refused))
    if accepted.rules:
        return _in_place(choice, accepted.rules, record, progress)
    with temporary_workdir() as place:
        return dataclasses.replace(diagnose_in(choice, place, progress), repair=record)


def _in_place(choice: SourceChoice, rules: frozenset[str], record: RepairRecord, progress: Progress) -> Diagnosis:
    # Before anything opens the database: even a reader leaves files beside it.
    before = read_file_state(choice.path)
    with temporary_workdir() as place:
        run = RepairRun(choice, place, rules, progress)
        record = _combined(record, run.run())
        if run.after is None:
            place.drop_unfinished()
            return dataclasses.replace(diagnose_in(choice, place, progress), repair=record)
        now = read_file_state(choice.path)
        # The repair wrote back a -wal that no process used.
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
