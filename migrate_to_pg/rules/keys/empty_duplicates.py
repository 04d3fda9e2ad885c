"""Explain empty texts in a unique column, which often stand for a missing value."""

from __future__ import annotations

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable, TargetUnique
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Subject
from migrate_to_pg.rules.malformed import TEXT_TYPES
from migrate_to_pg.sqlite.sql import Sql, compose, name


def repeated(subject: Subject, table: PlannedTable, columns: list[PlannedColumn], where: Sql) -> int:
    """Count the rows in ``where`` with the empty text in the one text column. Return 0 for fewer than two."""
    if len(columns) != 1 or columns[0].target.type_name not in TEXT_TYPES:
        return 0
    empty = compose("({where}) AND {c} = '' COLLATE BINARY", where=where, c=name(columns[0].source.name))
    count = samples.count(subject, table.source, empty)
    return count if count > 1 else 0


def explanation(count: int, column: PlannedColumn) -> str:
    """Warn that the rows are probably different things, which a merge would make one."""
    return _(
        "{count:,} rows have the empty text in {column}. Probably their value is missing, and they are different"
        " things; a merge would make one row of them.",
        count=count,
        column=column.name,
    )


def remedy(table: PlannedTable, column: PlannedColumn, unique: TargetUnique) -> str:
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
