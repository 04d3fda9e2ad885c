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

LEFTOVER_FORM = Rule(
    id="leftover-form",
    level=Level.WARNING,
    title=N_("Leftovers that do not come back as they were on SQLite"),
    meaning=(
        "A table that no migration makes comes back in its SQLite form, a column of several kinds of values as one"
        " again, where the kept snapshot tells that form and today's rows fit it. Any other comes back with"
        " PostgreSQL's columns, without its keys beyond the primary key, its indexes and AUTOINCREMENT. A view comes"
        " back as the view: the rows that it gave at the time of the move stay on PostgreSQL."
    ),
    remedy=N_("Look through the table in the new file before anything uses it; the kept snapshot has it as it was."),
)

BACK_NOTES = (EMPTY_ON_SQLITE, LEFTOVER_FORM)


def made_empty(tables: Iterable[SourceTable], filled: Iterable[str]) -> Iterator[Finding]:
    """Yield a finding for each table without a counterpart on PostgreSQL. ``filled`` are those that need none."""
    for table in tables:
        if table.kind in ("table", "virtual") and table.name not in filled:
            yield EMPTY_ON_SQLITE.finding(
                table=table.name, explanation=_("PostgreSQL has no such table: it is empty in the new file.")
            )


def leftover_with_postgresql_columns(table: str, column: str, reason: str) -> Finding:
    """Return the finding about a leftover table whose SQLite form is not known, or does not fit."""
    return LEFTOVER_FORM.finding(
        table=table,
        column=column,
        explanation=_("It comes back with PostgreSQL's columns and types. {reason}", reason=reason),
    )


def leftover_as_view(table: str) -> Finding:
    """Return the finding about the rows of a view."""
    return LEFTOVER_FORM.finding(
        table=table,
        explanation=_("It comes back as SQLite's view, which gives its rows anew; those of the move stay behind."),
    )
