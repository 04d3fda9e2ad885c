"""Advise what to do with the rows that share a key, which only the user can tell apart."""

from __future__ import annotations

from collections.abc import Sequence

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable, TargetUnique
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

DECIDE = N_("Decide which row of each key stays, point the children of the others at it, and delete the others.")


def remedy(table: PlannedTable, columns: Sequence[PlannedColumn], unique: TargetUnique, empty: int) -> str:
    """Return the advice for the duplicates of one constraint.

    Args:
        table: the table.
        columns: those of the key.
        unique: the constraint.
        empty: how many rows have the empty text in the one column of the key.
    """
    lines = [_empty_remedy(table, columns[0], unique)] if empty else []
    if unique.expressions:
        return "\n".join([*lines, _(DECIDE)])
    query = compose(
        "SELECT {columns}, count(*) FROM {table}{where} GROUP BY {columns} HAVING count(*) > 1;",
        columns=names(column.source.name for column in columns),
        table=name(table.source.name),
        where=_concerned(columns, unique),
    )
    decide = _(
        "Decide which row of each key stays, point the rows that refer to the others at it, delete the others, then"
        " make the lost unique index again. To see them all:\n{query}",
        query=query,
    )
    return "\n".join([*lines, decide])


def _concerned(columns: Sequence[PlannedColumn], unique: TargetUnique) -> Sql:
    """Return WHERE and the rows that the constraint concerns, as a person asks for them."""
    nullable = () if unique.nulls_not_distinct else (c for c in columns if not c.source.not_null)
    conditions = [compose("{c} IS NOT NULL", c=name(column.source.name)) for column in nullable]
    if unique.sqlite and unique.sqlite.condition:
        conditions.append(compose("({condition})", condition=Sql(unique.sqlite.condition)))
    return compose(" WHERE {all}", all=join(" AND ", conditions)) if conditions else Sql("")


def _empty_remedy(table: PlannedTable, column: PlannedColumn, unique: TargetUnique) -> str:
    """Advise a change of the empty texts before any row is merged."""
    if column.target.not_null or column.source.not_null or unique.nulls_not_distinct:
        return _(
            "Where {column} is empty because the value is missing, give each row a value of its own first.",
            column=column.name,
        )
    query = compose(
        "UPDATE {table} SET {column} = NULL WHERE {column} = '';",
        table=name(table.source.name),
        column=name(column.source.name),
    )
    return _(
        "Where {column} is empty because the value is missing, set it to NULL first. In SQLite:\n{query}",
        column=column.name,
        query=query,
    )
