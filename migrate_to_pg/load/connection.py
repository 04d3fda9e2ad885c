"""A conninfo in, a connection for the bulk data out: of Arrow's driver, told all that a load needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgresql

from migrate_to_pg.errors import LoadError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.session import for_arrow, settle


@contextmanager
def connect(conninfo: str) -> Iterator[Any]:
    """Commits need not wait for the disk here: nothing of this is visible before publish, which does wait."""
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(postgresql.connect(for_arrow(conninfo, "synchronous_commit=off")))
            _let_it_last(connection)
        except adbc_driver_manager.Error as error:
            raise LoadError(
                _("PostgreSQL did not open a connection for the bulk data, although it opened an ordinary one."),
                detail=_said(error),
                remedy=_(
                    "Look at the server and its log, and whether it has connections to spare (max_connections), then"
                    " run again."
                ),
            ) from error
        yield connection


def _let_it_last(connection: Any) -> None:
    with connection.cursor() as cursor:
        settle(cursor)
    connection.commit()


def _said(error: adbc_driver_manager.Error) -> list[str]:
    """The server's words, without the query that the driver adds."""
    return [line.strip() for line in str(error).partition("Query was:")[0].splitlines() if line.strip()]
