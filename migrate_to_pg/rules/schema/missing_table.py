"""Find tables that the applied migrations make and SQLite lacks, which PostgreSQL will have, but empty."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, TargetTable
from migrate_to_pg.rules.base import SetRule, Subject

#: Characters that Django leaves at least of a name of more than 63 bytes.
_CUT = 50


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such table."""
    for table in subject.plan.only_target:
        yield _finding(table, alone=_is_only_on_postgresql(subject, table))


def _is_only_on_postgresql(subject: Subject, table: TargetTable) -> bool:
    """Check that the migrations make no such table on SQLite.

    Of a long name only the beginning is compared, as Django cuts it.
    """
    made = subject.plan.made
    begin = table.name.lower()[:_CUT] if len(table.name) > _CUT else ""
    return (
        made is not None
        and table.name.lower() not in made
        and not (begin and any(name.startswith(begin) for name in made))
    )


def _finding(table: TargetTable, *, alone: bool) -> Finding:
    return RULE.finding(
        table=table.name,
        explanation=_(
            "The migrations make the table {table} on PostgreSQL alone. It will hold what they put into it, no more.",
            table=table.name,
        )
        if alone
        else _(
            "The migrations that the source has applied make the table {table}; SQLite's database has none"
            " of that name. It was dropped or renamed there, or its migration was only recorded (--fake), or"
            " it is made for PostgreSQL alone. On PostgreSQL it will hold what the migrations put into it,"
            " no more.",
            table=table.name,
        ),
        remedy=_("There is nothing to do.")
        if alone
        else _(
            "If it was lost, restore it from a backup; if it was renamed, give it back its name; if PostgreSQL"
            " alone has it, there is nothing to do."
        ),
    )


RULE = SetRule(
    id="missing-table",
    level=Level.WARNING,
    title=N_("Table that SQLite lacks"),
    meaning="A table of the migrations that the source lacks is published as the migrations make it: without rows.",
    remedy=N_("Restore it in SQLite where it was lost; there is nothing to do where PostgreSQL alone has it."),
    find=find,
)
