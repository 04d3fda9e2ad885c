"""Find sequences without a next id: SQLite has given the last one that PostgreSQL's type holds."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.codecs.numeric import LIMITS
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.rules.malformed import INTEGER_TYPES
from migrate_to_pg.sqlite.sql import compose, name, number, text

#: Last integer of SQLite, and so its last id.
_LAST_OF_SQLITE = LIMITS["int8"][1]


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each IDENTITY or serial column whose next id its type does not hold."""
    for table in subject.plan.tables:
        for column in table.columns:
            if column.target.sequence is not None and column.target.type_name in INTEGER_TYPES:
                yield from _finding(subject, table, column, LIMITS[column.target.type_name][1])


def _finding(subject: Subject, table: PlannedTable, column: PlannedColumn, limit: int) -> Iterator[Finding]:
    # Ids beyond the type are for integer-out-of-range.
    sql = compose(
        "SELECT {c} FROM {t} WHERE typeof({c}) = 'integer' AND {c} BETWEEN 1 AND {limit} ORDER BY {c} DESC LIMIT 1",
        c=name(column.source.name),
        t=name(table.source.name),
        limit=number(limit),
    )
    highest = next((int(row[0]) for row in subject.rows(sql)), 0)
    is_key = [key.name for key in table.key] == [column.name]
    # sqlite_sequence is about the primary key alone.
    given = (table.source.last_id or 0) if is_key else 0
    last = max(highest, given)
    if last >= limit:
        sentences = [
            _("A row has the id {highest:,}.", highest=highest)
            if highest >= given
            else _(
                "SQLite's table sqlite_sequence holds {given:,} as the highest id ever given in {source}. Its row may"
                " have been deleted since.",
                given=given,
                source=table.source.name,
            ),
            _(
                "The next id would be {highest:,}. PostgreSQL's column is {type}, which ends at {limit:,}, so its"
                " sequence cannot be set: an id is never given twice.",
                highest=last + 1,
                type=column.target.type_sql,
                limit=limit,
            ),
        ]
        if last >= _LAST_OF_SQLITE:
            sentences.append(_("SQLite has no next id either: it refuses a new row, or picks a free number at random."))
        yield RULE.finding(
            table=table.name,
            column=column.name,
            explanation=" ".join(sentences),
            remedy=_remedy(table, highest, limit),
        )


def _remedy(table: PlannedTable, highest: int, limit: int) -> str:
    can_grow = limit < _LAST_OF_SQLITE
    if highest >= limit:
        return (
            _(
                "Widen the column with a migration (BigAutoField). Or give the row a lower id, change the keys that"
                " refer to it, and set sqlite_sequence, where it has the table, to the highest id that is left."
            )
            if can_grow
            else _(
                "Give the row a lower id, change the keys that refer to it, and set sqlite_sequence, where it has the"
                " table, to the highest id that is left."
            )
        )
    update = compose(
        "UPDATE sqlite_sequence SET seq = {highest} WHERE name = {table};",
        highest=number(highest),
        table=text(table.source.name),
    )
    values = {"highest": highest, "update": update}
    if can_grow:
        return _(
            "Widen the column with a migration (BigAutoField). Or, where no row ever had an id above {highest:,}, lower"
            " the value in SQLite:\n{update}",
            **values,
        )
    return _("Where no row ever had an id above {highest:,}, lower the value in SQLite:\n{update}", **values)


RULE = SetRule(
    id="identity-exhausted",
    level=Level.ERROR,
    title=N_("No id left for the next row"),
    meaning=(
        "The sequence of an IDENTITY or serial column continues after the highest of max(id) and SQLite's"
        " sqlite_sequence, which remembers deleted rows, so that no id is given twice. Where that is the last number of"
        " the column's type or beyond it (integer: 2147483647), PostgreSQL has no next id. Often a single row with a"
        " number typed by hand is the cause."
    ),
    remedy=N_("Widen the column with a migration (BigAutoField), or lower the id, and the value in sqlite_sequence."),
    find=find,
)
