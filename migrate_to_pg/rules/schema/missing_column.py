"""Find columns that the migrations make and SQLite's table lacks."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Plan, PlannedTable, TargetColumn
from migrate_to_pg.rules.base import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column, except generated ones, which PostgreSQL computes."""
    for table in subject.plan.tables:
        made = (subject.plan.made or {}).get(table.source.name.lower())
        for column in table.only_target:
            if not column.generated:
                alone = made is not None and made.table.column(column.name) is None
                yield _finding(table, column, alone=alone)


#: pg_type.typname -> empty value of the type, where it has one.
_EMPTY: Mapping[str, str] = dict.fromkeys(("text", "varchar", "bpchar", "citext", "tsvector", "hstore", "bytea"), "")


def empty_value(table: PlannedTable, column: TargetColumn) -> str | None:
    """Return PostgreSQL's text for the empty value of a column.

    None where its type has none, or where a unique key forbids it.
    """
    if any(column.name in unique.columns for unique in table.target.uniques):
        return None
    return "{}" if column.type_name.startswith("_") else _EMPTY.get(column.type_name)


def filled(plan: Plan, findings: Iterable[Finding]) -> Iterator[tuple[str, str, str]]:
    """Yield (table, column, empty value) for each finding whose repair was accepted."""
    for finding in findings:
        table = plan.table(finding.table) if finding.rule == RULE.id and finding.applied else None
        for column in table.only_target if table else ():
            value = empty_value(table, column) if table and column.name == finding.column else None
            if value is not None:
                yield finding.table, finding.column, value


def _finding(table: PlannedTable, column: TargetColumn, *, alone: bool) -> Finding:
    filled = bool(column.sequence) or column.has_default or not column.not_null
    # Without rows there is nothing to refuse.
    level = Level.WARNING if filled or not table.source.rows else Level.ERROR
    values = {"column": column.name, "type": column.type_sql}
    lacks = (
        _("The migrations make the column {column} ({type}) on PostgreSQL alone.", **values)
        if alone
        else _(
            "The migrations make the column {column} ({type}), and SQLite's table lacks it, although it records them as"
            " applied.",
            **values,
        )
    )
    found = RULE.finding(
        table=table.name,
        column=column.name,
        level=level,
        explanation=f"{lacks} {_effect(table, column)}",
        remedy=_(
            "Give it a default there, in the migration that makes it, or let it be NULL; fill it after the move as the"
            " application does."
        )
        if alone
        else _(
            "Find out what became of it: a migration faked (migrate --fake), edited after it was applied, or a table"
            " restored from an older copy. Add the column to SQLite and fill it, or correct the migrations. Where a"
            " migration makes it on PostgreSQL alone (a search vector), give it a default there."
        ),
    )
    fills = level is Level.ERROR and empty_value(table, column) is not None
    return found if fills else dataclasses.replace(found, repair="")


def _effect(table: PlannedTable, column: TargetColumn) -> str:
    rows = table.source.rows
    if column.sequence:
        return ngettext(
            "In {n:,} row it would get the next number of its sequence.",
            "In {n:,} rows it would get the next numbers of its sequence.",
            rows,
        )
    if column.has_default:
        return ngettext(
            "In {n:,} row it would get PostgreSQL's default.", "In {n:,} rows it would get PostgreSQL's default.", rows
        )
    if not column.not_null:
        return ngettext("In {n:,} row it would be NULL.", "In {n:,} rows it would be NULL.", rows)
    return ngettext(
        "It is NOT NULL and has no default: PostgreSQL would refuse {n:,} row.",
        "It is NOT NULL and has no default: PostgreSQL would refuse {n:,} rows.",
        rows,
    )


RULE = SetRule(
    id="missing-column",
    level=Level.ERROR,
    title=N_("Column that SQLite's table lacks"),
    meaning=(
        "PostgreSQL refuses rows without a value for a NOT NULL column that has no default. Where it is nullable or has"
        " a default, or the table is empty, this is a warning that says what it would be filled with."
    ),
    remedy=N_("Add the column to SQLite and fill it, or correct the migrations."),
    repair="lossy",
    repair_description=(
        "Each row gets the empty value of the column's type: '' for text, tsvector, hstore and bytea, {} for an array."
        " Other types have none, and a column under a unique key gets none. Fill it afterwards as the application does,"
        " which rebuilds a search index."
    ),
    find=find,
)
