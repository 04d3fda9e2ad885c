"""Hold one run together: its options, its progress, its directory, and the results of its stages so far."""

from __future__ import annotations

import errno
import logging
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from functools import cached_property

from migrate_to_pg.errors import SourceError, TargetError, UsageError
from migrate_to_pg.pipeline.dump import choose_dump, require_usable
from migrate_to_pg.pipeline.failures import STOPS, failure_of
from migrate_to_pg.pipeline.next_steps import command_line
from migrate_to_pg.pipeline.state import RunState, SourceState, complete_report, stage_summary, write_report
from migrate_to_pg.planning.planner import chosen_models
from migrate_to_pg.postgres.objects import validate_schema_name
from migrate_to_pg.project.default_source import require_rehearsed
from migrate_to_pg.project.registry import Model, Registry
from migrate_to_pg.project.source_database import SourceChoice, choose_source
from migrate_to_pg.project.sqlite_connection import registrations
from migrate_to_pg.records import Event, Options, Progress, Report, SourceCatalog
from migrate_to_pg.rules.run_findings import made_from_model
from migrate_to_pg.sqlite.missing_functions import set_project_registrations
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.run_log import RunLog, write_log
from migrate_to_pg.system.threads import Work, ignore_stop_signals, noticed_interrupts
from migrate_to_pg.system.workdir import WorkDirectory

logger = logging.getLogger(__name__)


def no_progress(_: Event) -> None:
    """Ignore an event."""


class Run:
    """One run of the command.

    A stage is a function that takes the run and records, and returns a record. ``move`` and ``verify`` call them in
    order and put the results into ``state``, from which the report is made in every case.
    """

    def __init__(self, options: Options, progress: Progress, choice: SourceChoice | None = None) -> None:
        """Begin a run. ``choice`` is its SQLite database, where the options do not name an existing one."""
        self.began = options.invocation.began or time.perf_counter()
        #: Name of the schema that is published to.
        self.final = validate_schema_name(options.publish_to)
        require_usable(options)
        self.options = options
        self.progress = _serialize(progress)
        self.source_choice: SourceChoice = choice or (
            choose_dump(options.from_dump) if options.from_dump else choose_source(options.source)
        )
        if options.mode in ("publish", "dump") and options.trial is None:
            require_rehearsed(self.source_choice.path, self.source_choice.chosen)
        set_project_registrations(registrations(self.source_choice))
        self.workdir = WorkDirectory(options.report)
        self._models_to_make: list[Model] | None = None
        #: Raises KeyboardInterrupt where a stop signal came and nothing stopped.
        self.require_no_interrupt: Work = lambda: None
        self.state = RunState(started=now(), source=SourceState(choice=self.source_choice.sentence))

    def execute(self, stages: Callable[[ExitStack], None]) -> Report:
        """Call the stages and return the report, which is also written to the run's directory.

        Whatever stops them ends up in the report as a Failure. A run that was refused before it began leaves no
        directory. ``stages`` is given a stack that is left when the run is over, however it went.
        """
        with write_log(self.workdir.directory) as log:
            return self._execute(stages, log)

    def _execute(self, stages: Callable[[ExitStack], None], log: RunLog) -> Report:
        if self.options.invocation.began is not None:
            self.state.stages["start"] = time.perf_counter() - self.began
        self.note(self.source_choice.sentence)
        refused = False
        logger.info("%s", command_line(self.options) or self.options.mode)
        try:
            with noticed_interrupts() as self.require_no_interrupt, ExitStack() as stack:
                stages(stack)
        except STOPS as error:
            # Where the run was asked for wrongly, there is nothing else to report.
            source = self.state.source
            not_reached = isinstance(error, TargetError) and source.snapshot is None and source.catalog is None
            refused = self.state.published.publication is None and (isinstance(error, UsageError) or not_reached)
            self._record_stop(error)
        finally:
            self.workdir.drop_unfinished()
        self.state.seconds = time.perf_counter() - self.began
        if refused:
            log.discard()
            self.workdir.discard()
            return complete_report(self.options, self.state)
        with ignore_stop_signals() if self.state.published.publication else nullcontext():
            return write_report(complete_report(self.options, self.state), self.workdir.directory)

    def _record_stop(self, error: BaseException) -> None:
        """Record a failure. What was published before it stays published."""
        logger.info("stopped by %s", type(error).__name__)
        if isinstance(error, SourceError) and not self.workdir.directory.is_dir():
            # SQLite says that it cannot open a file, and means the snapshot: nothing is wrong with the source.
            error = FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
        if self.state.published.publication is None:
            makes_file = self.options.mode == "move_back"
            place = self.source_choice.path.parent if makes_file else self.workdir.directory
            self.state.failure = failure_of(error, place, self.options.mode)
        elif not isinstance(error, KeyboardInterrupt):
            self.state.record_published(error=failure_of(error, self.workdir.directory).message)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Report a stage's begin and end, and measure its time. A stage that begins again is one stage."""
        self.progress(Event(kind="stage", stage=name))
        logger.info("stage %s begins", name)
        start = time.perf_counter()
        try:
            yield
        finally:
            seconds = time.perf_counter() - start
            self.state.stages[name] = self.state.stages.get(name, 0.0) + seconds
            logger.info("stage %s ends after %.3f s", name, seconds)
        # What is published is not taken back.
        if name != "publish" and self.state.published.publication is None:
            self.require_no_interrupt()
        self.progress(Event(kind="stage_done", stage=name, message=stage_summary(name, self.state)))

    def note(self, message: str) -> None:
        """Report a line to whoever watches."""
        logger.info("%s", message)
        self.progress(Event(kind="note", stage="", message=message))

    @cached_property
    def registry(self) -> Registry:
        """The project's models as of the migrations that the source has applied."""
        catalog = self.state.source.catalog
        return Registry(catalog.applied_migrations if catalog else (), self.source_choice.alias)

    def models_to_make(self, catalog: SourceCatalog) -> list[Model]:
        """Return the models whose tables no migration makes, and that are made all the same.

        A finding names each, once.
        """
        if self._models_to_make is None:
            self._models_to_make = chosen_models(
                self.registry,
                catalog,
                self.options.from_models,
                every=self.options.schema == "models",
                but=self.options.as_leftovers,
            )
            labels = {model._meta.label for model in self._models_to_make}
            self.state.notes += tuple(made_from_model(name) for name in self.registry.names if name.label in labels)
        return self._models_to_make


def _serialize(progress: Progress) -> Progress:
    """Let one thread at a time report: Python's own streams do not bear several that print."""
    lock = threading.RLock()

    def report(event: Event) -> None:
        with lock:
            progress(event)

    return report
