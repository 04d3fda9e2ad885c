"""What every kind of run has in common: its stages told as Events, its facts, and a Report of it in every case.

Whatever stops a run ends up in the report as a Failure.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, nullcontext
from functools import cached_property
from pathlib import Path
from typing import Any

from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.errors import MigrationStateError, SourceError, TargetError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.pipeline.dump import choose_dump, require_usable, with_dump_settings
from migrate_to_pg.pipeline.failures import STOPS, failure_of
from migrate_to_pg.pipeline.state import Outcome
from migrate_to_pg.planning import exact_decimals, read_source
from migrate_to_pg.planning.derived_columns import leave_out_derived
from migrate_to_pg.planning.exclude import exclude
from migrate_to_pg.planning.planner import as_leftovers, plan_of
from migrate_to_pg.planning.scratch_schema import SqliteSchema, learn
from migrate_to_pg.project.databases import SourceChoice, TargetChoice, choose_source, choose_target, embedded_directory
from migrate_to_pg.project.default_source import remember_source, require_rehearsed
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.sqlite_connection import connect_like_django, registrations
from migrate_to_pg.records import (
    Event,
    ExcludedTable,
    Leftovers,
    Options,
    Plan,
    Report,
    Snapshot,
    SourceCatalog,
    TargetTable,
    Verify,
)
from migrate_to_pg.rules.run_findings import bytes_not_read
from migrate_to_pg.sqlite.missing_functions import set_project_registrations
from migrate_to_pg.sqlite.snapshot import Source
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.signals import ignore_stop_signals
from migrate_to_pg.system.workdir import WorkDirectory
from migrate_to_pg.verify.orm import prove_orm

Progress = Callable[[Event], None]


def no_progress(_: Event) -> None:
    """No progress wanted."""


def _serialize_progress(progress: Progress) -> Progress:
    """Several threads tell at once; who is told may print, which Python's own streams do not bear from several."""
    lock = threading.RLock()

    def tell(event: Event) -> None:
        with lock:
            progress(event)

    return tell


