"""A column that the migrations make and SQLite's table lacks."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.language import N_, counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedTable, TargetColumn
from migrate_to_pg.rules.rule import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each such column; PostgreSQL computes the generated ones."""
    for table in subject.plan.tables:
        for column in table.target.columns:
            if column in table.only_target and not column.generated:
                yield _finding(table, column)


def _finding(table: PlannedTable, column: TargetColumn) -> Finding:
    filler = _filler(column)
    rows = counted(table.source.rows, "row", "rows")
    if filler:
        effect = _("{rows} would be filled with {filler}.", rows=rows, filler=filler)
    else:
        effect = _("It is NOT NULL and has no default: PostgreSQL would refuse {rows}.", rows=rows)
    return RULE.finding(
        table=table.name,
        column=column.name,
        # Without rows there is nothing to refuse.
        level=Level.WARNING if filler or not table.source.rows else Level.ERROR,
        explanation=_(
            "The migrations make the column {column} ({type}), and SQLite's table lacks it, although they"
            " are recorded as applied there. {effect}",
            column=column.name,
            type=column.type_sql,
            effect=effect,
        ),
        remedy=_(
            "Find out what became of it: a migration faked (migrate --fake), edited after it was applied, or a table"
            " restored from an older copy. Add the column to SQLite and fill it, or correct the migrations."
        ),
    )


def _filler(column: TargetColumn) -> str:
    if column.sequence:
        return _("new numbers of its sequence")
    if column.has_default:
        return _("PostgreSQL's default")
    return "" if column.not_null else "NULL"


RULE = SetRule(
    id="missing-column",
    level=Level.ERROR,
    title=N_("Column that SQLite's table lacks"),
    meaning=(
        "PostgreSQL refuses rows without a value for a NOT NULL column that has no default. Where it is nullable or has"
        " a default, or the table is empty, this is a warning that says what it would be filled with."
    ),
    remedy=N_("Add the column to SQLite and fill it, or correct the migrations."),
    find=find,
)
