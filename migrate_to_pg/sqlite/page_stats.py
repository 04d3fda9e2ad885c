"""Read from a snapshot's pages the largest row of each table and the entries of each index."""

from __future__ import annotations

import contextlib
from pathlib import Path

import adbc_driver_manager
import adbc_driver_sqlite.dbapi

from migrate_to_pg.sqlite.connection import snapshot_uri


def largest_rows(snapshot: Path) -> dict[str, int]:
    """Return table -> bytes of its largest row, in a third of the time that a scan would take.

    The ADBC driver's own SQLite is used, since Python's need not have the dbstat table. Tables that cannot be read in a
    damaged file are left out: the damage itself is a finding.
    """
    query = "SELECT name, mx_payload FROM dbstat WHERE name = ? AND aggregate = TRUE"
    found: dict[str, int] = {}
    with (
        contextlib.suppress(adbc_driver_manager.Error, UnicodeDecodeError),
        adbc_driver_sqlite.dbapi.connect(snapshot_uri(snapshot)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        for (name,) in cursor.fetchall():
            cursor.execute(query, (name,))
            found.update(cursor.fetchall())
    return found


def index_entries(snapshot: Path) -> dict[str, dict[str, int]]:
    """Return table -> index -> number of entries, without partial indexes.

    An intact index has as many entries as its table has rows.
    """
    indexes = (
        "SELECT t.name, i.name FROM sqlite_master AS t, pragma_index_list(t.name) AS i"
        " WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' AND NOT i.partial"
    )
    query = "SELECT ncell FROM dbstat WHERE name = ? AND aggregate = TRUE"
    found: dict[str, dict[str, int]] = {}
    with (
        contextlib.suppress(adbc_driver_manager.Error, UnicodeDecodeError),
        adbc_driver_sqlite.dbapi.connect(snapshot_uri(snapshot)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(indexes)
        for table, index in cursor.fetchall():
            cursor.execute(query, (index,))
            # The key of a table WITHOUT ROWID is the table.
            for (entries,) in cursor.fetchall():
                found.setdefault(table, {})[index] = entries
    return found
