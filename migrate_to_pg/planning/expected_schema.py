"""Compute the tables that PostgreSQL would have after the applied migrations, without a server.

For --check: the migration state's models, and the names and types of Django's PostgreSQL backend. A run with a target
reads the staged catalogue instead, which includes the effects of RunSQL.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, replace
from typing import Any, cast

import django.db
from django.core.exceptions import ImproperlyConfigured
from django.db import models
from django.db.models.expressions import OrderBy
from django.db.models.sql import Query

from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.postgres.parse_ddl import RawColumn, column_of_type, with_type
from migrate_to_pg.project.alias_override import NOWHERE, forget_migrations, override_alias
from migrate_to_pg.project.constraint_sql import check_sql, field_sql, index_sql
from migrate_to_pg.project.identifiers import backend, called, cut
from migrate_to_pg.project.migration_cache import keep, recall
from migrate_to_pg.project.migration_files import SourceLoader
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.schema_recorder import Mark, Record, Recorded, is_plain, named, record
from migrate_to_pg.records import (
    MadeTable,
    SqliteSql,
    TargetCheck,
    TargetColumn,
    TargetForeignKey,
    TargetIndex,
    TargetTable,
    TargetUnique,
)

#: Placeholders for names that PostgreSQL will give.
_OF_FIELD, _TOGETHER = "unique", "unique_together"
_UNNAMED = (_OF_FIELD, _TOGETHER)
#: Django keeps at least so much of a table's name in the names that it derives.
_MIN_PREFIX_LENGTH = 11


def expected_tables(
    registry: Registry, schema: SqliteSchema | None = None, more: Iterable[type[models.Model]] = ()
) -> tuple[TargetTable, ...]:
    """Return the tables of every managed model of the applied migrations that belong into this database.

    They include many-to-many tables, Django's own, and those of ``more``. Effects of a migration in the database alone
    are known as far as they go through Django's schema editor. Where they do not, the result on SQLite, ``schema``,
    counts.
    """
    from django.db.migrations.recorder import MigrationRecorder

    more = tuple(more)
    with override_alias(registry.alias, NOWHERE) as connection:
        # A migration may have other operations on PostgreSQL than where it was imported first.
        forget_migrations()
        loader = SourceLoader(None, registry.applied)
        stored = [*registry.stored_models()]
        tables = tables_of([*stored, MigrationRecorder.Migration, *more])
        if is_plain(loader):
            return tables
        # Results with additional models are not cached.
        key = f"{schema.key}-postgresql" if schema and schema.key and not more else ""
        known = recall(key) if key else None
        if known is not None:
            return tuple(map(_recalled, known))
        without = [model for model in stored if model._meta.app_label in loader.unmigrated_apps]
        others: Iterable[type[models.Model]] = (*without, *more, MigrationRecorder.Migration)
        bare = {called(model._meta.db_table, connection) for model in others}
        made = (schema and schema.tables) or {}
        found = _RecordedSchema(record(connection, loader), made, connection).tables(tables, bare)
        if key:
            keep(key, list(map(asdict, found)))
        return found


def _recalled(table: dict[str, Any]) -> TargetTable:
    """Build a table from its JSON form."""
    kinds = {
        "columns": TargetColumn,
        "uniques": TargetUnique,
        "foreign_keys": TargetForeignKey,
        "checks": TargetCheck,
        "indexes": TargetIndex,
    }
    parts = {name: tuple(kind(**_tuples(one)) for one in table[name]) for name, kind in kinds.items()}
    return TargetTable(**{**_tuples(table), **parts})


def _tuples(fields: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in fields.items()}
    return {**found, "sqlite": SqliteSql(**_tuples(found["sqlite"]))} if found.get("sqlite") else found


def _cut(table: Recorded) -> Recorded:
    """Truncate the names of the columns as PostgreSQL does."""
    return replace(
        table,
        fields={cut(name): own for name, own in table.fields.items()},
        changed={cut(name): change for name, change in table.changed.items()},
        primary_key=tuple(map(cut, table.primary_key)),
        marks=dict(
            (mark, one) if "" in mark else (tuple(map(cut, mark)), tuple(map(cut, one)))
            for mark, one in table.marks.items()
        ),
    )


class _RecordedSchema:
    """Combine what the migrations do with what their state contains."""

    def __init__(self, noted: Record, made: Mapping[str, MadeTable], connection: Any) -> None:
        self._record = noted
        self._made = made
        self._connection = connection
        self._recorded = {called(name, connection): _cut(table) for name, table in noted.tables.items()}

    def tables(self, expected: Iterable[TargetTable], bare: Collection[str]) -> tuple[TargetTable, ...]:
        """Return the state's tables as PostgreSQL would have them, and those that only the database has.

        ``bare`` tables are made by no migration.
        """
        found = {table.name: table if table.name in bare else self._table(table) for table in expected}
        for name, recorded in self._recorded.items():
            if name not in found:
                model = recorded.model
                bare_table = TargetTable(name=name, columns=(), primary_key=recorded.primary_key)
                made = replace(_table(model, self._connection), name=name) if model else bare_table
                found[name] = self._table(made)
        return tuple(table for _, table in sorted(found.items()) if table is not None)

    def _table(self, table: TargetTable) -> TargetTable | None:
        recorded, made = self._recorded.get(table.name), self._made.get(table.name.lower())
        if recorded is None:
            there = made is not None and made.table.kind == "table"
            return table if self._record.speaks_of("create", table.name) or (self._record.gave_up and there) else None
        columns = tuple(self._columns(table, recorded))
        names = {column.name for column in columns}
        more = {name: field for name, field in recorded.fields.items() if name not in {c.name for c in table.columns}}
        keyed = {name for name, own in recorded.fields.items() if getattr(own, "db_constraint", False)}
        return replace(
            table,
            columns=columns,
            uniques=tuple(self._uniques(table, recorded, names)),
            foreign_keys=(
                *(key for key in table.foreign_keys if not {*key.columns} & {*recorded.fields} - keyed),
                *_foreign_keys((own for own in more.values() if not isinstance(own, RawColumn)), self._connection),
            ),
            checks=tuple(check for check in table.checks if self._holds(table, recorded, named(check), check.name)),
            indexes=tuple(index for index in table.indexes if names >= {*filter(None, index.columns)}),
        )

    def _columns(self, table: TargetTable, recorded: Recorded) -> Iterator[TargetColumn]:
        made = self._made.get(table.name.lower())
        for column in table.columns:
            own = recorded.fields.get(column.name)
            if own is not None:
                made_so = replace(self._typed(column, own), not_null=not own.null and not column.generated)
                yield _changed(made_so, recorded)
            elif self._record.speaks_of(table.name, column.name) or (
                self._gave_up(recorded) and made and made.table.column(column.name)
            ):
                yield column
        known = {column.name for column in table.columns}
        for name, own in recorded.fields.items():
            if name not in known and isinstance(own, RawColumn):
                raw = replace(column_of_type(name, own.type_sql), has_default=own.has_default, generated=own.generated)
                yield _changed(replace(raw, not_null=not own.null and not own.generated), recorded)
            elif name not in known and own.db_type(self._connection) is not None:
                yield _changed(replace(_column(own, self._connection), name=name), recorded)

    def _typed(self, column: TargetColumn, own: Any) -> TargetColumn:
        """Return the column with the database's type. A key's type follows its parent's."""
        if isinstance(own, RawColumn) or own.remote_field or own.db_type(self._connection) is None:
            return column
        return with_type(column, own.db_type(self._connection))

    def _uniques(self, table: TargetTable, recorded: Recorded, names: set[str]) -> Iterator[TargetUnique]:
        for unique in table.uniques:
            mark = ("", unique.name) if unique.name not in _UNNAMED else tuple(sorted(unique.columns))
            if unique.primary or (names >= {*unique.columns} and self._is_unique(table, recorded, mark, unique)):
                yield unique
        known = {tuple(sorted(unique.columns)) for unique in table.uniques}
        known |= {("", unique.name) for unique in table.uniques}
        for mark, one in recorded.marks.items():
            if mark not in known and "" not in mark and names >= {*mark}:
                yield TargetUnique(name=_TOGETHER, columns=one, named=False)
            elif mark not in known and isinstance(one, models.UniqueConstraint) and recorded.model:
                with suppress(django.db.Error, ImproperlyConfigured):
                    yield _unique(recorded.model, one, self._connection.schema_editor())

    def _is_unique(self, table: TargetTable, recorded: Recorded, mark: Mark, unique: TargetUnique) -> bool:
        """Report whether the constraint exists, which the migrations may have dropped in the database alone."""
        made = self._made.get(table.name.lower())
        wanted = {column.lower() for column in unique.columns}
        on_sqlite = made is not None and any(
            index.unique and {column.lower() for column in index.columns} == wanted for index in made.indexes
        )
        if mark not in recorded.marks:
            return self._record.speaks_of("unique", table.name) or (self._gave_up(recorded) and on_sqlite)
        if made is None or on_sqlite or unique.expressions:
            return True
        # The name that Django gives a constraint begins with its table's name.
        dropped = any(name.startswith(table.name[:_MIN_PREFIX_LENGTH]) for name in self._record.dropped)
        return not self._gave_up(recorded) and not dropped

    def _gave_up(self, recorded: Recorded) -> bool:
        """Report whether an operation on the table failed, so that its further effects are unknown."""
        return recorded.model is None or recorded.model._meta.app_label in self._record.gave_up

    def _holds(self, table: TargetTable, recorded: Recorded, mark: Mark, name: str) -> bool:
        constraints = recorded.model._meta.constraints if recorded.model else ()
        is_constraint = any(one.name == name for one in constraints)
        return mark in recorded.marks or not is_constraint or self._record.speaks_of(table.name, name)


