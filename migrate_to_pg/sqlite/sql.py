"""Names and templates in, SQL for SQLite out: the one place where a rule's SQL is put together.

Only what the functions here return is ``Sql``, so that a type check shows that no raw name
reaches a statement. Values always travel as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString, NewType

from migrate_to_pg.sqlite.connection import quote_name

#: A fragment that is safe to put into a statement.
Sql = NewType("Sql", str)


def name(identifier: str) -> Sql:
    """A quoted identifier."""
    return Sql(quote_name(identifier))


def number(value: int) -> Sql:
    """A whole number of ours, such as a column's precision."""
    return Sql(str(int(value)))


def compose(template: LiteralString, **parts: Sql) -> Sql:
    """A template whose ``{fields}`` are fragments."""
    return Sql(template.format(**parts))


def join(separator: LiteralString, parts: Iterable[Sql]) -> Sql:
    """Fragments in a row."""
    return Sql(separator.join(parts))


def names(identifiers: Iterable[str]) -> Sql:
    """Quoted identifiers, with commas."""
    return join(", ", map(name, identifiers))


def text(value: str) -> Sql:
    """A constant that PostgreSQL's own catalogue printed, as a literal."""
    return Sql("'" + value.replace("'", "''") + "'")
