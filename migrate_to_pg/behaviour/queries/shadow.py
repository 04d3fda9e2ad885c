"""Judge statements in a thread of their own, so that the project never waits long, and never sees an error of ours."""

from __future__ import annotations

import contextlib
import contextvars
import os
import queue
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from migrate_to_pg.behaviour.queries.ask_both import TIMEOUT_SECONDS
from migrate_to_pg.behaviour.queries.judge import Asked, CopyLostError, Judge, first_line
from migrate_to_pg.i18n import gettext as _

#: Statements that wait while none is waited for. What comes then is dropped.
_WAITING = 200
#: A server that answers nothing at all for so long is given up.
_GIVE_UP_SECONDS = 10.0


@dataclass(slots=True)
class _Job:
    asked: Asked
    #: Time zone and language, by which Django compiles and converts.
    context: contextvars.Context
    done: threading.Event = field(default_factory=threading.Event)


class Shadow:
    """A judge, and the thread that it works in.

    Args:
        judge: Asks and compares.
        waits: Whether the project waits for each judgement, up to two seconds. Else they are queued.
    """

    def __init__(self, judge: Judge, *, waits: bool) -> None:
        self.judge = judge
        self.is_on = True
        self._waits = waits
        self._begin()
        # A child must neither use nor close the parent's connections.
        self._abandoned: list[Any] = []
        os.register_at_fork(after_in_child=self._after_fork)

    def _begin(self) -> None:
        self._jobs: queue.Queue[_Job | None] = queue.Queue(_WAITING)
        self._thread: threading.Thread | None = None
        self._busy_since: float | None = None
        self._is_late = False

    def submit(self, asked: Asked) -> None:
        """Have a statement judged. Nothing is raised, and nothing takes longer than two seconds."""
        if not self.is_on or threading.current_thread() is self._thread:
            return
        busy = self._busy_since
        if busy is not None and time.monotonic() - busy > _GIVE_UP_SECONDS:
            self.switch_off(_("The copy does not answer."))
            return
        job = _Job(asked, contextvars.copy_context())
        if self._is_late:
            # Whoever waited for the last one has gone on. Nobody waits again before it is done.
            self.judge.notebook.count("dropped")
            return
        try:
            self._jobs.put_nowait(job)
        except queue.Full:
            self.judge.notebook.count("dropped")
            return
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="migrate_to_pg shadow", daemon=True)
            self._thread.start()
        if self._waits and not job.done.wait(TIMEOUT_SECONDS):
            self._is_late = not job.done.is_set()

    def switch_off(self, reason: str) -> None:
        """Ask nothing more in this process, and say why, once."""
        if self.is_on:
            self.is_on = False
            self.judge.notebook.note(
                _("Queries were compared up to a failure of the copy only. {reason}", reason=reason), is_complete=False
            )

    def finish(self) -> None:
        """Judge what waits, for two seconds at most, and write the counts."""
        thread = self._thread
        if thread is not None and thread.is_alive():
            with contextlib.suppress(queue.Full):
                self._jobs.put_nowait(None)
            thread.join(TIMEOUT_SECONDS)
        self.is_on = False
        self.judge.notebook.flush()

    def _work(self) -> None:
        jobs = self._jobs
        is_connected = False
        while (job := jobs.get()) is not None:
            self._busy_since = time.monotonic()
            try:
                if self.is_on and not is_connected:
                    self.judge.connect()
                    is_connected = True
                if self.is_on:
                    job.context.run(self.judge.judge, job.asked)
            except CopyLostError as error:
                self.switch_off(str(error))
            except Exception as error:  # noqa: BLE001 - an error of ours must not reach the project
                self._failed(error, is_connected)
            finally:
                self._busy_since = None
                job.done.set()
                self._is_late = False
        if is_connected:
            self.judge.close()

    def _failed(self, error: Exception, is_connected: bool) -> None:
        if is_connected:
            self.judge.notebook.count("failed")
            # The text of the error may quote a value.
            self.judge.notebook.note(_("A statement could not be compared. {reason}", reason=type(error).__name__))
        else:
            self.switch_off(f"{type(error).__name__}: {first_line(error)}")

    def _after_fork(self) -> None:
        if not self.is_on:
            return
        self._abandoned.append(vars(self.judge).copy())
        self._begin()
        self.judge.notebook.after_fork()
