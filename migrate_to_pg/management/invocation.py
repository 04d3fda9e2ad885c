"""Determine how the command was started: the prefix of the commands that it prints, and the time of its start."""

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

#: Takes precedence over MIGRATE_TO_PG["COMMAND"].
_VARIABLE = "MIGRATE_TO_PG_COMMAND"
#: Options that do not concern the run itself, but that the same command needs again.
_COMMON = ("settings", "pythonpath", "lang", "jobs", "report")
#: Words before the command's name, at most: an interpreter, its options, a script, -m and a module.
_MAX_PREFIX_WORDS = 6


def invocation(command: str, options: Mapping[str, Any]) -> Invocation:
    """Return how this process was started, with ``options`` as they were typed. Raise UsageError."""
    # The variable precedes the setting: it belongs to the place, such as a container, the setting to the project.
    text = os.environ.get(_VARIABLE) or (getattr(settings, "MIGRATE_TO_PG", None) or {}).get("COMMAND", "")
    try:
        words = tuple(shlex.split(text))
    except ValueError:
        words = ()
    if text and (not words or any(map(may_hold_password, words))):
        raise UsageError(
            _("{variable} is not how a command is called.", variable=_VARIABLE),
            remedy=_("It takes the words before the command's name: docker compose run --rm web python manage.py"),
        )
    program = (*words, command) if words else _program(command, sys.orig_argv)
    typed = [(f"--{name}", str(options[name])) for name in _COMMON if options.get(name)]
    return Invocation(
        program=program,
        is_configured=bool(words),
        common=tuple((name, value) for name, value in typed if not may_hold_password(value)),
        # None when called from Python.
        began=BEGAN if sys.argv[1:2] == [command] else None,
    )


def _program(command: str, argv: Sequence[str]) -> tuple[str, ...]:
    """Return the words up to the command's name as typed, such as .venv/bin/python manage.py migrate_to_pg."""
    before = list(argv[: argv.index(command)]) if command in argv[:_MAX_PREFIX_WORDS] else []
    if not before or "-c" in before or any(map(may_hold_password, before)):
        return "python", "manage.py", command
    return *before, command
