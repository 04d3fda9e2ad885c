"""A CREATE TABLE statement as SQLite keeps it in, the same out with one part replaced; every other byte stays.

SQLite keeps the text of the statement itself, from the table's name on
(https://www.sqlite.org/schematab.html#interpretation_of_the_schema_table), so it is taken apart by SQLite's own tokens:
names in double quotes, backticks, brackets or none, strings, comments.
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
#: What a table's constraint begins with; a column's definition never does, unless its name is quoted.
_CONSTRAINTS = frozenset({"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"})
#: CREATE, TABLE and the name stand first: SQLite leaves out IF NOT EXISTS, TEMP and the schema's name.
_NAME = 2


class Token(NamedTuple):
    """One token that is neither blank nor a comment."""

    text: str
    start: int
    end: int
    #: Whether it is a bare word: a keyword, where SQLite takes no name.
    bare: bool

    @property
    def name(self) -> str:
        """The name that it writes, in whichever quotes."""
        if self.bare:
            return self.text
        quote = self.text[-1]
        return self.text[1:-1] if quote == "]" else self.text[1:-1].replace(quote * 2, quote)

    @property
    def keyword(self) -> str:
        """The bare word in capitals; '' for anything else."""
        return self.text.upper() if self.bare else ""


class Column(NamedTuple):
    """One column's definition, from its name to before the comma."""

    name: str
    text: str
    start: int
    end: int


def tokens(sql: str) -> list[Token]:
    """All tokens of a statement."""
    found = (match for match in _TOKEN.finditer(sql) if match.lastgroup != "blank")
    return [Token(match[0], match.start(), match.end(), match.lastgroup == "word") for match in found]


def parents(sql: str) -> list[Token]:
    """The tables that the REFERENCES clauses name, in the order in which they are written.

    REFERENCES is a reserved word: bare, it stands nowhere else.
    """
    found = tokens(sql)
    return [name for word, name in pairwise(found) if word.keyword == "REFERENCES"]


def columns(sql: str) -> list[Column]:
    """The definitions of the columns, in their order."""
    found = []
    for part in _parts(sql):
        if part[0].keyword in _CONSTRAINTS:
            break
        start, end = part[0].start, part[-1].end
        found.append(Column(part[0].name, sql[start:end], start, end))
    return found


def _parts(sql: str) -> Iterator[list[Token]]:
    """The tokens between the table's parentheses, split at their commas."""
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
    """The statement that makes the same table under another name."""
    token = tokens(sql)[_NAME]
    return _replaced(sql, [(token.start, token.end, quote_name(name))])


def after_name(sql: str) -> str:
    """All that follows the table's name."""
    return sql[tokens(sql)[_NAME].end :]


def with_parents(sql: str, wanted: Mapping[int, str]) -> str:
    """The statement whose REFERENCES clauses of those positions, counted from 0, name other tables."""
    found = parents(sql)
    return _replaced(sql, [(found[at].start, found[at].end, quote_name(parent)) for at, parent in wanted.items()])


def with_columns(sql: str, definitions: Mapping[str, str]) -> str:
    """The statement in which those columns, named in lower case, are defined otherwise."""
    found = [column for column in columns(sql) if column.name.lower() in definitions]
    return _replaced(sql, [(column.start, column.end, definitions[column.name.lower()]) for column in found])


def _replaced(sql: str, parts: list[tuple[int, int, str]]) -> str:
    for start, end, text in sorted(parts, reverse=True):
        sql = sql[:start] + text + sql[end:]
    return sql
