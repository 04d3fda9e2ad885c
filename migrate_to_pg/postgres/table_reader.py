"""Read many tables over one ADBC connection, all in one state."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from typing import Any, Self

import adbc_driver_manager
import adbc_driver_postgresql.dbapi
import pyarrow as pa

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.session import arrow_conninfo, configure_session
from migrate_to_pg.postgres.shared_snapshot import join_snapshot

#: Tables that are read before their locks are given back.
_TABLES_LOCKED = 10
#: A server counts a connection that was closed for another moment, and the role may have no other.
_PAUSES_SECONDS = (0.1, 0.3, 0.6, 1.0)


class TableReader:
    """One connection that reads one table after another, in a read-only transaction. A context manager.

    With ``patient`` it is asked for again where the server has none just now.
    """

    def __init__(self, conninfo: str, shared: str, *, patient: bool = True) -> None:
        self._conninfo = conninfo
        self._pauses = iter(_PAUSES_SECONDS if patient else ())
        #: An exported snapshot, or '' where the state to be read is that of no other transaction.
        self._shared = shared
        self._stack = contextlib.ExitStack()
        self._read = 0
        self._connection: Any = None

    def __enter__(self) -> Self:
        with translate_errors(_("the database")):
            self._connection = self._stack.enter_context(self._connect())
            with self._connection.cursor() as cursor:
                join_snapshot(cursor, self._shared)
                configure_session(cursor)
                cursor.execute("SAVEPOINT nothing_read")
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def _connect(self) -> Any:
        while True:
            try:
                return adbc_driver_postgresql.dbapi.connect(arrow_conninfo(self._conninfo))
            except adbc_driver_manager.Error:
                if (pause := next(self._pauses, None)) is None:
                    raise
                time.sleep(pause)

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


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Raise TargetError in place of the driver's errors. ``what`` was to be read."""
    try:
        yield
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        forbidden = getattr(error, "sqlstate", None) == "42501"
        raise TargetError(
            # The lines after the first are the query.
            _("{what} could not be read on PostgreSQL: {error}", what=what, error=str(error).split("\n")[0]),
            remedy=_(
                "Connect as the tables' owner, or as a role that may read every row: where row security hides some of"
                " them, that is one with BYPASSRLS."
            )
            if forbidden
            else _("See the server's log, then run again."),
        ) from error
