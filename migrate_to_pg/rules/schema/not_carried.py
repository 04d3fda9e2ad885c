"""Report views and triggers that only SQLite has.

They are written in its SQL and are not moved. The rows of a view may be copied as leftovers.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import LEFTOVERS, Finding, Leftovers, Level
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.rules.samples import truncate
from migrate_to_pg.rules.schema.broken_view_or_trigger import broken_triggers, broken_views, table_of
from migrate_to_pg.rules.schema.leftover_table import triggers_that_name
from migrate_to_pg.sqlite.sql import compose, name

#: Characters of SQL shown.
_WIDTH = 4000


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each view and trigger, except those that broken-view-or-trigger reports."""
    broken = broken_views(subject), broken_triggers(subject)
    for view, sql in subject.catalog.views.items():
        # Any other is made by the migrations on PostgreSQL, too.
        if view in subject.plan.leftover_views and view not in broken[0]:
            yield _view(subject, view, sql)
    # leftover-table reports these with the virtual table that they write to.
    virtual = [table for table in subject.plan.leftovers if table.kind == "virtual"]
    reported = {trigger for table in virtual for trigger in triggers_that_name(subject, table)}
    tables = (*subject.plan.tables, *subject.plan.excluded)
    made = {(table.source.name.lower(), trigger.lower()) for table in tables for trigger in table.target.triggers}
    for trigger, sql in subject.catalog.triggers.items():
        table = table_of(subject, trigger)
        if trigger not in broken[1] and trigger not in reported and (table.lower(), trigger.lower()) not in made:
            yield _finding("trigger", trigger, table, sql, _unknown_without_server(subject))


def _unknown_without_server(subject: Subject) -> list[str]:
    unknown = _("A migration may make one of that name there; only a run with a server knows.")
    return [unknown] if subject.plan.offline else []


def _view(subject: Subject, view: str, sql: str) -> Finding:
    unknown = _unknown_without_server(subject)
    if subject.leftovers is not Leftovers.COPY or view in subject.plan.excluded_leftovers:
        return _finding("view", view, view, sql, unknown)
    try:
        subject.rows(compose("SELECT * FROM {view} LIMIT 0", view=name(view)))
    except sqlite3.Error as error:
        return unread(view, str(error))
    if view in subject.catalog.unread_views:
        return unread(view, subject.catalog.unread_views[view])
    copied = _(
        "The move copies its rows, as they are in the snapshot, to a table of schema {schema}.",
        schema=LEFTOVERS,
    )
    return _finding("view", view, view, sql, [*unknown, copied])


def new_unread_views(complaints: Mapping[str, str], found: Iterable[Finding]) -> tuple[Finding, ...]:
    """Return a finding for each view that could not be read to its end and is not among ``found`` as such."""
    reported = [(finding.table, finding.explanation) for finding in found]
    known = {view for view, complaint in complaints.items() for t, text in reported if t == view and complaint in text}
    return tuple(unread(view, complaint) for view, complaint in complaints.items() if view not in known)


def unread(view: str, complaint: str) -> Finding:
    """Return the finding for a view whose rows were to be copied and that SQLite cannot read."""
    return RULE.finding(
        table=view,
        explanation=_(
            "Only SQLite has the view {view}; it is not moved to PostgreSQL. SQLite cannot read it here, so none of its"
            " rows is copied: {complaint}.",
            view=view,
            complaint=complaint,
        ),
        remedy=_(
            "It may need a function that only the application defines: write it for PostgreSQL in a migration"
            " (RunSQL), or put its rows into a table before the move."
        ),
    )


def _finding(kind: str, unmoved: str, table: str, sql: str, more: Iterable[str]) -> Finding:
    only = (
        _("Only SQLite has the view {name}; it is not moved to PostgreSQL.", name=unmoved)
        if kind == "view"
        else _("Only SQLite has the trigger {name}; it is not moved to PostgreSQL.", name=unmoved)
    )
    shown = _("Its SQL: {shown}", shown=truncate(sql, _WIDTH))
    return RULE.finding(
        table=table,
        explanation=" ".join([only, *more, shown]),
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
        " PostgreSQL by the migrations, any other does not exist there. The rows of such a view, as they are in the"
        " snapshot, are copied to a table of schema sqlite_leftovers, where SQLite can read them and --leftovers asks"
        " for nothing else."
    ),
    remedy=N_("Write it for PostgreSQL in a migration (RunSQL) where the application relies on it."),
    find=find,
)
