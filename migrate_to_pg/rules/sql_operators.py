"""Parts of a CHECK expression in, what an operator, a function or a cast makes of them out, in SQLite's SQL.

Each says the same as PostgreSQL's, or raises UnknownExpressionError. A part is NULL where PostgreSQL would fail, with
'x'::integer: there the row is refused in any case, and is named by the load.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import LiteralString

from migrate_to_pg.sqlite.sql import Sql, compose, join, number, text

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
#: Type of whole numbers -> the digits that every one of its numbers of that length has room for.
_DIGITS = {"smallint": 4, "integer": 9, "bigint": 18}
COMPARISONS: dict[str, LiteralString] = {
    "=": "({a} = {b})", "<>": "({a} <> {b})", "!=": "({a} <> {b})",
    "<": "({a} < {b})", "<=": "({a} <= {b})", ">": "({a} > {b})", ">=": "({a} >= {b})",
}  # fmt: skip
_MOMENTS: dict[str, LiteralString] = {
    "date": "pg_date(CAST({v} AS BLOB))",
    "time": "pg_time(CAST({v} AS BLOB))",
    "timestamp": "pg_timestamp(CAST({v} AS BLOB))",
    "timestamptz": "pg_timestamptz(CAST({v} AS BLOB))",
}
#: As GLOB writes it.
_ONE_DIGIT = re.compile(r"[0-9]|\[0-9\]", re.ASCII)
_NUMBER = re.compile(r"-?\d{1,15}(\.\d{1,9})?")
#: One character, or one of a set of them, and how often. These mean the same in every regular expression.
_ATOM = re.compile(r"(?P<one>[A-Za-z0-9 _/:,@-]|\[(?:0-9|a-z|A-Z)+\])(?:\{(?P<times>[1-9][0-9]?)\})?", re.ASCII)


class UnknownExpressionError(ValueError):
    """Something that is not understood for certain."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the expression; ``kind`` is "truth" for what is true or false."""

    sql: Sql
    kind: str
    #: The text of a constant, which a cast may still turn into another kind.
    constant: str | None = None
    #: Whether it is a number of an integer type.
    whole: bool = False
    #: How many characters a text has at most; 0 where that is not known.
    longest: int = 0
    #: What each character of a text is one of, as GLOB writes it, where a condition around it has made that certain.
    characters: tuple[str, ...] = ()
    #: The column of a number that ``sql`` rounds, as it stands in the table.
    stored: Sql | None = None
    #: Of a condition: the text whose characters it makes certain where it is true.
    tells_of: Sql | None = None


#: Of no kind until it is cast.
NULL = Part(Sql("NULL"), "null")


def constant(value: str, kind: str) -> Part:
    """A constant of one kind."""
    if kind == "number":
        if not _NUMBER.fullmatch(value):
            raise UnknownExpressionError(value)
        return Part(Sql(value), kind, value, whole="." not in value)
    if kind == "bool":
        return Part(Sql("1" if value in ("true", "t") else "0"), kind, value)
    quoted = text(value)
    return Part(compose(_MOMENTS[kind], v=quoted) if kind in _MOMENTS else quoted, kind, value)


def cast(value: Part, type_sql: str) -> Part:
    """A constant as one of another kind; of anything else, what is no change, and digits as the number they spell."""
    kind = _CASTS.get(type_sql)
    is_whole = type_sql in _DIGITS
    # A fraction would be rounded.
    if kind is None or (is_whole and value.kind == "number" and not value.whole):
        raise UnknownExpressionError(type_sql)
    if value is NULL:
        return Part(NULL.sql, kind, whole=is_whole)
    if value.constant is not None:
        return replace(constant(value.constant, kind), whole=is_whole)
    if is_whole and value.kind == "text":
        return _spelled(value, type_sql)
    if kind != value.kind:
        raise UnknownExpressionError(type_sql)
    rounded = compose("CAST({v} AS REAL)", v=value.sql) if type_sql == "double precision" else value.sql
    return replace(value, sql=rounded, whole=is_whole)


def _spelled(value: Part, type_sql: str) -> Part:
    most = _DIGITS[type_sql]
    if 0 < len(value.characters) <= most and all(_ONE_DIGIT.fullmatch(set_of) for set_of in value.characters):
        return Part(compose("CAST({v} AS INTEGER)", v=value.sql), "number", whole=True)
    # One pattern for each length takes half the time of the general form.
    patterns = [text("[0-9]" * length) for length in range(value.longest, 0, -1)] if value.longest <= most else []
    digits = join(" OR ", (compose("{v} GLOB {p}", v=value.sql, p=pattern) for pattern in patterns)) or compose(
        "length({v}) BETWEEN 1 AND {most} AND {v} NOT GLOB '*[^0-9]*'", v=value.sql, most=number(most)
    )
    number_sql = compose("CASE WHEN {digits} THEN CAST({v} AS INTEGER) END", digits=digits, v=value.sql)
    return Part(number_sql, "number", whole=True)


