"""Read many tables over one ADBC connection, all in one state."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any, Self

import adbc_driver_postgresql.dbapi

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.arrow_errors import translate_errors
from migrate_to_pg.postgres.session import arrow_conninfo, configure_session
from migrate_to_pg.postgres.shared_snapshot import join_snapshot

#: Tables that are read before their locks are given back.
_TABLES_LOCKED = 10


class TableReader:
    """One connection that reads one table after another, in a read-only transaction. A context manager."""

    def __init__(self, conninfo: str, shared: str) -> None:
        self._conninfo = conninfo
        #: An exported snapshot, or '' where the state to be read is that of no other transaction.
        self._shared = shared
        self._stack = contextlib.ExitStack()
        self._read = 0
        self._connection: Any = None

    def __enter__(self) -> Self:
        with translate_errors(_("the database")):
            self._connection = self._stack.enter_context(
                adbc_driver_postgresql.dbapi.connect(arrow_conninfo(self._conninfo))
            )
            with self._connection.cursor() as cursor:
                join_snapshot(cursor, self._shared)
                configure_session(cursor)
                cursor.execute("SAVEPOINT nothing_read")
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    @contextlib.contextmanager
    def _reading(self, table: str) -> Iterator[Any]:
        """Give a cursor for the rows of the next table.

        The tables that were read, and their indexes, are unlocked now and then: a server has no room for the locks of
        thousands. The transaction, and so the state that is read, stays the same.
        """
        with translate_errors(table), self._connection.cursor() as cursor:
            self._read += 1
            if self._read % _TABLES_LOCKED == 0:
                cursor.execute("ROLLBACK TO SAVEPOINT nothing_read")
            yield cursor
