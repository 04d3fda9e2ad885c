"""Common behaviour of the commands: --help, signals that end them, errors, and output streams that break.

An interrupted run ends at once on a second Ctrl-C, when the server does not answer during its cleanup. A driver that
waits for the server blocks the main thread and with it Python's own handlers. But the number of a signal is still
written to a socket (signal.set_wakeup_fd), which another thread reads.
"""

from __future__ import annotations

import argparse
import atexit
import contextlib
import gc
import io
import logging
import os
import shutil
import signal
import socket
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from django.core.management.base import BaseCommand, CommandError, DjangoHelpFormatter, OutputWrapper

from migrate_to_pg.i18n import LANGUAGES, language_from_environment, use_language
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.redact import may_hold_password, redact_usage, suggest_option
from migrate_to_pg.system.threads import SIGNALS

if TYPE_CHECKING:
    from django.core.management.base import CommandParser

    # The commands are imported by every `manage.py help`.
    from migrate_to_pg.errors import MigrateToPgError
    from migrate_to_pg.records import Event, Failure, Progress
    from migrate_to_pg.report.text_layout import Block


class ConsoleCommand(BaseCommand):
    """A command that speaks the chosen language, and cleans up and ends on SIGTERM and SIGHUP as on Ctrl-C."""

    requires_system_checks = ()
    #: Set by Django.
    _called_from_command_line: bool

    def handle(self, *args: object, **options: Any) -> None:
        """Run, print, exit."""
        with prepared_output(self, options["lang"]), _rare_garbage_searches():
            for number in (signal.SIGTERM, signal.SIGHUP):
                signal.signal(number, signal.default_int_handler)
            # Of a connection that an interrupt leaves unusable psycopg warns, and Python prints what no handler takes.
            logging.getLogger("psycopg").addHandler(logging.NullHandler())
            try:
                self.run(options)
                if self._called_from_command_line:
                    # It is done. A signal while Python ends would make a failure of it.
                    for number in SIGNALS:
                        signal.signal(number, signal.SIG_IGN)
            except KeyboardInterrupt:
                # While modules are imported: what a command begins ends with a report of its own.
                print_result(_("Interrupted."))
                sys.exit(1)

    def run(self, options: dict[str, Any]) -> None:
        """Do what the options ask for."""
        raise NotImplementedError


@contextlib.contextmanager
def _rare_garbage_searches() -> Iterator[None]:
    """Have Python search for garbage a seventieth as often.

    Migrations make models by the thousand, all of which stay in use while each search looks at them again: a tenth of
    the processor time of a move of few rows.
    """
    first, *others = gc.get_threshold()
    gc.set_threshold(70 * first, *others)
    try:
        yield
    finally:
        gc.set_threshold(first, *others)


class _HelpFormatter(DjangoHelpFormatter):
    """A formatter that does not wrap the lines of examples."""

    def _fill_text(self, text: str, width: int, indent: str) -> str:
        return text if "\n" in text else super()._fill_text(text, width, indent)


def show_groups_first(parser: CommandParser) -> None:
    """Put the command's own option groups before those of every Django command."""
    parser.formatter_class = _HelpFormatter
    own = parser._action_groups[2:]
    parser._action_groups[:] = [*own, *parser._action_groups[:2]]


def add_language(parser: argparse._ActionsContainer) -> None:
    """Add ``--lang``, which both commands have."""
    parser.add_argument(
        "--lang", choices=LANGUAGES, help="the language to speak (default: that of LANGUAGE, LC_ALL or LANG; else en)"
    )


def add_explain(parser: argparse._ActionsContainer) -> None:
    """Add ``--explain``, which both commands have."""
    parser.add_argument(
        "--explain",
        type=plain,
        metavar="RULE",
        help="print what a rule finds, what it means on PostgreSQL and what to do; no database is needed",
    )


