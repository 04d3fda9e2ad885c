"""Find generic foreign keys without their row, which no database checks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import LiteralString, NamedTuple

from migrate_to_pg.i18n import N_, ngettext, number
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, GenericKey, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import SAMPLES, SetRule, Subject
from migrate_to_pg.rules.malformed import INTEGER_TYPES
from migrate_to_pg.rules.sql_keys import key_of
from migrate_to_pg.sqlite.connection import UUID_DIGITS
from migrate_to_pg.sqlite.sql import Sql, compose, name, names

TABLE = "django_content_type"


class ContentType(NamedTuple):
    """A row of django_content_type."""

    id: int
    app_label: str
    model: str
    #: PostgreSQL's name of the model's table; None where no installed application has the model.
    table: str | None

    def __str__(self) -> str:
        return f"{self.app_label}.{self.model}"


def content_types(subject: Subject) -> list[ContentType]:
    """Return all content types by id, or none where the installed models are unknown or SQLite has no such table."""
    table = subject.plan.table(TABLE)
    if table is None or not subject.plan.models or not table.columns_named(("id", "app_label", "model")):
        return []
    # A name in another class than text is reported by the rule about its value.
    sql = Sql(
        "SELECT id, app_label, model FROM django_content_type"
        " WHERE typeof(id) = 'integer' AND typeof(app_label) = 'text' AND typeof(model) = 'text' ORDER BY id"
    )
    return [
        ContentType(id, app_label, model, subject.plan.models.get((app_label, model)))
        for id, app_label, model in subject.rows(sql)
    ]


def generic_key_columns(subject: Subject, key: GenericKey) -> tuple[PlannedTable, PlannedColumn, PlannedColumn] | None:
    """Return the table of a generic key, the column that names the model and the one that names the row."""
    table = subject.plan.table(key.table)
    columns = table.columns_named((key.content_type_column, key.object_column)) if table else []
    return (table, columns[0], columns[1]) if table and columns else None


def type_condition(column: PlannedColumn, content_type: ContentType) -> Sql:
    """Return the condition for a row whose generic key names that model."""
    return compose("{column} = {id}", column=names([column.source.name]), id=Sql(str(int(content_type.id))))


#: The admin's log rightly keeps its entries about objects that were deleted.
_LOG = "django_admin_log"
_TEXTS = ("varchar", "text", "bpchar")
#: (type of the parent's key, type of the object id) -> object id as the parent's key reads it, NULL if it is no key.
#: Python's int() takes spaces, a sign and leading zeros, and so does Django.
_OBJECT_ID_AS_KEY: dict[tuple[str, str], LiteralString] = {
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


class _Orphans(NamedTuple):
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
            table, type_column, id_column = found
            orphans = list(_orphans_by_model(subject, table, type_column, id_column, known))
            if orphans:
                yield _finding(subject, key, table, (type_column, id_column), orphans)


def _orphans_by_model(
    subject: Subject,
    table: PlannedTable,
    type_column: PlannedColumn,
    id_column: PlannedColumn,
    known: list[ContentType],
) -> Iterator[_Orphans]:
    sql = compose("SELECT DISTINCT {c} FROM {t}", c=name(type_column.source.name), t=name(table.source.name))
    used = {value for (value,) in subject.rows(sql)}
    for content_type in known:
        where = _orphan_condition(subject, content_type, type_column, id_column) if content_type.id in used else None
        count = samples.count(subject, table.source, where) if where else 0
        if where and count:
            yield _Orphans(content_type, where, count)


def _orphan_condition(
    subject: Subject, content_type: ContentType, type_column: PlannedColumn, id_column: PlannedColumn
) -> Sql | None:
    """Return the condition for a row without its parent, or None where SQLite cannot compare the keys.

    Values that PostgreSQL's column could not hold are reported by their own rule. SQLite builds the set of the parent's
    keys once.
    """
    child = key_of([id_column])
    if child is None:
        return None
    condition = compose("{kind} AND {held}", kind=type_condition(type_column, content_type), held=child.held)
    parent = subject.plan.parent(content_type.table or "")
    if parent is None:
        # A table that SQLite lacks has no rows. One that no migration makes may be in another database.
        is_ours = any(table.name == content_type.table for table in subject.plan.only_target)
        return condition if is_ours else None
    columns = parent.columns_named(parent.target.primary_key)
    key = key_of(columns) if len(columns) == 1 else None
    template = _OBJECT_ID_AS_KEY.get((_type_family(columns[0]), _type_family(id_column))) if key else None
    if key is None or template is None:
        return None
    return compose(
        "{condition} AND ({value} IN (SELECT {key} FROM {table} WHERE {held})) IS NOT TRUE",
        condition=condition,
        value=compose(template, c=name(id_column.source.name)),
        key=key.same,
        table=name(parent.source.name),
        held=key.held,
    )


def _type_family(column: PlannedColumn) -> str:
    type_name = column.target.type_name
    return "integer" if type_name in INTEGER_TYPES else "text" if type_name in _TEXTS else type_name


def _finding(
    subject: Subject,
    key: GenericKey,
    table: PlannedTable,
    columns: tuple[PlannedColumn, PlannedColumn],
    orphans: list[_Orphans],
) -> Finding:
    count = sum(part.rows for part in orphans)
    rowids = sorted({rowid for part in orphans for rowid in samples.first_rowids(subject, table.source, part.where)})
    models = ", ".join(f"{part.content_type} ({part.content_type.table}): {number(part.rows)}" for part in orphans)
    found = ngettext(
        "{n:,} row refers to an object that does not exist. By model: {models}.",
        "{n:,} rows refer to objects that do not exist. By model: {models}.",
        count,
        models=models,
    )
    cause = _(
        "No database checks a generic key. Deleting an object deletes these rows only where its model has a"
        " GenericRelation."
    )
    return RULE.finding(
        table=table.name,
        column=f"{key.content_type_column}, {key.object_column}",
        count=count,
        samples=samples.samples(subject, table, [column.source for column in columns], rowids[:SAMPLES]),
        explanation=f"{found} {cause}",
    )


RULE = SetRule(
    id="generic-foreign-key-orphan",
    level=Level.WARNING,
    title=N_("Generic key without its object"),
    meaning=(
        "PostgreSQL takes the row, since it knows nothing of generic keys; Django reads None where the object was. The"
        " generic foreign keys of the installed models are examined, except the admin's log, which rightly keeps"
        " entries about deleted objects. The object id is compared as the parent's key reads it: '12' is 12. Keys over"
        " other types than whole numbers, text and uuid are not examined, and content-type-gone reports rows of models"
        " that no longer exist."
    ),
    remedy=N_(
        "Delete the rows, or leave them as they are: Django reads None there. Where rows were left out, their objects"
        " may be in quarantine."
    ),
    find=find,
    reexamined=True,
)
