"""How the command was started: what the commands that it gives to copy begin with, and since when it runs."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from typing import Any

from migrate_to_pg.apps import BEGAN
from migrate_to_pg.discretion import may_hold_password
from migrate_to_pg.records import Invocation

#: Options that say nothing about the run itself; the same command needs them again.
_COMMON = ("settings", "pythonpath", "lang", "jobs", "report")
#: Words that may stand before the command's name: an interpreter, its options, a script, -m and a module.
_MOST_BEFORE = 6


def invocation(command: str, options: Mapping[str, Any]) -> Invocation:
    """How this process was started; ``options`` as they were typed."""
    return Invocation(program=_program(command, sys.orig_argv), common=_common(options), began=_began(command))


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
