"""Options in, and what is done after a publication out: undone, or what it left behind removed."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import psycopg

from migrate_to_pg import target
from migrate_to_pg.dumping import require_usable
from migrate_to_pg.endpoints import choose_target
from migrate_to_pg.final import final_schema
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish.bookkeeping import snapshots as remembered_snapshots
from migrate_to_pg.publish.undo import drop_dated_schemas, purgeable_schemas
from migrate_to_pg.publish.undo import undo as take_back
from migrate_to_pg.records import Event, Options, Report, StageTime
from migrate_to_pg.versions import versions
from migrate_to_pg.words import after_undo, command_line
from migrate_to_pg.workplace import kept_snapshots

Progress = Callable[[Event], None]


def _silent(_: Event) -> None:
    """No progress wanted."""


def undo(options: Options, progress: Progress = _silent) -> Report:
    """Bring the tables back that the latest publication replaced; ``options.replace`` accepts rows written since."""
    started = datetime.now().astimezone()
    with _connected(options) as connection:
        progress(Event(kind="stage", stage="undo"))
        start = time.perf_counter()
        publication = take_back(connection, force=options.replace, final=options.publish_to)
        seconds = time.perf_counter() - start
        progress(Event(kind="stage_done", stage="undo"))
        facts = target.facts(connection, publication.schema)
    return Report(
        ok=True,
        mode="undo",
        started=started.isoformat(timespec="seconds"),
        stages=(StageTime(name="undo", seconds=seconds),),
        target=facts,
        publication=publication,
        command=command_line(options),
        versions=versions(facts),
        next_steps=after_undo(publication, options.target),
    )


def purgeable(options: Options) -> tuple[str, ...]:
    """What ``purge`` would remove: paths of old snapshots, names of dated schemas."""
    with _connected(options) as connection:
        schemas = purgeable_schemas(connection, options.publish_to)
        paths = kept_snapshots(remembered_snapshots(connection, options.publish_to))
    told = (f"{path.stem} {path} ({_('{size:,.1f} MB', size=path.stat().st_size / 1e6)})" for path in paths)
    return (*told, *(_("schema {name}", name=name) for name in schemas))


def purge(options: Options) -> None:
    """Remove the old snapshots and drop the dated schemas."""
    with _connected(options) as connection:
        paths = kept_snapshots(remembered_snapshots(connection, options.publish_to))
        drop_dated_schemas(connection, options.publish_to)
    for path in paths:
        path.unlink()


@contextmanager
def _connected(options: Options) -> Iterator[psycopg.Connection[Any]]:
    require_usable(options)
    final = final_schema(options.publish_to)
    connection = target.connect(choose_target(options.target, published=True).conninfo, schema=final)
    with contextlib.closing(connection):
        target.take_run_lock(connection)
        yield connection
