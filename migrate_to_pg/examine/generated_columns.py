"""Find values of generated columns that PostgreSQL's type cannot hold, without a server.

Django gives both databases the same expression, so SQLite's results show what PostgreSQL will refuse. With a server
each row is tried there instead (``load.find_refused``).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from typing import LiteralString

from migrate_to_pg.codecs.numeric import LIMITS
from migrate_to_pg.records import Plan, PlannedColumn, Refusal
from migrate_to_pg.sqlite.connection import numbered_rows, row_number
from migrate_to_pg.sqlite.sql import Sql, compose, name, number

_NUMBER: LiteralString = "typeof({c}) IN ('integer', 'real') AND "
#: Name of PostgreSQL's type -> the values that it refuses.
_REFUSED: dict[str, LiteralString] = {
    "int2": _NUMBER + "{c} NOT BETWEEN {low} AND {high}",
    "int4": _NUMBER + "{c} NOT BETWEEN {low} AND {high}",
    "int8": _NUMBER + "({c} < -9223372036854775808 OR {c} >= 9223372036854775808.0)",
    "numeric": _NUMBER + "abs(round({c}, {scale})) >= 1e{whole}",
    # PostgreSQL removes spaces beyond the length, in an assignment as in a cast.
    "varchar": "typeof({c}) = 'text' AND length(rtrim({c}, ' ')) > {length}",
}
#: SQLSTATE and message of PostgreSQL.
_REASONS = {
    "numeric": ("22003", "numeric field overflow"),
    "varchar": ("22001", "value too long for type {type}"),
}


def computed_overflow(plan: Plan, database: sqlite3.Connection) -> Iterator[Refusal]:
    """Find the rows of each generated column that PostgreSQL will refuse.

    Args:
        plan: The plan with the tables.
        database: The snapshot, opened with Django's functions, which the expressions may call.

    Yields:
        One record for each column with such rows.
    """
    for table in plan.tables:
        for column in table.columns:
            condition = _condition(column)
            if condition is None:
                continue
            query = compose(
                "SELECT {number} FROM {rows} WHERE {condition}",
                number=Sql(row_number(table.source)),
                rows=Sql(numbered_rows(table.source)),
                condition=condition,
            )
            rows = [row for (row,) in database.execute(query)]
            if rows:
                state, reason = _REASONS.get(column.target.type_name, ("22003", "{type} out of range"))
                yield Refusal(
                    table=table.name,
                    columns=(column.name,),
                    sqlstate=state,
                    reason=reason.format(type=column.target.type_sql),
                    rows=rows,
                )


def _condition(column: PlannedColumn) -> Sql | None:
    target = column.target
    if not (column.source.generated and target.generated) or target.type_name not in _REFUSED:
        return None
    if (target.type_name == "numeric" and target.precision is None) or (
        target.type_name == "varchar" and target.max_length is None
    ):
        return None
    low, high = LIMITS.get(target.type_name, (0, 0))
    return compose(
        _REFUSED[target.type_name],
        low=number(low),
        high=number(high),
        c=name(column.source.name),
        scale=number(target.scale or 0),
        whole=number((target.precision or 0) - (target.scale or 0)),
        length=number(target.max_length or 0),
    )
