"""A column's values and a declared type in; out: whether the column could be declared so without changing them."""

from __future__ import annotations

import sqlite3

from migrate_to_pg.sqlite.connection import affinity
from migrate_to_pg.sqlite.sql import Sql, compose, name

_TRIAL = Sql('temp."migrate_to_pg trial"')


def keeps(database: sqlite3.Connection, table: str, column: str, declared: str) -> bool:
    """Whether the type converts no value of the column, as INTEGER would convert '12'; 36.0 may become 36.

    The rows are asked of ``database``, which may be open for reading alone.
    """
    # It is one of SQLite's five, and no text of the database's.
    typed = Sql(affinity(declared))
    parts = {"trial": _TRIAL, "table": name(table), "column": name(column), "typed": typed}
    database.execute(compose("CREATE TEMP TABLE {trial} (was BLOB, is_now {typed})", **_without_schema(parts)))
    try:
        database.execute(compose("INSERT INTO {trial} SELECT {column}, {column} FROM main.{table}", **parts))
        changed = (
            "SELECT 1 FROM {trial} WHERE typeof(was) <> typeof(is_now)"
            " AND NOT (typeof(was) IN ('integer', 'real') AND typeof(is_now) IN ('integer', 'real')) LIMIT 1"
        )
        return database.execute(compose(changed, **parts)).fetchone() is None
    finally:
        database.execute(compose("DROP TABLE {trial}", **parts))


def has_null(database: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether NOT NULL would refuse a row."""
    query = compose("SELECT 1 FROM main.{t} WHERE {c} IS NULL LIMIT 1", t=name(table), c=name(column))
    return database.execute(query).fetchone() is not None


def _without_schema(parts: dict[str, Sql]) -> dict[str, Sql]:
    return parts | {"trial": Sql(_TRIAL.removeprefix("temp."))}
