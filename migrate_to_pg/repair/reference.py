"""The source's applied migrations in; out: the tables and indexes as Django makes them of those models on SQLite.

They are really made, empty, in a database in memory: Django's own schema editor says what a table should be.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import django.db
from django.db import models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.migrations.recorder import MigrationRecorder

from migrate_to_pg.endpoints import SourceChoice
from migrate_to_pg.migrations import Key
from migrate_to_pg.registry import applied_models, has_table
from migrate_to_pg.repair import statement
from migrate_to_pg.repair.shape import Shape, read_shape
from migrate_to_pg.rules.sql import compose, name, names
from migrate_to_pg.web_server import django_connection


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index of a table, Django's or the database's own."""

    name: str
    #: '' where a constraint of the table's makes it.
    sql: str
    unique: bool
    #: Its columns in lower case; None where it has an expression or a condition.
    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTable:
    """One table as Django makes it."""

    sql: str
    shape: Shape
    indexes: tuple[Index, ...]

    def definition(self, column: str) -> str | None:
        """The definition of a column, named in any case."""
        found = statement.columns(self.sql)
        return next((c.text for c in found if c.name.lower() == column.lower()), None)


#: Table in lower case -> as Django makes it.
Reference = Mapping[str, ReferenceTable]


def make_reference(choice: SourceChoice, applied: Collection[Key]) -> Reference:
    """Every table of the migration state that Django can make on SQLite."""
    found: dict[str, ReferenceTable] = {}
    with django_connection(choice, Path(":memory:")) as connection:
        for model in _stored_models(applied):
            # A field that only PostgreSQL has: such a table is none of SQLite's.
            with suppress(django.db.Error, NotImplementedError):
                _make(connection, model)
                found[_table_name(model).lower()] = _read(connection, model)
    return found


def _stored_models(applied: Collection[Key]) -> Iterable[type[models.Model]]:
    """Those that have a table; the many-to-many ones come last, since they are made with the models that have them."""
    stored = filter(has_table, applied_models(applied).get_models(include_auto_created=True))
    return [*sorted(stored, key=lambda model: bool(model._meta.auto_created)), MigrationRecorder.Migration]


def _make(connection: BaseDatabaseWrapper, model: type[models.Model]) -> None:
    """Its many-to-many tables come along; they are models of their own, too."""
    if not model._meta.auto_created:
        # A transaction of Django's would be one of the alias, which is the real database's.
        with connection.schema_editor(atomic=False) as editor:
            editor.create_model(model)


def _table_name(model: type[models.Model]) -> str:
    written = str(model._meta.db_table)
    return written[1:-1].replace('""', '"') if written.startswith('"') and written.endswith('"') else written


def _read(connection: BaseDatabaseWrapper, model: type[models.Model]) -> ReferenceTable:
    database: sqlite3.Connection = connection.connection
    table = _table_name(model)
    sql = database.execute("SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?", [table]).fetchone()
    indexes = (_with_statement(connection, model, index) for index in read_indexes(database, table))
    return ReferenceTable(sql=sql[0], shape=read_shape(database, table), indexes=tuple(indexes))


def read_indexes(database: sqlite3.Connection, table: str) -> Iterable[Index]:
    """The indexes of a table, that of its primary key included."""
    listed = database.execute("SELECT name, \"unique\", partial FROM pragma_index_list(?, 'main')", [table]).fetchall()
    for index, unique, partial in listed:
        columns = [
            c for (c,) in database.execute("SELECT name FROM pragma_index_info(?, 'main') ORDER BY seqno", [index])
        ]
        row = database.execute(
            "SELECT sql FROM main.sqlite_master WHERE type = 'index' AND name = ?", [index]
        ).fetchone()
        plain = not partial and all(column is not None for column in columns)
        yield Index(
            name=index,
            sql=row[0] or "",
            unique=bool(unique),
            columns=tuple(column.lower() for column in columns) if plain else None,
        )


def _with_statement(connection: BaseDatabaseWrapper, model: type[models.Model], index: Index) -> Index:
    """A constraint within CREATE TABLE cannot be added to a table that lacks it; a unique index does the same."""
    if index.sql or index.columns is None:
        return index
    own_name = _constraint_name(connection, model, index.columns)
    columns = [column for column in _columns(model) if column.lower() in index.columns]
    ordered = sorted(columns, key=lambda column: (index.columns or ()).index(column.lower()))
    sql = compose(
        "CREATE UNIQUE INDEX {i} ON {t} ({c})", i=name(own_name), t=name(_table_name(model)), c=names(ordered)
    )
    return Index(name=own_name, sql=sql, unique=True, columns=index.columns)


def _columns(model: type[models.Model]) -> list[str]:
    return [str(field.column) for field in model._meta.local_concrete_fields]


def _constraint_name(connection: BaseDatabaseWrapper, model: type[models.Model], columns: tuple[str, ...]) -> str:
    """The constraint's own name, else the one that Django's schema editor makes of the columns."""
    for constraint in model._meta.constraints:
        fields = [model._meta.get_field(field) for field in getattr(constraint, "fields", ())]
        if tuple(str(getattr(field, "column", "")).lower() for field in fields) == columns:
            return constraint.name
    editor: Any = connection.schema_editor()
    return str(editor._create_index_name(model._meta.db_table, columns, suffix="_uniq"))