def explain(command: BaseCommand, rule: str) -> None:
    """Print the page of a rule. Raise UsageError where there is none of that name."""
    from migrate_to_pg.rules.docs import page

    command.stdout.write(page(rule))


def disable_abbreviations(parser: CommandParser, assurance: str) -> None:
    """Require options by their complete names: --un is not --undo, which removes or replaces data.

    Errors of usage also repeat no value: a URL, or a password, may have been typed in the wrong place.
    """
    parser.allow_abbrev = False

    def error(message: str) -> NoReturn:
        usage = redact_usage(message)
        options = [name for action in parser._actions for name in action.option_strings if name.startswith("--")]
        if not parser.called_from_command_line:
            raise CommandError(usage)
        parser.print_usage(sys.stderr)
        # English, as all messages of argparse.
        remedy = f"{suggest_option(message, options)} All options: {parser.prog} --help".strip()
        _write(sys.stderr.write, error_lines(f"{usage[:1].upper()}{usage[1:]}", remedy=remedy, assurance=assurance))
        sys.exit(2)

    parser.error = error  # type: ignore[method-assign]


def plain(text: str, postgres: str = "--target") -> str:
    """Return the value of an option that is shown as typed. Refuse one that may hold a password.

    ``postgres`` is the option that takes PostgreSQL's address.
    """
    if may_hold_password(text):
        raise argparse.ArgumentTypeError(
            f"this looks like the address of a database, or like a password; PostgreSQL is named with {postgres}"
        )
    return text


@contextlib.contextmanager
def prepared_output(command: BaseCommand, language: str | None) -> Iterator[None]:
    """Speak the language, or that of the environment where none is given.

    Unprintable characters are written as escapes. Failures to print, such as a full disk, are ignored.
    """
    # At its end Python would search all that is left for cycles, which takes 0.7 s after a run.
    atexit.register(gc.freeze)
    for number, name in ((1, "stdout"), (2, "stderr")):
        stream = getattr(sys, name)
        if stream is None:
            # The stream was closed at the start. A database could get its number, and output would be written to it.
            opened = os.open(os.devnull, os.O_WRONLY)
            if opened != number and _is_free(number):
                os.dup2(opened, number)
                os.close(opened)
                opened = number
            setattr(sys, name, os.fdopen(opened, "w", encoding="utf-8", closefd=False))
            setattr(command, name, OutputWrapper(getattr(sys, name)))
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        with use_language(language or language_from_environment()):
            yield
    finally:
        # Streams that cannot be flushed are closed: Python would try again at its end, and exit with 120.
        for stream in (sys.stdout, sys.stderr):
            try:
                stream.flush()
            except OSError:
                with Path(os.devnull).open("wb") as nothing:
                    os.dup2(nothing.fileno(), stream.fileno())


