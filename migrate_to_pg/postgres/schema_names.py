"""--publish-to, as a person writes it, in; the name of a schema that tables may be published to out."""

from __future__ import annotations

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS

#: PostgreSQL cuts off what is longer, without an error.
_LONGEST = 63


def final_schema(name: str) -> str:
    """The name itself. Raises UsageError where it is PostgreSQL's own, this tool's, or none that a schema can have."""
    if name.startswith("pg_") or name == "information_schema":
        raise UsageError(
            _("--publish-to {name}: PostgreSQL keeps that schema for itself.", name=name), remedy=_remedy()
        )
    if name in (BOOKKEEPING, LEFTOVERS) or name.startswith(f"{BOOKKEEPING}_"):
        raise UsageError(_("--publish-to {name}: this command works in that schema.", name=name), remedy=_remedy())
    if not name.strip() or "\0" in name or len(name.encode()) > _LONGEST:
        raise UsageError(
            _("--publish-to {name!r} can be no schema's name: it is empty, or longer than 63 bytes.", name=name),
            remedy=_remedy(),
        )
    return name


def _remedy() -> str:
    return _("Name a schema of your own, as it is spelled in PostgreSQL and without quotes; the default is public.")
