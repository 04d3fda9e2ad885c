"""Find views and triggers of SQLite whose body names something that does not exist."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: SQLite's errors for it. Others, such as a function that only Django defines, are no fault.
_MISSING = ("no such table", "no such column", "no such view", "no such index")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each broken view and trigger."""
    for kind, broken in (("view", broken_views(subject)), ("trigger", broken_triggers(subject))):
        for broken_name, (table, complaint) in broken.items():
            yield _finding(kind, broken_name, table, complaint)


def broken_views(subject: Subject) -> dict[str, tuple[str, str]]:
    """Return view -> (view, SQLite's error)."""
    found = {}
    for view in subject.catalog.views:
        complaint = _missing_error(subject, compose("SELECT * FROM {view} LIMIT 0", view=name(view)))
        if complaint:
            found[view] = (view, complaint)
    return found


def broken_triggers(subject: Subject) -> dict[str, tuple[str, str]]:
    """Return trigger -> (table, SQLite's error).

    A statement that is compiled compiles every trigger that it fires. So the triggers of one table are distinguished
    only by the events on which they fire.
    """
    found = {}
    for trigger, sql in subject.catalog.triggers.items():
        table = table_of(subject, trigger)
        complaint = next(filter(None, (_missing_error(subject, s) for s in _firing(subject, table, sql))), "")
        if complaint:
            found[trigger] = (table, complaint)
    return found


def table_of(subject: Subject, trigger: str) -> str:
    """Return the table, or view, on which a trigger fires."""
    table = Sql("SELECT tbl_name FROM sqlite_master WHERE type = 'trigger' AND name = ?")
    return next((str(row[0]) for row in subject.rows(table, trigger)), trigger)


def _firing(subject: Subject, table: str, sql: str) -> Iterator[Sql]:
    """Yield statements that fire the trigger. EXPLAIN compiles them and runs nothing."""
    words = sql.upper().split()
    event = next((word for word in words if word in ("INSERT", "UPDATE", "DELETE")), "")
    if event == "INSERT":
        yield compose("EXPLAIN INSERT INTO {table} DEFAULT VALUES", table=name(table))
    elif event == "DELETE":
        yield compose("EXPLAIN DELETE FROM {table}", table=name(table))
    else:
        columns = subject.rows(Sql("SELECT name FROM pragma_table_info(?)"), table)
        for (column,) in columns:
            yield compose("EXPLAIN UPDATE {table} SET {column} = NULL", table=name(table), column=name(column))


def _missing_error(subject: Subject, sql: Sql) -> str:
    try:
        subject.rows(sql)
    except sqlite3.Error as error:
        return str(error) if any(words in str(error) for words in _MISSING) else ""
    return ""


def _finding(kind: str, broken_name: str, table: str, complaint: str) -> Finding:
    values = {"name": broken_name, "complaint": complaint, "table": table}
    is_view = kind == "view"
    fault = (
        _(
            "The view {name} names something that does not exist. SQLite reports: {complaint}. Every query that reads"
            " the view fails.",
            **values,
        )
        if is_view
        else _(
            "The trigger {name} names something that does not exist. SQLite reports: {complaint}. Every write to"
            " {table} that fires it fails, those of the application too.",
            **values,
        )
    )
    drop = compose("DROP VIEW {n};" if is_view else "DROP TRIGGER {n};", n=name(broken_name))
    return RULE.finding(
        table=table,
        explanation=fault + " " + _("It is not moved to PostgreSQL, so the move corrects this."),
        remedy=_("If nothing needs it, drop it in SQLite, after copying the file:\n{statement}", statement=drop),
    )


RULE = SetRule(
    id="broken-view-or-trigger",
    level=Level.WARNING,
    title=N_("View or trigger that names something missing"),
    meaning=(
        "Views and triggers are not moved, so PostgreSQL is not concerned. On SQLite every read of such a view fails,"
        " and so does every write that fires such a trigger: a table or column was dropped or renamed under it."
    ),
    remedy=N_("Drop it in SQLite, or make what it names again."),
    find=find,
)
