"""Hold one state of a database, and let other connections read exactly that state.

A REPEATABLE READ transaction exports its snapshot. It stays open for as long as others read it, and holds the locks
that keep writers waiting. Both end with the connection, even where this process is killed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _

Connection = psycopg.Connection[Any]

#: Writers that do not end within this time keep the run from locking.
_LOCK_TIMEOUT_SECONDS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class SharedSnapshot:
    """The exported state of a database."""

    #: The connection whose transaction holds it.
    connection: Connection
    #: What SET TRANSACTION SNAPSHOT takes.
    id: str
    #: The transactions that it sees, as pg_current_snapshot() prints them.
    transactions: str
    #: The oldest transaction that was running: whatever is older was committed before, and is seen.
    oldest: str


@contextmanager
def share_snapshot(connection: Connection, lock: Sequence[tuple[str, str]]) -> Iterator[SharedSnapshot]:
    """Export the present state of the database for the block.

    Args:
        connection: an autocommit connection, which is used for nothing else meanwhile.
        lock: tables, each with its schema, to which nobody may write until the end of the block.

    Raises:
        TargetError: a table cannot be locked.
    """
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    # Nothing is written. A commit would end the transaction as well.
    with connection.transaction(force_rollback=True):
        if lock:
            _lock(connection, lock)
        # The first query takes the snapshot: after the locks.
        row = connection.execute(
            "SELECT pg_export_snapshot(), s::text, pg_snapshot_xmin(s)::xid::text FROM pg_current_snapshot() AS s"
        ).fetchone()
        identifier, transactions, oldest = row or ("", "", "")
        yield SharedSnapshot(connection=connection, id=identifier, transactions=transactions, oldest=oldest)


def _lock(connection: Connection, tables: Sequence[tuple[str, str]]) -> None:
    names = sql.SQL(", ").join(sql.Identifier(*table) for table in tables)
    remedy = _(
        "Stop the application and run again, or leave --lock-source out: what is written meanwhile is found at the end."
    )
    try:
        connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{_LOCK_TIMEOUT_SECONDS}s")))
        connection.execute(sql.SQL("LOCK TABLE {} IN SHARE MODE").format(names))
    except psycopg.errors.LockNotAvailable as error:
        raise TargetError(
            _(
                "Writers did not end within {seconds} s, so that the tables could not be locked.",
                seconds=_LOCK_TIMEOUT_SECONDS,
            ),
            remedy=remedy,
        ) from error
    except psycopg.errors.OutOfMemory as error:
        raise TargetError(
            _("The server has no room for the locks of {tables} tables.", tables=len(tables)),
            remedy=_("Raise max_locks_per_transaction there and restart it, or leave --lock-source out."),
        ) from error
    except psycopg.errors.InsufficientPrivilege as error:
        raise TargetError(
            _("The tables cannot be locked: {message}", message=error.diag.message_primary), remedy=remedy
        ) from error


_FILES = """
SELECT c.oid, n.nspname, c.relname, c.relfilenode FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY (%s) AND c.relkind = 'r' ORDER BY 2, 3
"""


def replaced_since(shared: SharedSnapshot, now: Connection, schemas: Sequence[str]) -> list[tuple[str, str]]:
    """Return the tables, each with its schema, that were truncated, rewritten or dropped after the snapshot.

    Such a table is empty to whoever reads it in the snapshot: TRUNCATE and ALTER TABLE keep no old rows.
    """
    there = {oid: number for oid, __, ___, number in now.execute(_FILES, [list(schemas)])}
    before = shared.connection.execute(_FILES, [list(schemas)]).fetchall()
    return [(schema, table) for oid, schema, table, number in before if there.get(oid) != number]


def join_snapshot(cursor: Any, identifier: str) -> None:
    """Let the transaction of a psycopg or ADBC cursor, which has read nothing yet, see that state."""
    cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
    if identifier:
        statement = sql.SQL("SET TRANSACTION SNAPSHOT {}").format(sql.Literal(identifier))
        cursor.execute(statement.as_string(None))


@contextmanager
def joined(connections: Iterable[Connection], identifier: str) -> Iterator[tuple[Connection, ...]]:
    """Let open autocommit connections see that state for the block, and close them afterwards."""
    with ExitStack() as stack:
        taken = tuple(stack.enter_context(closing(connection)) for connection in connections)
        for connection in taken:
            stack.enter_context(connection.transaction(force_rollback=True))
            join_snapshot(connection, identifier)
        yield taken
