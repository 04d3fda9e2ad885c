"""A connection to PostgreSQL in, nothing out where it is a session of its own; TargetError where a pooler lends it out.

A pooler in transaction mode gives each transaction whatever server process is free: what SET, a lock or a temporary
table made there is lost, or left to somebody else. No pooler tells its name; what it does tells.
"""

from __future__ import annotations

import secrets
import select
import time
from contextlib import closing
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.errors_of_connection import direct, unreachable
from migrate_to_pg.system.redact import redacted

Connection = psycopg.Connection[Any]

#: A pool that others use as well may hand the same process out again by chance; not this often.
_ROUNDS = 5
#: Seconds. A pool that is used up makes its clients wait, for minutes.
_PATIENCE = 10.0
_PID = b"SELECT pg_backend_pid()"


def require_session(connection: Connection, conninfo: str) -> None:
    """TargetError unless every transaction of an autocommit connection is run by one process, which serves it alone.

    A pooler that gives each client a process of its own is let pass where it passes on what a connection asks for at
    its start. PostgreSQL itself is told by the process that it named when it was connected to.
    """
    try:
        with closing(_another(conninfo)) as other:
            if not all(_is_alone(connection, other) for _round in range(_ROUNDS)):
                raise _pooled(connection)
        if connection.info.backend_pid != _ask(connection, _PID) and not _passes_options(conninfo):
            raise _deaf(connection)
    except psycopg.OperationalError as error:
        raise unreachable(conninfo, error) from None


def _is_alone(connection: Connection, other: Connection) -> bool:
    """Whether the same process serves us before and during a transaction of another client, and not that one, too."""
    ours = _ask(connection, _PID)
    try:
        theirs = _ask(other, b"BEGIN; " + _PID)
    except psycopg.OperationalError:
        # No transactions at all: that is statement mode; unless the server is gone, which this tells.
        _ask(connection, _PID)
        return False
    # Asked in this order: a pool of one process is lent to the other now, and we would wait for it.
    if None in (ours, theirs) or ours == theirs or _ask(connection, _PID) != ours:
        return False
    return _ask(other, _PID + b"; ROLLBACK") == theirs


def _ask(connection: Connection, query: bytes) -> int | None:
    """The process that answers; None where none does in time, or something in between refuses the query."""
    pgconn = connection.pgconn
    pgconn.send_query(query)
    pgconn.flush()
    found: int | None = None
    failed = False
    deadline = time.monotonic() + _PATIENCE
    while True:
        while pgconn.is_busy():
            if not select.select([pgconn.socket], [], [], max(0, deadline - time.monotonic()))[0]:
                return None
            pgconn.consume_input()
        result = pgconn.get_result()
        if result is None:
            return None if failed else found
        if result.status == ExecStatus.TUPLES_OK:
            found = int(result.get_value(0, 0) or 0)
        failed = failed or result.status == ExecStatus.FATAL_ERROR


def _another(conninfo: str) -> Connection:
    try:
        return psycopg.connect(conninfo, autocommit=True, application_name="migrate_to_pg", connect_timeout=10)
    except psycopg.OperationalError as error:
        raise TargetError(
            _("A second connection could not be opened, although the first could."),
            detail=redacted(str(error), conninfo_to_dict(conninfo)),
            remedy=_("A run needs some: check max_connections and the role's CONNECTION LIMIT, then run again."),
        ) from None


def _passes_options(conninfo: str) -> bool:
    """Whether a setting that goes with the connection's options reaches the server: migrations rely on it."""
    word = secrets.token_hex(8)
    given = str(conninfo_to_dict(conninfo).get("options") or "")
    options = f"{given} -c migrate_to_pg.word={word}".strip()
    try:
        with closing(psycopg.connect(make_conninfo(conninfo, options=options), connect_timeout=10)) as connection:
            row = connection.execute("SELECT current_setting('migrate_to_pg.word', true)").fetchone()
    except psycopg.Error:
        return False
    return row == (word,)


def _pooled(connection: Connection) -> TargetError:
    message = _(
        "At {place} a connection pooler in transaction or statement mode stands before PostgreSQL: a run needs"
        " sessions of its own.",
        place=_place(connection),
    )
    return TargetError(message, remedy=direct())


def _deaf(connection: Connection) -> TargetError:
    message = _(
        "At {place} a connection pooler stands before PostgreSQL that does not pass on what a connection asks for at"
        " its start (options).",
        place=_place(connection),
    )
    return TargetError(message, remedy=direct())


def _place(connection: Connection) -> str:
    return f"{connection.info.host}:{connection.info.port}"
