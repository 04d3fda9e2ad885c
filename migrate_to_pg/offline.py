"""The source's applied migrations in, the tables that PostgreSQL would have out, without asking any server.

For --check: the migration state's models, and what Django's PostgreSQL backend calls their columns. A run with a
target reads the staged catalogue instead, which knows what RunSQL did besides.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from contextlib import suppress
from typing import Any, cast

import django.db
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.expressions import OrderBy
from django.db.models.sql import Query
from django.db.utils import ConnectionHandler

from migrate_to_pg.migrations import Key
from migrate_to_pg.records import TargetCheck, TargetColumn, TargetForeignKey, TargetIndex, TargetTable, TargetUnique
from migrate_to_pg.registry import stored_models, unquoted
from migrate_to_pg.stand_in import forget_migrations, standing_in

#: SQL name -> pg_type.typname, where they differ.
_TYPE_NAMES = {
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    "char": "bpchar",
    "double precision": "float8",
    "real": "float4",
    "decimal": "numeric",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
    "serial": "int4",
    "bigserial": "int8",
    "smallserial": "int2",
}
#: A database of which the kind is known, and which nobody connects to.
_NOWHERE = {"ENGINE": "django.db.backends.postgresql", "NAME": "nowhere"}
_WITH_LIMITS = re.compile(r"^(?P<name>[a-z0-9_ ]+?)\s*(\((?P<first>\d+)(,\s*(?P<second>\d+))?\))?$")


def target_tables(applied: Collection[Key], alias: str) -> tuple[TargetTable, ...]:
    """The tables of every managed model as of the applied migrations that the project's routers put into this database.

    Many-to-many tables and Django's own are included.
    """
    from django.db.migrations.recorder import MigrationRecorder

    with standing_in(alias, _NOWHERE):
        # A migration may have other operations on PostgreSQL than where it was imported first.
        forget_migrations()
        return tables_of([*stored_models(applied, alias), MigrationRecorder.Migration])


def tables_of(stored: Iterable[type[models.Model]]) -> tuple[TargetTable, ...]:
    """The tables of those models, by name."""
    connection = ConnectionHandler({"default": {"ENGINE": "django.db.backends.postgresql"}})["default"]
    tables = {model._meta.db_table: _table(model, connection) for model in stored}
    return tuple(tables[name] for name in sorted(tables))


def _table(model: type[models.Model], connection: Any) -> TargetTable:
    fields = [field for field in model._meta.local_concrete_fields if field.db_type(connection) is not None]
    return TargetTable(
        name=unquoted(model._meta.db_table),
        columns=tuple(_column(field, connection) for field in fields),
        primary_key=_primary_key(model),
        uniques=tuple(_uniques(model, fields, connection)),
        foreign_keys=tuple(_foreign_keys(fields)),
        checks=tuple(_checks(model, fields, connection)),
        indexes=tuple(_indexes(model, fields, connection)),
    )


def _column(field: Any, connection: Any) -> TargetColumn:
    written = field.db_type(connection)
    found = _WITH_LIMITS.match(written.lower())
    name = found["name"] if found else written.lower()
    type_name = _TYPE_NAMES.get(name, name)
    if written.endswith("[]"):
        # The catalogue's name of an array of it.
        type_name = "_" + _TYPE_NAMES.get(written[:-2], written[:-2])
    first = int(found["first"]) if found and found["first"] else None
    numeric = type_name == "numeric"
    generated = bool(getattr(field, "generated", False))
    is_numbered = isinstance(field, models.AutoField)
    return TargetColumn(
        name=field.column,
        type_name=type_name,
        type_sql=written,
        # Django makes no generated column NOT NULL.
        not_null=not field.null and not generated,
        max_length=first if type_name in ("varchar", "bpchar") else None,
        precision=first if numeric else None,
        scale=int(found["second"] or 0) if numeric and first is not None and found else None,
        generated=generated,
        sequence=f"{unquoted(field.model._meta.db_table)}_{field.column}_seq" if is_numbered else None,
        has_default=generated or is_numbered or _has_database_default(field),
    )


def _has_database_default(field: Any) -> bool:
    return bool(getattr(field, "has_db_default", lambda: False)())


def _primary_key(model: type[models.Model]) -> tuple[str, ...]:
    return tuple(str(field.column) for field in cast(Any, model._meta).pk_fields)


def _uniques(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetUnique]:
    yield TargetUnique(name=f"{model._meta.db_table}_pkey", columns=_primary_key(model), primary=True)
    for field in fields:
        if field.unique and not field.primary_key:
            yield TargetUnique(name=f"{field.column}_unique", columns=(field.column,))
    for names in model._meta.unique_together:
        yield TargetUnique(name="unique_together", columns=_columns(model, names))
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            # What cannot be written without a server is judged against the staged table.
            with suppress(django.db.Error, ImproperlyConfigured):
                yield _unique(model, constraint, connection.schema_editor())


def _unique(model: type[models.Model], constraint: Any, editor: Any) -> TargetUnique:
    expressions = constraint._get_index_expressions(model, editor)
    return TargetUnique(
        name=constraint.name,
        columns=_columns(model, constraint.fields),
        expressions=_written(model, expressions, editor) if expressions else (),
        nulls_not_distinct=constraint.nulls_distinct is False,
        predicate=constraint._get_condition_sql(model, editor) or "",
    )


def _written(model: type[models.Model], expressions: Any, editor: Any) -> tuple[str, ...]:
    """Each part of an index as SQL."""
    compiler = Query(model, alias_cols=False).get_compiler(connection=editor.connection)
    parts = [compiler.compile(part) for part in expressions.get_source_expressions()]
    return tuple(sql % tuple(map(editor.quote_value, values)) for sql, values in parts)


def _indexes(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetIndex]:
    editor = connection.schema_editor()
    for field in fields:
        if editor._field_should_be_indexed(model, field):
            yield TargetIndex(name=f"{field.column}_index", columns=(field.column,))
        if _has_like_index(editor, model, field):
            yield TargetIndex(name=f"{field.column}_like", columns=(field.column,), for_like=True)
    for index in model._meta.indexes:
        with suppress(django.db.Error, ImproperlyConfigured):
            yield _index(model, index, editor)


def _has_like_index(editor: Any, model: type[models.Model], field: Any) -> bool:
    # Whether a collation is deterministic, only a server can tell.
    with suppress(django.db.Error, ImproperlyConfigured):
        return editor._create_like_index_sql(model, field) is not None
    return False


def _index(model: type[models.Model], index: Any, editor: Any) -> TargetIndex:
    names = [name for name, _ in index.fields_orders]
    return TargetIndex(
        name=index.name,
        columns=_columns(model, names) or tuple(_plain(model, part) for part in index.expressions),
        # PostgreSQL's own kinds of index have their method's name here, a plain one "idx".
        method="btree" if index.suffix == "idx" else index.suffix,
        predicate=index._get_condition_sql(model, editor) or "",
        included=_columns(model, index.include),
    )


def _plain(model: type[models.Model], part: Any) -> str:
    """The column that a part of an index is, in whatever order; '' for an expression."""
    part = part.expression if isinstance(part, OrderBy) else part
    return _columns(model, [cast(Any, part).name])[0] if isinstance(part, models.F) else ""


def _checks(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetCheck]:
    for field in fields:
        expression = field.db_check(connection)
        if expression:
            yield TargetCheck(name=f"{field.column}_check", expression=expression)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            # What cannot be written without a server is judged against the staged table.
            with suppress(django.db.Error, ImproperlyConfigured):
                expression = cast(Any, constraint)._get_check_sql(model, connection.schema_editor())
                yield TargetCheck(name=constraint.name, expression=expression)


def _columns(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(cast(Any, model._meta.get_field(name)).column for name in names)


def _foreign_keys(fields: Iterable[Any]) -> Iterator[TargetForeignKey]:
    for field in fields:
        if field.remote_field and field.db_constraint:
            parent = field.target_field
            yield TargetForeignKey(
                name=f"{field.column}_fk",
                columns=(field.column,),
                parent=unquoted(parent.model._meta.db_table),
                parent_columns=(parent.column,),
            )
