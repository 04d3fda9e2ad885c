"""Resolve paths that a user named, and turn the system's errors about them into errors of usage."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _


def base_directory() -> Path:
    """Return BASE_DIR of the settings, else the working directory. Raise UsageError where that was deleted."""
    base = getattr(settings, "BASE_DIR", None)
    try:
        return Path.cwd() if base is None else Path(base)
    except FileNotFoundError as error:
        raise UsageError(
            _("The working directory does not exist any more, and the settings name no BASE_DIR."),
            remedy=_("Change into the project's directory, then run again."),
        ) from error


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
