"""Find generic foreign keys without their row, which no database checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, NamedTuple

from migrate_to_pg.i18n import N_, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, GenericKey, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import SAMPLES, SetRule, Subject
from migrate_to_pg.rules.content_type_codes import ContentType, content_types, generic_key_columns, type_condition
from migrate_to_pg.rules.keys.foreign_key_orphan import paired
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.connection import UUID_DIGITS
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: The admin's log rightly keeps its entries about objects that were deleted.
_LOG = "django_admin_log"
_INTEGERS = ("int2", "int4", "int8")
_TEXTS = ("varchar", "text", "bpchar")
#: (type of the parent's key, type of the object id) -> object id as the parent's key reads it, NULL if it is no key.
#: Python's int() takes spaces, a sign and leading zeros, and so does Django.
_AS_KEY: dict[tuple[str, str], LiteralString] = {
    ("integer", "integer"): "{c}",
    (
        "integer",
        "text",
    ): "iif(trim({c}) <> '' AND ltrim(trim({c}), '+-') NOT GLOB '*[^0-9]*', CAST({c} AS INTEGER), NULL)",
    ("text", "integer"): "CAST({c} AS TEXT)",
    ("text", "text"): "{c} COLLATE BINARY",
    ("uuid", "uuid"): f"lower({UUID_DIGITS})",
    ("uuid", "text"): f"lower({UUID_DIGITS})",
}


class _Lost(NamedTuple):
    """Rows of one generic key whose objects, of one model, do not exist."""

    content_type: ContentType
    where: Sql
    rows: int


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each generic key that some rows do not satisfy."""
    known = [content_type for content_type in content_types(subject) if content_type.table]
    for key in subject.plan.generic_keys:
        found = generic_key_columns(subject, key)
        if found and key.table != _LOG:
            table, kind, row = found
            lost = list(_lost(subject, table, kind, row, known))
            if lost:
                yield _finding(subject, key, table, (kind, row), lost)


def _lost(
    subject: Subject, table: PlannedTable, kind: PlannedColumn, row: PlannedColumn, known: list[ContentType]
) -> Iterator[_Lost]:
    sql = compose("SELECT DISTINCT {c} FROM {t}", c=name(kind.source.name), t=name(table.source.name))
    used = {value for (value,) in subject.rows(sql)}
    for content_type in known:
        where = _orphans(subject, content_type, kind, row) if content_type.id in used else None
        count = samples.count(subject, table.source, where) if where else 0
        if where and count:
            yield _Lost(content_type, where, count)


def _orphans(subject: Subject, content_type: ContentType, kind: PlannedColumn, row: PlannedColumn) -> Sql | None:
    """Return the condition for a row without its parent, or None where SQLite cannot compare the keys.

    Values that PostgreSQL's column could not hold are reported by their own rule.
    """
    child = key_of([row])
    if child is None:
        return None
    given = compose("{kind} AND {held}", kind=type_condition(kind, content_type), held=child.held)
    parent = subject.plan.parent(content_type.table or "")
    if parent is None:
        # A table that SQLite lacks has no rows. One that no migration makes may be in another database.
        is_ours = any(table.name == content_type.table for table in subject.plan.only_target)
        return given if is_ours else None
    there = _there(parent, row)
    return compose("{given} AND {there} IS NOT TRUE", given=given, there=there) if there else None


def _there(parent: PlannedTable, row: PlannedColumn) -> Sql | None:
    """Return the condition for a row whose parent exists. SQLite builds the set of keys once."""
    columns = paired(parent, parent.target.primary_key)
    key = key_of(columns) if len(columns) == 1 else None
    template = _AS_KEY.get((_kind(columns[0]), _kind(row))) if key else None
    if key is None or template is None:
        return None
    return compose(
        "({value} IN (SELECT {key} FROM {table} WHERE {held}))",
        value=compose(template, c=name(row.source.name)),
        key=key.same,
        table=name(parent.source.name),
        held=key.held,
    )


def _kind(column: PlannedColumn) -> str:
    type_name = column.target.type_name
    return "integer" if type_name in _INTEGERS else "text" if type_name in _TEXTS else type_name


def _finding(
    subject: Subject,
    key: GenericKey,
    table: PlannedTable,
    columns: tuple[PlannedColumn, PlannedColumn],
    lost: list[_Lost],
) -> Finding:
    count = sum(one.rows for one in lost)
    rowids = sorted({rowid for one in lost for rowid in samples.first_rowids(subject, table.source, one.where)})
    models = ", ".join(f"{one.rows:,} of {one.content_type} ({one.content_type.table})" for one in lost)
    return RULE.finding(
        table=table.name,
        column=f"{key.content_type_column}, {key.object_column}",
        count=count,
        samples=samples.samples(subject, table, [column.source for column in columns], rowids[:SAMPLES]),
        explanation=_(
            "{rows_name_objects}: {models}. No database checks a generic key, and deleting"
            " the object takes these rows along only where its model has a GenericRelation.",
            rows_name_objects=pluralize(count, "row names an object that is gone", "rows name objects that are gone"),
            models=models,
        ),
        remedy=_(RULE.remedy),
    )


RULE = SetRule(
    id="generic-foreign-key-orphan",
    level=Level.WARNING,
    title=N_("Generic key without its object"),
    meaning=(
        "PostgreSQL takes the row, since it knows nothing of generic keys; Django reads None where the object was."
        " Examined are the generic foreign keys of the installed models; the admin's log rightly keeps its entries"
        " about objects that were deleted. The object id is compared as the parent's key reads it: '12' is 12. Keys"
        " over other types than whole numbers, text and uuid are not"
        " examined, and rows of models that are gone are told by content-type-gone."
    ),
    remedy=N_(
        "Delete the rows, or leave them as they are: Django reads None there. Where rows were left out, their objects"
        " may be in quarantine."
    ),
    find=find,
    asked_again=True,
)
