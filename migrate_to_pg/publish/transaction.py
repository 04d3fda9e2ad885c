"""A transaction that locks tables, for a bounded time, and names who stands in its way."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import MigrateToPgError, PublishError
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish.objects import SchemaObject

Connection = psycopg.Connection[Any]

#: Seconds to wait for the locks of all tables together. Whoever queries one of them meanwhile waits behind us.
LOCK_TIMEOUT = 10

_BLOCKERS = """
SELECT DISTINCT a.pid, a.usename, a.application_name, a.state, l.relation::regclass::text, left(a.query, 100)
FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.relation = ANY (%s::oid[]) AND l.granted AND a.pid <> pg_backend_pid() ORDER BY a.pid
"""


class LockClock:
    """How long the locks were held, in seconds, once the transaction has ended."""

    seconds = 0.0


@contextmanager
def locking_transaction(connection: Connection, tables: Iterable[SchemaObject], what: str) -> Iterator[LockClock]:
    """One transaction with ACCESS EXCLUSIVE on the given relations; its commit waits for the disk.

    Raises PublishError, naming who holds them, where the locks are not had in LOCK_TIMEOUT seconds; and where the
    server refuses anything in it. Nothing of it is visible then.
    """
    relations = [t for t in tables if t.type in ("table", "view", "materialized view")]
    clock = LockClock()
    try:
        with connection.transaction():
            connection.execute("SET LOCAL synchronous_commit = on")
            connection.execute(sql.SQL("SET LOCAL lock_timeout = {}").format(sql.Literal(f"{LOCK_TIMEOUT}s")))
            start = time.perf_counter()
            _lock(connection, relations)
            yield clock
        clock.seconds = time.perf_counter() - start
    except (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected) as error:
        raise _blocked(connection, relations, what) from error
    except psycopg.Error as error:
        raise PublishError(
            _("{what} failed and was rolled back: {message}", what=what, message=error.diag.message_primary or error),
            detail=[line for line in (error.diag.message_detail, error.diag.message_hint) if line],
            remedy=_("The database is as it was before. Mend what the server names, then run again."),
        ) from error


def _lock(connection: Connection, relations: list[SchemaObject]) -> None:
    # Views are locked with the tables that they read; a materialized view cannot be locked by itself.
    names = [sql.SQL(r.identity) for r in relations if r.type == "table"]
    if names:
        connection.execute(sql.SQL("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE").format(sql.SQL(", ").join(names)))


def _blocked(connection: Connection, relations: list[SchemaObject], what: str) -> MigrateToPgError:
    holders = connection.execute(_BLOCKERS, [[r.oid for r in relations]]).fetchall()
    return PublishError(
        _(
            "{what} could not lock the tables within {lock_timeout} s; nothing was changed.",
            what=what,
            lock_timeout=LOCK_TIMEOUT,
        ),
        detail=[
            _(
                "pid {pid} (user {user}, {name}, {state}) holds {relation}: {query}",
                pid=pid,
                user=user,
                name=name or "unnamed",
                state=state,
                relation=relation,
                query=query,
            )
            for pid, user, name, state, relation, query in holders
        ],
        remedy="Stop the application that uses these tables, or end its sessions with SELECT"
        " pg_terminate_backend(pid), then run again.",
    )
