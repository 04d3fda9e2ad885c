"""A conninfo in, a connection for the bulk data out: of Arrow's driver, told all that a load needs."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import adbc_driver_manager
import adbc_driver_postgresql.dbapi as postgresql
from psycopg.conninfo import conninfo_to_dict

from migrate_to_pg.errors import LoadError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.session import arrow_conninfo, configure_session
from migrate_to_pg.system.redact import redacted


@contextmanager
def connect(conninfo: str) -> Iterator[Any]:
    """Commits need not wait for the disk here: nothing of this is visible before publish, which does wait."""
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(postgresql.connect(arrow_conninfo(conninfo, "synchronous_commit=off")))
            _let_it_last(connection)
        except adbc_driver_manager.Error as error:
            raise LoadError(
                _("PostgreSQL did not open a connection for the bulk data, although it opened an ordinary one."),
                # Without the query that the driver adds.
                detail=redacted(str(error).partition("Query was:")[0], conninfo_to_dict(conninfo)),
                remedy=_(
                    "Look at the server and its log, and whether it has connections to spare (max_connections), then"
                    " run again."
                ),
            ) from error
        yield connection


def _let_it_last(connection: Any) -> None:
    with connection.cursor() as cursor:
        configure_session(cursor)
    connection.commit()
