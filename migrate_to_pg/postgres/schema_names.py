"""Validate the schema name of --publish-to."""

from __future__ import annotations

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS

#: PostgreSQL truncates a longer name without an error.
_MAX_NAME_BYTES = 63


def validate_schema_name(name: str) -> str:
    """Return the name. Raise UsageError if PostgreSQL or this tool reserves it, or no schema can have it."""
    if name.startswith("pg_") or name == "information_schema":
        raise UsageError(
            _("--publish-to {name}: PostgreSQL keeps that schema for itself.", name=name), remedy=_remedy()
        )
    if name in (BOOKKEEPING, LEFTOVERS) or name.startswith(f"{BOOKKEEPING}_"):
        raise UsageError(_("--publish-to {name}: this command works in that schema.", name=name), remedy=_remedy())
    if not name.strip() or "\0" in name or len(name.encode()) > _MAX_NAME_BYTES:
        raise UsageError(
            _("--publish-to {name!r} can be no schema's name: it is empty, or longer than 63 bytes.", name=name),
            remedy=_remedy(),
        )
    return name


def _remedy() -> str:
    return _("Name a schema of your own, as it is spelled in PostgreSQL and without quotes; the default is public.")
