"""Migrations that are run once, and whose statements are sent again by each later run.

Three quarters of the time of a move of the application go to its migrations, which make Django render each model again
and again. Where a claim is about what comes afterwards, the statements will do: PostgreSQL makes the same tables.
``tests/integration/test_replayed.py`` compares both ways. The first run is in this process, or in one that keeps its
statements in the same folder. What only asks, as the checks between migrations do, is left out.
"""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import importlib
import pickle
import re
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.transaction import atomic

from migrate_to_pg.project.migration_cache import migration_sources, plain_settings
from migrate_to_pg.project.migration_files import Key
from migrate_to_pg.project.migrations import run_migrations
from migrate_to_pg.records import Event, Progress

_ASKS = re.compile(r"\s*(SELECT|WITH)\b", re.IGNORECASE)
_CHANGES = re.compile(r"\b(INSERT|UPDATE|DELETE|setval|nextval|set_config)\b", re.IGNORECASE)


@dataclasses.dataclass
class _Recording:
    """What a run of migrations sent, and told, in groups that are each one transaction."""

    #: Of each migration: its statements with their values, and what was told of it at the end.
    migrations: list[tuple[str, Event | None]] = dataclasses.field(default_factory=list)
    missing: tuple[Key, ...] = ()


class Recordings:
    """What was recorded so far, in memory; in a folder as well where other processes are to find it."""

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        self._known: dict[str, _Recording] = {}

    def find(self, key: str) -> _Recording | None:
        if key not in self._known and self._folder and (self._folder / key).exists():
            migrations, missing = pickle.loads((self._folder / key).read_bytes())  # noqa: S301  # written by keep
            self._known[key] = _Recording(migrations, missing)
        return self._known.get(key)

    def keep(self, key: str, recording: _Recording) -> None:
        self._known[key] = recording
        if self._folder:
            written = self._folder / f"{key}.part"
            written.write_bytes(pickle.dumps((recording.migrations, recording.missing)))
            written.rename(self._folder / key)


_RECORDINGS = Recordings()


def use(folder: Path) -> None:
    """Have the moves of this process replay migrations, and keep those that it has to run in the folder."""
    stage_tables: Any = importlib.import_module("migrate_to_pg.pipeline.stage_tables")
    stage_tables.run_migrations = functools.partial(replay_migrations, recordings=Recordings(folder))


def replay_migrations(
    connection: BaseDatabaseWrapper,
    applied: Collection[Key],
    progress: Progress,
    *,
    watched: Collection[str] = (),
    recordings: Recordings = _RECORDINGS,
) -> tuple[Key, ...]:
    """Do what ``run_migrations`` does: by itself the first time, by its statements from then on."""
    key = _key(connection, applied)
    recording = recordings.find(key)
    if recording is None:
        recording = _record(connection, applied, progress, watched)
        recordings.keep(key, recording)
        return recording.missing
    for statements, told in recording.migrations:
        with atomic(using=connection.alias), connection.cursor() as cursor:
            cursor.execute(statements)
        if told:
            progress(told)
    return recording.missing


def _key(connection: BaseDatabaseWrapper, applied: Collection[Key]) -> str:
    """Another connection may have other models' state behind it, and other SQL; so may other files and settings."""
    told_apart = repr((sorted(applied), connection.alias, getattr(connection, "pg_version", None), plain_settings()))
    digest = hashlib.sha256(told_apart.encode())
    for path in migration_sources():
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _record(
    connection: BaseDatabaseWrapper, applied: Collection[Key], progress: Progress, watched: Collection[str]
) -> _Recording:
    recording = _Recording()
    sent: list[str] = []

    def note(execute: Callable[..., Any], statement: Any, parameters: Any, many: bool, context: Any) -> Any:
        for values in parameters if many else [parameters]:
            text = context["cursor"].cursor.mogrify(statement, values)
            if not _ASKS.match(text) or _CHANGES.search(text):
                sent.append(text)
        return execute(statement, parameters, many, context)

    def follow(event: Event) -> None:
        recording.migrations.append((";\n".join(sent), event))
        sent.clear()
        progress(event)

    with connection.execute_wrapper(note):
        recording.missing = run_migrations(connection, applied, follow, watched=watched)
    recording.migrations.append((";\n".join(sent), None))
    return recording
