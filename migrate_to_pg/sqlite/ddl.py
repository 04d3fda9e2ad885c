"""Read table definitions from SQLite's catalogue, compare two of them, and change parts of a CREATE TABLE statement.

SQLite stores the text of the statement itself, from the table's name on
(https://www.sqlite.org/schematab.html#interpretation_of_the_schema_table). So it is split by SQLite's own tokens: names
in double quotes, backticks, brackets or none, strings, comments. All bytes but those of the replaced parts are kept.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.connection import quote_name

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
    return TableDefinition(
        columns=tuple(database.execute(_COLUMN_ROWS, [table]).fetchall()),
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
    """Report what the new definition lacks, or has changed unasked. Return '' where it has all.

    Args:
        old: The definition before.
        new: The definition after.
        parents: Position of a foreign key -> the table that it shall refer to.
        redefined: Columns, in lower case, with a new definition. Only then may keys and constraints be added.
    """
    if [_fixed_part(column, redefined) for column in old.columns] != [
        _fixed_part(column, redefined) for column in new.columns
    ]:
        return _("its columns would change")
    expected = [(parents.get(at, key[0]), *key[1:]) for at, key in enumerate(old.foreign_keys)]
    if not _holds(expected, new.foreign_keys, exactly=not redefined):
        return _("its foreign keys would change")
    if not _holds(old.constraints, new.constraints, exactly=not redefined):
        return _("its unique constraints would change")
    return ""


def _fixed_part(column: ColumnRow, redefined: Collection[str]) -> tuple[object, ...]:
    """Return what must stay of a column: at least its name and how it is computed."""
    return (column[0], column[5]) if column[0].lower() in redefined else column


def _holds(expected: Sequence[object], found: Sequence[object], *, exactly: bool) -> bool:
    return list(expected) == list(found) if exactly else all(entry in found for entry in expected)


_TOKEN = re.compile(
    r"""
    (?P<blank> \s+ | --[^\n]* | /\*.*?(?:\*/|\Z) )
    | (?P<quoted> '(?:[^']|'')*' | "(?:[^"]|"")*" | `(?:[^`]|``)*` | \[[^\]]*\] )
    | (?P<word> (?:[A-Za-z0-9_$]|[^\x00-\x7f])+ )
    | (?P<sign> . )
    """,
    re.VERBOSE | re.DOTALL,
)
#: First words of table constraints. A column definition never begins with one, unless its name is quoted.
_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
#: Position of the name, after CREATE and TABLE: SQLite drops IF NOT EXISTS, TEMP and the schema's name.
_NAME = 2


class Token(NamedTuple):
    """One token that is neither blank nor a comment."""

    text: str
    start: int
    end: int
    #: Whether it is an unquoted word: a keyword, where SQLite takes no name.
    unquoted: bool

    @property
    def name(self) -> str:
        """The name that the token writes, without its quotes."""
        if self.unquoted:
            return self.text
        quote = self.text[-1]
        return self.text[1:-1] if quote == "]" else self.text[1:-1].replace(quote * 2, quote)

    @property
    def keyword(self) -> str:
        """The unquoted word in capitals, or '' for any other token."""
        return self.text.upper() if self.unquoted else ""


class Column(NamedTuple):
    """The definition of one column, from its name to before the comma."""

    name: str
    text: str
    start: int
    end: int


def tokens(sql: str) -> list[Token]:
    """Split a statement into tokens."""
    found = (match for match in _TOKEN.finditer(sql) if match.lastgroup != "blank")
    return [Token(match[0], match.start(), match.end(), match.lastgroup == "word") for match in found]


def parents(sql: str) -> list[Token]:
    """Return the tables that the REFERENCES clauses name, in the order of the text.

    REFERENCES is a reserved word, so unquoted it occurs nowhere else.
    """
    found = tokens(sql)
    return [name for word, name in pairwise(found) if word.keyword == "REFERENCES"]


def columns(sql: str) -> list[Column]:
    """Return the column definitions in their order."""
    found = []
    for part in _parts(sql):
        if part[0].keyword in _CONSTRAINTS:
            break
        start, end = part[0].start, part[-1].end
        found.append(Column(part[0].name, sql[start:end], start, end))
    return found


def _parts(sql: str) -> Iterator[list[Token]]:
    """Yield the tokens between the table's parentheses, split at their commas."""
    depth, part = 0, list[Token]()
    for token in tokens(sql)[_NAME + 1 :]:
        depth += {"(": 1, ")": -1}.get(token.text, 0)
        if depth == 0 or (depth == 1 and token.text == ","):
            yield part
            part = []
        elif depth > 1 or token.text != "(":
            part.append(token)
        if depth == 0:
            return


def with_name(sql: str, name: str) -> str:
    """Return the statement that makes the same table under another name."""
    token = tokens(sql)[_NAME]
    return _replaced(sql, [(token.start, token.end, quote_name(name))])


def after_name(sql: str) -> str:
    """Return the text behind the table's name."""
    return sql[tokens(sql)[_NAME].end :]


def with_parents(sql: str, replacements: Mapping[int, str]) -> str:
    """Replace the tables that the REFERENCES clauses of these positions (from 0) name."""
    found = parents(sql)
    return _replaced(sql, [(found[at].start, found[at].end, quote_name(parent)) for at, parent in replacements.items()])


def with_columns(sql: str, definitions: Mapping[str, str]) -> str:
    """Replace the definitions of these columns, named in lower case."""
    found = [column for column in columns(sql) if column.name.lower() in definitions]
    return _replaced(sql, [(column.start, column.end, definitions[column.name.lower()]) for column in found])


def _replaced(sql: str, parts: list[tuple[int, int, str]]) -> str:
    for start, end, text in sorted(parts, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql
