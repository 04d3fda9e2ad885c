"""Show the events of a run: as bars on a terminal, as plain lines in a pipe, not at all when asked to be quiet.

rich is imported only where bars are drawn. The stream is written as it is given: a management command passes the
stream underneath its OutputWrapper (``self.stderr._out``), which would end every write with a newline of its own.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal, Protocol, TextIO

from migrate_to_pg.i18n import duration, number, size
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Event
from migrate_to_pg.report.text_layout import stage_name, visible

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

Kind = Literal["auto", "rich", "plain"]
#: Seconds between two progress lines in a pipe.
INTERVAL = 5.0
#: Seconds between two drawings of the bars.
REFRESH = 0.1
#: Stages that count bytes; the others count rows, or steps.
_BYTES = ("snapshot", "dump", "validate")
#: Stages that count rows, and whose speed means something.
_ROWS = ("load", "prove")


class _Display(Protocol):
    def stage(self, event: Event) -> None: ...
    def progress(self, event: Event) -> None: ...
    def note(self, event: Event) -> None: ...
    def stage_done(self, event: Event) -> None: ...
    def close(self) -> None: ...


@contextmanager
def display(
    stream: TextIO,
    *,
    kind: Kind = "auto",
    verbosity: int = 1,
    no_color: bool = False,
    clock: Callable[[], float] = time.monotonic,
) -> Iterator[Callable[[Event], None]]:
    """Give the callable that shows an event. Stages still open at the end are shown as stopped."""
    if verbosity < 1:
        yield lambda event: None
        return
    lock = threading.Lock()
    draws = kind == "rich" or (kind == "auto" and stream.isatty() and os.environ.get("TERM") != "dumb")
    shown: _Display = _Bars(stream, no_color, lock) if draws else _Plain(stream, clock)
    stages = _Stages()

    def show(event: Event) -> None:
        event = stages.follow(event)
        # An event of a kind that is not known yet is a line like any other: nothing is lost.
        known = event.kind in ("stage", "progress", "stage_done")
        with lock:
            getattr(shown, event.kind if known else "note")(event)

    try:
        yield show
    finally:
        shown.close()


def _one_line(text: str) -> str:
    return visible(" ".join(text.split()))


def _rate(stage: str, per_second: float | None) -> str:
    """Format 250,000 rows/s, or nothing if steps are counted, or nothing is known yet."""
    if not per_second or stage not in (*_BYTES, *_ROWS):
        return ""
    amount = _amount(stage, per_second)
    return _("{amount}/s", amount=amount) if stage in _BYTES else _("{amount} rows/s", amount=amount)


def _amount(stage: str, count: float) -> str:
    return size(round(count)) if stage in _BYTES else number(round(count))


def _stopped(stage: str, seconds: str) -> str:
    return _("{stage}: stopped after {seconds}", stage=stage_name(stage), seconds=seconds)


class _Stages:
    """Track open and ended stages: what an ended one still sends belongs to the one that runs it again."""

    def __init__(self) -> None:
        self._open: list[str] = []
        self._ended: set[str] = set()

    def follow(self, event: Event) -> Event:
        if event.kind == "stage":
            self._ended.discard(event.stage)
            self._open.append(event.stage)
        elif event.kind == "stage_done":
            self._ended.add(event.stage)
            self._open = [stage for stage in self._open if stage != event.stage]
        elif event.kind == "progress" and event.stage in self._ended and self._open:
            return dataclasses.replace(event, stage=self._open[-1])
        return event


class _Plain:
    """Print a line when a stage begins and one when it ends. Between them print at most one each INTERVAL."""

    def __init__(self, stream: TextIO, clock: Callable[[], float]) -> None:
        self._stream, self._clock = stream, clock
        self._began: dict[str, float] = {}
        self._last = clock()

    def stage(self, event: Event) -> None:
        self._last = self._began[event.stage] = self._clock()
        message, stage = _one_line(event.message), stage_name(event.stage)
        if message:
            self._write(_("{stage}: {message} ...", stage=stage, message=message))
        else:
            self._write(_("{stage} ...", stage=stage))

    def progress(self, event: Event) -> None:
        now = self._clock()
        began = self._began.setdefault(event.stage, now)
        if now - self._last < INTERVAL:
            return
        self._last = now
        rate = _rate(event.stage, event.done / (now - began) if now > began else None)
        stage, done = stage_name(event.stage), _amount(event.stage, event.done)
        if event.total:
            total, percent = _amount(event.stage, event.total), min(100, 100 * event.done // event.total)
            text = _("{stage}: {done} of {total} ({percent} %)", stage=stage, done=done, total=total, percent=percent)
        else:
            text = _("{stage}: {done}", stage=stage, done=done)
        self._write(f"{text}, {rate}" if rate else text)

    def note(self, event: Event) -> None:
        for text in event.message.splitlines():
            self._write(text)

    def stage_done(self, event: Event) -> None:
        values = {"stage": stage_name(event.stage), "seconds": self._seconds(event.stage)}
        if message := _one_line(event.message):
            self._write(_("{stage}: done in {seconds}: {message}", message=message, **values))
        else:
            self._write(_("{stage}: done in {seconds}", **values))

    def close(self) -> None:
        for stage in list(self._began):
            self._write(_stopped(stage, self._seconds(stage)))

    def _seconds(self, stage: str) -> str:
        now = self._clock()
        return duration(now - self._began.pop(stage, now))

    def _write(self, text: str) -> None:
        self._stream.write(visible(text) + "\n")
        self._stream.flush()


class _Bars:
    """Show a bar for each running stage, and above the bars a line for each that has ended, and for each note."""

    def __init__(self, stream: TextIO, no_color: bool, lock: threading.Lock) -> None:
        from rich.console import Console

        self._console = Console(file=stream, force_terminal=True, no_color=no_color or None)
        self._unicode = self._console.encoding.startswith("utf")
        self._bars = _bars(self._console, "dots" if self._unicode else "line")
        self._tasks: dict[str, TaskID] = {}
        self._bars.start()
        # rich's own refreshing thread may erase a line that another thread prints: ours takes the lock of the events.
        self._lock, self._closed = lock, threading.Event()
        self._refresher = threading.Thread(target=self._refresh, daemon=True)
        # Without it the bars move with each event.
        with contextlib.suppress(RuntimeError):
            self._refresher.start()

    def _refresh(self) -> None:
        while not self._closed.wait(REFRESH):
            with self._lock:
                self._bars.refresh()

    def stage(self, event: Event) -> None:
        if event.stage in self._tasks:
            self._bars.remove_task(self._tasks.pop(event.stage))
        message = _one_line(event.message)
        self._tasks[event.stage] = self._bars.add_task(
            visible(stage_name(event.stage)), total=None, amount="", rate="", message=message
        )

    def progress(self, event: Event) -> None:
        if event.stage not in self._tasks:
            self.stage(event)
        task = self._bars.tasks[self._bars.task_ids.index(self._tasks[event.stage])]
        done, total = (_amount(event.stage, count) for count in (event.done, event.total))
        self._bars.update(
            task.id,
            completed=event.done,
            total=event.total or None,
            amount=f"{done} / {total}" if event.total else done,
            rate=_rate(event.stage, task.speed),
            message=_one_line(event.message),
        )

    def note(self, event: Event) -> None:
        for text in event.message.splitlines():
            self._write(("", visible(text)))

    def stage_done(self, event: Event) -> None:
        mark = "✓" if self._unicode else _("done")
        facts = ("bold", f" {visible(stage_name(event.stage))}"), ("", f"  {self._seconds(event.stage)}")
        self._write(("green", mark), *facts, ("dim", f"  {_one_line(event.message)}"))

    def close(self) -> None:
        self._closed.set()
        if self._refresher.ident is not None:
            self._refresher.join()
        mark = "✗" if self._unicode else _("stopped")
        for stage in list(self._tasks):
            self._write(("red", mark), ("", f" {visible(_stopped(stage, self._seconds(stage)))}"))
        self._bars.stop()

    def _seconds(self, stage: str) -> str:
        if stage not in self._tasks:
            return ""
        task = self._bars.tasks[self._bars.task_ids.index(self._tasks.pop(stage))]
        self._bars.remove_task(task.id)
        return duration(task.elapsed or 0.0)

    def _write(self, *parts: tuple[str, str]) -> None:
        from rich.text import Text

        text = Text.assemble(*((text, style) for style, text in parts), overflow="fold")
        text.rstrip()
        self._console.print(text)


def _bars(console: Console, spinner: str) -> Progress:
    from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
    from rich.table import Column

    rest = Column(ratio=1, no_wrap=True, overflow="ellipsis")
    return Progress(
        SpinnerColumn(spinner),
        TextColumn("{task.description}", markup=False),
        BarColumn(14),
        TextColumn("{task.fields[amount]}", markup=False),
        TextColumn("{task.fields[rate]}", markup=False),
        TimeElapsedColumn(),
        TextColumn("{task.fields[message]}", style="dim", markup=False, table_column=rest),
        console=console,
        transient=True,
        auto_refresh=False,
        expand=True,
        # stdout is for the report: rich would send what is written there to this stream.
        redirect_stdout=False,
    )