def tables_of(stored: Iterable[type[models.Model]]) -> tuple[TargetTable, ...]:
    """Return the tables of those models, by name."""
    connection = backend("postgresql")
    tables = {model._meta.db_table: _table(model, connection) for model in stored}
    return tuple(sorted(tables.values(), key=lambda table: table.name))


def _table(model: type[models.Model], connection: Any) -> TargetTable:
    fields = [field for field in model._meta.local_concrete_fields if field.db_type(connection) is not None]
    return TargetTable(
        name=called(model._meta.db_table, connection),
        columns=tuple(_column(field, connection) for field in fields),
        primary_key=_primary_key(model),
        uniques=tuple(_uniques(model, fields, connection)),
        foreign_keys=tuple(_foreign_keys(fields, connection)),
        checks=tuple(_checks(model, fields, connection)),
        indexes=tuple(_indexes(model, fields, connection)),
    )


def _column(field: Any, connection: Any) -> TargetColumn:
    generated = bool(getattr(field, "generated", False))
    is_numbered = isinstance(field, models.AutoField)
    table, column = called(field.model._meta.db_table, connection), cut(field.column)
    return replace(
        column_of_type(column, field.db_type(connection)),
        # Django makes no generated column NOT NULL.
        not_null=not field.null and not generated,
        generated=generated,
        sequence=f"{table}_{column}_seq" if is_numbered else None,
        has_default=generated
        or is_numbered
        # Before Django 5.0 there is none, before 5.2 no method for it.
        or getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED,
    )


