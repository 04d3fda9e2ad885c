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
        if _is_only_on_postgresql(subject, table):
            explanation = _(
                "The migrations make the table {table} on PostgreSQL alone. There it will hold only the rows that the"
                " migrations put into it.",
                table=table.name,
            )
            remedy = _("There is nothing to do.")
        else:
            explanation = _(
                "The applied migrations make the table {table}, and SQLite's database has none of that name. It was"
                " dropped or renamed there, its migration was only recorded (--fake), or it is made for PostgreSQL"
                " alone. There it will hold only the rows that the migrations put into it.",
                table=table.name,
            )
            remedy = _(
                "If it was lost, restore it from a backup. If it was renamed, rename it back. If PostgreSQL alone has"
                " it, there is nothing to do."
            )
        yield RULE.finding(table=table.name, explanation=explanation, remedy=remedy)


def _is_only_on_postgresql(subject: Subject, table: TargetTable) -> bool:
    """Check that the migrations make no such table on SQLite.

    Of a long name only the beginning is compared, as Django cuts it.
    """
    made, name = subject.plan.made, table.name.lower()
    if made is None or name in made:
        return False
    return len(name) <= _CUT or not any(other.startswith(name[:_CUT]) for other in made)


RULE = SetRule(
    id="missing-table",
    level=Level.WARNING,
    title=N_("Table that SQLite lacks"),
    meaning="A table of the migrations that the source lacks is published as the migrations make it: without rows.",
    remedy=N_("Restore it in SQLite where it was lost; there is nothing to do where PostgreSQL alone has it."),
    find=find,
)
