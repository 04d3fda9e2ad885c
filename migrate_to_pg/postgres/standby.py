"""Detect and report commits that wait for a synchronous standby that does not answer.

PostgreSQL does not report this, and no statement timeout ends such a wait, because the data are already committed.
"""

from __future__ import annotations

import logging
import select
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
Notify = Callable[[str], None]

#: A standby that is attached answers within this time.
_STANDBY_TIMEOUT_SECONDS = 3.0
#: A commit that waits at two checks in a row is reported.
_POLL_INTERVAL_SECONDS = 2.0

# A commit that changes nothing but is written to the WAL.
_TRIAL = b"SELECT pg_logical_emit_message(true, 'migrate_to_pg', '')"
_WAITS = "SELECT wait_event = 'SyncRep' FROM pg_stat_activity WHERE pid = %s"
_WAITING = """
SELECT pid, query_start FROM pg_stat_activity
WHERE wait_event = 'SyncRep' AND datname = current_database() AND usename = current_user
"""


def _setting(connection: Connection, name: str) -> str:
    row = connection.execute("SELECT current_setting(%s)", [name]).fetchone()
    return str(row[0]) if row else ""


def require_standby(connection: Connection) -> None:
    """Try a commit, and raise TargetError if it waits for a synchronous standby that does not answer.

    A role that does not wait (synchronous_commit = local) is not tested.
    """
    names, waits = (_setting(connection, name) for name in ("synchronous_standby_names", "synchronous_commit"))
    if not names or waits in ("off", "local"):
        return
    info = connection.info
    with closing(psycopg.connect(info.dsn, password=info.password, autocommit=True, connect_timeout=10)) as trial:
        if _commits_in_time(trial):
            return
        row = connection.execute(_WAITS, [trial.info.backend_pid]).fetchone()
        connection.execute("SELECT pg_cancel_backend(%s)", [trial.info.backend_pid])
    if row and row[0]:
        raise TargetError(
            _(
                "Every commit would wait without end: no synchronous standby answers. synchronous_standby_names is"
                " {names}, synchronous_commit is {waits}.",
                names=repr(names),
                waits=waits,
            ),
            detail=_attached_standbys(connection),
            remedy=_(
                "Attach the standby, then run again. Or let this role commit without it, knowing that what is published"
                " is then on this server alone until the standby has it: SET synchronous_commit = local; ALTER ROLE"
                " {role} SET synchronous_commit = local; and afterwards ALTER ROLE {role} RESET synchronous_commit;",
                role=sql.Identifier(info.user).as_string(connection),
            ),
        )


def _commits_in_time(trial: Connection) -> bool:
    """Return whether a commit finishes in time."""
    wire = trial.pgconn
    wire.send_query(_TRIAL)
    deadline = time.monotonic() + _STANDBY_TIMEOUT_SECONDS
    while wire.is_busy():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if select.select([wire.socket], [], [], left)[0]:
            wire.consume_input()
    return True


def _attached_standbys(connection: Connection) -> list[str]:
    """Describe the attached standbys, as far as this role may see them."""
    query = "SELECT application_name, state, sync_state FROM pg_stat_replication WHERE state IS NOT NULL ORDER BY 1"
    lines = [
        _("attached: {name}, {state}, {kind}", name=name, state=state, kind=kind)
        for name, state, kind in connection.execute(query).fetchall()
    ]
    return lines or [_("No standby is attached, as far as this role may see.")]


class StandbyWatch:
    """Reports when commits wait for a standby and when they continue, and cancels the wait of the run on request."""

    def __init__(self, connection: Connection, notify: Notify) -> None:
        self._info = connection.info
        self._pid = connection.info.backend_pid
        self._notify = notify
        self._ended = threading.Event()
        self._cancelled = threading.Event()
        #: Message about a commit whose wait was cancelled.
        self.ended_early = ""

    def cancel_wait(self) -> None:
        """Stop waiting: the commit is valid on this server only. A signal handler may call this."""
        self._cancelled.set()

    def end(self) -> None:
        """End the checks."""
        self._ended.set()

    def check(self) -> None:
        """Check repeatedly on a connection of its own."""
        # If this connection fails, so does the run's own, which reports it.
        info = self._info
        with (
            suppress(psycopg.Error),
            closing(
                psycopg.connect(info.dsn, password=info.password, autocommit=True, connect_timeout=10)
            ) as connection,
        ):
            before: set[tuple[Any, ...]] = set()
            reported = False
            while not self._ended.wait(_POLL_INTERVAL_SECONDS):
                waiting = set(connection.execute(_WAITING).fetchall())
                if waiting & before and not reported:
                    logger.warning("a commit waits for a synchronous standby")
                    self._notify(
                        _(
                            "A commit waits for a synchronous standby that does not answer (synchronous_standby_names"
                            " is {names}). It goes on when the standby is attached again; Ctrl-C ends it.",
                            names=repr(_setting(connection, "synchronous_standby_names")),
                        )
                    )
                elif reported and not waiting:
                    self._notify(_("The commit is through."))
                reported = bool(waiting) and (reported or bool(waiting & before))
                before = waiting
                if self._cancelled.is_set() and self._pid in {pid for pid, _start in waiting}:
                    self.ended_early = _("It was committed on this server, and on no standby yet.")
                    connection.execute("SELECT pg_cancel_backend(%s)", [self._pid])


@contextmanager
def watch_commits(connection: Connection, notify: Notify) -> Iterator[StandbyWatch]:
    """Watch the commits of this role if the server has synchronous standbys."""
    watch = StandbyWatch(connection, notify)
    thread = threading.Thread(target=watch.check, name="standby", daemon=True)
    if _setting(connection, "synchronous_standby_names"):
        # Without another thread the commits are not watched.
        with suppress(RuntimeError):
            thread.start()
    try:
        yield watch
    finally:
        watch.end()
        if thread.ident is not None:
            thread.join(_POLL_INTERVAL_SECONDS + 1)


def skip_standby(connection: Connection) -> None:
    """Let commits wait for this server's disk only, for clean-up after a run."""
    connection.execute("SET synchronous_commit = local")


def require_durable_commit(connection: Connection) -> None:
    """Make the commit of the current transaction wait for the disk, and for a standby if this role does."""
    connection.execute(
        "SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off'"
    )
