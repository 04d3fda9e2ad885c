"""Find what a table has lost compared with the migrations' schema, and why a part cannot be restored."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrate_to_pg.doctor.repair.reference_schema import Index, ReferenceTable, read_indexes
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite import ddl_statement
from migrate_to_pg.sqlite.connection import affinity
from migrate_to_pg.sqlite.ddl import TableDefinition, read_definition
from migrate_to_pg.sqlite.sql import Sql, compose, name

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
    own = next((c.text for c in ddl_statement.columns(sql) if c.name.lower() == column.lower()), "")
    if new and ddl_statement.tokens(new)[0].name != column:
        return _("the migrations spell it {tokens}", tokens=ddl_statement.tokens(new)[0].name)
    lost = _OWN_KEYWORDS & (_keywords(own) - _keywords(new))
    if lost:
        clauses = ", ".join(sorted(lost))
        return _(
            "the definition of {table}.{column} has {clauses} of its own", table=table, column=column, clauses=clauses
        )
    if not new:
        return _("the definition of {table}.{column} is not Django's", table=table, column=column)
    _name, declared, not_null, *_others = next(c for c in reference.shape.columns if c[0].lower() == column.lower())
    if not_null and _has_null(rows, table, column):
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


def _has_null(database: sqlite3.Connection, table: str, column: str) -> bool:
    query = compose("SELECT 1 FROM main.{t} WHERE {c} IS NULL LIMIT 1", t=name(table), c=name(column))
    return database.execute(query).fetchone() is not None


def _keywords(sql: str) -> set[str]:
    return {token.keyword for token in ddl_statement.tokens(sql)}
