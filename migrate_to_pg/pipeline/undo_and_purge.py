"""Undo a publication, or purge what it kept."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg

from migrate_to_pg.errors import PublishError, TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.pipeline.dump import require_usable
from migrate_to_pg.pipeline.next_steps import after_undo, command_line
from migrate_to_pg.pipeline.old_reports import DoomedReport, as_listed, unpublished_reports
from migrate_to_pg.pipeline.subscribers import publications_of_an_undo
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.objects import validate_schema_name
from migrate_to_pg.postgres.standby import watch_commits
from migrate_to_pg.postgres.versions import versions
from migrate_to_pg.project.secret_columns import server_message
from migrate_to_pg.project.target_database import TargetChoice, choose_target
from migrate_to_pg.publish.history import entries
from migrate_to_pg.publish.purge import PurgeableSchema, drop_schemas, purgeable_schemas
from migrate_to_pg.publish.undo import undo as take_back
from migrate_to_pg.records import Event, Options, Progress, Report, StageTime
from migrate_to_pg.rules.run_findings import publication_finding
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.workdir import RecordedFile, read_recorded_file, recorded_snapshots


def _silent(_: object) -> None:
    """No progress wanted."""


def undo(options: Options, progress: Progress = _silent) -> Report:
    """Restore the tables that the latest publication replaced. ``options.replace`` accepts rows written since."""
    started = now()
    began = options.invocation.began or time.perf_counter()

    def say(line: str) -> None:
        progress(Event(kind="note", stage="", message=line))

    with _connected(options) as (connection, choice), watch_commits(connection, say) as standby:
        facts = target.describe_server(connection, options.publish_to, embedded=choice.place)
        found = publications_of_an_undo(connection, options.publish_to, accepted=options.accept_publications)
        progress(Event(kind="stage", stage="undo"))
        start = time.perf_counter()
        publication = take_back(
            connection, force=options.replace, final=options.publish_to, on_signal=standby.cancel_wait
        )
        seconds = time.perf_counter() - start
        progress(Event(kind="stage_done", stage="undo"))
    return Report(
        ok=True,
        mode="undo",
        started=started.isoformat(timespec="seconds"),
        stages=(StageTime(name="undo", seconds=seconds),),
        target=facts,
        publication=publication,
        command=command_line(options),
        versions=versions(facts),
        seconds=time.perf_counter() - began,
        findings=tuple(publication_finding(one, undoing=True) for one in found),
        next_steps=(
            *filter(None, [standby.ended_early]),
            *after_undo(options, publication, choice.database, found),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Doomed:
    """The schemas, files and reports that a purge removes, as they were when they were listed."""

    schemas: tuple[PurgeableSchema, ...]
    files: tuple[RecordedFile, ...]
    #: Directories of runs that published nothing.
    reports: tuple[DoomedReport, ...]
    #: Dated schemas that no record names: they stay.
    unknown: tuple[str, ...]

    @property
    def labels(self) -> tuple[str, ...]:
        """Return a line for each."""
        lines = [*(file.label for file in self.files), *(schema.label for schema in self.schemas)]
        return (*lines, *(report.label for report in self.reports))


def list_purgeable(options: Options) -> Doomed:
    """List the old snapshots, the dated schemas, and the reports of runs that published nothing."""
    with _connected(options) as (connection, _choice):
        schemas, unknown = purgeable_schemas(connection, options.publish_to)
        remembered = [e.snapshot for e in entries(connection) if e.final_schema == options.publish_to]
        return Doomed(
            schemas=tuple(schemas),
            files=tuple(file for path in recorded_snapshots(remembered) if (file := read_recorded_file(path))),
            reports=tuple(unpublished_reports(target.describe_server(connection, options.publish_to))),
            unknown=tuple(unknown),
        )


def purge(options: Options, doomed: Doomed | None = None, say: Callable[[str], None] = _silent) -> tuple[str, ...]:
    """Remove what was listed, and nothing that has taken its place since.

    Args:
        options: the target and the schema that was published to.
        doomed: the result of ``list_purgeable``, as somebody agreed to it. None lists anew.
        say: is given a line for each wait.

    Returns a line for each thing that was removed. Raises MigrateToPgError if something prevents the purge. The next
    purge continues from there.
    """
    doomed = doomed or list_purgeable(options)
    removed: list[str] = []
    try:
        with _connected(options) as (connection, _choice), watch_commits(connection, say):
            drop_schemas(connection, doomed.schemas, options.publish_to, lambda schema: removed.append(schema.label))
            facts = target.describe_server(connection, options.publish_to)
        for file in doomed.files:
            if read_recorded_file(file.path) == file:
                file.path.unlink()
                removed.append(file.label)
        for report in doomed.reports:
            if as_listed(report.path, facts) == report:
                report.remove()
                removed.append(report.label)
    except KeyboardInterrupt:
        raise _half_done(_("Interrupted"), removed, doomed) from None
    except OSError as error:
        raise _half_done(f"{error.filename}: {error.strerror}", removed, doomed) from error
    return tuple(removed)


def _half_done(reason: str, removed: Sequence[str], doomed: Doomed) -> PublishError:
    return PublishError(
        _(
            "{reason}; {removed} of {doomed} were removed.",
            reason=reason,
            removed=len(removed),
            doomed=len(doomed.labels),
        ),
        detail=removed,
        remedy=_("Run --purge again: it goes on with what is left."),
    )


@contextmanager
def _connected(options: Options) -> Iterator[tuple[psycopg.Connection[Any], TargetChoice]]:
    """Open a connection to the target under the lock of a run, and return it with the target."""
    require_usable(options)
    final = validate_schema_name(options.publish_to)
    choice = choose_target(options.target, published=True)
    connection = target.connect(choice.conninfo, schema=final)
    with contextlib.closing(connection):
        try:
            target.take_run_lock(connection)
            yield connection, choice
        except psycopg.Error as error:
            raise TargetError(
                _("PostgreSQL stopped answering or refused: {message}", message=server_message(error)),
                remedy=_("See the server's log, then run again."),
            ) from error
