"""A number of which SQLite holds more decimals than Django reads: what the application shows is what crosses."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.language import N_, counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import rows
from migrate_to_pg.rules.rule import SetRule, Subject
from migrate_to_pg.rules.sql import Sql, compose, name, number


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each such column; one scan for each table that has numeric columns."""
    for table in subject.plan.tables:
        columns = [c for c in table.loaded_columns if c.target.type_name == "numeric" and c.target.precision]
        for column, count in rows.marked(subject, table, columns, _rounds):
            yield _finding(subject, table, column, count)


def _rounds(column: PlannedColumn) -> Sql:
    """1 for such values: a product settles most, SQLite's round most others; the rest are read as Django does."""
    scale = column.target.scale or 0
    return compose(
        "CASE WHEN typeof({c}) = 'real' AND {c} * {power} <> CAST({c} * {power} AS INTEGER) AND {c} <> round({c}, {s})"
        " THEN pg_rounds({c}, {p}, {s}) END",
        c=name(column.source.name),
        power=Sql(f"1e{max(scale, 0)}"),
        p=number(column.target.precision or 0),
        s=number(scale),
    )


def _finding(subject: Subject, table: PlannedTable, column: PlannedColumn, count: int) -> Finding:
    return RULE.finding(
        table=table.name,
        column=column.name,
        count=count,
        samples=rows.samples(
            subject, table, [column.source], rows.first_rowids(subject, table.source, _rounds(column))
        ),
        explanation=_(
            "{values_have} more than {scale} decimals, although the model keeps {scale}. Django rounds them"
            " whenever it reads them, and PostgreSQL will hold what Django reads. What SQLite itself computes from"
            " them, in sums or generated columns, uses all decimals, and may change.",
            values_have=counted(count, "value has", "values have"),
            scale=column.target.scale,
        ),
        remedy=_("If the further decimals matter, raise decimal_places in the model and migrate before the move."),
    )


RULE = SetRule(
    id="numeric-rounded",
    level=Level.WARNING,
    title=N_("Number with more decimals than the column"),
    meaning=(
        "SQLite keeps whatever decimals a program writes; Django rounds to decimal_places, half to even, when it reads."
        " PostgreSQL receives what Django reads. Noise beyond the 15 digits that Django takes of a REAL is not counted."
    ),
    remedy=N_("If the further decimals matter, raise decimal_places in the model and migrate before the move."),
    find=find,
)