def _changed(column: TargetColumn, recorded: Recorded) -> TargetColumn:
    """Return the column as a statement left it."""
    change = recorded.changed.get(column.name, {})
    if "type_sql" in change:
        column = with_type(column, change["type_sql"])
    return replace(
        column,
        not_null=not change["null"] if "null" in change else column.not_null,
        has_default=change.get("has_default", column.has_default),
    )


def _primary_key(model: type[models.Model]) -> tuple[str, ...]:
    meta = cast(Any, model._meta)
    # Before 5.2 there is no composite key, and no pk_fields.
    return tuple(cut(field.column) for field in getattr(meta, "pk_fields", (meta.pk,)))


def _uniques(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetUnique]:
    yield TargetUnique(name=f"{model._meta.db_table}_pkey", columns=_primary_key(model), primary=True, named=False)
    for field in fields:
        if field.unique and not field.primary_key:
            yield TargetUnique(name=_OF_FIELD, columns=(cut(field.column),), named=False)
    for names in model._meta.unique_together:
        yield TargetUnique(name=_TOGETHER, columns=_columns(model, names), named=False)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.UniqueConstraint):
            # Constraints whose SQL needs a server are checked against the staged table.
            with suppress(django.db.Error, ImproperlyConfigured):
                yield _unique(model, constraint, connection.schema_editor())


