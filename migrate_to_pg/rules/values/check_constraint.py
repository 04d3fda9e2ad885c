"""Rows that a CHECK constraint of PostgreSQL's refuses: a negative PositiveIntegerField, an end before its start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedTable, TargetCheck
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Offence, SetRule, Subject
from migrate_to_pg.rules.sql_expression import Expression
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.rules.sql_operators import UnknownExpressionError
from migrate_to_pg.sqlite.sql import Sql, compose, name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A constraint that is understood, and the condition for the rows that it refuses."""

    check: TargetCheck
    expression: Expression
    where: Sql


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each constraint that some rows break; one scan of each table for all that are understood."""
    for table in subject.plan.tables:
        understood = list(_understood(table))
        counts = samples.counts(subject, name(table.source.name), [broken.where for broken in understood])
        for broken, count in zip(understood, counts, strict=True):
            if count:
                yield _finding(subject, table, broken, count)


def offences(_: Subject, table: PlannedTable) -> Iterator[Offence]:
    """The rows that each constraint of a table refuses."""
    for broken in _understood(table):
        yield Offence(columns=tuple(broken.expression.columns), where=broken.where)


def judged(table: PlannedTable) -> frozenset[str]:
    """The names of the constraints whose rows this rule finds."""
    return frozenset(broken.check.name for broken in _understood(table))


def _understood(table: PlannedTable) -> Iterator[_Broken]:
    for check in table.target.checks:
        expression = _read(check, table)
        where = _broken(expression) if expression else None
        if expression and where:
            yield _Broken(check=check, expression=expression, where=where)


def _read(check: TargetCheck, table: PlannedTable) -> Expression | None:
    try:
        return Expression(check.expression, table)
    except UnknownExpressionError:
        return None


def _broken(expression: Expression) -> Sql | None:
    """False, not NULL, which a constraint lets pass; values that other rules report take no part."""
    key = key_of(expression.columns) if expression.columns else None
    # The constraint first: nearly all rows satisfy it, and SQLite then does not look whether they take part.
    return compose("NOT {check} AND {held}", check=expression.sql, held=key.held_or_null) if key else None


def _finding(subject: Subject, table: PlannedTable, broken: _Broken, count: int) -> Finding:
    check, expression, where = broken.check, broken.expression, broken.where
    sources = [column.source for column in expression.columns]
    query = compose("SELECT * FROM {table} WHERE NOT {check};", table=name(table.source.name), check=expression.sql)
    plain = "pg_" not in query
    return RULE.finding(
        table=table.name,
        column=", ".join(column.name for column in expression.columns),
        count=count,
        samples=samples.samples(subject, table, sources, samples.first_rowids(subject, table.source, where)),
        explanation=_explanation(check, pluralize(count, "row", "rows")),
        remedy=_(RULE.remedy) + (_(" To see them all:\n{query}", query=query) if plain else ""),
    )


def _explanation(check: TargetCheck, refused: str) -> str:
    has = (
        _(
            "PostgreSQL's table has the constraint {check}, CHECK ({expression})",
            check=check.name,
            expression=check.expression,
        )
        if check.named
        else _("The model asks for CHECK ({expression}) on PostgreSQL", expression=check.expression)
    )
    return _(
        "{has}, which would refuse {rows}. SQLite's table was made or rebuilt without it, or the constraint is younger"
        " than the rows.",
        has=has,
        rows=refused,
    )


RULE = SetRule(
    id="check-constraint",
    level=Level.ERROR,
    title=N_("Row that a CHECK constraint refuses"),
    meaning=(
        "PostgreSQL refuses the row. Examined are constraints made of columns compared with constants or with each"
        " other, IN, BETWEEN, IS NULL, AND, OR, NOT and CASE WHEN, such as PositiveIntegerField's; of sums of integers,"
        " substring and casts of digits to integers; and regular expressions between ^ and $ of plain characters, the"
        " sets [0-9], [a-z] and [A-Z], and {n}. Text is compared for equality alone. Any other constraint is left to"
        " PostgreSQL, which looks at every row while it is loaded: what it refuses is told by the rule refused-row."
    ),
    remedy=N_("Correct the values in SQLite, or change the constraint in the model and migrate."),
    find=find,
    offences=offences,
)
