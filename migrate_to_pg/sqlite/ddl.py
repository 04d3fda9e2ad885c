"""Read table definitions from SQLite's catalogue, and compare two of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from migrate_to_pg.i18n import gettext as _

#: (name, declared type, NOT NULL, default, position in the key, hidden).
Column = tuple[str, str, int, str | None, int, int]
#: (parent, columns, the parent's columns, ON UPDATE, ON DELETE, MATCH).
Key = tuple[str, tuple[str, ...], tuple[str | None, ...], str, str, str]
#: (origin: "u" or "pk", columns) of an index that a constraint makes.
Constraint = tuple[str, tuple[str | None, ...]]

_COLUMNS = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid"
_KEYS = (
    'SELECT id, "table", "from", "to", on_update, on_delete, "match" FROM pragma_foreign_key_list(?, \'main\')'
    " ORDER BY id, seq"
)
_CONSTRAINTS = "SELECT name, origin FROM pragma_index_list(?, 'main') WHERE origin <> 'c' ORDER BY seq"
_INDEXED = "SELECT name FROM pragma_index_info(?, 'main') ORDER BY seqno"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table as SQLite understood its CREATE TABLE statement."""

    columns: tuple[Column, ...]
    #: In SQLite's order: the last one written comes first.
    foreign_keys: tuple[Key, ...]
    constraints: tuple[Constraint, ...]

    @property
    def rowid_column(self) -> str | None:
        """The column that is an alias of the rowid (INTEGER PRIMARY KEY, which needs no index), or None."""
        parts = [column for column in self.columns if column[4]]
        indexed = any(origin == "pk" for origin, _ in self.constraints)
        return parts[0][0] if len(parts) == 1 and parts[0][1].upper() == "INTEGER" and not indexed else None


def read_definition(database: sqlite3.Connection, table: str) -> TableDefinition:
    """Read the definition of a table of the main database."""
    constraints = database.execute(_CONSTRAINTS, [table]).fetchall()
    return TableDefinition(
        columns=tuple(database.execute(_COLUMNS, [table]).fetchall()),
        foreign_keys=_foreign_keys(database, table),
        constraints=tuple(
            (origin, tuple(column for (column,) in database.execute(_INDEXED, [index])))
            for index, origin in constraints
        ),
    )


def read_statement(database: sqlite3.Connection, table: str) -> str:
    """Read the CREATE TABLE statement of a table of the main database, named in any case."""
    query = "SELECT sql FROM main.sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
    (sql,) = database.execute(query, [table]).fetchone()
    return str(sql)


def _foreign_keys(database: sqlite3.Connection, table: str) -> tuple[Key, ...]:
    found: dict[int, Key] = {}
    for number, parent, column, parent_column, *actions in database.execute(_KEYS, [table]):
        _, columns, parent_columns, *_ = found.get(number, (parent, (), (), "", "", ""))
        on_update, on_delete, match = actions
        found[number] = (parent, (*columns, column), (*parent_columns, parent_column), on_update, on_delete, match)
    return tuple(found[number] for number in sorted(found))


def missing_parts(
    old: TableDefinition, new: TableDefinition, *, parents: Mapping[int, str], redefined: Collection[str]
) -> str:
    """Name what the new definition lacks, or has changed unasked. Return '' where it has all.

    Args:
        old: The definition before.
        new: The definition after.
        parents: Position of a foreign key -> the table that it shall refer to.
        redefined: Columns, in lower case, with a new definition. Only then may keys and constraints be added.
    """
    if [_fixed_part(column, redefined) for column in old.columns] != [
        _fixed_part(column, redefined) for column in new.columns
    ]:
        return _("its columns")
    expected = [(parents.get(at, key[0]), *key[1:]) for at, key in enumerate(old.foreign_keys)]
    if not _holds(expected, new.foreign_keys, exactly=not redefined):
        return _("its foreign keys")
    if not _holds(old.constraints, new.constraints, exactly=not redefined):
        return _("its unique constraints")
    return ""


def _fixed_part(column: Column, redefined: Collection[str]) -> tuple[object, ...]:
    """Return what must stay of a column: at least its name and how it is computed."""
    return (column[0], column[5]) if column[0].lower() in redefined else column


def _holds(expected: Sequence[object], found: Sequence[object], *, exactly: bool) -> bool:
    return list(expected) == list(found) if exactly else all(entry in found for entry in expected)
