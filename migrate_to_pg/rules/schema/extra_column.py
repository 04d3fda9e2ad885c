"""Find columns of SQLite that the migrations do not make, whose data would be lost."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedTable, SourceColumn
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.sqlite.sql import compose, name


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column, except generated ones: computed values are not lost."""
    for table in subject.plan.tables:
        for column in table.only_source:
            if not column.generated:
                yield _finding(subject, table, column)


def _finding(subject: Subject, table: PlannedTable, column: SourceColumn) -> Finding:
    filled = compose("{column} IS NOT NULL", column=name(column.name))
    count = samples.count(subject, table.source, filled)
    values = {"column": column.name, "declared_type": column.declared_type or _("no type")}
    explanation = (
        ngettext(
            "SQLite's table has a column {column} ({declared_type}) that the migrations do not make. {n:,} row has a"
            " value there, which would be lost.",
            "SQLite's table has a column {column} ({declared_type}) that the migrations do not make. {n:,} rows have a"
            " value there, which would be lost.",
            count,
            **values,
        )
        if count
        else _(
            "SQLite's table has a column {column} ({declared_type}) that the migrations do not make. Every value in it"
            " is NULL.",
            **values,
        )
    )
    drop = compose("ALTER TABLE {table} DROP COLUMN {column};", table=name(table.source.name), column=name(column.name))
    remedy = _(
        "Add a field for it to the model and migrate; or, where it is not needed, drop it from a copy:\n{statement}",
        statement=drop,
    )
    return samples.finding_of_rows(
        RULE,
        subject,
        table,
        filled,
        Message(explanation=explanation, remedy=remedy),
        count=count or 1,
        column=column.name,
        shown=[column],
        level=Level.ERROR if count else Level.WARNING,
    )


RULE = SetRule(
    id="extra-column",
    level=Level.ERROR,
    title=N_("Column that the migrations do not know"),
    meaning="PostgreSQL's table lacks the column, so its data would be lost; a warning where every value is NULL.",
    remedy=N_("Add a field for it to the model and migrate, or drop the column from SQLite."),
    find=find,
)
