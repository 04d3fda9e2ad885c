"""Build SQL for SQLite from names and templates.

Only the functions here return ``Sql``, so a type check shows that no raw name reaches a statement. Values always travel
as parameters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import LiteralString, NewType

from migrate_to_pg.sqlite.connection import quote_name

#: A fragment that is safe in a statement.
Sql = NewType("Sql", str)


def name(identifier: str) -> Sql:
    """Quote an identifier."""
    return Sql(quote_name(identifier))


def number(value: int) -> Sql:
    """Render an integer of this program, such as a column's precision."""
    return Sql(str(int(value)))


def compose(template: LiteralString, **parts: Sql) -> Sql:
    """Fill the ``{fields}`` of a template with fragments."""
    return Sql(template.format(**parts))


def join(separator: LiteralString, parts: Iterable[Sql]) -> Sql:
    """Join fragments."""
    return Sql(separator.join(parts))


def names(identifiers: Iterable[str]) -> Sql:
    """Quote identifiers and join them with commas."""
    return join(", ", map(name, identifiers))


def text(value: str) -> Sql:
    """Quote a text of this program, or a constant that PostgreSQL's own catalogue printed."""
    return Sql("'" + value.replace("'", "''") + "'")