def compare(mark: str, left: Part, right: Part) -> Part:
    """=, <>, <, <=, > or >= of two parts of one kind."""
    # Django writes a date's constant without a cast.
    left, right = _like(left, right.kind), _like(right, left.kind)
    if left.kind != right.kind or left.kind == "truth" or (left.kind == "text" and mark not in ("=", "<>", "!=")):
        raise UnknownExpressionError(mark)
    plain = compose(COMPARISONS[mark], a=left.sql, b=right.sql)
    return Part(_at_a_glance(mark, left, right, plain), "truth")


def _at_a_glance(mark: str, left: Part, right: Part, plain: Sql) -> Sql:
    """A number well beyond the constant needs no rounding, which SQLite does by printing it (1 s for 2,000,000 rows).

    Rounding moves it by a half at most. Values that no number is made of take no part, whatever this says of them.
    """
    if left.stored is None or right.constant is None or mark not in ("<", "<=", ">", ">="):
        return plain
    beyond: LiteralString = "{v} > {c} + 1" if mark[0] == ">" else "{v} < {c} - 1"
    sure = compose(beyond, v=left.stored, c=right.sql)
    return compose("(CASE WHEN {sure} THEN 1 ELSE {plain} END)", sure=sure, plain=plain)


def _like(value: Part, kind: str) -> Part:
    """A text constant beside a date is a date."""
    is_moment = value.constant is not None and value.kind == "text" and kind in _MOMENTS
    return constant(value.constant or "", kind) if is_moment else value


def among(value: Part, values: list[Part]) -> Part:
    """IN and = ANY."""
    equal = [compare("=", value, other).sql for other in values]
    return Part(compose("({any})", any=join(" OR ", equal)), "truth")


def add(mark: str, left: Part, right: Part) -> Part:
    """+ or - of whole numbers; beyond the type, where SQLite would go on, PostgreSQL fails and refuses the row."""
    if not (left.whole and right.whole):
        raise UnknownExpressionError(mark)
    template: LiteralString = "({a} + {b})" if mark == "+" else "({a} - {b})"
    return Part(compose(template, a=left.sql, b=right.sql), "number", whole=True)


def matches(value: Part, pattern: Part) -> Part:
    """~ with a pattern that is a GLOB of SQLite's, too.

    That is: ^...$ around plain ASCII letters, digits, spaces and the marks _ / : , @ -, the sets [0-9], [a-z] and
    [A-Z] and their unions, each one time or {n} times. Both sides compare such ranges by code point.
    """
    if value.kind != "text" or pattern.kind != "text" or pattern.constant is None:
        raise UnknownExpressionError("~")
    characters = _characters(pattern.constant)
    sql = compose("({a} GLOB {b})", a=value.sql, b=text("".join(characters)))
    return Part(sql, "truth", tells_of=value.sql, characters=characters)


def _characters(pattern: str) -> tuple[str, ...]:
    if not (pattern.startswith("^") and pattern.endswith("$")):
        raise UnknownExpressionError(pattern)
    inner, position = pattern[1:-1], 0
    parts: list[str] = []
    while position < len(inner):
        atom = _ATOM.match(inner, position)
        if atom is None:
            raise UnknownExpressionError(pattern)
        parts += [atom["one"]] * int(atom["times"] or 1)
        position = atom.end()
    return tuple(parts)


def substring(arguments: list[Part]) -> Part:
    """substring(text, from, for) with positions that both count alike: from 1 on."""
    value, *numbers = arguments
    limits = [part.constant or "" for part in numbers]
    if value.kind != "text" or len(numbers) not in (1, 2) or not all(limit.isdecimal() for limit in limits):
        raise UnknownExpressionError("substring")
    if int(limits[0]) < 1 or not all(part.whole for part in numbers):
        raise UnknownExpressionError("substring")
    sql = compose("substr({all})", all=join(", ", (part.sql for part in arguments)))
    start, longest = int(limits[0]) - 1, int(limits[1]) if len(limits) > 1 else 0
    known = value.characters[start:][: longest or None]
    return Part(sql, "text", longest=longest, characters=known)


def choose(branches: list[tuple[Sql, Sql]], otherwise: Sql) -> Part:
    """CASE WHEN a THEN b ... ELSE c END of conditions."""
    whens = join(" ", (compose("WHEN {a} THEN {b}", a=condition, b=result) for condition, result in branches))
    return Part(compose("(CASE {whens} ELSE {otherwise} END)", whens=whens, otherwise=otherwise), "truth")
