"""Say of which texts PostgreSQL keeps all that is there, type by type: a table of what its own reading would drop.

A type that is not in the table is one of which nobody has tried it: its values stop the run (rule ``unknown-type``).
"""

from __future__ import annotations

import datetime
import re
import struct
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from types import MappingProxyType

import pyarrow as pa

from migrate_to_pg.records import TargetColumn

#: One value, or one element of an array, and its column; whether PostgreSQL keeps all of it.
Judge = Callable[[str, TargetColumn], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextType:
    """What is kept of the texts of one type."""

    #: A regular expression (RE2) of a text of which less would be kept; '' for none.
    lost: str = ""
    #: Asked value by value besides.
    judge: Judge | None = None


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MODIFIER = re.compile(r"\((\d+)(?:,\s*(-?\d+))?\)")
#: A lexeme as PostgreSQL writes it, with its positions.
_LEXEME = re.compile(r"'((?:[^'\\]|''|\\\\)+)'(?::(\d+[ABC]?(?:,\d+[ABC]?)*))?")
_MONEY = re.compile(r"-?\$?-?(\d+|\d{1,3}(,\d{3})+)(\.\d{1,2}0*)?")
_RANGE = re.compile(r"""\s*([\[(])\s*"?([^,"]*?)"?\s*,\s*"?([^,"]*?)"?\s*([\])])\s*""")
_PAIR = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^"\s,=>]+)\s*=>\s*("(?:[^"\\]|\\.)*"|[^"\s,]+)\s*(?:,|$)')
_DECLARATION = re.compile(r"<\?xml[\s?]")
#: Most positions of a lexeme, and the highest of them (src/include/tsearch/ts_type.h).
_POSITIONS, _LAST_POSITION = 255, 16383


def _doubles(text: str, _: TargetColumn) -> bool:
    """Each number is what 64 bits make of it, however many zeros follow."""
    return all(Decimal(number) == Decimal(repr(float(number))) for number in _NUMBER.findall(text))


def _singles(text: str, _: TargetColumn) -> bool:
    """The same of 32 bits: the shortest number that means them."""
    for number in _NUMBER.findall(text):
        try:
            (narrow,) = struct.unpack("f", struct.pack("f", float(number)))
        except OverflowError:
            return False
        if Decimal(pa.scalar(narrow, pa.float32()).cast(pa.string()).as_py()) != Decimal(number):
            return False
    return True


def _lexemes(text: str, _: TargetColumn) -> bool:
    """As PostgreSQL writes a tsvector: each lexeme once, between quotes, with positions that rise."""
    seen: set[str] = set()
    end = 0
    for found in _LEXEME.finditer(text):
        if found.start() != end or found[1] in seen:
            return False
        seen.add(found[1])
        places = [int(place.rstrip("ABC")) for place in found[2].split(",")] if found[2] else []
        if places != sorted(set(places)) or len(places) > _POSITIONS or places[-1:] > [_LAST_POSITION]:
            return False
        end = found.end() + (text[found.end() : found.end() + 1] == " ")
    return end == len(text)


def _keys(text: str, _: TargetColumn) -> bool:
    """Of two equal keys hstore keeps one."""
    found = [key.removeprefix('"').removesuffix('"') for key, _value in _PAIR.findall(text)]
    return len(found) == len(set(found))


def _hexadecimal(digits: int) -> Judge:
    """So many digits and what parts them: PostgreSQL reads a shorter text, such as a date, as an address too."""
    return lambda text, _: len(re.sub("[:.-]", "", text.strip())) == digits


def _amount(text: str, _: TargetColumn) -> bool:
    """An amount in figures; of no text at all PostgreSQL would make 0.00."""
    return bool(_MONEY.fullmatch(text.strip()))


def _undeclared(text: str, _: TargetColumn) -> bool:
    """Of xml the declaration is not kept; behind a space it is none."""
    return not _DECLARATION.match(text)


def _short(most: int) -> Judge:
    return lambda text, _: len(text.encode()) <= most


#: What only the day of the cast gives a meaning; digits beyond the microsecond.
_TIME = r"(?i)\b(now|today|tomorrow|yesterday)\b|\.\d{6}\d*[1-9]"
_OFFSET = r":\d\d(\.\d+)?\s*([+-]\s*\d|z\b)"
#: Type of the value, or of an array's or range's elements -> what is kept of its texts.
KEPT: Mapping[str, TextType] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "int2", "int4", "int8", "numeric", "bool", "text", "varchar", "bpchar", "citext", "bytea", "uuid",
                "json", "jsonb", "jsonpath", "inet", "cidr", "bit", "varbit", "ltree", "enum",
            ),
            TextType(),
        ),
        **dict.fromkeys(
            ("float8", "point", "lseg", "box", "path", "polygon", "circle", "cube"), TextType(judge=_doubles)
        ),
        **dict.fromkeys(("float4", "vector"), TextType(judge=_singles)),
        # Of two points on it a line keeps none.
        "line": TextType(lost=r"^\s*[^{\s]", judge=_doubles),
        "macaddr": TextType(judge=_hexadecimal(12)),
        "macaddr8": TextType(judge=_hexadecimal(16)),
        "money": TextType(judge=_amount),
        "date": TextType(lost=rf"{_TIME}|:"),
        "time": TextType(lost=rf"{_TIME}|{_OFFSET}|\d-\d"),
        "timestamp": TextType(lost=rf"{_TIME}|{_OFFSET}"),
        "timetz": TextType(lost=rf"{_TIME}|\d-\d+-\d"),
        **dict.fromkeys(("timestamptz", "interval"), TextType(lost=_TIME)),
        "name": TextType(judge=_short(63)),
        "char": TextType(judge=_short(1)),
        "tsvector": TextType(judge=_lexemes),
        "tsquery": TextType(),
        "xml": TextType(judge=_undeclared),
        "hstore": TextType(judge=_keys),
    }
)  # fmt: skip
#: In an array, a range, a query a backslash stands before a character that means something; before any other it would
#: be dropped.
_DROPPED_BACKSLASH = r"""(^|[^\\])(\\\\)*\\([^\\"']|$)"""
_RANGES = MappingProxyType(
    {
        **dict.fromkeys(("int4range", "int4multirange"), "int4"),
        **dict.fromkeys(("int8range", "int8multirange"), "int8"),
        **dict.fromkeys(("numrange", "nummultirange"), "numeric"),
        **dict.fromkeys(("daterange", "datemultirange"), "date"),
        **dict.fromkeys(("tsrange", "tsmultirange"), "timestamp"),
        **dict.fromkeys(("tstzrange", "tstzmultirange"), "timestamptz"),
    }
)


