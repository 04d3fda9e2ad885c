"""Share the connections of Arrow's driver to a snapshot.

SQLite reads the definitions of all tables for the first statement of a connection. So a connection for each table would
cost as much as the square of their number.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import adbc_driver_sqlite.dbapi

from migrate_to_pg.sqlite.connection import snapshot_uri


class ArrowConnections:
    """Lend connections to a finished copy, which nobody writes to. Several threads may ask at once."""

    def __init__(self, snapshot: Path, *, attached: str = "") -> None:
        self.snapshot = snapshot
        #: The URI of another database, which queries know as ``attached``. '' for none.
        self._attached = attached
        self._uri = snapshot_uri(snapshot.resolve())
        self._idle: list[Any] = []

    def __enter__(self) -> ArrowConnections:
        return self

    def __exit__(self, *exception: object) -> None:
        while self._idle:
            self._idle.pop().close()

    @contextmanager
    def cursor(self) -> Iterator[Any]:
        """Give a cursor. Its connection is kept for others, unless an exception leaves the context."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = adbc_driver_sqlite.dbapi.connect(self._uri)
            if self._attached:
                with connection.cursor() as cursor:
                    cursor.execute("ATTACH ? AS attached", [self._attached])
        try:
            with connection.cursor() as cursor:
                yield cursor
        except BaseException:
            connection.close()
            raise
        self._idle.append(connection)
