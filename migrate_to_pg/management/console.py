"""How the commands behave as processes: signals that ask them to end, and streams that nobody reads any more."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import shutil
import signal
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TextIO

from django.core.management.base import CommandError, DjangoHelpFormatter, OutputWrapper

from migrate_to_pg.i18n import LANGUAGES
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.redact import may_hold_password, redact_usage, suggest_option

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand, CommandParser

    # The commands are imported by every `manage.py help`.
    from migrate_to_pg.errors import MigrateToPgError
    from migrate_to_pg.records import Event, Failure


class _HelpFormatter(DjangoHelpFormatter):
    """Leaves the lines of examples as they are."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def show_groups_first(parser: CommandParser) -> None:
    """Put the command's own groups of options before those that every command of Django's has."""
    parser.formatter_class = _HelpFormatter
    own = parser._action_groups[2:]
    parser._action_groups[:] = [*own, *parser._action_groups[:2]]


def add_language(parser: argparse._ActionsContainer) -> None:
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
    from migrate_to_pg.rules.docs import page

    command.stdout.write(page(rule))


def disable_abbreviations(parser: CommandParser, assurance: str) -> None:
    """What removes or replaces is asked for by its whole name: --un is not --undo.

    A URL, or a password, that was typed in the wrong place would be repeated in the message of usage.
    """
    parser.allow_abbrev = False

    def error(message: str) -> NoReturn:
        told = redact_usage(message)
        options = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]
        if not parser.called_from_command_line:
            raise CommandError(told)
        parser.print_usage(sys.stderr)
        # English, as all that argparse says.
        remedy = f"{suggest_option(message, options)} All options: {parser.prog} --help".strip()
        _write(sys.stderr.write, error_lines(f"{told[:1].upper()}{told[1:]}", remedy=remedy, assurance=assurance))
        sys.exit(2)

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


def print_result(line: str) -> None:
    """Say it on stderr where somebody reads that."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")


def error_lines(message: str, detail: Iterable[str] = (), remedy: str = "", assurance: str = "") -> list[str]:
    """The one form of an error: what happened, the details, then what was not done and what to do next.

    ``assurance`` is left out where the remedy says it itself.
    """
    last = remedy if assurance in remedy else f"{assurance} {remedy}".strip()
    return [_("Error: {message}", message=message), *(f"  {line}" for line in detail), *([last] if last else [])]


def print_error(command: BaseCommand, error: MigrateToPgError | Failure, assurance: str = "") -> None:
    """Print an error, or the failure that a report tells of, on stderr."""
    message = error.message if hasattr(error, "message") else str(error)
    lines = error_lines(message, error.detail, error.remedy, assurance)
    _write(command.stderr.write, _folded(lines) if command.stderr.isatty() else lines)


def _folded(lines: Iterable[str]) -> Iterator[str]:
    """The lines folded between words, to the width of the terminal; what follows a colon is left to be copied."""
    before = ""
    for line in (line for text in lines for line in text.splitlines()):
        indent = " " * (len(line) - len(line.lstrip()))
        width = shutil.get_terminal_size().columns
        copied, before = before.endswith(":"), line
        yield from (
            [line]
            if copied
            else textwrap.wrap(line, width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)
        )


def print_results(command: BaseCommand, sentences: Iterable[str]) -> None:
    """Print what follows from an error, on stderr."""
    _write(command.stderr.write, sentences)


def _write(write: Callable[[str], object], lines: Iterable[str]) -> None:
    with contextlib.suppress(OSError):
        for line in lines:
            write(f"{line}\n")


@contextlib.contextmanager
def report_print_error() -> Iterator[None]:
    """Printing what was done: it stays done, whether it can be told or not."""
    try:
        yield
    except OSError as error:
        print_result(_("The report could not be printed: {strerror}.", strerror=error.strerror))


def end_on_signals() -> None:
    """End on SIGTERM and SIGHUP as on Ctrl-C: cleaned up."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, _interrupt)


def _interrupt(number: int, frame: object) -> NoReturn:
    raise KeyboardInterrupt


def ignore_broken_pipe(progress: Callable[[Event], None]) -> Callable[[Event], None]:
    """Progress that nobody can read any more is no reason to stop."""

    def show(event: Event) -> None:
        with contextlib.suppress(OSError):
            progress(event)

    return show


def raw_stream(wrapper: Any) -> Any:
    """The stream below Django's OutputWrapper, which would end every write with a newline of its own."""
    return getattr(wrapper, "_out", wrapper)
