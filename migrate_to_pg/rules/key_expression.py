"""A part of a unique index as PostgreSQL prints it in, the same in SQLite's SQL out, where that is certain.

Understood: columns, and lower, upper, trim, ltrim, rtrim and coalesce of columns, constants and each other. Anything
else raises UnknownExpressionError, and is left to PostgreSQL.

What lower() and upper() make of letters beyond ASCII depends on PostgreSQL's locale: ``same`` folds ASCII alone, as
every locale but a Turkish one does, and ``folded`` all of Unicode, as most do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import LiteralString

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.sql_expression import tokens
from migrate_to_pg.rules.sql_keys import value_of
from migrate_to_pg.rules.sql_operators import UnknownExpressionError
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number, text

_TEXT_TYPES = ("varchar", "text")
_INTEGER_TYPES = ("int2", "int4", "int8")
#: Casts that change nothing, by the kind of what is cast.
_CASTS = {"text": ("text", "varchar", "character varying"), "number": ("smallint", "integer", "bigint")}
_TRIMS: dict[str, LiteralString] = {
    "trim": "trim({a}, ' ')",
    "btrim": "trim({a}, ' ')",
    "ltrim": "ltrim({a}, ' ')",
    "rtrim": "rtrim({a}, ' ')",
}
_SIDES = {"BOTH": "trim", "LEADING": "ltrim", "TRAILING": "rtrim"}


@dataclass(frozen=True, slots=True)
class _Part:
    same: Sql
    folded: Sql
    #: "text", "number", or "" for a column of another type, which stands alone.
    kind: str


class KeyExpression:
    """One part being read; ``columns`` are those that it names."""

    def __init__(self, expression: str, table: PlannedTable) -> None:
        self.tokens = tokens(expression)
        self.position = 0
        self.table = table
        self.columns: list[PlannedColumn] = []
        part = self._operand()
        # Neither an operator class nor the order of the index's entries has a part in what is equal.
        self.position += "".join(self.tokens[self.position : self.position + 1]).endswith("_ops")
        self._take("ASC")
        self._take("DESC")
        if self.position < len(self.tokens) or not self.columns:
            raise UnknownExpressionError(expression)
        binary = " COLLATE BINARY" if part.kind == "text" else ""
        self.same, self.folded = Sql(part.same + binary), Sql(part.folded + binary)

    def _next(self) -> str:
        if self.position >= len(self.tokens):
            raise UnknownExpressionError("end")
        self.position += 1
        return self.tokens[self.position - 1]

    def _take(self, wanted: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position].upper() == wanted
        self.position += found
        return found

    def _need(self, wanted: str) -> None:
        if not self._take(wanted):
            raise UnknownExpressionError(wanted)

    def _operand(self) -> _Part:
        part = self._primary()
        while self._take("::"):
            words = [self._next()]
            if self._take("VARYING"):
                words.append("varying")
            # A cast with a length would cut.
            if " ".join(words) not in _CASTS.get(part.kind, ()) or self._take("("):
                raise UnknownExpressionError(words[0])
        return part

    def _primary(self) -> _Part:
        if self._take("("):
            part = self._operand()
            self._need(")")
            return part
        token = self._next()
        if token[0] == "'":
            constant = text(token[1:-1].replace("''", "'"))
            return _Part(constant, constant, "text")
        if token.isdecimal():
            return _Part(number(int(token)), number(int(token)), "number")
        if self._take("("):
            return self._function(token.lower())
        return self._column(token[1:-1].replace('""', '"') if token[0] == '"' else token)

    def _function(self, function: str) -> _Part:
        if function == "coalesce":
            return self._coalesce()
        if function == "trim":
            function = next((trim for side, trim in _SIDES.items() if self._take(side)), function)
            self._take("FROM")
        argument = self._operand()
        self._need(")")
        if argument.kind != "text":
            raise UnknownExpressionError(function)
        if function in ("lower", "upper"):
            return _folded(argument, function)
        if function not in _TRIMS:
            raise UnknownExpressionError(function)
        template = _TRIMS[function]
        return _Part(compose(template, a=argument.same), compose(template, a=argument.folded), "text")

    def _coalesce(self) -> _Part:
        parts = [self._operand()]
        while self._take(","):
            parts.append(self._operand())
        self._need(")")
        kinds = {part.kind for part in parts}
        if len(parts) < 2 or len(kinds) > 1 or "" in kinds:
            raise UnknownExpressionError("coalesce")
        return _Part(
            compose("coalesce({all})", all=join(", ", (part.same for part in parts))),
            compose("coalesce({all})", all=join(", ", (part.folded for part in parts))),
            kinds.pop(),
        )

    def _column(self, wanted: str) -> _Part:
        column = next((c for c in self.table.columns if c.name == wanted), None)
        if column is None:
            raise UnknownExpressionError(wanted)
        if column not in self.columns:
            self.columns.append(column)
        kinds = dict.fromkeys(_TEXT_TYPES, "text") | dict.fromkeys(_INTEGER_TYPES, "number")
        kind = kinds.get(column.target.type_name, "")
        value = name(column.source.name) if kind else value_of(column)
        if value is None or column.target.generated:
            raise UnknownExpressionError(wanted)
        return _Part(value, value, kind)


def _folded(argument: _Part, function: str) -> _Part:
    return _Part(
        compose("pg_ascii_case(CAST({a} AS BLOB), {f})", a=argument.same, f=text(function)),
        compose("pg_case(CAST({a} AS BLOB), {f})", a=argument.folded, f=text(function)),
        "text",
    )
