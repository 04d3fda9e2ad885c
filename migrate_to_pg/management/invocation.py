"""How the command was started: what the commands that it gives to copy begin with, and since when it runs."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from django.conf import settings

from migrate_to_pg.apps import BEGAN
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Invocation
from migrate_to_pg.system.redact import may_hold_password

#: In the place of MIGRATE_TO_PG["COMMAND"].
_VARIABLE = "MIGRATE_TO_PG_COMMAND"
#: Options that say nothing about the run itself; the same command needs them again.
_COMMON = ("settings", "pythonpath", "lang", "jobs", "report")
#: Words that may stand before the command's name: an interpreter, its options, a script, -m and a module.
_MOST_BEFORE = 6


def invocation(command: str, options: Mapping[str, Any]) -> Invocation:
    """How this process was started; ``options`` as they were typed."""
    told = _redacted()
    program = (*told, command) if told else _program(command, sys.orig_argv)
    return Invocation(program=program, is_told=bool(told), common=_common(options), began=_began(command))


def _redacted() -> tuple[str, ...]:
    """How manage.py is called from where the person is, in a container for instance; empty where nobody said it.

    The variable goes before the setting: it is of the place, the setting of the project. Raises UsageError.
    """
    text = os.environ.get(_VARIABLE) or (getattr(settings, "MIGRATE_TO_PG", None) or {}).get("COMMAND", "")
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ()
    if text and (not words or any(map(may_hold_password, words))):
        raise UsageError(
            _("{variable} is not how a command is called.", variable=_VARIABLE),
            remedy=_("It takes what stands before the command's name: docker compose run --rm web python manage.py"),
        )
    return words


def _program(command: str, argv: Sequence[str]) -> tuple[str, ...]:
    """The words up to the command's name as they were typed, such as .venv/bin/python manage.py migrate_to_pg."""
    before = list(argv[: argv.index(command)]) if command in argv[:_MOST_BEFORE] else []
    if not before or "-c" in before or any(map(may_hold_password, before)):
        return "python", "manage.py", command
    return *before, command


def _common(options: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """--settings and the like, as they were typed."""
    typed = [(f"--{name}", str(options[name])) for name in _COMMON if options.get(name)]
    return tuple((name, value) for name, value in typed if not may_hold_password(value))


def _began(command: str) -> float | None:
    """When this process began, where it was started for that command; None where somebody calls it from Python."""
    return BEGAN if sys.argv[1:2] == [command] else None
