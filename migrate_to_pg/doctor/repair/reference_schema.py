"""Read tables and indexes as the applied migrations make them on SQLite: all that a repair may restore.

A table is compared with them to find what it has lost, and why a part cannot be restored.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db import DEFAULT_DB_ALIAS, models
from django.db.utils import ConnectionHandler

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.project.registry import Registry, has_table
from migrate_to_pg.sqlite import ddl
from migrate_to_pg.sqlite.connection import affinity
from migrate_to_pg.sqlite.ddl import TableDefinition, read_definition, read_statement
from migrate_to_pg.sqlite.sql import Sql, compose, name, names


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

    sql: str
    shape: TableDefinition
    indexes: tuple[Index, ...]

    def definition(self, column: str) -> str | None:
        """Return the definition of a column, named in any case."""
        found = ddl.columns(self.sql)
        return next((c.text for c in found if c.name.lower() == column.lower()), None)


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
            sql = read_statement(database, table)
            shape = read_definition(database, table)
            indexes = (_with_statement(table, shape, models.get(key), index) for index in read_indexes(database, table))
            reference[key] = ReferenceTable(sql=sql, shape=shape, indexes=tuple(indexes))
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


#: Clauses of a column's definition that Django's would not have, and that must not be lost.
_OWN_KEYWORDS = frozenset({"CHECK", "COLLATE", "DEFAULT", "GENERATED", "AS"})


def drifted_columns(shape: TableDefinition, reference: TableDefinition) -> Iterator[str]:
    """Yield the columns that lost their type, NOT NULL, place in the primary key or foreign key."""
    wanted = {column[0].lower(): column for column in reference.columns}
    lost_keys = _key_columns(reference) - _key_columns(shape)
    for column, declared, not_null, _default, position, _hidden in shape.columns:
        if column.lower() in wanted:
            _name, type_wanted, not_null_wanted, _default, position_wanted, _hidden = wanted[column.lower()]
            same_type = affinity(declared) == affinity(type_wanted)
            lost = (not_null_wanted and not not_null) or (position_wanted and not position)
            if not same_type or lost or (column.lower(),) in lost_keys:
                yield column


def _key_columns(shape: TableDefinition) -> set[tuple[str, ...]]:
    """Return the columns of each foreign key, whichever table it names: a key to another table is kept."""
    return {tuple(column.lower() for column in columns) for _parent, columns, *_others in shape.foreign_keys}


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
    """Report whether an index of the table can replace the wanted one. With a condition, only the name counts."""
    if own.name.lower() == wanted.name.lower():
        return True
    if own.columns is None or wanted.columns is None:
        return False
    if wanted.unique:
        return own.unique and set(own.columns) <= set(wanted.columns)
    return own.columns[: len(wanted.columns)] == wanted.columns


def reason_not_redefinable(
    rows: sqlite3.Connection, sql: str, table: str, column: str, reference: ReferenceTable
) -> str:
    """Return why a column cannot be defined as the migrations do, or ''.

    Args:
        rows: Connection to the repaired rows.
        sql: The table's own statement.
        table: Name of the table.
        column: Name of the column.
        reference: The table as the migrations make it.
    """
    new = reference.definition(column) or ""
    own = next((c.text for c in ddl.columns(sql) if c.name.lower() == column.lower()), "")
    if new and ddl.tokens(new)[0].name != column:
        return _("the migrations spell it {tokens}", tokens=ddl.tokens(new)[0].name)
    lost = _OWN_KEYWORDS & (_keywords(own) - _keywords(new))
    if lost:
        clauses = ", ".join(sorted(lost))
        return _(
            "the definition of {table}.{column} has {clauses} of its own", table=table, column=column, clauses=clauses
        )
    if not new:
        return _("the definition of {table}.{column} is not Django's", table=table, column=column)
    _name, declared, not_null, *_others = next(c for c in reference.shape.columns if c[0].lower() == column.lower())
    nulls = compose("SELECT 1 FROM main.{t} WHERE {c} IS NULL LIMIT 1", t=name(table), c=name(column))
    if not_null and rows.execute(nulls).fetchone():
        return _("rows hold NULL in {column}", column=column)
    if not fits_type(rows, table, column, declared):
        return _("{declared} would change values of {column}", declared=declared, column=column)
    # A missing key allows any value. A restored one must be satisfied.
    keys = [] if "REFERENCES" in _keywords(own) else reference.shape.foreign_keys
    for parent, columns, others, *_actions in keys:
        if columns == (column,) and _has_orphans(rows, table, column, parent, others[0]):
            return _("rows refer by {column} to rows of {parent} that are not there", column=column, parent=parent)
    return ""


def _has_orphans(rows: sqlite3.Connection, table: str, column: str, parent: str, other: str | None) -> bool:
    """Report whether a row refers to nothing, as every row does where the parent table is missing."""
    query = compose(
        "SELECT 1 FROM main.{t} WHERE {c} IS NOT NULL"
        " AND {c} NOT IN (SELECT {o} FROM main.{p} WHERE {o} IS NOT NULL) LIMIT 1",
        t=name(table),
        c=name(column),
        o=name(other or "rowid"),
        p=name(parent),
    )
    try:
        return rows.execute(query).fetchone() is not None
    except sqlite3.OperationalError:
        return True


def fits_type(database: sqlite3.Connection, table: str, column: str, declared: str) -> bool:
    """Report whether the type would convert no value of the column, as INTEGER converts '12'. 36.0 may become 36.

    The rows are read from ``database``, which may be read-only.
    """
    trial = name("migrate_to_pg trial")
    # One of SQLite's five affinities, never text from the database.
    parts = {"trial": trial, "t": name(table), "c": name(column), "typed": Sql(affinity(declared))}
    database.execute(compose("CREATE TEMP TABLE {trial} (was BLOB, is_now {typed})", **parts))
    try:
        database.execute(compose("INSERT INTO temp.{trial} SELECT {c}, {c} FROM main.{t}", **parts))
        changed = (
            "SELECT 1 FROM temp.{trial} WHERE typeof(was) <> typeof(is_now)"
            " AND NOT (typeof(was) IN ('integer', 'real') AND typeof(is_now) IN ('integer', 'real')) LIMIT 1"
        )
        return database.execute(compose(changed, **parts)).fetchone() is None
    finally:
        database.execute(compose("DROP TABLE temp.{trial}", **parts))


def _keywords(sql: str) -> set[str]:
    return {token.keyword for token in ddl.tokens(sql)}
