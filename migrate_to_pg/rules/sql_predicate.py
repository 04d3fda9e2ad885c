"""The condition of a partial unique index as PostgreSQL prints it in, the same for SQLite out, where that is certain.

Understood: one or more of ``a``, ``NOT a`` (booleans), ``a IS NULL``, ``a IS NOT NULL``, joined by AND.
"""

from __future__ import annotations

import re

from migrate_to_pg.records import PlannedTable
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

_TOKEN = re.compile(r'\s*("(?:[^"]|"")+"|[A-Za-z_][\w$]*|[()])')
_TERM = re.compile(r"(?P<not>NOT )?(?P<column>\d+)(?P<null> IS (?P<negated>NOT )?NULL)?")


def translate(predicate: str, table: PlannedTable) -> Sql | None:
    """The condition in SQLite's SQL; "1" where there is none, None where it is not understood."""
    if not predicate:
        return Sql("1")
    tokens = _tokens(predicate)
    if tokens is None:
        return None
    # Columns become numbers, so that a name such as "and" cannot be taken for a keyword.
    columns: list[str] = []
    terms = _numbered(tokens, columns).split(" AND ")
    translated = [_term(term, columns, table) for term in terms]
    known = [term for term in translated if term is not None]
    return join(" AND ", known) if len(known) == len(translated) else None


def _tokens(predicate: str) -> list[str] | None:
    """Words without their parentheses: where all is joined by AND these mean nothing, except after NOT."""
    tokens: list[str] = []
    position = 0
    text = predicate.rstrip()
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None or (match[1] == "(" and tokens and tokens[-1] == "NOT"):
            return None
        tokens.append(match[1])
        position = match.end()
    return [word for word in tokens if word not in ("(", ")")]


def _numbered(tokens: list[str], columns: list[str]) -> str:
    words = []
    for token in tokens:
        if token in ("AND", "NOT", "IS", "NULL", "OR"):
            words.append(token)
        else:
            words.append(str(len(columns)))
            columns.append(token[1:-1].replace('""', '"') if token.startswith('"') else token)
    return " ".join(words)


def _term(term: str, columns: list[str], table: PlannedTable) -> Sql | None:
    match = _TERM.fullmatch(term)
    if match is None or (match["not"] and match["null"]):
        return None
    wanted = columns[int(match["column"])]
    column = next((c for c in table.columns if c.name == wanted), None)
    if column is None:
        return None
    quoted = name(column.source.name)
    if match["null"]:
        return compose("{c} IS NOT NULL" if match["negated"] else "{c} IS NULL", c=quoted)
    if column.target.type_name != "bool":
        return None
    return compose("{c} = 0" if match["not"] else "{c} = 1", c=quoted)
