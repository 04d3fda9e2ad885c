"""A CHECK constraint's expression as PostgreSQL prints it in, the same in SQLite's SQL out, where that is certain.

Understood: comparisons of columns with constants and with each other, IN, = ANY (ARRAY[...]), BETWEEN, IS NULL, AND,
OR, NOT and casts of constants. Text is compared for equality alone, since its order depends on the collation. Anything
else raises UnknownExpressionError, and is left to PostgreSQL.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import LiteralString

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.keys import value_of
from migrate_to_pg.rules.sql import Sql, compose, join, text

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")+")|(?P<word>[A-Za-z_][\w$]*)"""
    r"""|(?P<mark>::|<>|!=|<=|>=|[-=<>()\[\],]))"""
)
_KINDS = {
    **dict.fromkeys(("int2", "int4", "int8", "float8", "numeric"), "number"),
    **dict.fromkeys(("varchar", "text"), "text"),
    **{name: name for name in ("bool", "date", "time", "timestamp", "timestamptz")},
}
#: The cast that PostgreSQL prints -> the kind of the constant.
_CASTS = {
    **dict.fromkeys(("smallint", "integer", "bigint", "numeric", "double precision"), "number"),
    **dict.fromkeys(("character varying", "text"), "text"),
    "boolean": "bool",
    "date": "date",
    "time without time zone": "time",
    "timestamp without time zone": "timestamp",
    "timestamp with time zone": "timestamptz",
}
_COMPARISONS: dict[str, LiteralString] = {
    "=": "({a} = {b})", "<>": "({a} <> {b})", "!=": "({a} <> {b})",
    "<": "({a} < {b})", "<=": "({a} <= {b})", ">": "({a} > {b})", ">=": "({a} >= {b})",
}  # fmt: skip
_MOMENTS: dict[str, LiteralString] = {
    "date": "pg_date(CAST({v} AS BLOB))",
    "time": "pg_time(CAST({v} AS BLOB))",
    "timestamp": "pg_timestamp(CAST({v} AS BLOB))",
    "timestamptz": "pg_timestamptz(CAST({v} AS BLOB))",
}
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?")


class UnknownExpressionError(ValueError):
    """Something that is not understood for certain."""


@dataclass(frozen=True, slots=True)
class _Value:
    """A part of the expression; ``kind`` is "truth" for what is true or false."""

    sql: Sql
    kind: str
    #: The text of a constant, which a cast may still turn into another kind.
    constant: str | None = None