def _is_free(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return True
    return False


def print_result(line: str) -> None:
    """Print a result on stderr, where somebody reads that."""
    with contextlib.suppress(OSError):
        sys.stderr.write(line + "\n")


def error_lines(message: str, detail: Iterable[str] = (), *, remedy: str, assurance: str) -> list[str]:
    """Return the lines of an error: what happened, the details, then what was not done and the next step.

    ``assurance`` is left out where the remedy contains it.
    """
    last = remedy if assurance in remedy else f"{assurance} {remedy}".strip()
    return [_("Error: {message}", message=message), *(f"  {line}" for line in detail), *([last] if last else [])]


def print_error(command: BaseCommand, error: MigrateToPgError | Failure, assurance: str) -> None:
    """Print an error, or a report's failure, on stderr."""
    message = error.message if hasattr(error, "message") else str(error)
    lines = error_lines(message, error.detail, remedy=error.remedy, assurance=assurance)
    _write(command.stderr.write, _wrapped(lines) if command.stderr.isatty() else lines)


def _wrapped(lines: Iterable[str]) -> Iterator[str]:
    """Wrap the lines to the width of the terminal, but not what follows a colon, which is left to be copied."""
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
    """Report a failure to print what was done, which stays done."""
    try:
        yield
    except OSError as error:
        print_result(_("The report could not be printed: {strerror}.", strerror=error.strerror))


def ignore_broken_pipe(progress: Progress) -> Progress:
    """Continue when nobody reads the progress any more."""

    def show(event: Event) -> None:
        with contextlib.suppress(OSError):
            progress(event)

    return show


def raw_stream(wrapper: Any) -> Any:
    """Return the stream below Django's OutputWrapper, which would end every write with a newline."""
    return getattr(wrapper, "_out", wrapper)


def print_text(command: BaseCommand, text: str) -> None:
    """Write a text on stdout as it is."""
    stdout = raw_stream(command.stdout)
    stdout.write(text)
    stdout.flush()


def print_blocks(command: BaseCommand, blocks: Iterable[Block], options: Mapping[str, Any]) -> None:
    """Print lines and grids on stdout: in colours and folded on a terminal, else as plain text."""
    from migrate_to_pg.report.text_layout import plain, show

    stdout = raw_stream(command.stdout)
    if not stdout.isatty():
        print_text(command, "\n".join(plain(blocks)) + "\n")
        return
    from rich.console import Console

    no_color = options["no_color"] or bool(os.environ.get("NO_COLOR"))
    show(blocks, Console(file=stdout, no_color=no_color, highlight=False))
    stdout.flush()


@contextlib.contextmanager
def show_progress(command: BaseCommand, options: Mapping[str, Any]) -> Iterator[Progress]:
    """Give the callable that shows the events of a run on stderr: as bars, or as lines among those of the log."""
    from migrate_to_pg.report.progress import display
    from migrate_to_pg.system.run_log import show_log

    stream, verbosity = raw_stream(command.stderr), options["verbosity"]
    kind: Literal["auto", "plain"] = "plain" if verbosity > 1 else "auto"
    shown = display(stream, kind=kind, verbosity=verbosity, no_color=bool(options["no_color"]))
    with show_log(stream, verbosity), shown as progress:
        yield progress


#: Another signal within this time is the same one, sent twice. After it the effect of one more is printed.
REPEAT_INTERVAL_SECONDS = 2
#: A terminal shows its cursor again, which the progress bars hide.
_SHOW_CURSOR = "\x1b[?25h"


@contextmanager
def exit_on_second_signal(show: Callable[[str], None], *, on_a_terminal: bool) -> Iterator[None]:
    """End the process with status 1 on a second signal in this block, in the main thread only."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = socket.socketpair()
    writing.setblocking(False)
    before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
    watching = threading.Thread(target=_wait_for_second_signal, args=(reading, show, on_a_terminal), daemon=True)
    # Without another thread only Python's own handler receives Ctrl-C.
    with suppress(RuntimeError):
        watching.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(before)
        writing.close()
        if watching.ident is not None:
            watching.join()
        reading.close()


def _wait_for_second_signal(signals: socket.socket, show: Callable[[str], None], on_a_terminal: bool) -> None:
    if not _is_stop_signal(signals):
        return
    deadline = time.monotonic() + REPEAT_INTERVAL_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        signals.settimeout(left)
        try:
            if not _is_stop_signal(signals):
                return
        except TimeoutError:
            break
    signals.settimeout(None)
    show(_("Cleaning up; PostgreSQL may not answer. Ctrl-C once more ends at once: the next run removes what is left."))
    if _is_stop_signal(signals):
        ended = _("Ended at once. What is left of this run is hidden, and removed by the next one.")
        show(f"{_SHOW_CURSOR if on_a_terminal else ''}{ended}")
        os._exit(1)


def _is_stop_signal(signals: socket.socket) -> bool:
    """Wait for a stop signal. Return False when the run is over."""
    while number := signals.recv(1):
        if number[0] in SIGNALS:
            return True
    return False
