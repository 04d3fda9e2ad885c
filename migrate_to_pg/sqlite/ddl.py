"""Read the definition of a table as SQLite understood it."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass

#: (name, declared type, NOT NULL, default, position in the key, hidden).
ColumnRow = tuple[str, str, int, str | None, int, int]
#: (parent, columns, the parent's columns, ON UPDATE, ON DELETE, MATCH).
Key = tuple[str, tuple[str, ...], tuple[str | None, ...], str, str, str]
#: (origin: "u" or "pk", columns) of an index that a constraint makes.
Constraint = tuple[str, tuple[str | None, ...]]

_COLUMN_ROWS = "SELECT name, type, \"notnull\", dflt_value, pk, hidden FROM pragma_table_xinfo(?, 'main') ORDER BY cid"
_KEYS = (
    'SELECT id, "table", "from", "to", on_update, on_delete, "match" FROM pragma_foreign_key_list(?, \'main\')'
    " ORDER BY id, seq"
)
_KEY_INDEXES = "SELECT name, origin FROM pragma_index_list(?, 'main') WHERE origin <> 'c' ORDER BY seq"
_INDEXED = "SELECT name FROM pragma_index_info(?, 'main') ORDER BY seqno"


@dataclass(frozen=True, slots=True, kw_only=True)
class TableDefinition:
    """A table as SQLite understood its CREATE TABLE statement."""

    columns: tuple[ColumnRow, ...]
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
    constraints = database.execute(_KEY_INDEXES, [table]).fetchall()
    found: dict[int, Key] = {}
    for number, parent, column, parent_column, *actions in database.execute(_KEYS, [table]):
        _, columns, parent_columns, *_ = found.get(number, (parent, (), (), "", "", ""))
        on_update, on_delete, match = actions
        found[number] = (parent, (*columns, column), (*parent_columns, parent_column), on_update, on_delete, match)
    return TableDefinition(
        columns=tuple(database.execute(_COLUMN_ROWS, [table]).fetchall()),
        foreign_keys=tuple(found[number] for number in sorted(found)),
        constraints=tuple(
            (origin, tuple(column for (column,) in database.execute(_INDEXED, [index])))
            for index, origin in constraints
        ),
    )
