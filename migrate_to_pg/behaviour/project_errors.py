"""Go on where code of the project fails that takes part: its fields, its managers, its URLs."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.behaviour.records import Occurrence
from migrate_to_pg.errors import MigrateToPgError
from migrate_to_pg.i18n import gettext as _


def guarded(what: str, found: Iterator[Occurrence], notes: list[str]) -> Iterator[Occurrence]:
    """Yield what is found. Note the kind of an error, whose text may hold values, and end there."""
    try:
        yield from found
    except MigrateToPgError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever the project's own code raises
        notes.append(_("{what} could not be looked at: {error}.", what=what, error=type(error).__name__))
