"""Write a JSON document in its one canonical form, however deep it is.

Equal documents have equal forms: keys are sorted, the last of two equal ones counts, and numbers are compared by
value. A document that Python's stack takes is parsed at once. A deeper one is parsed part by part, the innermost parts
first.
"""

from __future__ import annotations

import decimal
import json
import re
from collections.abc import Callable, Iterator, Sequence
from typing import Any

#: A text, what stands between brackets and texts, or one bracket. A quote that ends nowhere stays one, and is refused.
PIECE = re.compile(r'"[^"\\]*(?:\\.[^"\\]*)*"|[^"\[\]{}]+|[\[\]{}"]', re.DOTALL)


class CanonicalPart(str):
    """A part of a document that is in canonical form already."""

    __slots__ = ()


def canonical(text: str, format_number: Callable[[decimal.Decimal], str]) -> str:
    """Return the one form of a JSON value. Every number goes through Decimal, which rounds nothing here.

    Raises ValueError for a text that is not JSON, ArithmeticError for a number beyond Decimal's range.
    """
    try:
        return write(parse(text), format_number)
    except RecursionError:
        return by_parts(text, format_number)


def by_parts(text: str, format_number: Callable[[decimal.Decimal], str]) -> str:
    """Return the form without recursion. The constant NaN stands for each part that is in canonical form already."""
    outer: list[tuple[list[str], list[CanonicalPart]]] = []
    pieces: list[str] = []
    parts: list[CanonicalPart] = []
    for piece in PIECE.findall(text):
        if piece in "[{":
            outer.append((pieces, parts))
            pieces, parts = [piece], []
        elif piece in "]}" and outer:
            part = CanonicalPart(write(parse("".join((*pieces, piece)), parts), format_number))
            pieces, parts = outer.pop()
            pieces.append("NaN")
            parts.append(part)
        elif piece[0] != '"' and ("N" in piece or "I" in piece):
            raise ValueError(f"{piece} is not JSON")
        else:
            pieces.append(piece)
    if outer:
        raise ValueError("a bracket is not closed")
    return write(parse("".join(pieces), parts), format_number)


def parse(text: str, parts: Sequence[CanonicalPart] = ()) -> Any:
    """Parse a text. Each NaN is the next of ``parts``."""
    return json.loads(
        text, parse_int=decimal.Decimal, parse_float=decimal.Decimal, parse_constant=constants(iter(parts))
    )


def constants(parts: Iterator[CanonicalPart]) -> Callable[[str], CanonicalPart]:
    """Return the hook that json.loads calls for NaN and Infinity, which are Python's alone."""

    def constant(name: str) -> CanonicalPart:
        for part in parts:
            return part
        raise ValueError(f"{name} is not JSON")

    return constant


def write(value: Any, format_number: Callable[[decimal.Decimal], str]) -> str:
    """Write a parsed value with its keys sorted."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{write(value[key], format_number)}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join([write(item, format_number) for item in value]) + "]"
    if isinstance(value, decimal.Decimal):
        return format_number(value)
    return value if isinstance(value, CanonicalPart) else json.dumps(value)