class Expression:
    """One expression being read; ``columns`` are those that it names."""

    def __init__(self, expression: str, table: PlannedTable) -> None:
        self.tokens = tokens(expression)
        self.position = 0
        self.table = table
        self.columns: list[PlannedColumn] = []
        self.sql = self._truth(self._either())
        if self.position < len(self.tokens):
            raise UnknownExpressionError(expression)

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else ""

    def _take(self, *wanted: str) -> bool:
        """Whether the next tokens are these; they are read if so."""
        end = self.position + len(wanted)
        if [token.upper() for token in self.tokens[self.position : end]] != list(wanted):
            return False
        self.position = end
        return True

    def _need(self, *wanted: str) -> None:
        if not self._take(*wanted):
            raise UnknownExpressionError(self._peek())

    def _either(self) -> _Value:
        value = self._both()
        while self._take("OR"):
            other = self._truth(self._both())
            value = _Value(compose("({a} OR {b})", a=self._truth(value), b=other), "truth")
        return value

    def _both(self) -> _Value:
        value = self._negated()
        while self._take("AND"):
            other = self._truth(self._negated())
            value = _Value(compose("({a} AND {b})", a=self._truth(value), b=other), "truth")
        return value

    def _negated(self) -> _Value:
        if self._take("NOT"):
            return _Value(compose("(NOT {a})", a=self._truth(self._negated())), "truth")
        return self._compared()

    def _compared(self) -> _Value:
        value = self._operand()
        if self._take("IS", "NOT", "NULL"):
            return _Value(compose("({a} IS NOT NULL)", a=value.sql), "truth")
        if self._take("IS", "NULL"):
            return _Value(compose("({a} IS NULL)", a=value.sql), "truth")
        if self._take("BETWEEN"):
            low = self._operand()
            self._need("AND")
            above, below = _compare(">=", value, low), _compare("<=", value, self._operand())
            return _Value(compose("({a} AND {b})", a=above.sql, b=below.sql), "truth")
        if self._take("IN", "("):
            return _among(value, self._list(")"))
        if self._peek() in _COMPARISONS:
            return self._after_mark(value, self._next())
        return value

    def _after_mark(self, value: _Value, mark: str) -> _Value:
        if mark == "=" and self._take("ANY", "("):
            return _among(value, self._array())
        if mark == "<>" and self._take("ALL", "("):
            return _Value(compose("(NOT {a})", a=_among(value, self._array()).sql), "truth")
        return _compare(mark, value, self._operand())

    def _array(self) -> list[_Value]:
        """ARRAY[...] up to the parenthesis that closes ANY; a cast of the whole to text[] changes nothing."""
        wrapped = self._take("(")
        self._need("ARRAY", "[")
        values = self._list("]")
        if wrapped:
            self._need(")")
        if self._take("::"):
            self._type()
            self._need("[", "]")
        self._need(")")
        return values

    def _list(self, end: str) -> list[_Value]:
        values = [self._operand()]
        while self._take(","):
            values.append(self._operand())
        self._need(end)
        return values

    def _operand(self) -> _Value:
        value = self._primary()
        while self._take("::"):
            value = _cast(value, self._type())
        return value

    def _primary(self) -> _Value:
        if self._take("("):
            value = self._either()
            self._need(")")
            return value
        if self._take("-"):
            return _constant("-" + self._next(), "number")
        token = self._next()
        if token[0] == "'":
            return _constant(token[1:-1].replace("''", "'"), "text")
        if token[0].isdigit():
            return _constant(token, "number")
        if token.lower() in ("true", "false"):
            return _constant(token.lower(), "bool")
        return self._column(token[1:-1].replace('""', '"') if token[0] == '"' else token)

    def _next(self) -> str:
        token = self._peek()
        if not token:
            raise UnknownExpressionError("end")
        self.position += 1
        return token

    def _type(self) -> str:
        words = [self._next()]
        while self._peek() in ("varying", "precision", "without", "with", "time", "zone"):
            words.append(self._next())
        if self._take("("):
            self._list(")")
        return " ".join(words)

    def _column(self, name: str) -> _Value:
        column = next((c for c in self.table.columns if c.name == name), None)
        kind = _KINDS.get(column.target.type_name) if column else None
        value = value_of(column) if column and kind else None
        if column is None or kind is None or value is None:
            raise UnknownExpressionError(name)
        if column not in self.columns:
            self.columns.append(column)
        return _Value(compose("CAST({v} AS REAL)", v=value) if column.target.type_name == "numeric" else value, kind)

    def _truth(self, value: _Value) -> Sql:
        if value.kind not in ("truth", "bool"):
            raise UnknownExpressionError(value.kind)
        return value.sql


def tokens(expression: str) -> list[str]:
    """Its words, names, constants and marks. Raises UnknownExpressionError where there is anything else."""
    found: list[str] = []
    position, whole = 0, expression.strip()
    while position < len(whole):
        match = _TOKEN.match(whole, position)
        if match is None:
            raise UnknownExpressionError(whole[position:])
        found.append(match[0].strip())
        position = match.end()
    return found


def _constant(value: str, kind: str) -> _Value:
    if kind == "number":
        if not _NUMBER.fullmatch(value):
            raise UnknownExpressionError(value)
        return _Value(Sql(value), kind, value)
    if kind == "bool":
        return _Value(Sql("1" if value in ("true", "t") else "0"), kind, value)
    quoted = text(value)
    return _Value(compose(_MOMENTS[kind], v=quoted) if kind in _MOMENTS else quoted, kind, value)


def _cast(value: _Value, type_sql: str) -> _Value:
    """A constant of the other kind; a column only where the cast changes nothing."""
    kind = _CASTS.get(type_sql)
    if kind is None or (value.constant is None and kind != value.kind):
        raise UnknownExpressionError(type_sql)
    return value if value.constant is None else _constant(value.constant, kind)


def _compare(mark: str, left: _Value, right: _Value) -> _Value:
    # Django writes a date's constant without a cast.
    left, right = _like(left, right.kind), _like(right, left.kind)
    if left.kind != right.kind or left.kind == "truth" or (left.kind == "text" and mark not in ("=", "<>", "!=")):
        raise UnknownExpressionError(mark)
    return _Value(compose(_COMPARISONS[mark], a=left.sql, b=right.sql), "truth")


def _like(value: _Value, kind: str) -> _Value:
    """A text constant beside a date is a date."""
    is_moment = value.constant is not None and value.kind == "text" and kind in _MOMENTS
    return _constant(value.constant or "", kind) if is_moment else value


def _among(value: _Value, values: list[_Value]) -> _Value:
    equal = [_compare("=", value, other).sql for other in values]
    return _Value(compose("({any})", any=join(" OR ", equal)), "truth")
