"""Tell what the SQLite file of the publication had, and the new file of a move back has not."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg.errors import PublishError
from migrate_to_pg.planning.scratch_schema import Statement, read_statements
from migrate_to_pg.publish.history import recorded_source, rows_left_out
from migrate_to_pg.records import Finding, OldFile, folded
from migrate_to_pg.rules.back.notes import not_in_new_file
from migrate_to_pg.sqlite.connection import live_uri, snapshot_uri
from migrate_to_pg.system.workdir import recorded_journal

Connection = psycopg.Connection[Any]


def old_file(connection: Connection, schema: str) -> OldFile | None:
    """Return what the record of the latest publication to a schema tells. None where it tells nothing."""
    try:
        recorded = recorded_source(connection, schema)
        if recorded is None:
            return None
        quarantined, merged = rows_left_out(connection, schema)
    except PublishError:
        # A record that cannot be read stands in nobody's way.
        return None
    snapshot = Path(recorded[0])
    journal = recorded_journal(snapshot)
    return OldFile(
        quarantined=quarantined,
        merged=merged,
        journal=str(journal or ""),
        snapshot=str(snapshot),
        is_kept=_can_be_read(snapshot),
    )


def lacking(old: OldFile | None, new: Path) -> Iterator[Finding]:
    """Yield a finding for each object that no migration made in the old file, and that is not in the new one.

    Tables with rows of their own are leftovers, which have findings of their own.
    """
    if old is None or not old.is_kept:
        return
    with closing(sqlite3.connect(live_uri(new), uri=True)) as database:
        there = list(read_statements(database))
    known = {folded(statement.name) for statement in there} | {_meaning(statement) for statement in there}
    for statement in _statements(Path(old.snapshot)):
        if folded(statement.name) in known or _meaning(statement) in known:
            continue
        kind = "virtual table" if _is_virtual(statement) else statement.kind
        # What belongs to a table that is not there is not told apart from it.
        if kind in ("virtual table", "view") or (kind != "table" and folded(statement.table) in known):
            yield not_in_new_file(kind, statement.name, statement.table)


def _statements(snapshot: Path) -> list[Statement]:
    with closing(sqlite3.connect(snapshot_uri(snapshot), uri=True)) as database:
        return list(read_statements(database))


def _can_be_read(snapshot: Path) -> bool:
    try:
        return snapshot.is_file() and bool(_statements(snapshot))
    except (sqlite3.Error, OSError):
        return False


def _is_virtual(statement: Statement) -> bool:
    return statement.sql.lower().split()[:2] == ["create", "virtual"]


def _meaning(statement: Statement) -> str:
    """Return what an index is, whatever its name. Of any other object the name counts."""
    if statement.kind != "index":
        return folded(statement.name)
    head, __, columns = statement.sql.partition("(")
    return "".join(["unique " * ("unique" in head.lower()), folded(statement.table), "(", *columns.lower().split()])
