"""The incoming schema of a run that died while it loaded in; out, which of its tables need not be loaded again.

A run notes in a table of its own schema what it loads, and each large table once it is whole. The next run makes its
schema as always; where the two are the same, and what is to be loaded is too, it goes on in the old one.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg import __version__
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, read_definitions
from migrate_to_pg.postgres.standby import require_durable_commit
from migrate_to_pg.records import INCOMING, Options, Plan

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

#: Where the schema of a dead run waits until it is known whether it serves.
_WAITING = "migrate_to_pg_died"
_NOTES = "migrate_to_pg_loaded"
#: Smaller tables are sent again sooner than they are noted, which waits for the disk.
_WORTH_A_NOTE = 10_000


class _OtherSchemaError(Exception):
    """The schema of the dead run is not the one that would be made now."""


def load_key(plan: Plan, sha256: str, options: Options) -> str:
    """What a load depends on, as one text: the bytes of the file that it reads, the plan, and what was accepted."""
    choices = (options.fix, options.quarantine, str(options.leftovers))
    text = repr((__version__, sha256, plan, choices))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def set_by(connection: Connection) -> None:
    """Before a new incoming schema is made: keep that of a run that died while it loaded, under another name."""
    if _has_notes(connection, INCOMING):
        target.drop_schema(connection, _WAITING)
        _rename(connection, INCOMING, _WAITING)


def drop(connection: Connection) -> None:
    """Whatever waits is not needed any more."""
    target.drop_schema(connection, _WAITING)


def take_over(connection: Connection, key: str, plan: Plan) -> dict[str, int]:
    """Table -> rows of what is whole already, in the incoming schema from now on; empty where nothing serves.

    Call it when the new schema is as bare as it is to be loaded. Nothing is assumed: the key must be the same, the
    catalogue of both schemas, and the number of rows of each table that was noted as whole.
    """
    if not _has_notes(connection, _WAITING):
        return {}
    notes = sql.SQL("SELECT key, name, rows FROM {}").format(sql.Identifier(_WAITING, _NOTES))
    noted = connection.execute(notes).fetchall()
    whole = {name: rows for _, name, rows in noted if name}
    if whole and {row[0] for row in noted} == {key}:
        try:
            _change_places(connection)
        except _OtherSchemaError:
            whole = {}
    else:
        whole = {}
    drop(connection)
    there = {name: rows for name, rows in whole.items() if _count(connection, name) == rows}
    for table in plan.tables if whole else ():
        if table.name not in there:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(INCOMING, table.name)))
    logger.info("%d of %d tables are loaded already, by a run with the same input", len(there), len(plan.tables))
    return there


def begin(connection: Connection, key: str, plan: Plan, whole: Mapping[str, int]) -> None:
    """Note what the load depends on, and what it has already; nothing where no table is worth it."""
    end(connection)
    if not any(table.source.rows >= _WORTH_A_NOTE for table in plan.tables):
        return
    notes = sql.Identifier(INCOMING, _NOTES)
    connection.execute(sql.SQL("CREATE TABLE {} (key text, name text, rows bigint)").format(notes))
    for name, rows in (("", 0), *whole.items()):
        _note(connection, key, name, rows)


def note(connection: Connection, key: str, name: str, rows: int) -> None:
    """A table is whole: committed, and this waits until the disk has it."""
    if rows >= _WORTH_A_NOTE:
        _note(connection, key, name, rows)


def end(connection: Connection) -> None:
    """All is loaded: the notes are not part of what is published."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(INCOMING, _NOTES)))


def _has_notes(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [f"{schema}.{_NOTES}"]).fetchone() != (None,)


def _note(connection: Connection, key: str, name: str, rows: int) -> None:
    statement = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(sql.Identifier(INCOMING, _NOTES))
    with connection.transaction():
        require_durable_commit(connection)
        connection.execute(statement, [key, name, rows])


def _change_places(connection: Connection) -> None:
    """The dead run's schema becomes the incoming one, where its catalogue is that of the new one."""
    fresh = read_definitions(connection, INCOMING)
    between = f"{_WAITING}_too"
    with connection.transaction():
        _rename(connection, INCOMING, between)
        _rename(connection, _WAITING, INCOMING)
        if _without_notes(read_definitions(connection, INCOMING)) != fresh:
            raise _OtherSchemaError
        _rename(connection, between, _WAITING)


def _without_notes(described: frozenset[ObjectDefinition]) -> frozenset[ObjectDefinition]:
    return frozenset(item for item in described if item.name.split(".")[0] != _NOTES)


def _rename(connection: Connection, name: str, new: str) -> None:
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))


def _count(connection: Connection, name: str) -> int:
    query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(INCOMING, name))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
