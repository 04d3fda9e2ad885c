"""Validate settings.MIGRATE_TO_PG, the defaults of the command's options, and determine how the command was started.

That is the prefix of the commands that it prints, and the time of its start.
"""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import PurePath
from typing import Any

from django.conf import settings

from migrate_to_pg.apps import BEGAN
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import place_of
from migrate_to_pg.records import Invocation
from migrate_to_pg.system.redact import may_hold_password
from migrate_to_pg.system.usage import did_you_mean


def _text(value: object) -> str:
    # A pathlib.Path is usual in settings.
    if not isinstance(value, (str, PurePath)) or not str(value).strip():
        raise ValueError
    return str(value)


def _plain(value: object) -> str:
    text = _text(value)
    if may_hold_password(text) and not os.path.lexists(text):
        raise ValueError
    return text


def _names(value: object) -> tuple[str, ...]:
    if may_hold_password(str(value)):
        raise ValueError
    if isinstance(value, str):
        return tuple(name.strip() for name in value.split(",") if name.strip())
    if isinstance(value, (list, tuple)) and all(isinstance(name, str) for name in value):
        return tuple(value)
    raise ValueError


def _columns(value: object) -> tuple[str, ...]:
    """Accept names of columns. A name that no model has would protect nothing."""
    names = _names(value)
    if not all(map(place_of, names)):
        raise ValueError
    return names


def _number(value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise ValueError
    return value


def _yes_or_no(value: object) -> bool:
    if not isinstance(value, bool):
        raise ValueError  # noqa: TRY004 - reported with the setting's name
    return value


def _one_of(*known: str) -> Callable[[object], str]:
    def check(value: object) -> str:
        if value not in known:
            raise ValueError
        return str(value)

    return check


def _command(value: object) -> str:
    """Accept how manage.py is called, as words of a shell command."""
    text = _plain(value)
    if not shlex.split(text):
        raise ValueError
    return text


#: Characters of a value that a message repeats.
_SHORT = 24

#: Setting -> what it may be; the option of the same name in lower case takes it.
SETTINGS: Mapping[str, Callable[[object], Any]] = {
    "SOURCE": _text,
    "TARGET": _text,
    "PUBLISH_TO": _plain,
    "OWNER": _plain,
    "VERIFY": _one_of("counts", "cells", "orm"),
    "FIX": _names,
    "QUARANTINE": _names,
    "EXACT_DECIMALS": _yes_or_no,
    "LEFTOVERS": _one_of("copy", "skip", "stop"),
    "FROM_MODELS": _names,
    "AS_LEFTOVERS": _names,
    "EXCLUDE_DATA": _names,
    "SCHEMA": _one_of("migrations", "models"),
    "JOBS": _number,
    "ENGINE": _one_of("arrow", "pgloader"),
    "REPORT": _plain,
    "SECRETS": _columns,
    "COMMAND": _command,
}


#: What a setting is not asked for, where one of these options is given: the command line may not give both either.
_INSTEAD = {
    "dump": ("fix", "quarantine", "exclude_data", "from_models", "as_leftovers"),
    # A command is never tried where the project's data are to be.
    "try": ("target", "publish_to", "owner", "report"),
}
#: Settings that are the default of no option. They are read where the source is chosen, where values are shown, and
#: where commands are printed.
_OF_NO_OPTION = ("SOURCE", "SECRETS", "COMMAND")


def _shown(value: object) -> str:
    """Show a short word or number. Of anything else, which may hold a password, show the type."""
    plain = isinstance(value, (str, int, float, list, tuple)) or value is None
    return (
        repr(value)
        if plain and len(repr(value)) <= _SHORT and not may_hold_password(str(value))
        else (f"{type(value).__name__} (...)")
    )


def _checked(name: str, value: object) -> Any:
    try:
        return SETTINGS[name](value)
    except ValueError:
        raise UsageError(
            _("MIGRATE_TO_PG[{name!r}] cannot be {value}.", name=name, value=_shown(value)),
            remedy=_("It takes names of columns: column, table.column, or app.Model.field of an installed model.")
            if name == "SECRETS"
            else _("It takes what the option of that name takes; see manage.py migrate_to_pg --help."),
        ) from None


def require_secrets(given: object) -> None:
    """Raise UsageError where the setting that names secret columns is invalid, reading no other setting."""
    if isinstance(given, Mapping) and "SECRETS" in given:
        _checked("SECRETS", given["SECRETS"])


def with_settings(options: Mapping[str, Any], given: object) -> dict[str, Any]:
    """Fill in what the command line left out. Raise UsageError where a setting is invalid."""
    if not isinstance(given, Mapping):
        raise UsageError(_("MIGRATE_TO_PG in the settings is no dictionary."))
    found = dict(options)
    for name, value in given.items():
        if name not in SETTINGS:
            known = ", ".join(SETTINGS)
            raise UsageError(
                _("MIGRATE_TO_PG[{name}] is no setting of this command.", name=_shown(name)),
                remedy=did_you_mean(str(name), SETTINGS, _("Known: {known}.", known=known)),
            )
        checked = _checked(name, value)
        unmeant = {option for other, options in _INSTEAD.items() if found.get(other) for option in options}
        if found.get(name.lower()) is None and name.lower() not in unmeant and name not in _OF_NO_OPTION:
            found[name.lower()] = checked
    return found


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
