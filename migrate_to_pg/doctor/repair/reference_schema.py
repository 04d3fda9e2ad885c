"""Read foreign keys and indexes as the applied migrations make them on SQLite: all that a repair may restore."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.utils import ConnectionHandler

from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.project.registry import Registry, has_table
from migrate_to_pg.sqlite.ddl import TableDefinition, read_definition
from migrate_to_pg.sqlite.index_definition import index_definition
from migrate_to_pg.sqlite.sql import compose, name, names


@dataclass(frozen=True, slots=True, kw_only=True)
class Index:
    """One index of a table, Django's or the database's own."""

    name: str
    #: '' where a constraint of the table makes it.
    sql: str
    unique: bool
    #: Its columns in lower case. None where it has an expression or a condition.
    columns: tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceTable:
    """One table as the migrations make it."""

    shape: TableDefinition
    indexes: tuple[Index, ...]


#: Table in lower case -> as the migrations make it.
Reference = Mapping[str, ReferenceTable]


def make_reference(schema: SqliteSchema, registry: Registry) -> Reference:
    """Read every table that the migrations make on SQLite, none where they do not run there."""
    if schema.complaint:
        return {}
    sqlite = backend("sqlite3")
    stored = filter(has_table, registry.source.get_models(include_auto_created=True))
    models = {called(model._meta.db_table, sqlite).lower(): model for model in stored}
    with schema.opened() as database:
        # A virtual table, with its shadow tables, belongs to its module.
        tables = [row[1] for row in database.execute("PRAGMA main.table_list") if row[2] == "table"]
        named = {table.lower(): table for table in tables if not table.startswith("sqlite_")}
        reference = {}
        for key, table in named.items():
            shape = read_definition(database, table)
            indexes = (_with_statement(table, shape, models.get(key), index) for index in read_indexes(database, table))
            reference[key] = ReferenceTable(shape=shape, indexes=tuple(indexes))
        return reference


def read_indexes(database: sqlite3.Connection, table: str) -> Iterable[Index]:
    """Yield the indexes of a table, that of its primary key included."""
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
            # The key of a table WITHOUT ROWID is the table itself.
            sql=(row[0] if row else "") or "",
            unique=bool(unique),
            columns=tuple(column.lower() for column in columns) if plain else None,
        )


def _with_statement(table: str, shape: TableDefinition, model: type[models.Model] | None, index: Index) -> Index:
    """Give an index of a constraint, which cannot be added to an existing table, a CREATE UNIQUE INDEX statement."""
    if index.sql or index.columns is None:
        return index
    own_name = _constraint_name(table, model, index.columns)
    spelled = {str(column[0]).lower(): str(column[0]) for column in shape.columns}
    columns = [spelled[column] for column in index.columns]
    sql = compose("CREATE UNIQUE INDEX {i} ON {t} ({c})", i=name(own_name), t=name(table), c=names(columns))
    return Index(name=own_name, sql=sql, unique=True, columns=index.columns)


def _constraint_name(table: str, model: type[models.Model] | None, columns: tuple[str, ...]) -> str:
    """Return the constraint's own name, else the one that Django's schema editor makes of the columns."""
    for constraint in model._meta.constraints if model else ():
        fields = [model._meta.get_field(field) for field in getattr(constraint, "fields", ())] if model else []
        if tuple(str(getattr(field, "column", "")).lower() for field in fields) == columns:
            return constraint.name
    editor: Any = ConnectionHandler({DEFAULT_DB_ALIAS: {"ENGINE": "django.db.backends.sqlite3"}})[
        DEFAULT_DB_ALIAS
    ].schema_editor()
    return str(editor._create_index_name(table, columns, suffix="_uniq"))


def lost_indexes(database: sqlite3.Connection, table: str, reference: ReferenceTable) -> Iterator[Index]:
    """Yield the indexes of the reference that the table lacks, and that no other index replaces."""
    own = list(read_indexes(database, table))
    key = read_definition(database, table).rowid_column
    for index in reference.indexes:
        if (
            index.sql
            and not any(_is_equivalent(other, index) for other in own)
            and index.columns != ((key or "").lower(),)
        ):
            yield index


def _is_equivalent(own: Index, wanted: Index) -> bool:
    """Report whether an index of the table can replace the wanted one. With a condition, its name or its SQL counts."""
    if own.name.lower() == wanted.name.lower():
        return True
    if own.columns is None or wanted.columns is None:
        is_unique = own.unique or not wanted.unique
        return is_unique and bool(own.sql) and index_definition(own.sql) == index_definition(wanted.sql)
    if wanted.unique:
        return own.unique and set(own.columns) <= set(wanted.columns)
    return own.columns[: len(wanted.columns)] == wanted.columns
