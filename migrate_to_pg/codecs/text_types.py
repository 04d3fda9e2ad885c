"""List for each type which texts PostgreSQL casts without losing a part of them.

A type that is not listed was not tested. Its values stop the run (rule ``unknown-type``).
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

#: Takes a value, or an element of an array, and its column. Returns whether the cast loses nothing.
Check = Callable[[str, TargetColumn], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class TextType:
    """Texts of one type that a cast would change."""

    #: Regular expression (RE2) of texts that lose a part. '' matches none.
    lossy_pattern: str = ""
    #: Additional check of each value.
    check: Check | None = None


_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?")
_MODIFIER = re.compile(r"\((\d+)(?:,\s*(-?\d+))?\)")
#: A lexeme with its positions, as PostgreSQL prints it.
_LEXEME = re.compile(r"'((?:[^'\\]|''|\\\\)+)'(?::(\d+[ABC]?(?:,\d+[ABC]?)*))?")
_MONEY = re.compile(r"-?\$?-?(\d+|\d{1,3}(,\d{3})+)(\.\d{1,2}0*)?")
_RANGE = re.compile(r"""\s*([\[(])\s*"?([^,"]*?)"?\s*,\s*"?([^,"]*?)"?\s*([\])])\s*""")
_PAIR = re.compile(r'\s*("(?:[^"\\]|\\.)*"|[^"\s,=>]+)\s*=>\s*("(?:[^"\\]|\\.)*"|[^"\s,]+)\s*(?:,|$)')
_DECLARATION = re.compile(r"<\?xml[\s?]")
#: Maximum number of positions of a lexeme, and highest position (src/include/tsearch/ts_type.h).
_POSITIONS, _LAST_POSITION = 255, 16383


def _are_doubles(text: str, _: TargetColumn) -> bool:
    """Return whether each number equals the shortest decimal of its double. Trailing zeros do not matter."""
    return all(Decimal(number) == Decimal(repr(float(number))) for number in _NUMBER.findall(text))


def _are_singles(text: str, _: TargetColumn) -> bool:
    """Return whether each number equals the shortest decimal of its 32-bit float."""
    for number in _NUMBER.findall(text):
        try:
            (narrow,) = struct.unpack("f", struct.pack("f", float(number)))
        except OverflowError:
            return False
        if Decimal(pa.scalar(narrow, pa.float32()).cast(pa.string()).as_py()) != Decimal(number):
            return False
    return True


def _are_lexemes(text: str, _: TargetColumn) -> bool:
    """Return whether a tsvector is as PostgreSQL prints it: distinct, quoted lexemes with ascending positions."""
    seen: set[str] = set()
    end = 0
    for found in _LEXEME.finditer(text):
        if found.start() != end or found[1] in seen:
            return False
        seen.add(found[1])
        places = [int(position.rstrip("ABC")) for position in found[2].split(",")] if found[2] else []
        if places != sorted(set(places)) or len(places) > _POSITIONS or places[-1:] > [_LAST_POSITION]:
            return False
        end = found.end() + (text[found.end() : found.end() + 1] == " ")
    return end == len(text)


def _has_unique_keys(text: str, _: TargetColumn) -> bool:
    """Return whether no key occurs twice. hstore drops one of two equal keys."""
    found = [key.removeprefix('"').removesuffix('"') for key, _value in _PAIR.findall(text)]
    return len(found) == len(set(found))


def _has_digits(digits: int) -> Check:
    """Return a check for the number of digits. PostgreSQL also reads a shorter text, such as a date, as an address."""
    return lambda text, _: len(re.sub("[:.-]", "", text.strip())) == digits


def _at_most_bytes(limit: int) -> Check:
    return lambda text, _: len(text.encode()) <= limit


#: Words whose meaning depends on the day of the cast, and digits beyond the microsecond.
_TIME = r"(?i)\b(now|today|tomorrow|yesterday)\b|\.\d{6}\d*[1-9]"
_OFFSET = r":\d\d(\.\d+)?\s*([+-]\s*\d|z\b)"
#: By the type of the value, or of an array's or range's elements.
SENT_AS_TEXT: Mapping[str, TextType] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                "int2", "int4", "int8", "numeric", "bool", "text", "varchar", "bpchar", "citext", "bytea", "uuid",
                "json", "jsonb", "jsonpath", "inet", "cidr", "bit", "varbit", "ltree", "enum",
            ),
            TextType(),
        ),
        **dict.fromkeys(
            ("float8", "point", "lseg", "box", "path", "polygon", "circle", "cube"), TextType(check=_are_doubles)
        ),
        **dict.fromkeys(("float4", "vector"), TextType(check=_are_singles)),
        # A line that is given by two points loses them.
        "line": TextType(lossy_pattern=r"^\s*[^{\s]", check=_are_doubles),
        "macaddr": TextType(check=_has_digits(12)),
        "macaddr8": TextType(check=_has_digits(16)),
        # An amount in figures: PostgreSQL casts an empty text to 0.00.
        "money": TextType(check=lambda text, _: bool(_MONEY.fullmatch(text.strip()))),
        "date": TextType(lossy_pattern=rf"{_TIME}|:"),
        "time": TextType(lossy_pattern=rf"{_TIME}|{_OFFSET}|\d-\d"),
        "timestamp": TextType(lossy_pattern=rf"{_TIME}|{_OFFSET}"),
        "timetz": TextType(lossy_pattern=rf"{_TIME}|\d-\d+-\d"),
        **dict.fromkeys(("timestamptz", "interval"), TextType(lossy_pattern=_TIME)),
        "name": TextType(check=_at_most_bytes(63)),
        "char": TextType(check=_at_most_bytes(1)),
        "tsvector": TextType(check=_are_lexemes),
        "tsquery": TextType(),
        # A declaration would be lost. After a space it is none.
        "xml": TextType(check=lambda text, _: not _DECLARATION.match(text)),
        "hstore": TextType(check=_has_unique_keys),
    }
)  # fmt: skip
#: In an array, a range or a query a backslash escapes a special character. Before any other character it would be
#: dropped.
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
    """Return the type of an array's elements or a range's bounds, or else the type itself."""
    if column.element:
        return column.element
    # Planned without a server.
    name = column.type_name.removeprefix("_")
    return _RANGES.get(name, name)


def is_known(column: TargetColumn) -> bool:
    """Return whether the type is listed."""
    return element_of(column) in SENT_AS_TEXT


def lossy_patterns(column: TargetColumn) -> Iterator[str]:
    """Yield regular expressions of texts that lose a part in the cast."""
    element = element_of(column)
    if pattern := SENT_AS_TEXT.get(element, TextType()).lossy_pattern:
        yield pattern
    if element in ("tsquery", "hstore") or (element != "enum" and column.type_name != element):
        yield _DROPPED_BACKSLASH


def lossless_check(column: TargetColumn) -> Callable[[str], bool] | None:
    """Return a function that tells whether a text loses nothing in the cast, or None if no text needs a check."""
    checks = [SENT_AS_TEXT.get(element_of(column), TextType()).check, _modifier_check(column)]
    is_range = column.type_name in _RANGES
    if checks == [None, None] and not is_range:
        return None

    def is_lossless(text: str) -> bool:
        parts = elements(text) if column.type_name.startswith("_") else [text]
        if is_range:
            return _is_nonempty_range(text, column)
        try:
            return all(check(part, column) for part in parts for check in checks if check)
        except (ValueError, ArithmeticError):
            # A number with more digits or a larger exponent than Python reads is beyond all of these types.
            return False

    return is_lossless


def _is_nonempty_range(text: str, column: TargetColumn) -> bool:
    """Return whether a range is not empty. PostgreSQL drops the bounds of an empty range."""
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


def _modifier_check(column: TargetColumn) -> Check | None:
    """Return a check that the type's modifiers do not round or truncate a value, or None."""
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
    """Return whether a number has at most that many decimals. PostgreSQL rejects a text that is no number."""
    if not _NUMBER.fullmatch(text.strip()):
        return True
    _sign, digits, exponent = Decimal(text.strip()).as_tuple()
    zeros = len(digits) - len("".join(map(str, digits)).rstrip("0"))
    return int(exponent) + zeros >= -places


def elements(text: str) -> list[str]:
    """Return the elements of an array's text in all dimensions, except NULL. A text that is no array has none."""
    found: list[str] = []
    part, quoted, was_quoted, index = "", False, False, 0
    while index < len(text):
        character = text[index]
        if character == "\\":
            index += 1
            part += text[index : index + 1]
        elif character == '"':
            quoted, was_quoted = not quoted, True
        elif not quoted and character in "{},":
            bare = part if was_quoted else part.strip()
            if was_quoted or (bare and bare.upper() != "NULL"):
                found.append(bare)
            part, was_quoted = "", False
        else:
            part += character
        index += 1
    return found
