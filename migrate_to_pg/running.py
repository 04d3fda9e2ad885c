"""What every kind of run has in common: its stages told as Events, its facts, and a Report of it in every case.

Whatever stops a run ends up in the report as a Failure.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from migrate_to_pg.catalog import make_plan, read_source
from migrate_to_pg.endpoints import SourceChoice, choose_source
from migrate_to_pg.errors import MigrationStateError
from migrate_to_pg.failures import STOPS, failure_of
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.outcome import Outcome
from migrate_to_pg.prove.orm import prove_orm
from migrate_to_pg.records import Event, Options, Plan, Report, Snapshot, SourceCatalog, StageTime, TargetTable, Verify
from migrate_to_pg.registry import applied_models, content_models, generic_keys
from migrate_to_pg.snapshot import Source
from migrate_to_pg.workplace import Workplace

Progress = Callable[[Event], None]


def silent(_: Event) -> None:
    """No progress wanted."""


class Running:
    """One run: the stages in order, each given what the ones before it returned."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self.options = options
        self.progress = progress
        self.source_choice: SourceChoice = choose_source(options.source)
        self.workplace = Workplace(options.report)
        self.facts = Outcome(options, datetime.now().astimezone())

    def go(self) -> Report:
        """The report of it, also written to its directory, whether the run succeeded or not."""
        try:
            with ExitStack() as stack:
                self.stages(stack)
        except STOPS as error:
            self.facts.failure = failure_of(error, self.workplace.directory)
        finally:
            self.workplace.drop_unfinished()
        return self.facts.report(self.workplace)

    def stages(self, stack: ExitStack) -> None:
        """What is done; ``stack`` is left when it is over, however it went."""
        raise NotImplementedError

    def snapshot(self, source: Source) -> Snapshot:
        """A consistent copy of the source, for as long as the run goes on."""
        with self.stage("snapshot"):
            if self.options.lock_source:
                source.lock()
            self.facts.snapshot = source.copy(self.workplace.unfinished)
        return self.facts.snapshot

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
                detail=[_("It holds {tables}.", tables=counted(len(catalog.tables), "table", "tables"))],
                remedy=_(
                    "Name the database that the application uses with --source; if it is this one, record what it"
                    " has with manage.py migrate --fake."
                ),
            )
        return catalog

    def plan(self, catalog: SourceCatalog, tables: Iterable[TargetTable]) -> Plan:
        """SQLite's tables paired with PostgreSQL's."""
        return make_plan(
            catalog,
            tables,
            source_time_zone=self.source_choice.time_zone,
            models=content_models(catalog.applied_migrations),
            generic_keys=generic_keys(),
        )

    def look_again(self, source: Source) -> None:
        """Note at the end whether anybody wrote to the source meanwhile."""
        # Where nobody can tell any more, the hash at the end still does.
        with contextlib.suppress(sqlite3.Error):
            self.facts.changed = self.facts.snapshot is not None and source.has_changed()

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Around a stage: told, timed and summed up."""
        self.progress(Event(kind="stage", stage=name))
        start = time.perf_counter()
        try:
            yield
        finally:
            self.facts.stages.append(StageTime(name=name, seconds=time.perf_counter() - start))
        self.progress(Event(kind="stage_done", stage=name, message=self.facts.summary(name)))

    def note(self, message: str) -> None:
        """A line for whoever watches."""
        self.progress(Event(kind="note", stage="", message=message))

    def ask_orm(self, plan: Plan, loaded: Path, entry: dict[str, Any]) -> None:
        """Add what the ORM reads to the proof, where that was asked for and the cells are equal.

        ``entry`` is the target as an entry of DATABASES; ``loaded`` the SQLite file that its tables hold.
        """
        proof, catalog = self.facts.proof, self.facts.catalog
        if self.options.verify is Verify.ORM and proof and proof.holds and catalog:
            read = prove_orm(applied_models(catalog.applied_migrations), plan, loaded, entry)
            self.facts.proof = proof.with_orm(read)
