"""Replace single parts of a CREATE TABLE statement and keep every other byte.

SQLite stores the text of the statement itself, from the table's name on
(https://www.sqlite.org/schematab.html#interpretation_of_the_schema_table). So it is split by SQLite's own tokens: names
in double quotes, backticks, brackets or none, strings, comments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import NamedTuple

from migrate_to_pg.sqlite.connection import quote_name

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
    bare: bool

    @property
    def name(self) -> str:
        """The name that the token writes, without its quotes."""
        if self.bare:
            return self.text
        quote = self.text[-1]
        return self.text[1:-1] if quote == "]" else self.text[1:-1].replace(quote * 2, quote)

    @property
    def keyword(self) -> str:
        """The unquoted word in capitals, or '' for any other token."""
        return self.text.upper() if self.bare else ""


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
