"""Find sequences without a next id: SQLite has given the last one that PostgreSQL's type holds."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.sql import compose, name, number, text

#: pg_type.typname -> last number of the type and of its sequence.
_LAST_BY_TYPE = {"int2": 2**15 - 1, "int4": 2**31 - 1, "int8": 2**63 - 1}
#: Last integer of SQLite, and so its last id.
_LAST_OF_SQLITE = _LAST_BY_TYPE["int8"]


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each IDENTITY or serial column whose next id its type does not hold."""
    for table in subject.plan.tables:
        for column in table.columns:
            limit = _LAST_BY_TYPE.get(column.target.type_name)
            if column.target.sequence is not None and limit is not None:
                yield from _finding(subject, table, column, limit)


def _finding(subject: Subject, table: PlannedTable, column: PlannedColumn, limit: int) -> Iterator[Finding]:
    highest = _highest(subject, table, column, limit)
    is_key = [key.name for key in table.key] == [column.name]
    # sqlite_sequence is about the primary key alone.
    given = (table.source.last_id or 0) if is_key else 0
    last = max(highest, given)
    if last >= limit:
        yield RULE.finding(
            table=table.name,
            column=column.name,
            explanation=_(
                "{reason} The next id would be {highest:,}, and PostgreSQL's column is {type}, which ends at"
                " {limit:,}: its sequence could not be set, since ids are never given twice.{end_of_sqlite}",
                reason=_reason(table, highest, given),
                highest=last + 1,
                type=column.target.type_sql,
                limit=limit,
                end_of_sqlite=_(" SQLite has no next id either: it refuses a new row, or picks free numbers at random.")
                if last >= _LAST_OF_SQLITE
                else "",
            ),
            remedy=_remedy(table, highest, given, limit),
        )


def _highest(subject: Subject, table: PlannedTable, column: PlannedColumn, limit: int) -> int:
    """Return the highest id that PostgreSQL would take. Those beyond the type are for integer-out-of-range."""
    sql = compose(
        "SELECT {c} FROM {t} WHERE typeof({c}) = 'integer' AND {c} BETWEEN 1 AND {limit} ORDER BY {c} DESC LIMIT 1",
        c=name(column.source.name),
        t=name(table.source.name),
        limit=number(limit),
    )
    return next((int(row[0]) for row in subject.rows(sql)), 0)


def _reason(table: PlannedTable, highest: int, given: int) -> str:
    if highest >= given:
        return _("A row has the id {highest:,}.", highest=highest)
    return _(
        "SQLite's table sqlite_sequence holds {given:,} as the highest id ever given in {source}, by a"
        " row that may be gone.",
        given=given,
        source=table.source.name,
    )


def _remedy(table: PlannedTable, highest: int, given: int, limit: int) -> str:
    widen = "" if limit == _LAST_OF_SQLITE else _("Widen the column with a migration (BigAutoField). Or: ")
    if highest >= limit:
        return _(
            "{widen}give the row a lower id, and its children with it, and set sqlite_sequence to the highest id that"
            " is left, where it has the table.",
            widen=widen,
        )
    update = compose(
        "UPDATE sqlite_sequence SET seq = {highest} WHERE name = {table};",
        highest=number(highest),
        table=text(table.source.name),
    )
    return _(
        "{widen}where no id above {highest:,} was ever a real row's, set the mark back in SQLite:\n{update}",
        widen=widen,
        highest=highest,
        update=update,
    )


RULE = SetRule(
    id="identity-exhausted",
    level=Level.ERROR,
    title=N_("No id left for the next row"),
    meaning=(
        "The sequence of an IDENTITY or serial column goes on after the highest of max(id) and SQLite's"
        " sqlite_sequence, which remembers deleted rows, so that no id is given twice. Where that is the last number"
        " of the column's type or beyond it (integer: 2147483647), PostgreSQL has no next id. Often a single row with a"
        " number made by hand has moved the mark."
    ),
    remedy=N_("Widen the column with a migration (BigAutoField), or lower the id, and the mark in sqlite_sequence."),
    find=find,
)
