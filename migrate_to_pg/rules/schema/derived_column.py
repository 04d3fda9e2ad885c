"""Find search indexes that have another type on each database.

Such a column holds derived data. It is left out, to be filled again on PostgreSQL.
"""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, Plan, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import SetRule, Subject


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column."""
    yield from left_out(subject.plan)


def left_out(plan: Plan) -> Iterator[Finding]:
    """Yield a finding for each such column of a plan."""
    for table in plan.tables:
        for column in table.derived:
            yield _finding(table, column)


def filled(plan: Plan) -> Iterator[tuple[str, str, str]]:
    """Yield (table, column, empty value) for each such column without NULL and without a default of its own."""
    for table in plan.tables:
        for column in table.derived:
            if column.target.not_null and not column.target.has_default:
                yield table.name, column.name, ""


def _finding(table: PlannedTable, column: PlannedColumn) -> Finding:
    values = {
        "column": column.name,
        "declared": column.source.declared_type,
        "type": column.target.type_sql,
        "rows": pluralize(table.source.rows, "row", "rows"),
    }
    types = (
        _("The column {column} is {declared} on SQLite and {type} on PostgreSQL: a search index.", **values)
        if column.source.declared_type
        else _("The column {column} has no type on SQLite and is {type} on PostgreSQL: a search index.", **values)
    )
    cause = _(
        "Each database fills it in its own way. PostgreSQL would read the text as a list of lexemes, and lose their"
        " order and repetitions."
    )
    if column.target.has_default:
        effect = _(
            "The rows are moved without this column. It gets PostgreSQL's default in {rows}, and is not compared.",
            **values,
        )
    elif column.target.not_null:
        effect = _(
            "The rows are moved without this column. It gets the empty value in {rows}, and is not compared.", **values
        )
    else:
        effect = _("The rows are moved without this column. It gets NULL in {rows}, and is not compared.", **values)
    # A statement that runs as it is, over a text column of the table where there is one.
    texts = [c.name for c in table.columns if c.target.type_name in ("text", "varchar") and not c.target.generated]
    text = quoted(texts[0]) if texts else "'...'"
    update = f"UPDATE {quoted(table.name)} SET {quoted(column.name)} = to_tsvector(coalesce({text}, ''));"  # noqa: S608 - shown
    return RULE.finding(
        table=table.name,
        column=column.name,
        count=table.source.rows or 1,
        explanation=f"{types} {cause} {effect}",
        remedy=_(
            "Fill it on PostgreSQL after the move, with what fills it in this project: manage.py update_index"
            " (Wagtail), manage.py buildwatson (django-watson), a trigger of the table, or an UPDATE such"
            " as:\n{update}\nTo leave the whole table behind, where all of it is such an index: --exclude-data {table}",
            update=update,
            table=table.name,
        ),
    )


def quoted(name: str) -> str:
    """Quote a name for PostgreSQL."""
    return '"' + name.replace('"', '""') + '"'


RULE = SetRule(
    id="derived-column",
    level=Level.WARNING,
    title=N_("Search index of another type on each database"),
    meaning=(
        "The column is text on SQLite and tsvector on PostgreSQL, as the search indexes of some applications are: the"
        " migration asks which database it runs on. It holds values computed from other data, and no cast converts one"
        " type to the other: PostgreSQL reads a text as a list of lexemes, without order, repetitions and backslashes."
        " The rows are moved, the column gets NULL, its default or the empty value, and is not compared, which the"
        " verification reports. A column that SQLite declares as tsvector too is moved like any other, where it holds"
        " what PostgreSQL writes. `--check` knows of it where a migration makes it by a field, or by ALTER TABLE."
    ),
    remedy=N_("Fill it on PostgreSQL after the move, with what fills it in this project (manage.py update_index)."),
    find=find,
)
