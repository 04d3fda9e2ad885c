"""Let Django write a model's constraints in SQLite's SQL, where SQLite's answer is certain to be PostgreSQL's.

Certain are comparisons of columns with constants and with each other, IN, BETWEEN, IS NULL, AND, OR, NOT and CASE, sums
of integers, LIKE in one case, simple regular expressions and, behind one of these, casts of digits to integers. What
PostgreSQL's collation, its functions or its regular expressions decide is asked of SQLite as well, but not trusted.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import Any

from django.db import models
from django.db.backends.sqlite3.base import DatabaseWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models.expressions import (
    Case,
    Col,
    CombinedExpression,
    ExpressionList,
    ExpressionWrapper,
    OrderBy,
    Value,
    When,
)
from django.db.models.functions import Cast, Coalesce, Lower, LTrim, RTrim, Substr, Trim, Upper
from django.db.models.lookups import Lookup
from django.db.models.sql import Query
from django.db.models.sql.where import AND, OR, WhereNode

from migrate_to_pg.project.identifiers import cut
from migrate_to_pg.records import SqliteSql
from migrate_to_pg.sqlite.connection import quote_name
from migrate_to_pg.sqlite.missing_functions import register_project_functions

_IGNORING_CASE: dict[str, str] = {
    "iexact": "= UPPER(%s)",
    **dict.fromkeys(("icontains", "istartswith", "iendswith"), "LIKE UPPER(%s) ESCAPE '\\'"),
}
#: MATCH calls a function that nothing else calls for plain tables (``rules.sql_functions``).
_REGEX = {"regex": "MATCH %s", "iregex": "MATCH '(?i)' || %s"}
_INTEGER = "integer"
#: Field.get_internal_type() -> what its values compare with; the digits of a decimal are those that a double holds.
_KINDS = {
    **dict.fromkeys(("AutoField", "BigAutoField", "SmallAutoField"), _INTEGER),
    **dict.fromkeys(("IntegerField", "BigIntegerField", "SmallIntegerField"), _INTEGER),
    **dict.fromkeys(("PositiveIntegerField", "PositiveBigIntegerField", "PositiveSmallIntegerField"), _INTEGER),
    **dict.fromkeys(("CharField", "TextField", "SlugField", "FileField", "FilePathField"), "text"),
    **{f"{kind}Field": kind for kind in ("Boolean", "Date", "DateTime", "Decimal", "Duration", "Float", "Time")},
    "UUIDField": "UUID",
}
_DIGITS = 15
_EQUAL, _ORDERED = ("exact", "in"), ("gt", "gte", "lt", "lte", "range")
_LIKE = ("contains", "startswith", "endswith")
#: ^...$ around characters and sets that mean the same in Python and PostgreSQL, each one time or {n} times.
_PLAIN_PATTERN = re.compile(r"\^(?:(?:[A-Za-z0-9 _/:,@-]|\[(?:0-9|a-z|A-Z)+\])(?:\{[1-9][0-9]?\})?)*\$", re.ASCII)


class _Operations(DatabaseOperations):
    def lookup_cast(self, lookup_type: str, internal_type: str | None = None) -> str:
        if lookup_type in _REGEX:
            # Python's sqlite3 fails on arguments that are no UTF-8.
            return "CAST(%s AS BLOB)"
        return "UPPER(%s)" if lookup_type in _IGNORING_CASE else str(super().lookup_cast(lookup_type, internal_type))


class _Connection(DatabaseWrapper):
    """Django's backend for SQLite, with LIKE and regular expressions nearer to PostgreSQL's; connected to nothing."""

    operators = {**DatabaseWrapper.operators, **_IGNORING_CASE, **_REGEX}
    ops_class = _Operations


_connection: Any = _Connection({"NAME": ":memory:", "OPTIONS": {}, "TIME_ZONE": None, "ENGINE": ""})


def check_sql(model: type[models.Model], constraint: models.CheckConstraint) -> SqliteSql | None:
    """Return a CHECK constraint in SQLite's SQL; None where Django cannot write it."""
    # Called "check" before Django 5.1.
    return _written(model, getattr(constraint, "condition", None) or constraint.check)


def field_sql(field: Any, connection: Any) -> SqliteSql | None:
    """Return the CHECK that a field has on PostgreSQL, ``connection``; None where it has none, or not on SQLite."""
    sql = field.db_check(connection) and field.db_check(_connection)
    known = connection.data_type_check_constraints
    certain = field.get_internal_type() in known and type(field).db_check is models.Field.db_check
    return (
        SqliteSql(condition=sql, columns=(cut(field.column),), names=(field.column,), certain=certain) if sql else None
    )


def index_sql(model: type[models.Model], index: Any) -> SqliteSql | None:
    """Return an index's condition, and its parts where one is an expression; None where Django cannot write them."""
    return _written(model, index.condition, index.expressions)


def _written(model: type[models.Model], condition: Any, parts: Iterable[Any] = ()) -> SqliteSql | None:
    query = Query(model, alias_cols=False)
    compiler = query.get_compiler(connection=_connection)
    editor = _connection.schema_editor()

    def write(node: Any) -> str:
        sql, values = compiler.compile(node)
        return str(sql % tuple(map(editor.quote_value, values)))

    try:
        where = [query.build_where(condition)] if condition else []
        keys = [_without_order(part).resolve_expression(query, allow_joins=False) for part in parts]
        names = tuple(dict.fromkeys(str(col.target.column) for col in _columns([*where, *keys])))
        written = SqliteSql(
            condition=write(where[0]) if where else "",
            parts=tuple(map(write, keys)),
            columns=tuple(map(cut, names)),
            names=names,
            certain=all(map(_is_certain, where)) and None not in map(_kind_of_key, keys),
        )
    except Exception:  # noqa: BLE001 - the project's own classes take part
        return None
    return written if _runs(written) else None


