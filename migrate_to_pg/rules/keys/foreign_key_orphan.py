"""Find keys without a parent row.

SQLite checks foreign keys only on a connection that turns them on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable, TargetForeignKey
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import CellRepair, Message, Offence, SetRule, Subject
from migrate_to_pg.rules.keys import empty_key
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.sql import Sql, compose, name, names


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each foreign key of PostgreSQL that some rows do not satisfy."""
    for table in subject.plan.tables:
        for key, columns, where in _orphans_by_key(subject, table):
            count = samples.count(subject, table.source, where)
            if count:
                message = Message(
                    explanation=_explanation(subject, key, count), remedy=_remedy(subject, table, key, columns)
                )
                yield samples.finding_of_rows(
                    RULE,
                    subject,
                    table,
                    where,
                    message,
                    count=count,
                    column=", ".join(key.columns),
                    shown=[column.source for column in columns],
                )


def offences(subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield the rows without a parent, for each foreign key of the table."""
    for _key, columns, where in _orphans_by_key(subject, table):
        yield Offence(columns=tuple(columns), where=where)


def null(_: Subject, __: PlannedTable, column: PlannedColumn) -> CellRepair | None:
    """Replace a key without a parent by NULL where the column allows it."""
    return None if column.target.not_null else lambda _: None


def _orphans_by_key(
    subject: Subject, table: PlannedTable
) -> Iterator[tuple[TargetForeignKey, list[PlannedColumn], Sql]]:
    """Yield (key, columns, condition for an orphan), without the empty texts, which have a rule of their own."""
    for key in table.target.foreign_keys:
        columns = table.columns_named(key.columns)
        where = orphans(subject, key, columns) if columns else None
        empty = empty_key.empty(subject, table, columns[0]) if len(columns) == 1 else None
        if where:
            without_empty = compose("{where} AND NOT ({empty})", where=where, empty=empty) if empty else where
            yield key, columns, without_empty


def orphans(subject: Subject, key: TargetForeignKey, columns: list[PlannedColumn]) -> Sql | None:
    """Return the condition for a child row without a parent, or None where only PostgreSQL knows what is equal.

    A NULL in any part means no check, as in MATCH SIMPLE. The set of parent keys is built once by SQLite, on disk where
    it is large, whether or not the parent still has its index.
    """
    child = key_of(columns)
    parent = subject.plan.parent(key.parent)
    if child is None or not child.exact:
        return None
    if parent is None:
        return child.held
    parent_columns = parent.columns_named(key.parent_columns)
    parent_key = key_of(parent_columns) if parent_columns else None
    if parent_key is None:
        return None
    # Every rowid is an integer. Without a condition SQLite searches the table itself.
    where = Sql("") if is_rowid(subject, parent, parent_columns) else compose(" WHERE {held}", held=parent_key.held)
    return compose(
        "{held} AND ({child}) NOT IN (SELECT {parent} FROM {table}{where})",
        held=child.held,
        child=child.same,
        parent=parent_key.same,
        table=name(parent.source.name),
        where=where,
    )


def is_rowid(subject: Subject, table: PlannedTable, columns: list[PlannedColumn]) -> bool:
    """Check whether the one column is another name of SQLite's rowid."""
    return len(columns) == 1 and columns[0].source == samples.rowid_column(subject.database, table.source)


def _explanation(subject: Subject, key: TargetForeignKey, count: int) -> str:
    parent = _parent(key)
    if subject.plan.parent(key.parent) is None:
        found = ngettext(
            "{n:,} row refers to {parent}, but SQLite has no such table.",
            "{n:,} rows refer to {parent}, but SQLite has no such table.",
            count,
            parent=parent,
        )
    else:
        found = ngettext(
            "{n:,} row refers to a row of {parent} that does not exist.",
            "{n:,} rows refer to rows of {parent} that do not exist.",
            count,
            parent=parent,
        )
    cause = _(
        "SQLite checks foreign keys only where a connection turns them on, as Django does. Other programs deleted or"
        " imported rows without the check, or the key was broken at that time."
    )
    return f"{found} {_refused(key)} {cause}"


def _refused(key: TargetForeignKey) -> str:
    if key.named:
        return _("PostgreSQL would refuse the constraint {key}.", key=key.name)
    return _("PostgreSQL would refuse this foreign key of the model.")


def of_left_out(
    subject: Subject, table: PlannedTable, finding: Finding, key: TargetForeignKey, left_out: int
) -> Finding:
    """Return the finding with what is true of ``left_out`` of its rows: theirs exist, and are in quarantine."""
    columns = table.columns_named(key.columns)
    missing = finding.count - left_out
    lost = ngettext(
        "{n:,} row refers to a row of {parent} that SQLite has, and that this run leaves out: it is in quarantine.",
        "{n:,} rows refer to rows of {parent} that SQLite has, and that this run leaves out: they are in quarantine.",
        left_out,
        parent=_parent(key),
    )
    repair = _("Repair the rows that are left out, so that they stay, or set the keys that refer to them to NULL.")
    if not missing:
        return replace(finding, explanation=f"{lost} {_refused(key)}", remedy=repair)
    return replace(
        finding,
        explanation=f"{_explanation(subject, key, missing)} {lost}",
        remedy=f"{_remedy(subject, table, key, columns)}\n{repair}",
    )


def _parent(key: TargetForeignKey) -> str:
    return f"{key.parent} ({', '.join(key.parent_columns)})"


def _remedy(subject: Subject, table: PlannedTable, key: TargetForeignKey, columns: list[PlannedColumn]) -> str:
    nullable = not any(column.target.not_null for column in columns)
    options = (
        _("Bring the parent rows back, set the key to NULL, or delete the rows.")
        if nullable
        else _("Bring the parent rows back, or delete the rows.")
    )
    parent = subject.plan.parent(key.parent)
    parent_columns = parent.columns_named(key.parent_columns) if parent else []
    if parent is None or not parent_columns:
        return options
    sources = [column.source.name for column in columns]
    query = compose(
        "SELECT * FROM {table} WHERE {first} IS NOT NULL AND ({columns}) NOT IN (SELECT {others} FROM {parent});",
        table=name(table.source.name),
        first=name(sources[0]),
        columns=names(sources),
        others=names(column.source.name for column in parent_columns),
        parent=name(parent.source.name),
    )
    return _("{remedy} To see them all:\n{query}", remedy=options, query=query)


RULE = SetRule(
    id="foreign-key-orphan",
    level=Level.ERROR,
    title=N_("Key without a parent row"),
    meaning=(
        "PostgreSQL refuses the foreign key. Keys are compared as PostgreSQL will see them after conversion; values"
        " that it could not hold at all are reported by the rules about single values instead, and a key in which any"
        " part is NULL refers to nothing. Keys over citext and other types whose equality SQLite does not know are left"
        " to PostgreSQL, which checks every constraint when it is restored."
    ),
    remedy=N_("Bring the parent rows back, set the key to NULL where the column allows it, or delete the rows."),
    repair="lossy",
    repair_description=(
        "Sets the key to NULL where the column allows it; the record keeps the value. Where it does not, the finding"
        " remains."
    ),
    find=find,
    offences=offences,
    cell_repair=null,
)
