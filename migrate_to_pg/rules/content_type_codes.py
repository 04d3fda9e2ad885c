"""Read the rows of django_content_type from the snapshot, each with the table of its model."""

from __future__ import annotations

from typing import NamedTuple

from migrate_to_pg.records import GenericKey, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Subject
from migrate_to_pg.rules.keys.foreign_key_orphan import paired
from migrate_to_pg.sqlite.sql import Sql, compose, names

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
    if table is None or not subject.plan.models or not paired(table, ("id", "app_label", "model")):
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
    columns = paired(table, (key.content_type_column, key.object_column)) if table else []
    return (table, columns[0], columns[1]) if table and columns else None


def type_condition(column: PlannedColumn, content_type: ContentType) -> Sql:
    """Return the condition for a row whose generic key names that model."""
    return compose("{column} = {id}", column=names([column.source.name]), id=Sql(str(int(content_type.id))))
