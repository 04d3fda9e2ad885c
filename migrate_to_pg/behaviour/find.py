"""Look by each way that is wanted, and make one report of what they saw."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from migrate_to_pg.behaviour.data import find_by_data
from migrate_to_pg.behaviour.data.queries import compare_queries
from migrate_to_pg.behaviour.records import Occurrence, Place, Report, Way, merge
from migrate_to_pg.behaviour.repaired_snapshot import as_published
from migrate_to_pg.behaviour.sides import open_sides
from migrate_to_pg.behaviour.suite import find_by_tests
from migrate_to_pg.project.secrets_of_source import learn_secrets
from migrate_to_pg.records import Event, Options, Progress
from migrate_to_pg.system.clock import now
from migrate_to_pg.trial.open_copy import Copy, open_copy


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """The wishes of whoever called pg_behaviour."""

    #: A command that runs the project's tests, once on each database. '' leaves a way out.
    tests: str = ""
    #: A command whose queries are made on the copy as well.
    queries: str = ""
    crawl: bool = False
    #: The user as whom pages are asked for.
    as_user: str = ""
    #: A file of occurrences that the middleware wrote.
    read: Path | None = None
    data: bool = False
    code: bool = False
    #: What decides how the copy is made.
    options: Options
    #: Where the report goes, and what the ways write meanwhile.
    directory: Path

    @property
    def ways(self) -> tuple[Way, ...]:
        """The ways that look."""
        wanted = {
            Way.TESTS: self.tests,
            Way.QUERIES: self.queries or self.crawl or self.read,
            Way.DATA: self.data,
            Way.CODE: self.code,
        }
        return tuple(way for way in Way if wanted[way])


@dataclass(slots=True)
class Seen:
    """The occurrences and notes of the ways so far."""

    occurrences: list[Occurrence]
    notes: list[str]
    #: Lines with SQL that PostgreSQL did not judge.
    unjudged: list[Place]
    #: False where a way could not look to its end. A note says why.
    is_complete: bool = True


def find(wanted: Wanted, progress: Progress) -> Report:
    """Look by each way, on a copy that is dropped in the end. ``progress`` is given the events of the run and the ways.

    Raises:
        MigrateToPgError: The copy could not be made, or a command could not be run.
    """
    begun, started = time.monotonic(), now().isoformat(timespec="seconds")
    seen = Seen([], [], [])
    with open_copy(wanted.options, progress) as made, as_published(made.source, seen.notes) as snapshot:
        # The run that made the copy learnt them, but that may be long ago.
        learn_secrets(snapshot)
        copy = replace(made, source=snapshot)
        for way in wanted.ways:
            progress(Event(kind="stage", stage=way.value))
            seen.occurrences += _WAYS[way](wanted, copy, seen)
            progress(Event(kind="stage_done", stage=way.value))
        source = str(copy.origin)
    executed = {one.place for one in seen.occurrences if one.way in (Way.TESTS, Way.QUERIES)}
    return Report(
        started=started,
        seconds=time.monotonic() - begun,
        ways=wanted.ways,
        source=source,
        findings=merge(seen.occurrences),
        notes=tuple(dict.fromkeys(seen.notes)),
        is_complete=seen.is_complete,
        unexecuted=tuple(sorted(set(seen.unjudged) - executed)),
    )


def _by_tests(wanted: Wanted, copy: Copy, seen: Seen) -> Iterator[Occurrence]:
    result = find_by_tests(wanted.tests, copy)
    seen.notes += result.notes()
    yield from result.occurrences


def _by_queries(wanted: Wanted, copy: Copy, seen: Seen) -> Iterator[Occurrence]:
    # It hooks into Django's compilers: only where it is wanted.
    from migrate_to_pg.behaviour.queries import Notes, crawl, find_by_queries, read

    found: list[Notes] = []
    if wanted.queries:
        found.append(find_by_queries(wanted.queries, copy.url, copy.source, wanted.directory, copy.alias))
    if wanted.crawl:
        found.append(crawl(copy.url, copy.source, wanted.as_user or None, copy.alias))
    if wanted.read:
        found.append(read(wanted.read))
    for notes in found:
        seen.notes += [*notes.notes, *notes.summary()]
        seen.is_complete &= notes.is_complete
        yield from notes


def _by_data(wanted: Wanted, copy: Copy, seen: Seen) -> Iterator[Occurrence]:
    with open_sides(copy) as sides:
        yield from find_by_data(sides, wanted.options.target, seen.notes)
        yield from compare_queries(copy, seen.notes)


def _by_code(wanted: Wanted, copy: Copy, seen: Seen) -> Iterator[Occurrence]:
    # It needs an extra, which the other ways do without.
    from migrate_to_pg.behaviour.code.read_code import find_by_code

    with open_sides(copy) as sides:
        yield from find_by_code(sides, seen.unjudged, seen.notes)


_WAYS = {Way.TESTS: _by_tests, Way.QUERIES: _by_queries, Way.DATA: _by_data, Way.CODE: _by_code}
