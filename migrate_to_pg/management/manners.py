"""How the commands behave as processes: signals that ask them to end, and streams that nobody reads any more."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import signal
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from django.core.management.base import OutputWrapper

from migrate_to_pg.discretion import may_hold_password, usage
from migrate_to_pg.language import LANGUAGES
from migrate_to_pg.language import gettext as _

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand, CommandParser

    # The commands are imported by every `manage.py help`.
    from migrate_to_pg.errors import MigrateToPgError
    from migrate_to_pg.records import Event


def add_language(parser: CommandParser) -> None:
    """``--lang``, which both commands take."""
    parser.add_argument(
        "--lang", choices=LANGUAGES, help="the language to speak (default: that of LANGUAGE, LC_ALL or LANG; else en)"
    )


def add_explain(parser: argparse._ActionsContainer) -> None:
    """``--explain``, which both commands take."""
    parser.add_argument(
        "--explain",
        type=plain,
        metavar="RULE",
        help="print what a rule finds, what it means on PostgreSQL and what to do; no database is needed",
    )


def explain(command: BaseCommand, rule: str) -> None:
    """Print the page of a rule. Raises UsageError where there is none of that name."""
    from migrate_to_pg.rules.reference import page

    command.stdout.write(page(rule))


def careful(parser: CommandParser) -> None:
    """What removes or replaces is asked for by its whole name: --un is not --undo.

    A URL, or a password, that was typed in the wrong place would be repeated in the message of usage.
    """
    parser.allow_abbrev = False
    tell: Callable[[str], NoReturn] = parser.error

    def error(message: str) -> NoReturn:
        tell(usage(message))

    parser.error = error  # type: ignore[method-assign]


def plain(text: str) -> str:
    """The value of an option that is shown as it was typed, and so may hold no password."""
    if may_hold_password(text):
        raise argparse.ArgumentTypeError(
            "this looks like the address of a database, or like a password; PostgreSQL is named with --target"
        )
    return text


@contextlib.contextmanager
def prepared_streams(command: BaseCommand) -> Iterator[None]:
    """What cannot be written down is no failure of what was done: not a value's character, not a full disk."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, _nowhere(number))
            setattr(command, name, OutputWrapper(getattr(sys, name)))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        yield
    finally:
        _give_up_what_cannot_be_written()


def _nowhere(number: int) -> TextIO:
    """For a stream that was closed before we started: a database that got its number would be written to by others.

    Where some file has it by now, it is left alone.
    """
    opened = os.open(os.devnull, os.O_WRONLY)
    if opened != number and _is_free(number):
        os.dup2(opened, number)
        os.close(opened)
        opened = number
    return open(opened, "w", encoding="utf-8", closefd=False)


def _is_free(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def _give_up_what_cannot_be_written() -> None:
    """Python would try once more at its end, and exit with 120."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            with Path(os.devnull).open("wb") as nothing:
                os.dup2(nothing.fileno(), stream.fileno())


def tell(line: str) -> None:
    """Say it on stderr where somebody reads that."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")


def tell_error(command: BaseCommand, error: MigrateToPgError) -> None:
    """What happened, then the detail, then what to do."""
    with contextlib.suppress(OSError):
        for line in (str(error), *(f"  {line}" for line in error.detail), *([error.remedy] if error.remedy else [])):
            command.stderr.write(line)


@contextlib.contextmanager
def told_if_not_printed() -> Iterator[None]:
    """Printing what was done: it stays done, whether it can be told or not."""
    try:
        yield
    except OSError as error:
        tell(_("The report could not be printed: {strerror}.", strerror=error.strerror))


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
