"""The name of a SQLite database in, a Diagnosis out: every fault that migrate_to_pg finds, and those of SQLite itself.

The source is never opened but ``mode=ro``, for its snapshot; all else is asked of that copy, which is thrown away. The
write probe is the last to use it, so that it may write there.
"""

from __future__ import annotations

import contextlib
import shutil
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django.db
from django.conf import settings
from django.db.utils import ConnectionHandler

from migrate_to_pg.catalog import make_plan, read_source
from migrate_to_pg.declared_keys import declared_key_findings
from migrate_to_pg.diagnosis import Diagnosis, PageFacts
from migrate_to_pg.endpoints import SourceChoice, choose_source
from migrate_to_pg.errors import MigrationStateError, SourceError, UsageError
from migrate_to_pg.examine import examine
from migrate_to_pg.migration_state import migration_findings
from migrate_to_pg.offline import target_tables
from migrate_to_pg.probe import probe
from migrate_to_pg.records import Event, Finding, Level, SourceCatalog
from migrate_to_pg.rules import integrity_check
from migrate_to_pg.rules.of_the_doctor import INCONSISTENT, NO_ROOM, UNREADABLE
from migrate_to_pg.snapshot import Source, require_database, require_space
from migrate_to_pg.state import file_findings, hot_journal_finding, lock_finding, look, page_facts
from migrate_to_pg.workplace import Workplace

Progress = Callable[[Event], None]

#: Seconds to wait for a writer who keeps readers out, too; then he is the finding.
WAIT = 5.0
_SQLITE = "django.db.backends.sqlite3"


def _silent(_: Event) -> None:
    """No progress wanted."""


def diagnose(database: str | None = None, progress: Progress = _silent) -> Diagnosis:
    """Everything that is wrong with the database: a path, an alias, a sqlite:/// URL, or what --source defaults to.

    Raises UsageError where there is no SQLite database of that name.
    """
    choice = choose_source(database, argument="sqlite_doctor")
    try:
        require_database(choice.path)
    except SourceError as error:
        raise UsageError(str(error), remedy="Name it: manage.py sqlite_doctor PATH.") from error
    with _workplace() as place:
        return _Doctor(choice, place, progress).go()


@contextmanager
def _workplace() -> Iterator[Workplace]:
    """Where the snapshot lies for as long as it is asked; nothing of it stays."""
    try:
        place = Workplace(None)
    except (OSError, UsageError):
        # The project's directory need not be writable for who looks.
        place = Workplace(Path(tempfile.mkdtemp(prefix="sqlite_doctor-")))
    try:
        yield place
    finally:
        for path in place.directory.glob(f"{place.unfinished.name}*"):
            path.unlink(missing_ok=True)
        # Another run may have begun in the same second, and in the same directory.
        with contextlib.suppress(OSError):
            place.directory.rmdir()


@dataclass
class _Facts:
    """What was found out so far, however far it went."""

    findings: list[Finding] = field(default_factory=list)
    pages: PageFacts | None = None
    catalog: SourceCatalog | None = None


