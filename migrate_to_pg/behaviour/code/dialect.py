"""Read SQL as SQLite does, by sqlglot, and name what PostgreSQL takes and answers otherwise."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from django.db import DatabaseError
from sqlglot import exp, parse_one
from sqlglot.errors import SqlglotError

from migrate_to_pg.behaviour.records import Certainty
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize

_PRAGMA = re.compile(r"\s*PRAGMA\b", re.IGNORECASE)
_SAYS_NULLS = re.compile(r"\bNULLS\s+(?:FIRST|LAST)\b", re.IGNORECASE)
_INTEGERS = frozenset({exp.DType.INT, exp.DType.BIGINT, exp.DType.SMALLINT})


class Doubt(NamedTuple):
    """A part of a statement that PostgreSQL takes, and answers otherwise."""

    rule: str
    certainty: Certainty
    sqlite: str = ""
    postgresql: str = ""
    explanation: str = ""


class Column(NamedTuple):
    """A column of a table, by the names in the database."""

    table: str
    name: str


def is_pragma(sql: str) -> bool:
    """Return whether it is a PRAGMA."""
    return _PRAGMA.match(sql) is not None


@lru_cache(maxsize=256)
def parsed(sql: str) -> exp.Expr | None:
    """Return the statement as SQLite reads it, or None where sqlglot does not."""
    try:
        return parse_one(sql, read="sqlite")
    except SqlglotError:
        return None


def doubts(sql: str, sides: Sides) -> Iterator[Doubt]:
    """Yield what PostgreSQL answers otherwise, where the data or the words of the statement show it."""
    tree = parsed(sql)
    if tree is None:
        return
    for node in tree.walk():
        for kind, look in _LOOKS.items():
            if isinstance(node, kind):
                yield from look(node, tree, sides)
    if isinstance(tree, exp.Select) and tree.args.get("order") and not _SAYS_NULLS.search(sql):
        for item in tree.args["order"].expressions:
            column = column_of(item.this, tree, sides)
            if column and count(sides.sqlite, column, "{} IS NULL"):
                yield Doubt("order-nulls", Certainty.CONFIRMED)


def _like(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    """Count the rows that LIKE matches on both sides, or look for letters of both cases where the text is unknown."""
    column = column_of(node.this, tree, sides)
    if column is None:
        return
    if isinstance(node.expression, exp.Literal) and node.expression.is_string:
        pattern = str(node.expression.this)
        counts = [count(side, column, "{} LIKE %s", pattern) for side in (sides.sqlite, sides.postgresql)]
        if counts[0] != counts[1]:
            yield Doubt("like-case", Certainty.SEEN, _rows(counts[0]), _rows(counts[1]))
    elif count(sides.sqlite, column, "LOWER({0}) <> UPPER({0})"):
        yield Doubt("like-case", Certainty.HINT)


def _random(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    if not isinstance(node.parent, exp.Ordered):
        explanation = _("random() is a whole number of 64 bits on SQLite, a fraction below 1 on PostgreSQL.")
        yield Doubt("function-meaning", Certainty.CONFIRMED, explanation=explanation)


def _substring(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    start = node.args.get("start")
    if isinstance(start, exp.Neg) or (isinstance(start, exp.Literal) and start.this == "0"):
        explanation = _("A start below 1 counts from the end on SQLite, and from before the text on PostgreSQL.")
        yield Doubt("function-meaning", Certainty.CONFIRMED, explanation=explanation)


def _cast(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    if node.to.this not in _INTEGERS:
        return
    column = column_of(node.this, tree, sides)
    fraction = isinstance(node.this, exp.Literal) and "." in str(node.this.this)
    if fraction or (column and count(sides.sqlite, column, "typeof({0}) = 'real' AND {0} <> CAST({0} AS INTEGER)")):
        explanation = _("CAST to an integer cuts the fraction off on SQLite, and rounds on PostgreSQL.")
        yield Doubt("function-meaning", Certainty.CONFIRMED, explanation=explanation)
    elif column and count(sides.sqlite, column, "typeof({0}) = 'text' AND CAST(CAST({0} AS INTEGER) AS TEXT) <> {0}"):
        explanation = _(
            "The column holds text that is no whole number: an error on PostgreSQL, 0 or its begin on SQLite."
        )
        yield Doubt("function-meaning", Certainty.CONFIRMED, explanation=explanation)


def _letters(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    column = column_of(node.this, tree, sides)
    if column and has_other_letters(sides, column):
        yield Doubt("case-of-all-letters", Certainty.CONFIRMED)


def _limit(node: Any, tree: exp.Expr, sides: Sides) -> Iterator[Doubt]:
    select = node.parent
    if not isinstance(select, exp.Select) or select.args.get("order") or not select.args.get("from_"):
        return
    aggregates = [one for one in select.expressions if one.find(exp.AggFunc)]
    # Only the existence of a row is asked by LIMIT 1.
    if not aggregates and str(getattr(node.expression, "this", "")) != "1":
        yield Doubt("unordered", Certainty.HINT)


_LOOKS: dict[type[exp.Expr], Callable[[Any, exp.Expr, Sides], Iterator[Doubt]]] = {
    exp.Like: _like,
    exp.Rand: _random,
    exp.Substring: _substring,
    exp.Cast: _cast,
    exp.Lower: _letters,
    exp.Upper: _letters,
    exp.Limit: _limit,
}


def column_of(node: Any, tree: exp.Expr, sides: Sides) -> Column | None:
    """Return the column of a table that an expression is, if it is just that."""
    if not isinstance(node, exp.Column):
        return None
    tables = {table.alias_or_name: table.name for table in tree.find_all(exp.Table)}
    candidates = [tables[node.table]] if node.table in tables else [] if node.table else [*tables.values()]
    for table in candidates:
        with sides.sqlite.cursor() as cursor:
            try:
                columns = [found.name for found in sides.sqlite.introspection.get_table_description(cursor, table)]
            except DatabaseError:
                columns = []
        if node.name in columns:
            return Column(table, node.name)
    return None


def count(connection: Any, column: Column, condition: str, *parameters: str) -> int:
    """Count the rows of a table for which a condition on its column holds, {} in it."""
    quote = connection.ops.quote_name
    where = condition.format(quote(column.name))
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT count(*) FROM {quote(column.table)} WHERE {where}", parameters or None)  # noqa: S608 - quoted
        return int(cursor.fetchone()[0])


def has_other_letters(sides: Sides, column: Column) -> bool:
    """Return whether a column holds letters beyond ASCII that have two cases."""
    quote = sides.sqlite.ops.quote_name
    name = quote(column.name)
    with sides.sqlite.cursor() as cursor:
        cursor.execute(f"SELECT DISTINCT {name} FROM {quote(column.table)} WHERE {name} GLOB '*[^ -~]*' LIMIT 1000")  # noqa: S608 - quoted
        values = [str(value) for (value,) in cursor.fetchall()]
    return any(letter.lower() != letter.upper() and not letter.isascii() for value in values for letter in value)


def _rows(number: int) -> str:
    return pluralize(number, "row", "rows")
