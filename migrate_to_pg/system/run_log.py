"""Write what a run does to run.log: stages, statements and their seconds, decisions and retries.

The loggers are named after the modules, below ``migrate_to_pg``. They are given names and numbers, never a value of a
row and never a password: the file is what a user sends when a run fails.
"""

from __future__ import annotations

import contextlib
import datetime
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

RUN_LOG = "run.log"
_ROOT = logging.getLogger("migrate_to_pg")
_FORMAT = "%(asctime)s %(levelname)s %(name)s: %(message)s"


class _Formatter(logging.Formatter):
    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 (logging's name)
        """Return the moment as ISO 8601 with its offset: whoever reads the file may be in another time zone."""
        return datetime.datetime.fromtimestamp(record.created).astimezone().isoformat(" ", "milliseconds")


class _Handler(logging.StreamHandler[TextIO]):
    """Write to a stream, as long as it takes what is written."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 (logging's name)
        """Drop the record: a full disk or a closed pipe is reported by the run itself."""


class RunLog:
    """run.log of one run, which may follow that of an earlier run in the same file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._former_size = path.stat().st_size if path.exists() else None

    def discard(self) -> None:
        """Restore the file to its state before the run."""
        with contextlib.suppress(OSError):
            if self._former_size is None:
                self._path.unlink()
            else:
                os.truncate(self._path, self._former_size)


@contextmanager
def write_log(directory: Path) -> Iterator[RunLog]:
    """Append all records to run.log in this directory, which its owner alone may read.

    Nothing is written where the file cannot be opened: the run reports such a directory by itself.
    """
    log = RunLog(directory / RUN_LOG)
    try:
        descriptor = os.open(directory / RUN_LOG, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    except OSError:
        yield log
        return
    stream = os.fdopen(descriptor, "w", encoding="utf-8", errors="backslashreplace")
    with stream, _handled(stream, logging.DEBUG):
        yield log


@contextmanager
def show_log(stream: TextIO, verbosity: int) -> Iterator[None]:
    """Show the records on a stream: with -v 2 from INFO on, with -v 3 all of them."""
    if verbosity < 2:
        yield
        return
    with _handled(stream, logging.INFO if verbosity == 2 else logging.DEBUG):
        yield


@contextmanager
def _handled(stream: TextIO, level: int) -> Iterator[None]:
    handler = _Handler(stream)
    handler.setFormatter(_Formatter(_FORMAT))
    handler.setLevel(level)
    former = _ROOT.level
    _ROOT.setLevel(logging.DEBUG)
    _ROOT.addHandler(handler)
    try:
        yield
    finally:
        _ROOT.removeHandler(handler)
        _ROOT.setLevel(former)
        handler.flush()
