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


class Spelled(str):
    """A part of a document that is in canonical form already."""

    __slots__ = ()


def canonical(text: str, spell_number: Callable[[decimal.Decimal], str]) -> str:
    """Return the one form of a JSON value. Every number goes through Decimal, which rounds nothing here.

    Raises ValueError for a text that is not JSON, ArithmeticError for a number beyond Decimal's range.
    """
    try:
        return spell(parse(text), spell_number)
    except RecursionError:
        return by_parts(text, spell_number)


def by_parts(text: str, spell_number: Callable[[decimal.Decimal], str]) -> str:
    """Return the form without recursion. The constant NaN stands for each part that is in canonical form already."""
    outer: list[tuple[list[str], list[Spelled]]] = []
    pieces: list[str] = []
    parts: list[Spelled] = []
    for piece in PIECE.findall(text):
        if piece in "[{":
            outer.append((pieces, parts))
            pieces, parts = [piece], []
        elif piece in "]}" and outer:
            spelled = Spelled(spell(parse("".join((*pieces, piece)), parts), spell_number))
            pieces, parts = outer.pop()
            pieces.append("NaN")
            parts.append(spelled)
        elif piece[0] != '"' and ("N" in piece or "I" in piece):
            raise ValueError(f"{piece} is not JSON")
        else:
            pieces.append(piece)
    if outer:
        raise ValueError("a bracket is not closed")
    return spell(parse("".join(pieces), parts), spell_number)


def parse(text: str, parts: Sequence[Spelled] = ()) -> Any:
    """Parse a text. Each NaN is the next of ``parts``."""
    return json.loads(
        text, parse_int=decimal.Decimal, parse_float=decimal.Decimal, parse_constant=constants(iter(parts))
    )


def constants(parts: Iterator[Spelled]) -> Callable[[str], Spelled]:
    """Return the hook that json.loads calls for NaN and Infinity, which are Python's alone."""

    def constant(name: str) -> Spelled:
        for part in parts:
            return part
        raise ValueError(f"{name} is not JSON")

    return constant


def spell(value: Any, spell_number: Callable[[decimal.Decimal], str]) -> str:
    """Write a parsed value with its keys sorted."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key)}:{spell(value[key], spell_number)}" for key in sorted(value)) + "}"
    if isinstance(value, list):
        return "[" + ",".join([spell(item, spell_number) for item in value]) + "]"
    if isinstance(value, decimal.Decimal):
        return spell_number(value)
    return value if isinstance(value, Spelled) else json.dumps(value)
