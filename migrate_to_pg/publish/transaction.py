"""A transaction that locks tables, for a bounded time, names who stands in its way, and knows how it ended.

Where the connection is lost while it is committed, the server is asked by another one whether it was.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError, UnknownOutcomeError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.standby import wait_for_the_disk
from migrate_to_pg.project.secret_columns import server_detail, server_message

Connection = psycopg.Connection[Any]

#: Seconds to wait for the locks of all tables together. Whoever queries one of them meanwhile waits behind us.
LOCK_TIMEOUT = 10
#: Seconds in which a server that went away may come back, to say how the transaction ended.
_ABSENCE = 20.0

# Of what they run the first word alone: the rest may hold a password, or whatever the application writes.
_BLOCKERS = """
SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, l.relation::regclass::text,
       substring(a.query FROM '[A-Za-z]+')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = ANY (%s::oid[]) AND l.granted AND a.pid <> pg_backend_pid() ORDER BY a.pid
"""


class LockClock:
    """How long the locks were held, in seconds, once the transaction has ended."""

    seconds = 0.0


@contextmanager
def locking_transaction(
    connection: Connection, tables: Iterable[SchemaObject], what: str, begun: ExitStack | None = None
) -> Iterator[LockClock]:
    """One transaction with ACCESS EXCLUSIVE on the given relations; its commit waits for the disk.

    ``begun`` is a transaction that was begun already, and ends here.

    Raises PublishError, naming who holds them, where the locks are not had in LOCK_TIMEOUT seconds; and where the
    server refuses anything in it. Nothing of it is visible then, unless the message says that nobody can tell.
    """
    relations = [t for t in tables if t.type in ("table", "view", "materialized view")]
    clock = LockClock()
    transaction = _Transaction(connection)
    try:
        with begun or connection.transaction():
            wait_for_the_disk(connection)
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT}s")))
            start = time.perf_counter()
            _lock(connection, relations)
            transaction.begin()
            yield clock
        clock.seconds = time.perf_counter() - start
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise blocked(connection, [r.oid for r in relations], what) from error
    except psycopg.Error as error:
        if connection.closed:
            if not transaction.was_committed(what):
                raise _lost(what, error) from error
            clock.seconds = time.perf_counter() - start
            return
        raise PublishError(
            _("{what} failed and was rolled back: {message}", what=what, message=server_message(error)),
            detail=server_detail(error),
            remedy=_("The database is as it was before. Correct what the server names, then run again."),
        ) from error


class _Transaction:
    """The server's number of a transaction, and how to ask what became of it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dsn = connection.info.dsn
        self._password = connection.info.password
        self._number = ""

    def begin(self) -> None:
        row = self._connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        self._number = row[0] if row else ""

    def was_committed(self, what: str) -> bool:
        """Whether it was, although the connection was lost; PublishError where the server does not come back."""
        deadline = time.monotonic() + _ABSENCE
        while self._number and time.monotonic() < deadline:
            with suppress(psycopg.OperationalError):
                status = self._status()
                if status in ("committed", "aborted"):
                    return status == "committed"
            time.sleep(0.2)
        if not self._number:
            return False
        raise UnknownOutcomeError(
            _(
                "{what}: the connection was lost, and the server does not answer. Nobody can tell from here whether it"
                " was committed.",
                what=what,
            ),
            remedy=_(
                "It was committed as a whole or not at all. When the server is back, look at the newest line of table"
                " migrate_to_pg.publication, or run again: tables that hold the rows already are refused, not replaced."
            ),
        )

    def _status(self) -> str:
        way = psycopg.connect(self._dsn, password=self._password, autocommit=True, connect_timeout=5)
        with closing(way) as asking:
            configure_session(asking.cursor())
            row = asking.execute("SELECT pg_xact_status(%s::xid8)", [self._number]).fetchone()
            return str(row[0]) if row else ""


def _lost(what: str, error: psycopg.Error) -> PublishError:
    return PublishError(
        _("{what} was rolled back: the connection to PostgreSQL was lost.", what=what),
        detail=[line.strip() for line in str(error).splitlines() if line.strip()],
        remedy=_("The database is as it was before. Look at the server and its log, then run again."),
    )


def _lock(connection: Connection, relations: list[SchemaObject]) -> None:
    # Views are locked with the tables that they read; a materialized view cannot be locked by itself.
    names = [sql.SQL(r.identity) for r in relations if r.type == "table"]
    if names:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))


def holders_of(connection: Connection, relations: list[int]) -> list[str]:
    """The sessions that hold locks on them, a line each."""
    return [
        _(
            "pid {pid} (user {user}, {name}, {state}) holds {relation}: {query}",
            pid=pid,
            user=user,
            name=name or _("unnamed"),
            state=state,
            relation=relation,
            query=query,
        )
        for pid, user, name, state, relation, query in connection.execute(_BLOCKERS, [relations]).fetchall()
    ]


def blocked(connection: Connection, relations: list[int], what: str) -> MigrateToPgError:
    """The error that names who holds locks on these relations."""
    return PublishError(
        _(
            "{what} could not lock the tables within {lock_timeout} s; nothing was changed.",
            what=what,
            lock_timeout=LOCK_TIMEOUT,
        ),
        detail=holders_of(connection, relations),
        remedy=_(
            "Stop the application that uses these tables, or end its sessions with SELECT pg_terminate_backend(pid),"
            " then run again."
        ),
    )
