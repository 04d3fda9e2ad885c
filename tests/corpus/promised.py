"""Tables of PostgreSQL's in, models that promise the same tables out: what a project's own models would be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from django.apps.registry import Apps
from django.contrib.postgres.indexes import HashIndex
from django.db import models

from migrate_to_pg.records import TargetColumn, TargetIndex, TargetTable, TargetUnique

if TYPE_CHECKING:
    Field = models.Field[Any, Any]
else:
    Field = models.Field


class Column(Field):
    """A column of whatever type."""

    def __init__(self, *, type_sql: str = "", generated: bool = False, **options: Any) -> None:
        super().__init__(**options)
        self.type_sql = type_sql
        self.generated = generated  # type: ignore[misc] # for Django it is the class's, as it has one for each

    def db_type(self, connection: Any) -> str:
        """The type as it is."""
        return self.type_sql

    def get_internal_type(self) -> str:
        """The field of Django's that has such a column."""
        return _FIELDS.get(self.type_sql.partition("(")[0], "Field")


_FIELDS = {
    "smallint": "SmallIntegerField",
    "integer": "IntegerField",
    "bigint": "BigIntegerField",
    "boolean": "BooleanField",
    "character varying": "CharField",
    "text": "TextField",
    "date": "DateField",
    "numeric": "DecimalField",
}
#: Key of a table that PostgreSQL numbers.
_NUMBERED = {"smallint": models.SmallAutoField, "integer": models.AutoField, "bigint": models.BigAutoField}


def models_of(
    tables: Iterable[TargetTable], constraint: models.BaseConstraint | None = None
) -> list[type[models.Model]]:
    """One model for each table; every table must have a primary key.

    ``constraint`` stands for what PostgreSQL prints of the CHECK, the condition or the expression of table t.
    """
    apps = Apps()
    numbers = {table.name: number for number, table in enumerate(tables)}
    own = {"t": [constraint] if constraint else []}
    return [_model(apps, table, numbers, own.get(table.name, [])) for table in tables]


def _model(
    apps: Apps, table: TargetTable, numbers: dict[str, int], own: list[models.BaseConstraint]
) -> type[models.Model]:
    names = {column.name: f"f{number}x" for number, column in enumerate(table.columns)}
    options = {
        "app_label": "corpus",
        "apps": apps,
        "db_table": table.name,
        "constraints": [*_uniques(table, names), *own],
        "indexes": [_index(index, names) for index in table.indexes if not index.for_like and all(index.columns)],
    }
    fields: dict[str, Any] = {names[c.name]: _field(table, c, numbers) for c in table.columns}
    if len(table.primary_key) > 1:
        fields["pk"] = models.CompositePrimaryKey(*(names[column] for column in table.primary_key))
    meta = type("Meta", (), options)
    return type(f"Table{numbers[table.name]}", (models.Model,), {"__module__": __name__, "Meta": meta, **fields})


def _field(table: TargetTable, column: TargetColumn, numbers: dict[str, int]) -> Field:
    options: dict[str, Any] = {
        "db_column": column.name,
        "null": not column.not_null,
        "primary_key": table.primary_key == (column.name,),
        "db_index": False,
    }
    key = next((key for key in table.foreign_keys if key.columns == (column.name,)), None)
    if column.sequence is not None:
        return _NUMBERED[column.type_sql](db_column=column.name, primary_key=True)
    if key is None:
        return Column(type_sql=column.type_sql, generated=column.generated, **options)
    return models.ForeignKey(
        f"corpus.Table{numbers[key.parent]}",
        models.CASCADE,
        # Every parent of the corpus has its key first and its code second.
        to_field="f0x" if key.parent_columns == ("id",) else "f1x",
        related_name="+",
        **options,
    )


def _uniques(table: TargetTable, names: dict[str, str]) -> Iterator[models.UniqueConstraint]:
    for unique in table.uniques:
        if not unique.primary and not unique.predicate and not unique.expressions:
            yield _unique(unique, names)


def _unique(unique: TargetUnique, names: dict[str, str]) -> models.UniqueConstraint:
    options: dict[str, Any] = {"name": unique.name}
    if unique.nulls_not_distinct:
        options["nulls_distinct"] = False
    return models.UniqueConstraint(fields=[names[column] for column in unique.columns], **options)


def _index(index: TargetIndex, names: dict[str, str]) -> models.Index:
    kinds: dict[str, type[models.Index]] = {"btree": models.Index, "hash": HashIndex}
    return kinds[index.method](fields=[names[column] for column in index.columns], name=index.name)