class _Doctor:
    """One examination: from outside, then the snapshot, then from outside again."""

    def __init__(self, choice: SourceChoice, place: Workplace, progress: Progress) -> None:
        self.choice = choice
        self.place = place
        self.progress = progress
        # Before anything opens the database: even a reader leaves traces beside it.
        self.file = look(choice.path)
        self.facts = _Facts()

    def go(self) -> Diagnosis:
        if self._snapshot():
            self._examine()
            self._add(file_findings(self.choice.path, self.file, look(self.choice.path)))
        catalog = self.facts.catalog
        return Diagnosis(
            source=str(self.choice.path),
            file=self.file,
            space_needed=self._space_needed,
            space_free=shutil.disk_usage(self.place.directory).free,
            sqlite_version=sqlite3.sqlite_version,
            pages=self.facts.pages,
            tables=len(catalog.tables) if catalog else None,
            rows=sum(table.rows for table in catalog.tables) if catalog else None,
            migrations=len(catalog.applied_migrations) if catalog else None,
            findings=tuple(sorted(self.facts.findings, key=lambda finding: finding.level is not Level.ERROR)),
        )

    @property
    def _space_needed(self) -> int:
        return self.file.bytes + self.file.beside.get("-wal", 0)

    def _snapshot(self) -> bool:
        """Whether there is a copy to ask."""
        path = self.choice.path
        try:
            require_space(self.place.directory, self._space_needed)
        except SourceError as error:
            self._add([NO_ROOM.finding(table="", explanation=str(error), remedy=NO_ROOM.remedy)])
            return False
        try:
            with self._stage("snapshot"), Source(path, wait=WAIT) as source:
                source.copy(self.place.unfinished)
        except SourceError as error:
            self._add([self._no_snapshot(error)])
            return False
        return True

    def _no_snapshot(self, error: SourceError) -> Finding:
        now = look(self.choice.path)
        if "locked" in str(error):
            return lock_finding(now, keeps_readers_out=True)
        if now.journal_is_hot and not now.writer:
            return hot_journal_finding(self.choice.path, str(error))
        return _unreadable(error)

    def _examine(self) -> None:
        """Each part adds what it finds; where SQLite gives up, that is a finding and the rest is left out."""
        snapshot = self.place.unfinished
        try:
            self.facts.pages = page_facts(snapshot)
            with self._stage("integrity"), _as_web_server(self.choice, snapshot) as database:
                self._add(integrity_check.findings(database, integrity_check.WHOLE))
            with self._stage("catalog"):
                self.facts.catalog = read_source(snapshot)
                self._add(migration_findings(self.facts.catalog.applied_migrations))
            self._ask_rules(snapshot, self.facts.catalog)
            with self._stage("probe"), _as_web_server(self.choice, snapshot) as database:
                self._add(probe(database, self.facts.catalog))
        except MigrationStateError as error:
            self._add([INCONSISTENT.finding(table="django_migrations", explanation=str(error), remedy=error.remedy)])
        except (SourceError, sqlite3.Error, django.db.Error) as error:
            self._add([_unreadable(error)])

    def _ask_rules(self, snapshot: Path, catalog: SourceCatalog) -> None:
        with self._stage("examine"):
            tables = target_tables(catalog.applied_migrations)
            plan = make_plan(catalog, tables, source_time_zone=self.choice.time_zone)
            found = examine(plan, catalog, snapshot, accepted=frozenset(), progress=self.progress)
            # Asked above, with the application's functions at hand.
            self._add(finding for finding in found if finding.rule != integrity_check.RULE.id)
            self._add(declared_key_findings(snapshot, catalog, self.facts.findings))

    def _add(self, findings: Iterable[Finding]) -> None:
        self.facts.findings.extend(list(findings))

    @contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        self.progress(Event(kind="stage", stage=name))
        yield
        self.progress(Event(kind="stage_done", stage=name))


def _unreadable(error: Exception) -> Finding:
    detail = getattr(error, "detail", ())
    explanation = "\n".join([str(error), *detail, "What comes after that was not examined."])
    return UNREADABLE.finding(table="", explanation=explanation, remedy=UNREADABLE.remedy)


@contextmanager
def _as_web_server(choice: SourceChoice, copy: Path) -> Iterator[sqlite3.Connection]:
    """SQLite's own connection as Django sets it up: foreign keys, Django's functions, the project's own ones."""
    entry = settings.DATABASES.get(choice.alias, {})
    if "sqlite3" not in entry.get("ENGINE", "") and "spatialite" not in entry.get("ENGINE", ""):
        entry = {"ENGINE": _SQLITE}
    entry = {"ENGINE": entry["ENGINE"], "OPTIONS": dict(entry.get("OPTIONS", {})), "NAME": str(copy)}
    connection = ConnectionHandler({"default": dict(entry), choice.alias: entry})[choice.alias]
    with contextlib.closing(connection):
        # Projects register their own functions when connection_created is sent.
        connection.ensure_connection()
        database: sqlite3.Connection = connection.connection
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        yield database
