"""Check what a user typed: turn the system's errors about a path into errors of usage, suggest names."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from pathlib import Path

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _


def as_text(path: Path) -> str:
    """Write the path as PostgreSQL can store it: bytes that are not UTF-8 become \\x.."""
    return os.fsencode(path).decode("utf-8", "backslashreplace")


@contextmanager
def usage_error_on_oserror(path: Path | str) -> Iterator[None]:
    """Raise UsageError where the system rejects the path: no access, or a name that is too long."""
    try:
        yield
    except (OSError, ValueError, RuntimeError) as error:
        # ValueError: a setting may contain a NUL. RuntimeError: ~name is not always somebody's home.
        reason = error.strerror if isinstance(error, OSError) else error
        raise UsageError(
            _("Cannot access {path}: {strerror}.", path=path, strerror=reason),
            remedy=_("Check the path, and whether this user may enter every directory on the way."),
        ) from error


#: Nearly every name contains a shorter text.
_MIN_LENGTH = 3
_MAX_NAMES = 5


def did_you_mean(name: str, known: Collection[str], otherwise: str = "") -> str:
    """Return a question that names what begins with or contains the text, else what is spelled alike.

    Return ``otherwise`` where nothing does.
    """
    folded = {one.lower(): one for one in sorted(known)}
    typed = name.lower()
    near = [one for one in folded if typed in one] if len(typed.strip("-")) >= _MIN_LENGTH else []
    near.sort(key=lambda one: not one.startswith(typed))
    near = near[:_MAX_NAMES] or get_close_matches(typed, folded, n=1, cutoff=0.7)
    if not near:
        return otherwise
    *others, last = (folded[one] for one in near)
    names = _("{names} or {last}", names=", ".join(others), last=last) if others else last
    return _("Did you mean {name}?", name=names)