class Running:
    """One run: the stages in order, each given what the ones before it returned."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self.began = options.invocation.began or time.perf_counter()
        require_usable(options)
        self.options = options
        self.progress = _serialize_progress(progress)
        self.source_choice: SourceChoice = (
            choose_dump(options.from_dump) if options.from_dump else choose_source(options.source)
        )
        if options.mode in ("publish", "dump"):
            require_rehearsed(self.source_choice.path, self.source_choice.chosen)
        set_project_registrations(registrations(self.source_choice))
        self.workplace = WorkDirectory(options.report)
        self.facts = Outcome(options, now(), source_choice=self.source_choice.sentence)

    def go(self) -> Report:
        """The report of it, also written to its directory, but for a run that was refused before it began."""
        if self.options.invocation.began is not None:
            self.facts.stages["start"] = time.perf_counter() - self.began
        self.note(self.source_choice.sentence)
        refused = False
        try:
            with ExitStack() as stack:
                self.stages(stack)
        except STOPS as error:
            refused = self._is_refusal(error)
            self._stopped_by(error)
        finally:
            self.workplace.drop_unfinished()
        self.facts.seconds = time.perf_counter() - self.began
        if refused:
            self.workplace.discard()
            return self.facts.unwritten()
        with ignore_stop_signals() if self.facts.publication else nullcontext():
            return self.facts.report(self.workplace)

    def _is_refusal(self, error: BaseException) -> bool:
        """Whether the run was asked for wrongly: there is nothing to report but that."""
        not_reached = isinstance(error, TargetError) and self.facts.snapshot is None
        return self.facts.publication is None and (isinstance(error, UsageError) or not_reached)

    def _stopped_by(self, error: BaseException) -> None:
        """A failure, but where everything was published already, which stays so."""
        if isinstance(error, SourceError) and not self.workplace.directory.is_dir():
            # SQLite says that it cannot open a file, and means the snapshot: nothing is wrong with the source.
            error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if self.facts.publication is None:
            self.facts.failure = failure_of(error, self.workplace.directory)
        elif not isinstance(error, KeyboardInterrupt):
            self.facts.afterwards = failure_of(error, self.workplace.directory).message

    def stages(self, stack: ExitStack) -> None:
        """What is done; ``stack`` is left when it is over, however it went."""
        raise NotImplementedError

    def open_source(self, stack: ExitStack) -> Source | DumpedSource:
        """The live source, or the dump that takes its place, validated, until ``stack`` is left."""
        if self.options.from_dump is None:
            return stack.enter_context(Source(self.source_choice.path))
        with self.stage("validate"):
            dumped = stack.enter_context(DumpedSource(self.options.from_dump, self.progress))
            self.source_choice = with_dump_settings(self.source_choice, dumped.manifest)
            set_project_registrations(registrations(self.source_choice))
        return dumped

    def reach_target(self, *, published: bool = False) -> TargetChoice:
        """The database that the options name; the time that an embedded server takes to start is a stage's."""
        if embedded_directory(self.options.target) is None:
            return choose_target(self.options.target, published=published)
        with self.stage("server start"):
            return choose_target(self.options.target, published=published)

    def snapshot(self, source: Source | DumpedSource) -> Snapshot:
        """A consistent copy of the source, for as long as the run goes on."""
        with self.stage("snapshot"):
            if isinstance(source, Source) and self.options.lock_source:
                source.lock()
            self.facts.snapshot = source.copy(self.workplace.unfinished)
        if isinstance(source, Source):
            self.facts.said += tuple(map(bytes_not_read, source.unread))
            remember_source(self.options.mode, source.path, self.source_choice.chosen, self.facts.started)
        return self.facts.snapshot

    def as_web_server(self, path: Path) -> AbstractContextManager[sqlite3.Connection]:
        """A connection with the functions of Django's and of the project's: indexes may call them."""
        return connect_like_django(self.source_choice, path)

    def read_source(self, snapshot: Snapshot) -> SourceCatalog:
        """What the snapshot holds; MigrationStateError where that is not a Django project's."""
        catalog = read_source(snapshot.path, original=snapshot.source)
        if not catalog.applied_migrations:
            raise MigrationStateError(
                _(
                    "{source} records no applied migration: it is not the database of a Django project, or its table"
                    " django_migrations was emptied.",
                    source=snapshot.source,
                ),
                detail=[_("It holds {tables}.", tables=pluralize(len(catalog.tables), "table", "tables"))],
                remedy=_(
                    "Name the database that the application uses with --source; if it is this one, record what it"
                    " has with manage.py migrate --fake."
                ),
            )
        return catalog

    def learn(self, catalog: SourceCatalog) -> SqliteSchema:
        """What the applied migrations make on SQLite."""
        names = [table.name for table in catalog.tables]
        return learn(self.source_choice, catalog.applied_migrations, names, self.progress)

    @cached_property
    def registry(self) -> Registry:
        """The project's models as of the migrations that the source has applied."""
        catalog = self.facts.catalog
        return Registry(catalog.applied_migrations if catalog else (), self.source_choice.alias)

    def plan(
        self,
        catalog: SourceCatalog,
        tables: Iterable[TargetTable],
        views: Collection[str] = (),
        schema: SqliteSchema | None = None,
    ) -> Plan:
        """SQLite's tables paired with PostgreSQL's, less those whose rows are not wanted.

        ``views`` are the names of PostgreSQL's, where there is a server.
        """
        plan = plan_of(
            self.registry,
            catalog,
            map(exact_decimals, tables) if self.options.exact_decimals else tables,
            time_zone=self.source_choice.time_zone,
            views=views,
            schema=schema,
        )
        # Once it is published, somebody may have put such a table where the model looks for it.
        moving = self.options.mode != "verify_only"
        plan = as_leftovers(plan, self.options.as_leftovers, must_be_there=moving)
        copies = self.options.leftovers is Leftovers.COPY
        plan = exclude(leave_out_derived(plan), self.options.exclude_data, leftovers=copies)
        self.facts.excluded = tuple(ExcludedTable(name=table.name, rows=table.source.rows) for table in plan.excluded)
        return plan

    def recheck_source(self, source: Source | DumpedSource) -> None:
        """Note at the end whether anybody wrote to the source meanwhile."""
        # Where nobody can tell any more, the hash at the end still does.
        with contextlib.suppress(sqlite3.Error, SourceError):
            self.facts.changed = self.facts.snapshot is not None and source.has_changed()
        if self.facts.snapshot and isinstance(source, Source):
            self.facts.fate = source.file_problem()
            if self.facts.fate and not self.facts.snapshot_kept:
                # It may be the only whole copy that is left.
                self.facts.snapshot_kept = str(self.workplace.keep_snapshot(self.facts.snapshot.sha256))

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Around a stage: told, timed and summed up."""
        self.progress(Event(kind="stage", stage=name))
        start = time.perf_counter()
        try:
            yield
        finally:
            self.facts.stages[name] = self.facts.stages.get(name, 0.0) + time.perf_counter() - start
        self.progress(Event(kind="stage_done", stage=name, message=self.facts.summary(name)))

    def note(self, message: str) -> None:
        """A line for whoever watches."""
        self.progress(Event(kind="note", stage="", message=message))

    def verify_orm(self, plan: Plan, loaded: Path, entry: dict[str, Any]) -> None:
        """Add what the ORM reads to the proof, where that was asked for and the cells are equal.

        ``entry`` is the target as an entry of DATABASES; ``loaded`` the SQLite file that its tables hold.
        """
        proof, catalog = self.facts.proof, self.facts.catalog
        if self.options.verify is Verify.ORM and proof and proof.holds and catalog:
            read, unread = prove_orm(self.registry, catalog, plan, loaded, entry)
            self.facts.proof = proof.with_orm(read, unread)
