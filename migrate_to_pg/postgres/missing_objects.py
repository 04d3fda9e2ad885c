"""Advise how to replace collations, extensions, functions and types that PostgreSQL lacks."""

from __future__ import annotations

from migrate_to_pg.i18n import gettext as _

#: Collations that SQLite has built in.
SQLITE_COLLATIONS = frozenset(("nocase", "rtrim", "binary"))
#: The equivalent of SQLite's NOCASE. Other collations have no equivalent.
CREATE_COLLATION = (
    'CreateCollation("{name}", provider="icu", locale="und-u-ks-level2", deterministic=False) of'
    " django.contrib.postgres.operations"
)


def remedy(kind: str, name: str) -> str:
    """Return how to create a collation or an extension, or to replace a function or a type."""
    if kind == "extension":
        return _("As a superuser, run in the target's database: CREATE EXTENSION {name};", name=name)
    if kind == "collation" and name.lower() == "nocase":
        return _(
            "Make one of that name on PostgreSQL, in the migration that uses it and before it is used: {operation},"
            " does nothing on SQLite. It needs a server with ICU, which the embedded one is not. Or take"
            " db_collation out of the migration and of the model, and compare with iexact.",
            operation=CREATE_COLLATION.format(name=name),
        )
    if kind == "collation":
        return _(
            "Take it out of the migration and of the model, or make one of that name in the migration that uses it:"
            " CreateCollation of django.contrib.postgres.operations does nothing on SQLite."
        )
    return _("Put in its place what both databases have, in the migration and in the model; then run again.")
