"""Reject connections through a pooler that do not keep a server process of their own.

A pooler in transaction mode runs each transaction in any free server process. The effects of SET, locks and temporary
tables get lost there, or affect other clients. Poolers do not identify themselves, so their behaviour is tested.
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
from migrate_to_pg.postgres.errors_of_connection import connection_error, pooler_advice
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.system.redact import redacted

Connection = psycopg.Connection[Any]

#: A shared pool may assign the same process again by chance, but not this often.
_ROUNDS = 5
#: An exhausted pool makes its clients wait for minutes.
_TIMEOUT_SECONDS = 10.0
_PID = b"SELECT pg_backend_pid()"


def require_session(connection: Connection, conninfo: str, argument: str = "--target") -> None:
    """Raise TargetError unless one process runs all transactions of an autocommit connection, and no others.

    A pooler that gives each client a process of its own is accepted if it passes on the connection's options. Without a
    pooler, the process is the one that PostgreSQL named when it was connected to, and the options are not tested.
    """
    place = f"{connection.info.host}:{connection.info.port}"
    try:
        with closing(_second_connection(conninfo)) as other:
            if not all(_has_own_process(connection, other) for _round in range(_ROUNDS)):
                raise TargetError(
                    _(
                        "The connection pooler at {place} is in transaction or statement mode, but a run needs sessions"
                        " of its own.",
                        place=place,
                    ),
                    remedy=pooler_advice(argument),
                )
        if connection.info.backend_pid != _process_id(connection, _PID) and not _passes_options(conninfo):
            raise TargetError(
                _(
                    "The connection pooler at {place} ignores the connection parameter `options`, which a run needs.",
                    place=place,
                ),
                remedy=pooler_advice(argument),
            )
    except psycopg.OperationalError as error:
        raise connection_error(conninfo, error, argument) from None


def _has_own_process(connection: Connection, other: Connection) -> bool:
    """Return whether our process stays the same during a transaction of another client, which has another one."""
    ours = _process_id(connection, _PID)
    try:
        theirs = _process_id(other, b"BEGIN; " + _PID)
    except psycopg.OperationalError:
        # Statement mode rejects transactions. If the server is gone instead, this query raises.
        _process_id(connection, _PID)
        return False
    # The order matters: the other client may have the only process of a pool, and our query would wait for it.
    if None in (ours, theirs) or ours == theirs or _process_id(connection, _PID) != ours:
        return False
    return _process_id(other, _PID + b"; ROLLBACK") == theirs


def _process_id(connection: Connection, query: bytes) -> int | None:
    """Return the process that answers, or None if none does in time or a pooler rejects the query."""
    pgconn = connection.pgconn
    pgconn.send_query(query)
    pgconn.flush()
    found: int | None = None
    failed = False
    deadline = time.monotonic() + _TIMEOUT_SECONDS
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


def _second_connection(conninfo: str) -> Connection:
    try:
        return open_connection(conninfo)
    except psycopg.OperationalError as error:
        raise TargetError(
            _("A second connection could not be opened, although the first could."),
            detail=redacted(str(error), conninfo_to_dict(conninfo)),
            remedy=_("A run needs some: check max_connections and the role's CONNECTION LIMIT, then run again."),
        ) from None


def _passes_options(conninfo: str) -> bool:
    """Return whether a setting in the connection's options reaches the server. Migrations rely on such settings."""
    word = secrets.token_hex(8)
    given = str(conninfo_to_dict(conninfo).get("options") or "")
    options = f"{given} -c migrate_to_pg.word={word}".strip()
    try:
        with closing(psycopg.connect(make_conninfo(conninfo, options=options), connect_timeout=10)) as connection:
            row = connection.execute("SELECT current_setting('migrate_to_pg.word', true)").fetchone()
    except psycopg.Error:
        return False
    return row == (word,)
