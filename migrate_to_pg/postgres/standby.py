"""Commits that wait for a synchronous standby that is gone: said at once, and never waited for without a word.

PostgreSQL itself says nothing, and no timeout of a statement's ends such a wait: by then everything is committed.
"""

from __future__ import annotations

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

Connection = psycopg.Connection[Any]
Say = Callable[[str], None]

#: Seconds in which a standby that is there has answered.
_PATIENCE = 3.0
#: Seconds between two looks; what waits at both, for the same commit, is told.
_LOOK = 2.0

# A commit that changes nothing, and is written to the WAL.
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
    """TargetError where a commit of this role would wait for a synchronous standby that does not answer: it is tried.

    A role that does not wait (synchronous_commit = local) is not held up.
    """
    names, waits = (_setting(connection, name) for name in ("synchronous_standby_names", "synchronous_commit"))
    if not names or waits in ("off", "local"):
        return
    info = connection.info
    with closing(psycopg.connect(info.dsn, password=info.password, autocommit=True, connect_timeout=10)) as trial:
        if _answers(trial):
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
            detail=_attached(connection),
            remedy=_(
                "Attach the standby, then run again. Or let this role commit without it, knowing that what is published"
                " is then on this server alone until the standby has it: SET synchronous_commit = local; ALTER ROLE"
                " {role} SET synchronous_commit = local; and afterwards ALTER ROLE {role} RESET synchronous_commit;",
                role=sql.Identifier(info.user).as_string(connection),
            ),
        )


def _answers(trial: Connection) -> bool:
    """Whether a commit comes to its end in time."""
    wire = trial.pgconn
    wire.send_query(_TRIAL)
    deadline = time.monotonic() + _PATIENCE
    while wire.is_busy():
        left = deadline - time.monotonic()
        if left <= 0:
            return False
        if select.select([wire.socket], [], [], left)[0]:
            wire.consume_input()
    return True


def _attached(connection: Connection) -> list[str]:
    """The standbys that are there all the same, as far as this role may see them."""
    query = "SELECT application_name, state, sync_state FROM pg_stat_replication WHERE state IS NOT NULL ORDER BY 1"
    lines = [
        _("attached: {name}, {state}, {kind}", name=name, state=state, kind=kind)
        for name, state, kind in connection.execute(query).fetchall()
    ]
    return lines or [_("No standby is attached, as far as this role may see.")]


class Watch:
    """Says when commits wait for a standby, and when they go on; asked to, it ends the wait of the run's own."""

    def __init__(self, connection: Connection, say: Say) -> None:
        self._info = connection.info
        self._pid = connection.info.backend_pid
        self._say = say
        self._ended = threading.Event()
        self._unwanted = threading.Event()
        #: What is to be said of a commit whose wait was ended.
        self.ended_early = ""

    def end_the_wait(self) -> None:
        """Do not wait any longer: what is committed by then stays so, on this server alone. From a signal's handler."""
        self._unwanted.set()

    def end(self) -> None:
        """No longer look."""
        self._ended.set()

    def check(self) -> None:
        """Look again and again, by a connection of its own."""
        # Where it cannot be had, or is lost, the run's own connection is told so.
        info = self._info
        with (
            suppress(psycopg.Error),
            closing(psycopg.connect(info.dsn, password=info.password, autocommit=True, connect_timeout=10)) as looking,
        ):
            before: set[tuple[Any, ...]] = set()
            told = False
            while not self._ended.wait(_LOOK):
                waiting = set(looking.execute(_WAITING).fetchall())
                if waiting & before and not told:
                    self._note_waiting(_setting(looking, "synchronous_standby_names"))
                elif told and not waiting:
                    self._say(_("The commit is through."))
                told = bool(waiting) and (told or bool(waiting & before))
                before = waiting
                if self._unwanted.is_set() and self._pid in {pid for pid, _start in waiting}:
                    self.ended_early = _("It was committed on this server, and on no standby yet.")
                    looking.execute("SELECT pg_cancel_backend(%s)", [self._pid])

    def _note_waiting(self, names: str) -> None:
        self._say(
            _(
                "A commit waits for a synchronous standby that does not answer (synchronous_standby_names is {names})."
                " It goes on when the standby is attached again; Ctrl-C ends it.",
                names=repr(names),
            )
        )


@contextmanager
def watched(connection: Connection, say: Say) -> Iterator[Watch]:
    """Watch the commits of this role meanwhile, where the server has synchronous standbys at all."""
    watch = Watch(connection, say)
    thread = threading.Thread(target=watch.check, name="standby", daemon=True)
    if _setting(connection, "synchronous_standby_names"):
        # Where the system gives no more threads, nobody looks.
        with suppress(RuntimeError):
            thread.start()
    try:
        yield watch
    finally:
        watch.end()
        if thread.ident is not None:
            thread.join(_LOOK + 1)


def wait_for_no_standby(connection: Connection) -> None:
    """For what only cleans up: the disk of this server is enough."""
    connection.execute("SET synchronous_commit = local")


def wait_for_the_disk(connection: Connection) -> None:
    """Within a transaction: its commit waits for the disk; for a standby as well, where this role waits for one."""
    connection.execute(
        "SELECT set_config('synchronous_commit', 'local', true) WHERE current_setting('synchronous_commit') = 'off'"
    )
