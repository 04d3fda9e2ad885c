"""A path that somebody named in; out, one error of usage where this user cannot even look at it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.errors import UsageError
from migrate_to_pg.language import gettext as _


@contextmanager
def looked_at(path: Path) -> Iterator[None]:
    """UsageError for what the system says of the path: a directory that may not be entered, a name that is too long."""
    try:
        yield
    except OSError as error:
        raise UsageError(
            _("{path} cannot be looked at: {strerror}.", path=path, strerror=error.strerror),
            remedy=_("Check the path, and whether this user may enter every directory on the way."),
        ) from error