def element_of(column: TargetColumn) -> str:
    """The type that decides: of an array that of its elements, of a range that of its bounds."""
    if column.element:
        return column.element
    # No server was asked.
    name = column.type_name.removeprefix("_")
    return _RANGES.get(name, name)


def is_known(column: TargetColumn) -> bool:
    """Whether it is known what PostgreSQL keeps of a text that is cast to the column's type."""
    return element_of(column) in KEPT


def lost_patterns(column: TargetColumn) -> Iterator[str]:
    """Regular expressions of a text of which PostgreSQL would keep less than is there."""
    element = element_of(column)
    if pattern := KEPT.get(element, TextType()).lost:
        yield pattern
    if element in ("tsquery", "hstore") or (element != "enum" and column.type_name != element):
        yield _DROPPED_BACKSLASH


def judge_of(column: TargetColumn) -> Callable[[str], bool] | None:
    """Whether PostgreSQL keeps all of one text; None where no text needs to be looked at one by one."""
    judge = KEPT.get(element_of(column), TextType()).judge
    limit = _limit(column)
    is_range = column.type_name in _RANGES
    if judge is None and limit is None and not is_range:
        return None

    def keeps(text: str) -> bool:
        parts = elements(text) if column.type_name.startswith("_") else [text]
        if is_range:
            return _fits(text, column)
        try:
            return all((judge is None or judge(p, column)) and (limit is None or limit(p, column)) for p in parts)
        except (ValueError, ArithmeticError):
            # A number beyond what Python reads, in digits or exponent, is beyond every one of these types.
            return False

    return keeps


def _fits(text: str, column: TargetColumn) -> bool:
    """Whether something lies between the bounds: PostgreSQL keeps no bounds of an empty range."""
    found = _RANGE.fullmatch(text)
    if found is None or not found[2] or not found[3]:
        return True
    if element_of(column) not in ("int4", "int8", "date"):
        return found[2] != found[3] or (found[1], found[4]) == ("[", "]")
    try:
        first, last = (
            datetime.date.fromisoformat(bound).toordinal() if element_of(column) == "date" else int(bound)
            for bound in (found[2], found[3])
        )
    except ValueError:
        return True
    return first + (found[1] == "(") < last + (found[4] == "]") or first > last


def _limit(column: TargetColumn) -> Judge | None:
    """What the type's modifiers leave of a value."""
    found = _MODIFIER.search(column.element_sql or column.type_sql)
    if found is None:
        return None
    first, second = int(found[1]), int(found[2] or 0)
    element = element_of(column)
    if element == "numeric":
        return lambda text, _: _has_places(text, second)
    if element in ("time", "timetz", "timestamp", "timestamptz", "interval"):
        more = re.compile(rf"\.\d{{{first}}}\d*[1-9]")
        return lambda text, _: not more.search(text)
    if element in ("varchar", "bpchar"):
        return lambda text, _: len(text) <= first
    return None


def _has_places(text: str, places: int) -> bool:
    """At most so many decimals; what is no number PostgreSQL refuses."""
    if not _NUMBER.fullmatch(text.strip()):
        return True
    _sign, digits, exponent = Decimal(text.strip()).as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return int(exponent) + zeros >= -places


def elements(text: str) -> list[str]:
    """The elements of an array's text, of all its dimensions; NULL is left out. What is no array has none."""
    found: list[str] = []
    part, quoted, was_quoted, place = "", False, False, 0
    while place < len(text):
        character = text[place]
        if character == "\\":
            place += 1
            part += text[place : place + 1]
        elif character == '"':
            quoted, was_quoted = not quoted, True
        elif not quoted and character in "{},":
            _add(found, part, was_quoted)
            part, was_quoted = "", False
        else:
            part += character
        place += 1
    return found


def _add(found: list[str], part: str, was_quoted: bool) -> None:
    bare = part if was_quoted else part.strip()
    if was_quoted or (bare and bare.upper() != "NULL"):
        found.append(bare)
