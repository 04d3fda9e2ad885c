"""Ask SQLite whether a statement uses a secret column: behind an alias, an expression, ``*``, a subquery or a view.

No text is read for it. SQLite names each column to its authorizer while it compiles the statement:
https://www.sqlite.org/c3ref/set_authorizer.html.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator

from migrate_to_pg.project.secret_columns import is_secret

#: These name a table alone.
_WHOLE_ROWS = (sqlite3.SQLITE_INSERT, sqlite3.SQLITE_DELETE)
_COLUMNS = (sqlite3.SQLITE_READ, sqlite3.SQLITE_UPDATE)


def uses_secret(connection: sqlite3.Connection, compile_statement: Callable[[], object]) -> bool:
    """Report whether a statement reads or writes a secret column, or may: where SQLite does not compile it.

    Args:
        connection: The connection on which the statement is compiled.
        compile_statement: Compiles it, by an EXPLAIN that raises whatever is wrong.
    """
    columns: set[tuple[str, str]] = set()
    tables: set[str] = set()

    def note(action: int, first: str | None, second: str | None, *_others: str | None) -> int:
        if action in _COLUMNS and first:
            columns.add((first, second or ""))
        elif action in _WHOLE_ROWS and first:
            tables.add(first)
        return sqlite3.SQLITE_OK

    connection.set_authorizer(note)
    try:
        compile_statement()
    except Exception:  # noqa: BLE001 - a driver's or Django's, of whatever kind
        return True
    finally:
        connection.set_authorizer(None)
    return any(is_secret(*one) for one in columns) or any(
        _has_secret_behind(connection, table, {name for other, name in columns if other == table})
        if table not in tables
        else any(is_secret(table, name) for name, _is_computed in _columns(connection, table))
        for table in tables.union(table for table, _name in columns)
    )


def _has_secret_behind(connection: sqlite3.Connection, table: str, used: set[str]) -> bool:
    """Report whether one of the columns is computed in a table with secrets: SQLite does not tell from what."""
    columns = list(_columns(connection, table))
    computed = {name for name, is_computed in columns if is_computed}
    return not computed.isdisjoint(used) and any(is_secret(table, name) for name, _is_computed in columns)


def _columns(connection: sqlite3.Connection, table: str) -> Iterator[tuple[str, bool]]:
    query = "SELECT name, hidden IN (2, 3) FROM pragma_table_xinfo(?)"
    for name, is_computed in sqlite3.Connection.execute(connection, query, [table]):
        yield str(name), bool(is_computed)
