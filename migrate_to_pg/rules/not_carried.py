"""Views and triggers of SQLite's own: they are written in its SQL, and are not moved."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.language import N_
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.broken_view_or_trigger import broken_triggers, broken_views, table_of
from migrate_to_pg.rules.rule import SetRule, Subject

#: Longest SQL shown.
_WIDTH = 4000


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each view and each trigger, but for those that broken-view-or-trigger reports."""
    broken = broken_views(subject), broken_triggers(subject)
    for view, sql in subject.catalog.views.items():
        if view not in broken[0]:
            yield _finding(N_("view"), view, view, sql)
    for trigger, sql in subject.catalog.triggers.items():
        if trigger not in broken[1]:
            yield _finding(N_("trigger"), trigger, table_of(subject, trigger), sql)


def _finding(kind: str, name: str, table: str, sql: str) -> Finding:
    shown = sql if len(sql) <= _WIDTH else sql[: _WIDTH - 1] + "…"
    return RULE.finding(
        table=table,
        explanation=_(
            "The {kind} {name} is SQLite's own and is not moved to PostgreSQL. Its SQL: {shown}",
            kind=_(kind),
            name=name,
            shown=shown,
        ),
        remedy=_(
            "If the application relies on it, write it for PostgreSQL in a migration (RunSQL); if not, leave"
            " it behind, or drop it in SQLite (DROP {upper}).",
            upper=kind.upper(),
        ),
    )


RULE = SetRule(
    id="not-carried",
    level=Level.WARNING,
    title=N_("View or trigger that is not moved"),
    meaning=(
        "Views and triggers are written in SQLite's SQL and are not data: those that migrations make are made on"
        " PostgreSQL by the migrations, any other does not exist there."
    ),
    remedy=N_("Write it for PostgreSQL in a migration (RunSQL) where the application relies on it."),
    find=find,
)
