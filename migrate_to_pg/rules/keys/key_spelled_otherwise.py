"""Find keys that equal their parent's on PostgreSQL but not on SQLite: one value in two notations."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, TargetForeignKey
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.sql import Sql, compose, name, names


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each foreign key of PostgreSQL for which SQLite's comparison misses parents."""
    for table in subject.plan.tables:
        for key in table.target.foreign_keys:
            columns = table.columns_named(key.columns)
            where = _missed_condition(subject, key, columns)
            if where and (count := samples.count(subject, table.source, where)):
                yield samples.finding_of_rows(
                    RULE,
                    subject,
                    table,
                    where,
                    _message(key, count),
                    count=count,
                    column=", ".join(key.columns),
                    shown=[column.source for column in columns],
                )


def _missed_condition(subject: Subject, key: TargetForeignKey, columns: list[PlannedColumn]) -> Sql | None:
    """Return the condition for rows whose parent only PostgreSQL finds, or None where both compare alike.

    SQLite builds each set of parent keys once, whether or not the parent still has its index.
    """
    parent = subject.plan.table(key.parent)
    parents = parent.columns_named(key.parent_columns) if parent else []
    child, other = key_of(columns) if columns else None, key_of(parents) if parents else None
    if parent is None or child is None or other is None:
        return None
    if (child.plain and other.plain) or not (child.exact and other.exact):
        return None
    return compose(
        "{held} AND ({columns}) NOT IN (SELECT {parents} FROM main.{parent} WHERE {other_held})"
        " AND ({child}) IN (SELECT {other} FROM main.{parent} WHERE {other_held})",
        held=child.held,
        columns=names(column.source.name for column in columns),
        parents=names(column.source.name for column in parents),
        parent=name(parent.source.name),
        child=child.same,
        other=other.same,
        other_held=other.held,
    )


def _message(key: TargetForeignKey, count: int) -> Message:
    found = ngettext(
        "{n:,} row spells the key of {parent} in another way than its parent, such as a uuid with and without dashes.",
        "{n:,} rows spell the key of {parent} in another way than their parents, such as a uuid with and without"
        " dashes.",
        count,
        parent=f"{key.parent} ({', '.join(key.parent_columns)})",
    )
    effect = _(
        "SQLite compares the characters: joins, and Django's queries across this key, miss these rows there, and"
        " SQLite's own check of foreign keys reports them. PostgreSQL compares the values, and finds the parents."
    )
    return Message(explanation=f"{found} {effect}")


RULE = SetRule(
    id="key-spelled-otherwise",
    level=Level.WARNING,
    title=N_("Key that is spelled in another way than its parent's"),
    meaning=(
        "The value is the parent's, its text is not: a uuid with dashes and without, in capitals or not, a date with"
        " leading zeros and without. SQLite compares texts, so that its joins miss the parent; PostgreSQL compares"
        " values. After the move, queries return rows that they did not return before."
    ),
    remedy=N_(
        "Nothing needs to be done for the move. To make SQLite find them too, spell both alike: Django writes a uuid as"
        " 32 hexadecimal digits without dashes."
    ),
    find=find,
)
