"""Findings of the way back that stop nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, SourceTable
from migrate_to_pg.rules.base import Rule

EMPTY_ON_SQLITE = Rule(
    id="empty-on-sqlite",
    level=Level.WARNING,
    title=N_("Tables that only SQLite has"),
    meaning=(
        "The migrations make the table on SQLite alone, such as a full-text index with its own content: PostgreSQL has"
        " no rows for it, and it is made empty. Full-text tables that index another table (content=) are filled from"
        " it, and are not among these."
    ),
    remedy=N_("Fill it as the project does: by its triggers, by a command, or by manage.py rebuild_index."),
)

BACK_NOTES = (EMPTY_ON_SQLITE,)


def made_empty(tables: Iterable[SourceTable], filled: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each table without a counterpart on PostgreSQL. ``filled`` are those that need none."""
    for table in tables:
        if table.kind in ("table", "virtual") and table.name not in filled:
            yield EMPTY_ON_SQLITE.finding(
                table=table.name, explanation=_("PostgreSQL has no such table: it is empty in the new file.")
            )
