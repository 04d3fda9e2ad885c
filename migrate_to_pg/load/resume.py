"""Resume the load of an interrupted run, whose complete tables need not be loaded again.

A run records in a table of its schema what it loads, and each large table once it is complete. The next run creates its
schema as usual. If both schemas have the same definitions and the load depends on the same input, it continues in the
old one.
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
from migrate_to_pg.postgres.schema_digest import read_definitions
from migrate_to_pg.postgres.standby import require_durable_commit
from migrate_to_pg.records import INCOMING, Options, Plan

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

#: Name of the previous run's schema until it is known whether it can be used.
_PREVIOUS_SCHEMA = "migrate_to_pg_died"
_NOTES = "migrate_to_pg_loaded"
#: Loading a smaller table again takes less time than recording it, which waits for the disk.
_MIN_RECORDED_ROWS = 10_000


class _OtherSchemaError(Exception):
    """The previous run's schema has other definitions than the new one."""


def load_key(plan: Plan, sha256: str, options: Options) -> str:
    """Return a digest of everything that a load depends on: the source file, the plan and the accepted repairs."""
    choices = (options.fix, options.quarantine, str(options.leftovers))
    text = repr((__version__, sha256, plan, choices))
    return hashlib.sha256(text.encode("utf-8", "backslashreplace")).hexdigest()


def save_previous(connection: Connection) -> None:
    """Rename the incoming schema of a run that was interrupted while loading. Call it before creating a new one."""
    if _has_notes(connection, INCOMING):
        target.drop_schema(connection, _PREVIOUS_SCHEMA)
        target.rename_schema(connection, INCOMING, _PREVIOUS_SCHEMA)


def drop(connection: Connection) -> None:
    """Drop the previous run's schema."""
    target.drop_schema(connection, _PREVIOUS_SCHEMA)


def adopt_previous(connection: Connection, key: str, plan: Plan) -> dict[str, int]:
    """Return the rows of each table that is complete in the incoming schema, after adopting the previous run's schema.

    Call it after indexes and constraints were dropped. The key, the definitions of both schemas and the number of rows
    of each recorded table must be the same. Otherwise the result is empty, or lacks that table.
    """
    if not _has_notes(connection, _PREVIOUS_SCHEMA):
        return {}
    notes = sql.SQL("SELECT key, name, rows FROM {}").format(sql.Identifier(_PREVIOUS_SCHEMA, _NOTES))
    records = connection.execute(notes).fetchall()
    complete = {name: rows for _, name, rows in records if name}
    if complete and {row[0] for row in records} == {key}:
        try:
            _swap_schemas(connection)
        except _OtherSchemaError:
            complete = {}
    else:
        complete = {}
    drop(connection)
    count = sql.SQL("SELECT count(*) FROM {}")
    there = {
        name: rows
        for name, rows in complete.items()
        if connection.execute(count.format(sql.Identifier(INCOMING, name))).fetchone() == (rows,)
    }
    for table in plan.tables if complete else ():
        if table.name not in there:
            connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(INCOMING, table.name)))
    logger.info("%d of %d tables are loaded already, by a run with the same input", len(there), len(plan.tables))
    return there


def start(connection: Connection, key: str, plan: Plan, complete: Mapping[str, int]) -> None:
    """Record the key and the complete tables, unless all tables are small."""
    finish(connection)
    if not any(table.source.rows >= _MIN_RECORDED_ROWS for table in plan.tables):
        return
    notes = sql.Identifier(INCOMING, _NOTES)
    connection.execute(sql.SQL("CREATE TABLE {} (key text, name text, rows bigint)").format(notes))
    for name, rows in (("", 0), *complete.items()):
        _note(connection, key, name, rows)


def record_table(connection: Connection, key: str, name: str, rows: int) -> None:
    """Record that a table is complete and committed. This waits for the disk."""
    if rows >= _MIN_RECORDED_ROWS:
        _note(connection, key, name, rows)


def finish(connection: Connection) -> None:
    """Drop the records after the load, because they are not to be published."""
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(sql.Identifier(INCOMING, _NOTES)))


def _has_notes(connection: Connection, schema: str) -> bool:
    return connection.execute("SELECT to_regclass(%s)", [f"{schema}.{_NOTES}"]).fetchone() != (None,)


def _note(connection: Connection, key: str, name: str, rows: int) -> None:
    statement = sql.SQL("INSERT INTO {} VALUES (%s, %s, %s)").format(sql.Identifier(INCOMING, _NOTES))
    with connection.transaction():
        require_durable_commit(connection)
        connection.execute(statement, [key, name, rows])


def _swap_schemas(connection: Connection) -> None:
    """Make the previous run's schema the incoming one. Raise _OtherSchemaError if its definitions differ."""
    fresh = read_definitions(connection, INCOMING)
    between = f"{_PREVIOUS_SCHEMA}_too"
    with connection.transaction():
        target.rename_schema(connection, INCOMING, between)
        target.rename_schema(connection, _PREVIOUS_SCHEMA, INCOMING)
        former = read_definitions(connection, INCOMING)
        if {item for item in former if item.name.split(".")[0] != _NOTES} != fresh:
            raise _OtherSchemaError
        target.rename_schema(connection, between, _PREVIOUS_SCHEMA)