def _runs(written: SqliteSql) -> bool:
    """Report whether SQLite accepts the SQL, which may be hand-written for PostgreSQL or name an unknown column."""
    if not written.names:
        return False
    columns = ", ".join(f"NULL AS {quote_name(column)}" for column in written.names)
    parts = ", ".join(filter(None, [written.condition, *written.parts]))
    with closing(sqlite3.connect(":memory:")) as database:
        register_project_functions(database)
        database.create_function("match", 2, lambda *_: None)
        try:
            database.execute(f"EXPLAIN SELECT {parts} FROM (SELECT {columns})")  # noqa: S608 - Django's own
        except sqlite3.Error:
            return False
    return True


def _without_order(part: Any) -> Any:
    """Return a part of an index without its order and operator class, which do not affect equality."""
    part = models.F(part) if isinstance(part, str) else part
    while isinstance(part, OrderBy) or type(part).__name__ == "OpClass":
        (part,) = part.get_source_expressions()
    return part


def _columns(nodes: Iterable[Any]) -> Iterator[Col]:
    for node in nodes:
        if isinstance(node, Col):
            yield node
        elif hasattr(node, "get_source_expressions"):
            inside = getattr(node, "rhs", None)
            # Django does not list the expressions in a list of values.
            values = inside if isinstance(inside, (list, tuple)) else ()
            yield from _columns([*node.get_source_expressions(), *values])


def _is_certain(node: Any, *, guarded: bool = False) -> bool:
    """Report whether both databases find a condition true, false or NULL for the same rows.

    ``guarded``: a regular expression precedes it, so that nothing is cast but the digits that it accepts.
    """
    if isinstance(node, WhereNode):
        return node.connector in (AND, OR) and all(_is_certain(child, guarded=guarded) for child in node.children)
    if isinstance(node, ExpressionWrapper):
        return _is_certain(node.expression, guarded=guarded)
    if isinstance(node, Case):
        return all(map(_is_certain, node.cases)) and _is_certain(node.default)
    if isinstance(node, When):
        asked = any(getattr(lookup, "lookup_name", "") == "regex" for lookup in _lookups(node.condition))
        return _is_certain(node.condition) and _is_certain(node.result, guarded=asked)
    if isinstance(node, Lookup):
        return _is_certain_lookup(node, guarded=guarded)
    return isinstance(node, Value) or (isinstance(node, Col) and _kind(node) == "Boolean")


def _kind_of_key(node: Any) -> str | None:
    """Return the kind of a part of a unique key, or None where SQLite's equality may differ.

    SQLite's lower() is trusted, although it ignores letters beyond ASCII: what it finds equal is equal.
    """
    if isinstance(node, (Lower, Upper, Trim, LTrim, RTrim)):
        (source,) = node.get_source_expressions()
        return "text" if _kind_of_key(source) == "text" else None
    if isinstance(node, Coalesce):
        kinds = {_kind_of_key(source) for source in node.get_source_expressions()} - {""}
        return kinds.pop() if len(kinds) == 1 else None
    return _kind(node)


def _is_certain_lookup(lookup: Lookup[Any], *, guarded: bool) -> bool:
    name, left, right = lookup.lookup_name, lookup.lhs, lookup.rhs
    if name == "isnull":
        return isinstance(left, Col)
    if name == "exact" and right is True:
        return _is_certain(left, guarded=guarded)
    kind = _kind(left, guarded=guarded)
    right = right.get_source_expressions() if isinstance(right, ExpressionList) else right
    values = right if isinstance(right, (list, tuple)) else [right]
    others = {_kind(value, guarded=guarded) if hasattr(value, "resolve_expression") else "" for value in values}
    if name == "regex":
        return kind == "text" and isinstance(right, str) and _PLAIN_PATTERN.fullmatch(right) is not None
    if name in _LIKE:
        return kind == "text" and isinstance(right, str)
    return (
        name in (_EQUAL if kind == "text" else (*_EQUAL, *_ORDERED)) and kind not in (None, "") and others <= {kind, ""}
    )


def _lookups(node: Any) -> Iterator[Any]:
    """Yield the lookups that are all true where the condition is."""
    if isinstance(node, WhereNode) and node.connector == AND and not node.negated:
        for child in node.children:
            yield from _lookups(child)
    elif isinstance(node, Lookup):
        yield node


def _kind(node: Any, *, guarded: bool = False) -> str | None:
    """Return the kind of values that a value compares with: '' for any, None where the comparison is not certain."""
    if isinstance(node, Value):
        return ""
    if isinstance(node, Col):
        field: Any = node.target
        while field.remote_field:
            field = field.target_field
        certain = not getattr(field, "db_collation", None) and not getattr(field, "generated", False)
        digits = getattr(field, "max_digits", 0)
        certain &= digits is not None and digits <= _DIGITS
        return _KINDS.get(field.get_internal_type()) if certain else None
    sources = [_kind(source, guarded=guarded) for source in getattr(node, "get_source_expressions", list)()]
    if isinstance(node, CombinedExpression):
        return _INTEGER if node.connector in ("+", "-") and set(sources) <= {_INTEGER, ""} else None
    if isinstance(node, Substr):
        return "text" if sources[0] == "text" and set(sources[1:]) == {""} else None
    if isinstance(node, Cast) and guarded and sources == ["text"]:
        kind = _KINDS.get(node.output_field.get_internal_type())
        return kind if kind == _INTEGER else None
    return sources[0] if isinstance(node, ExpressionWrapper) else None
