"""Repair a database in place with ``sqlite_doctor --repair``, or leave it unchanged.

The modules, in their order of use:

- ``choose_repairs``: the names given to --repair
- this one: -wal and journal mode. Both open the database as the application would, which also recovers the writes of a
  killed program.
- ``in_place``: dangling foreign keys and lost indexes, in the order backup, examine, rehearse, repair, examine again,
  by ``lock``, ``repair_plan`` (with ``reference_schema``), ``steps`` and ``regressions``.

All else is repaired in a new file: the room ``rebuild``.
"""

from __future__ import annotations

import dataclasses
import sqlite3
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from migrate_to_pg.doctor.diagnose import (
    build_diagnosis,
    choose_database,
    diagnose_in,
    no_progress,
    stage,
    temporary_workdir,
)
from migrate_to_pg.doctor.file_state import file_findings, read_file_state, size_beside
from migrate_to_pg.doctor.repair.choose_repairs import accepted_repairs
from migrate_to_pg.doctor.repair.in_place import RepairRun
from migrate_to_pg.doctor.repair.lock import LOCK_TIMEOUT_SECONDS, describe_open_processes
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.records import Progress
from migrate_to_pg.records.diagnosis import Diagnosis, NotRepaired, Repaired, RepairRecord
from migrate_to_pg.rules.file import integrity_check
from migrate_to_pg.sqlite.connection import journal_mode, open_live

Outcome = Repaired | NotRepaired


def switch_to_wal(path: Path) -> Outcome:
    """Make the -wal the permanent journal: the file keeps the mode, whoever opens it."""
    try:
        with closing(open_live(path, "rw", wait=LOCK_TIMEOUT_SECONDS)) as database:
            if any(integrity_check.findings(database, integrity_check.PAGES)):
                return NotRepaired(rule="wal", reason=_("the file is damaged, and nothing is written to it"))
            (mode,) = database.execute("PRAGMA journal_mode = WAL").fetchone()
    except sqlite3.Error as error:
        return NotRepaired(rule="wal", reason=f"{error}. {describe_open_processes(path)}")
    # Read from the file itself, now that this process has closed it.
    if mode != "wal" or journal_mode(path) != "wal":
        return NotRepaired(rule="wal", reason=_("SQLite keeps to the journal mode {mode}", mode=mode))
    return Repaired(rule="wal", table="", what=_("the journal mode is WAL"))


def checkpoint(path: Path) -> Outcome:
    """Write the -wal back into the database, and empty it. An unfinished write is rolled back first."""
    wal, journal = size_beside(path, "-wal"), size_beside(path, "-journal")
    try:
        with closing(open_live(path, "rw", wait=LOCK_TIMEOUT_SECONDS)) as database:
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
            busy, __, __ = database.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    except sqlite3.Error as error:
        return NotRepaired(rule="checkpoint", reason=f"{error}. {describe_open_processes(path)}")
    left = size_beside(path, "-wal")
    if busy or left:
        reason = _("{left:,} bytes are left in the -wal, because somebody reads from it.", left=left or 0)
        return NotRepaired(rule="checkpoint", reason=f"{reason} {describe_open_processes(path)}")
    if wal and journal:
        what = _(
            "{size:,} bytes of the -wal are in the database now, and the write that was never finished was rolled back",
            size=wal,
        )
    elif wal:
        what = _("{size:,} bytes of the -wal are in the database now", size=wal)
    elif journal:
        what = _("the write that was never finished was rolled back")
    else:
        what = _("there was nothing in the -wal")
    return Repaired(rule="checkpoint", table="", what=what)


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
