"""A CHECK constraint's expression as PostgreSQL prints it in, the same in SQLite's SQL out, where that is certain.

Understood: comparisons of columns with constants and with each other, IN, = ANY (ARRAY[...]), BETWEEN, IS NULL, AND,
OR, NOT, CASE WHEN, casts of constants and of digits to integers, + and - of integers, substring and simple regular
expressions. Text is compared for equality alone, since its order depends on the collation. Anything else raises
UnknownExpressionError, and is left to PostgreSQL.
"""

from __future__ import annotations

import re

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.sql_keys import value_of
from migrate_to_pg.rules.sql_operators import (
    COMPARISONS,
    NULL,
    Part,
    UnknownExpressionError,
    add,
    among,
    cast,
    choose,
    compare,
    constant,
    matches,
    substring,
)
from migrate_to_pg.sqlite.sql import Sql, compose
from migrate_to_pg.sqlite.sql import name as quoted

_TOKEN = re.compile(
    r"""\s*(?:(?P<number>\d+(?:\.\d+)?)|(?P<text>'(?:[^']|'')*')|(?P<name>"(?:[^"]|"")+")|(?P<word>[A-Za-z_][\w$]*)"""
    r"""|(?P<mark>::|<>|!=|<=|>=|[-+~=<>()\[\],]))"""
)
_WHOLE = ("int2", "int4", "int8")
_KINDS = {
    **dict.fromkeys((*_WHOLE, "float8", "numeric"), "number"),
    **dict.fromkeys(("varchar", "text"), "text"),
    **{name: name for name in ("bool", "date", "time", "timestamp", "timestamptz")},
}
_SUBSTRING = ("SUBSTRING", "SUBSTR", '"SUBSTRING"')


class Expression:
    """One expression being read; ``columns`` are those that it names."""

    def __init__(self, expression: str, table: PlannedTable) -> None:
        self.tokens = tokens(expression)
        self.position = 0
        self.table = table
        self.columns: list[PlannedColumn] = []
        #: What the condition of the CASE being read makes certain: a text -> its characters.
        self.certain: dict[Sql, tuple[str, ...]] = {}
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

    def _either(self) -> Part:
        value = self._both()
        while self._take("OR"):
            other = self._truth(self._both())
            value = Part(compose("({a} OR {b})", a=self._truth(value), b=other), "truth")
        return value

    def _both(self) -> Part:
        value = self._negated()
        while self._take("AND"):
            other = self._truth(self._negated())
            value = Part(compose("({a} AND {b})", a=self._truth(value), b=other), "truth")
        return value

    def _negated(self) -> Part:
        if self._take("NOT"):
            return Part(compose("(NOT {a})", a=self._truth(self._negated())), "truth")
        return self._compared()

    def _compared(self) -> Part:
        value = self._sum()
        if self._take("IS", "NOT", "NULL"):
            return Part(compose("({a} IS NOT NULL)", a=value.sql), "truth")
        if self._take("IS", "NULL"):
            return Part(compose("({a} IS NULL)", a=value.sql), "truth")
        if self._take("BETWEEN"):
            low = self._sum()
            self._need("AND")
            above, below = compare(">=", value, low), compare("<=", value, self._sum())
            return Part(compose("({a} AND {b})", a=above.sql, b=below.sql), "truth")
        if self._take("IN", "("):
            return among(value, self._list(")"))
        if self._take("~"):
            return matches(value, self._operand())
        if self._peek() in COMPARISONS:
            return self._after_mark(value, self._next())
        return value

    def _after_mark(self, value: Part, mark: str) -> Part:
        if mark == "=" and self._take("ANY", "("):
            return among(value, self._array())
        if mark == "<>" and self._take("ALL", "("):
            return Part(compose("(NOT {a})", a=among(value, self._array()).sql), "truth")
        return compare(mark, value, self._sum())

    def _array(self) -> list[Part]:
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

    def _list(self, end: str) -> list[Part]:
        values = [self._operand()]
        while self._take(","):
            values.append(self._operand())
        self._need(end)
        return values

    def _sum(self) -> Part:
        value = self._operand()
        while self._peek() in ("+", "-"):
            value = add(self._next(), value, self._operand())
        return value

    def _operand(self) -> Part:
        value = self._primary()
        while self._take("::"):
            value = cast(value, self._type())
        return value

    def _primary(self) -> Part:
        if self._take("("):
            value = self._either()
            self._need(")")
            return value
        if self._take("-"):
            return constant("-" + self._next(), "number")
        if self._take("CASE"):
            return self._case()
        token = self._next()
        if token[0] == "'":
            return constant(token[1:-1].replace("''", "'"), "text")
        if token[0].isdigit():
            return constant(token, "number")
        if token.lower() in ("true", "false"):
            return constant(token.lower(), "bool")
        if token.upper() == "NULL":
            return NULL
        if token.upper() in _SUBSTRING and self._take("("):
            return substring(self._list(")"))
        return self._column(token[1:-1].replace('""', '"') if token[0] == '"' else token)

    def _case(self) -> Part:
        branches = []
        while self._take("WHEN"):
            condition = self._either()
            self._need("THEN")
            branches.append((self._truth(condition), self._where(condition)))
        otherwise = self._truth(self._either()) if self._take("ELSE") else Sql("NULL")
        self._need("END")
        if not branches:
            raise UnknownExpressionError("CASE")
        return choose(branches, otherwise)

    def _where(self, condition: Part) -> Sql:
        """What stands after THEN, read in the light of its condition."""
        outside = self.certain
        if condition.tells_of is not None:
            self.certain = {**outside, condition.tells_of: condition.characters}
        result = self._truth(self._either())
        self.certain = outside
        return result

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
        if self._peek() == "(":
            # varchar(3) cuts, numeric(6, 1) rounds.
            raise UnknownExpressionError(words[0])
        return " ".join(words)

    def _column(self, name: str) -> Part:
        column = next((c for c in self.table.columns if c.name == name), None)
        kind = _KINDS.get(column.target.type_name) if column else None
        value = value_of(column) if column and kind else None
        if column is None or kind is None or value is None:
            raise UnknownExpressionError(name)
        if column not in self.columns:
            self.columns.append(column)
        type_name = column.target.type_name
        if type_name == "numeric":
            return Part(compose("CAST({v} AS REAL)", v=value), kind, stored=quoted(column.source.name))
        return Part(value, kind, whole=type_name in _WHOLE, characters=self.certain.get(value, ()))

    def _truth(self, value: Part) -> Sql:
        if value.kind not in ("truth", "bool", NULL.kind):
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
