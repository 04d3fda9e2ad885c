"""Open a connection of Arrow's driver for the bulk data."""

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
    """Open a connection whose commits do not wait for the disk: nothing is visible before publish, which does wait."""
    with ExitStack() as stack:
        try:
            connection = stack.enter_context(postgresql.connect(arrow_conninfo(conninfo, "synchronous_commit=off")))
            with connection.cursor() as cursor:
                configure_session(cursor)
            connection.commit()
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
