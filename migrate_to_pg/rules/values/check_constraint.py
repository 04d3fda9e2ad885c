"""Find rows that a CHECK constraint of PostgreSQL refuses: a negative PositiveIntegerField, an end before its start.

Django writes the model's constraint for SQLite, which evaluates it for each value as PostgreSQL will hold it. Only
PostgreSQL can evaluate constraints that no model has (``load.find_refused``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Plan, PlannedTable, TargetCheck
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, Offence, SetRule, Subject
from migrate_to_pg.rules.sql_keys import FilledConstraint, fill_constraint
from migrate_to_pg.sqlite.sql import Sql, compose, name


@dataclass(frozen=True, slots=True, kw_only=True)
class _Broken:
    """A constraint that SQLite can evaluate, and the condition for the rows that it refuses."""

    check: TargetCheck
    filled: FilledConstraint
    where: Sql


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each constraint that some rows break.

    One scan of each table evaluates all constraints that SQLite can judge.
    """
    for table in subject.plan.tables:
        constraints = _constraints(subject.plan, table)
        for broken, count in zip(constraints, _counts(subject, table, constraints), strict=True):
            if count:
                yield _finding(subject, table, broken, count)


def offences(subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield the rows that each constraint of a table is certain to refuse."""
    for broken in _constraints(subject.plan, table):
        if broken.filled.certain:
            yield Offence(columns=tuple(broken.filled.columns), where=broken.where)


def found_by(subject: Subject, table: PlannedTable, constraint: str) -> frozenset[int]:
    """Return the numbers of the rows that this rule finds under the constraint of that name."""
    broken = (broken for broken in _constraints(subject.plan, table) if broken.check.name == constraint)
    return frozenset(row for one in broken for row in samples.rowids(subject, table.source, one.where))


def left_to_postgresql(plan: Plan, table: PlannedTable) -> frozenset[str]:
    """Return the names of the constraints that only PostgreSQL can judge."""
    judged = {broken.check.name for broken in _constraints(plan, table) if broken.filled.certain}
    return frozenset(check.name for check in table.target.checks if check.name not in judged)


def _constraints(plan: Plan, table: PlannedTable) -> list[_Broken]:
    """Return the constraints to evaluate on SQLite. Where there is a server, it judges those that are not certain."""
    found = []
    for check in table.target.checks:
        filled = fill_constraint(table, check.sqlite, local_times=plan.local_times)
        if filled and (filled.certain or plan.offline):
            # False, not NULL, which a constraint lets pass; values that other rules report take no part. The
            # constraint first: nearly all rows satisfy it, and SQLite then does not ask whether they take part.
            where = compose("NOT {check} AND {held}", check=filled.condition, held=filled.held_or_null)
            found.append(_Broken(check=check, filled=filled, where=where))
    return found


def _counts(subject: Subject, table: PlannedTable, constraints: Sequence[_Broken]) -> list[int]:
    try:
        return samples.counts(subject, name(table.source.name), [broken.where for broken in constraints])
    except sqlite3.OperationalError:
        if len(constraints) == 1 and not constraints[0].filled.certain:
            # A function fails for some value: what PostgreSQL makes of it, it alone can say.
            return [0]
        if len(constraints) == 1:
            raise
    return [count for broken in constraints for count in _counts(subject, table, [broken])]


def _finding(subject: Subject, table: PlannedTable, broken: _Broken, count: int) -> Finding:
    check, filled = broken.check, broken.filled
    condition = Sql(check.sqlite.condition if check.sqlite else "")
    query = compose("SELECT * FROM {table} WHERE NOT ({c});", table=name(table.source.name), c=condition)
    # SQLite's shell has no such function.
    plain = filled.certain and " MATCH " not in query
    remedy = _("{remedy} To see them all:\n{query}", remedy=_(RULE.remedy), query=query) if plain else ""
    found = samples.finding_of_rows(
        RULE,
        subject,
        table,
        broken.where,
        Message(explanation=_explanation(check, count, certain=filled.certain), remedy=remedy),
        count=count,
        column=", ".join(column.name for column in filled.columns),
        shown=[column.source for column in filled.columns],
        level=Level.ERROR if filled.certain else Level.WARNING,
    )
    return replace(found, quarantinable=filled.certain)


def _explanation(check: TargetCheck, count: int, *, certain: bool) -> str:
    constraint = (
        _(
            "PostgreSQL's table has the constraint {check}: CHECK ({expression}).",
            check=check.name,
            expression=check.expression,
        )
        if check.named
        else _("The model has the constraint CHECK ({expression}) on PostgreSQL.", expression=check.expression)
    )
    if not certain:
        found = ngettext(
            "SQLite finds that {n:,} row may break it.", "SQLite finds that {n:,} rows may break it.", count
        )
        caveat = _(
            "PostgreSQL may find otherwise, with functions, collations and regular expressions of its own: a move tries"
            " each row on it."
        )
        return f"{constraint} {found} {caveat}"
    refused = ngettext("It would refuse {n:,} row.", "It would refuse {n:,} rows.", count)
    cause = _("SQLite's table was made or rebuilt without it, or the constraint is younger than the rows.")
    return f"{constraint} {refused} {cause}"


RULE = SetRule(
    id="check-constraint",
    level=Level.ERROR,
    title=N_("Row that a CHECK constraint refuses"),
    meaning=(
        "PostgreSQL refuses the row. Django writes the constraints of models and of fields for SQLite, which is asked"
        " about each value as PostgreSQL will hold it. It is an error where both databases are certain to agree:"
        " columns compared with constants or with each other, IN, BETWEEN, IS NULL, AND, OR, NOT and CASE WHEN, sums of"
        " integers, LIKE in one case, regular expressions between ^ and $ of plain characters, the sets [0-9], [a-z]"
        " and [A-Z], and {n}, and casts of the digits that one lets through. Text is compared for equality alone."
        " PostgreSQL itself evaluates any other constraint for each row, while a move loads the rows or reports what"
        " prevents it. `--check`, which asks no server, gives a warning where SQLite finds rows that PostgreSQL may"
        " refuse, and does not know of constraints that no model has."
    ),
    remedy=N_("Correct the values in SQLite, or change the constraint in the model and migrate."),
    find=find,
    offences=offences,
    judged_when_sent=True,
)
