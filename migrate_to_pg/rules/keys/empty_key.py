"""Find empty texts in a nullable key where NULL was meant, as blank form fields and CSV imports write them."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, Offence, SetRule, Subject
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.malformed import INTEGER_TYPES, TEXT_TYPES, condition
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: Types whose columns Django uses as keys. In any other the rule about the value reports it.
_TYPES = (*TEXT_TYPES, *INTEGER_TYPES, "uuid", "numeric")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each column that has such values."""
    for table in subject.plan.tables:
        for offence in offences(subject, table):
            (column,) = offence.columns
            count = samples.count(subject, table.source, offence.where)
            if count:
                yield samples.finding_of_rows(
                    RULE,
                    subject,
                    table,
                    offence.where,
                    _message(table, column, count),
                    count=count,
                    column=column.name,
                    shown=[column.source],
                )


def offences(subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield the rows with an empty text, for each nullable key of one column."""
    for column in table.loaded_columns:
        where = empty(subject, table, column)
        if where is not None:
            yield Offence(columns=(column,), where=where)


def empty(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    """Return the condition for an empty key.

    None where the column is no nullable key, or where '' is a key of the parent.
    """
    key = next((key for key in table.target.foreign_keys if key.columns == (column.name,)), None)
    if key is None or column.target.not_null or column.target.type_name not in _TYPES:
        return None
    where = condition("typeof({c}) = 'text' AND {c} = '' COLLATE BINARY", column)
    parent = subject.plan.table(key.parent) if column.target.type_name in TEXT_TYPES else None
    parent_key = next((c for c in parent.columns if (c.name,) == key.parent_columns), None) if parent else None
    if parent and parent_key:
        is_key = samples.count(subject, parent.source, condition("{c} = '' COLLATE BINARY", parent_key)) > 0
        return None if is_key else where
    return where


def _message(table: PlannedTable, column: PlannedColumn, count: int) -> Message:
    query = compose(
        "UPDATE {table} SET {column} = NULL WHERE {column} = '';",
        table=name(table.source.name),
        column=name(column.source.name),
    )
    found = ngettext(
        "{n:,} row has the empty text in {column}, a key that may be NULL, and NULL was meant.",
        "{n:,} rows have the empty text in {column}, a key that may be NULL, and NULL was meant.",
        count,
        column=column.name,
    )
    effect = _(
        "PostgreSQL's column is {type}: it would refuse '', or look for a parent of that key. Forms and CSV imports"
        " write '' for what was left blank.",
        type=column.target.type_sql,
    )
    remedy = _("{remedy} In SQLite:\n{query}", remedy=_(RULE.remedy), query=query)
    return Message(explanation=f"{found} {effect}", remedy=remedy)


RULE = SetRule(
    id="empty-key",
    level=Level.ERROR,
    title=N_("Empty text in a key that may be NULL"),
    meaning=(
        "PostgreSQL refuses '' in a key of numbers or uuids, and the foreign key in a key of text, unless the parent"
        " has a row whose key is ''. In a key that may not be NULL, the empty text is reported by wrong-storage-class,"
        " invalid-uuid or foreign-key-orphan."
    ),
    remedy=N_("Set these keys to NULL."),
    repair="lossy",
    repair_description="Sets these keys to NULL, where Django reads the empty text today, or fails.",
    find=find,
    offences=offences,
    cell_repair=null_for(""),
)
