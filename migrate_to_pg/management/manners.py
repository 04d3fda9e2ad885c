"""How the commands behave as processes: signals that ask them to end, and streams that nobody reads any more."""

from __future__ import annotations

import contextlib
import io
import signal
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from migrate_to_pg.discretion import without_password
from migrate_to_pg.language import LANGUAGES

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    # The commands are imported by every `manage.py help`.
    from migrate_to_pg.records import Event


def add_language(parser: CommandParser) -> None:
    """``--lang``, which both commands take."""
    parser.add_argument(
        "--lang", choices=LANGUAGES, help="the language to speak (default: that of LANGUAGE, LC_ALL or LANG; else en)"
    )


def discreet(parser: CommandParser) -> None:
    """A URL that was typed in the wrong place is quoted in the message of usage: not its password."""
    tell: Callable[[str], NoReturn] = parser.error

    def error(message: str) -> NoReturn:
        tell(without_password(message))

    parser.error = error  # type: ignore[method-assign]


def prepare_streams() -> None:
    """A value from the database must not end the run because the terminal cannot write it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def end_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: cleaned up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def unfailing(progress: Callable[[Event], None]) -> Callable[[Event], None]:
    """Progress that nobody can read any more is no reason to stop."""

    def show(event: Event) -> None:
        with contextlib.suppress(OSError):
            progress(event)

    return show


def bare_stream(wrapper: Any) -> Any:
    """The stream below Django's OutputWrapper, which would end every write with a newline of its own."""
    return getattr(wrapper, "_out", wrapper)
