"""Rebuild tables as people do by hand in the sqlite3 shell where ALTER TABLE is not enough."""

import re
import sqlite3
from collections.abc import Callable

Change = Callable[[str], str]


def connect(path: str) -> sqlite3.Connection:
    """Open the file as the sqlite3 shell does: without enforced foreign keys, with REGEXP."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.create_function(
        "regexp", 2, lambda pattern, text: bool(re.search(pattern, str(text))), deterministic=True
    )
    connection.execute("PRAGMA foreign_keys=OFF")
    return connection


def quoted(name: str) -> str:
    """Quote a name for SQL."""
    return '"' + name.replace('"', '""') + '"'


def definition(connection: sqlite3.Connection, table: str) -> str:
    """Return the CREATE TABLE statement of a table."""
    row = connection.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone()
    return str(row[0])


def indexes(connection: sqlite3.Connection, table: str) -> list[str]:
    """Return the CREATE INDEX statements of a table. The index of a UNIQUE column has none."""
    rows = connection.execute(
        "SELECT sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL ORDER BY name", [table]
    )
    return [str(sql) for (sql,) in rows]


def rebuild(connection: sqlite3.Connection, table: str, change: Change) -> None:
    """Replace a table by one with a changed definition and the same rows, in the order that keeps references valid."""
    new, remembered = f"{table}_new", indexes(connection, table)
    connection.execute(rename_in_create(new, change(definition(connection, table))))
    connection.execute(f"INSERT INTO {quoted(new)} SELECT * FROM {quoted(table)}")  # noqa: S608 - our own names
    connection.execute(f"DROP TABLE {quoted(table)}")
    connection.execute(f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}")
    for statement in remembered:
        connection.execute(statement)


def rebuild_wrongly(connection: sqlite3.Connection, table: str) -> str:
    """Replace a table in the wrong order, the old one renamed first, and return the backup's name.

    Since SQLite 3.26 a RENAME also rewrites the REFERENCES of every other table. They name the backup then, which is
    dropped.
    """
    backup, remembered, sql = f"{table}_backup", indexes(connection, table), definition(connection, table)
    connection.execute(f"ALTER TABLE {quoted(table)} RENAME TO {quoted(backup)}")
    connection.execute(rename_in_create(table, sql))
    connection.execute(f"INSERT INTO {quoted(table)} SELECT * FROM {quoted(backup)}")  # noqa: S608 - our own names
    connection.execute(f"DROP TABLE {quoted(backup)}")
    for statement in remembered:
        connection.execute(statement)
    return backup


def rename_in_create(table: str, sql: str) -> str:
    """Return the CREATE TABLE statement with another name."""
    return re.sub(r'^CREATE TABLE ("[^"]+"|\S+)', f"CREATE TABLE {quoted(table)}", sql, count=1)


def replace_once(old: str, new: str) -> Change:
    """Return a change of a definition, which raises ValueError if the text does not occur exactly once."""

    def change(sql: str) -> str:
        if sql.count(old) != 1:
            raise ValueError(f"{old!r} is not once in {sql!r}")
        return sql.replace(old, new)

    return change