def _unique(model: type[models.Model], constraint: Any, editor: Any) -> TargetUnique:
    expressions = constraint._get_index_expressions(model, editor)
    return TargetUnique(
        name=constraint.name,
        columns=_columns(model, constraint.fields),
        expressions=_expressions_sql(model, expressions, editor) if expressions else (),
        nulls_not_distinct=getattr(constraint, "nulls_distinct", None) is False,  # since 5.0
        predicate=constraint._get_condition_sql(model, editor) or "",
        sqlite=index_sql(model, constraint),
    )


def _expressions_sql(model: type[models.Model], expressions: Any, editor: Any) -> tuple[str, ...]:
    """Return each part of an index as SQL."""
    compiler = Query(model, alias_cols=False).get_compiler(connection=editor.connection)
    parts = [compiler.compile(part) for part in expressions.get_source_expressions()]
    return tuple(sql % tuple(map(editor.quote_value, values)) for sql, values in parts)


def _indexes(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetIndex]:
    editor = connection.schema_editor()
    for field in fields:
        if editor._field_should_be_indexed(model, field):
            yield TargetIndex(name=f"{field.column}_index", columns=(cut(field.column),), named=False)
        if _has_like_index(editor, model, field):
            yield TargetIndex(name=f"{field.column}_like", columns=(cut(field.column),), for_like=True, named=False)
    for index in model._meta.indexes:
        with suppress(django.db.Error, ImproperlyConfigured):
            names = [name for name, _ in index.fields_orders]
            yield TargetIndex(
                name=index.name,
                columns=_columns(model, names) or tuple(_column_name(model, part) for part in index.expressions),
                # The suffix is the method's name for PostgreSQL's index classes, "idx" for a plain index.
                method="btree" if index.suffix == "idx" else index.suffix,
                predicate=index._get_condition_sql(model, editor) or "",
                sqlite=index_sql(model, index),
                included=_columns(model, index.include),
            )


def _has_like_index(editor: Any, model: type[models.Model], field: Any) -> bool:
    # Only a server knows whether a collation is deterministic.
    with suppress(django.db.Error, ImproperlyConfigured):
        return editor._create_like_index_sql(model, field) is not None
    return False


def _column_name(model: type[models.Model], part: Any) -> str:
    """Return the column that a part of an index is, in any order, or '' for an expression."""
    part = part.expression if isinstance(part, OrderBy) else part
    return _columns(model, [cast(Any, part).name])[0] if isinstance(part, models.F) else ""


def _checks(model: type[models.Model], fields: Iterable[Any], connection: Any) -> Iterator[TargetCheck]:
    for field in fields:
        expression = field.db_check(connection)
        if expression:
            sqlite = field_sql(field, connection)
            yield TargetCheck(name=f"{field.column}_check", expression=expression, named=False, sqlite=sqlite)
    for constraint in model._meta.constraints:
        if isinstance(constraint, models.CheckConstraint):
            # Constraints whose SQL needs a server are checked against the staged table.
            with suppress(django.db.Error, ImproperlyConfigured):
                expression = cast(Any, constraint)._get_check_sql(model, connection.schema_editor())
                yield TargetCheck(name=constraint.name, expression=expression, sqlite=check_sql(model, constraint))


def _columns(model: type[models.Model], names: Iterable[str]) -> tuple[str, ...]:
    return tuple(cut(cast(Any, model._meta.get_field(name)).column) for name in names)


def _foreign_keys(fields: Iterable[Any], connection: Any) -> Iterator[TargetForeignKey]:
    for field in fields:
        if field.remote_field and field.db_constraint:
            parent = field.target_field
            yield TargetForeignKey(
                name=f"{field.column}_fk",
                columns=(cut(field.column),),
                parent=called(parent.model._meta.db_table, connection),
                parent_columns=(cut(parent.column),),
                named=False,
            )
