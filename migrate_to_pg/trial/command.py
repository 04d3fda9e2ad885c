"""Run a command of the project as a child process whose settings have the copy."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from django.utils.autoreload import get_child_arguments

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.redact import may_hold_password
from migrate_to_pg.trial.open_copy import Copy

#: What comes before a program that is no command of manage.py.
_PROGRAM = "--"
#: The first word after manage.py.
_COMMAND = "migrate_to_pg"
_SETTINGS = "DJANGO_SETTINGS_MODULE"
#: Linux's record of the variables that a process was started with.
_FIRST_ENVIRONMENT = Path("/proc/self/environ")
_POLL_INTERVAL_SECONDS = 0.1
#: A SIGINT that was sent to the whole process group has ended the child within this time, or is being handled by it.
_OWN_SIGNAL_SECONDS = 1.0
#: What a shell adds to the number of the signal that ended a program.
_SIGNALLED = 128


def run_command(words: Sequence[str], copy: Copy) -> int:
    """Run a program, or a command of the manage.py that runs here, on the copy. Return its exit status.

    It has this process's terminal and streams. Signals are passed on to it.
    """
    environment = copy.environment()
    if words[0] == _PROGRAM:
        forget_settings(environment)
        return _run_child([*words[1:]], environment)
    if sys.argv[1:2] != [_COMMAND]:
        # python -m migrate_to_pg, or a program that calls this command.
        return _run_child([sys.executable, "-m", "django", *words], environment)
    given = get_child_arguments()
    return _run_child([*given[: len(given) - len(sys.argv[1:])], *words], environment)


def require_command(words: Sequence[str]) -> None:
    """Raise UsageError where the words after --try name no command."""
    name = words[0] if words else ""
    if name.startswith("-") and not (name == _PROGRAM and len(words) > 1):
        raise UsageError(
            _("--try is followed by {name}, which is no command.", name=name.partition("=")[0]),
            remedy=_("Options of this command come before --try: all words after it are the command's own."),
        )


def command_of_project(text: str, environment: dict[str, str]) -> list[str]:
    """Return the words of a command that was typed as for a shell, such as "manage.py test" or "pytest -x".

    ``environment`` is changed so that the programs of this Python come first, and so that a program other than
    manage.py finds the settings by itself. Raises UsageError.
    """
    try:
        words = shlex.split(text)
    except ValueError:
        words = []
    if not words:
        raise UsageError(
            _("This is no command: {command}", command=text),
            remedy=_('Give one such as "manage.py test" or "pytest".'),
        )
    programs = str(Path(sys.executable).parent)
    environment["PATH"] = os.pathsep.join([programs, environment.get("PATH", os.defpath)])
    if not any(Path(word).name == "manage.py" for word in words):
        forget_settings(environment)
    return [sys.executable, *words] if words[0].endswith(".py") else words


def forget_settings(environment: dict[str, str]) -> None:
    """Remove the name of the settings that manage.py has set. A program finds its own, as pytest does by pytest.ini."""
    with suppress(OSError):
        if f"\0{_SETTINGS}=" not in f"\0{_FIRST_ENVIRONMENT.read_text()}":
            environment.pop(_SETTINGS, None)


def _run_child(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    with _collect_signals() as received:
        try:
            child = subprocess.Popen(arguments, env=environment)
        except OSError as error:
            program = "..." if may_hold_password(arguments[0]) else arguments[0]
            raise UsageError(
                _("{program} cannot be run: {strerror}.", program=program, strerror=error.strerror),
                remedy=_("After --try comes a command of manage.py, or -- and a program."),
            ) from error
        while True:
            with suppress(subprocess.TimeoutExpired):
                status = child.wait(_POLL_INTERVAL_SECONDS)
                break
            # The child gets what this process received, except a Ctrl-C that the terminal gave to both.
            for number, moment in [*received]:
                if number == signal.SIGINT and time.monotonic() - moment < _OWN_SIGNAL_SECONDS:
                    continue
                received.remove((number, moment))
                if number != signal.SIGINT or not _is_in_foreground():
                    child.send_signal(number)
    return status if status >= 0 else _SIGNALLED - status


@contextmanager
def _collect_signals() -> Iterator[list[tuple[int, float]]]:
    """Collect the signals that would end this process, each with its time. The child must end first."""
    received: list[tuple[int, float]] = []

    def collect(number: int, frame: object) -> None:
        received.append((number, time.monotonic()))

    former = {
        number: signal.signal(number, collect)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
        if signal.getsignal(number) is not signal.SIG_IGN
    }
    try:
        yield received
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)


def _is_in_foreground() -> bool:
    """Report whether a terminal sends its signals to this process and its children."""
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        return False
    try:
        return os.tcgetpgrp(terminal) == os.getpgrp()
    finally:
        os.close(terminal)
