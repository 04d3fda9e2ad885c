"""Run a transaction that locks tables with a timeout, and determine whether it was committed.

If the connection is lost during the commit, a second connection asks the server for the outcome. If a lock is not
granted, the error names the sessions that hold it.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError, UnknownOutcomeError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import SchemaObject
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.standby import require_durable_commit
from migrate_to_pg.project.secret_columns import server_detail, server_message

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]

#: Timeout for the locks of all tables. Other queries on these tables wait behind ours meanwhile.
LOCK_TIMEOUT_SECONDS = 10
#: Time that an unreachable server gets to come back.
_RECONNECT_TIMEOUT_SECONDS = 20.0

# Only the first word of their queries is shown: the rest may contain a password or other private data.
_BLOCKERS = """
SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, l.relation::regclass::text,
       substring(a.query FROM '[A-Za-z]+')
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = ANY (%s::oid[]) AND l.granted AND a.pid <> pg_backend_pid() AND l.mode <> ALL (%s) ORDER BY a.pid
"""
#: The locks of sessions that do not write.
READERS = ("AccessShareLock", "RowShareLock", "ShareLock")


class LockClock:
    """The time for which the locks were held, known when the transaction has ended."""

    seconds = 0.0


@contextmanager
def locking_transaction(
    connection: Connection, tables: Iterable[SchemaObject], what: str, begun: ExitStack | None = None
) -> Iterator[LockClock]:
    """Run one transaction with ACCESS EXCLUSIVE locks on the given relations. Its commit waits for the disk.

    Args:
        connection: a connection in autocommit mode, or in the transaction ``begun``.
        tables: the objects to lock.
        what: names the operation in error messages.
        begun: a transaction that was begun already. It ends here.

    Raises:
        PublishError: the locks were not granted within LOCK_TIMEOUT_SECONDS, or the server reported an error. The
            transaction was rolled back.
        UnknownOutcomeError: the connection was lost during the commit and the server did not come back.
    """
    relations = [t for t in tables if t.type in ("table", "view", "materialized view")]
    clock = LockClock()
    transaction = _Transaction(connection)
    try:
        with begun or connection.transaction():
            require_durable_commit(connection)
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT_SECONDS}s")))
            start = time.perf_counter()
            # LOCK TABLE accepts tables only. The server locks a view with its tables, and no materialized view.
            if names := [sql.SQL(relation.identity) for relation in relations if relation.type == "table"]:
                lock = sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE")
                connection.execute(lock.format(sql.SQL(", ").join(names)))
            transaction.begin()
            yield clock
        clock.seconds = time.perf_counter() - start
        logger.info("%s: %d relations were locked for %.3f s", what, len(relations), clock.seconds)
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise lock_error(connection, [r.oid for r in relations], what) from error
    except psycopg.Error as error:
        if connection.closed:
            logger.warning("the connection was lost within the transaction: asking the server for its outcome")
            if not transaction.was_committed(what):
                raise PublishError(
                    _("{what} was rolled back: the connection to PostgreSQL was lost.", what=what),
                    detail=[line.strip() for line in str(error).splitlines() if line.strip()],
                    remedy=_("The database is as it was before. Look at the server and its log, then run again."),
                ) from error
            clock.seconds = time.perf_counter() - start
            return
        raise PublishError(
            _("{what} failed and was rolled back: {message}", what=what, message=server_message(error)),
            detail=server_detail(error),
            remedy=_("The database is as it was before. Correct what the server names, then run again."),
        ) from error


class _Transaction:
    """A transaction's number on the server, by which a second connection can ask for its outcome."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._dsn = connection.info.dsn
        self._password = connection.info.password
        self._number = ""

    def begin(self) -> None:
        row = self._connection.execute("SELECT pg_current_xact_id()::text").fetchone()
        self._number = row[0] if row else ""

    def was_committed(self, what: str) -> bool:
        """Return whether it was committed. Raise UnknownOutcomeError if the server does not come back."""
        deadline = time.monotonic() + _RECONNECT_TIMEOUT_SECONDS
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
        opened = psycopg.connect(self._dsn, password=self._password, autocommit=True, connect_timeout=5)
        with closing(opened) as connection:
            configure_session(connection.cursor())
            row = connection.execute("SELECT pg_xact_status(%s::xid8)", [self._number]).fetchone()
            return str(row[0]) if row else ""


def lock_holders(connection: Connection, relations: list[int], but: Sequence[str] = ()) -> list[str]:
    """Describe each session that holds locks on these relations, but for some modes of them."""
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
        for pid, user, name, state, relation, query in connection.execute(_BLOCKERS, [relations, list(but)]).fetchall()
    ]


def lock_error(connection: Connection, relations: list[int], what: str) -> MigrateToPgError:
    """Return the error that names the sessions with locks on these relations."""
    return PublishError(
        _(
            "{what} could not lock the tables within {lock_timeout} s; nothing was changed.",
            what=what,
            lock_timeout=LOCK_TIMEOUT_SECONDS,
        ),
        detail=lock_holders(connection, relations),
        remedy=_(
            "Stop the application that uses these tables, or end its sessions with SELECT pg_terminate_backend(pid),"
            " then run again."
        ),
    )
