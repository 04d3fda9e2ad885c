"""Work out the text of an expression, with a hole for each part that only a run knows."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

from migrate_to_pg.behaviour.code.sources import UNKNOWN, Source

#: Stands for what is unknown. PostgreSQL reads it as a parameter.
HOLE = "\x00"
#: Methods of a text after which it means the same SQL.
_KEPT = frozenset({"strip", "lstrip", "rstrip", "dedent", "cleandoc", "quote_name", "qn"})
#: More alternatives than this are not told apart.
_MOST = 8
_DEPTH = 8


@dataclass(frozen=True, slots=True)
class Text:
    """One text that an expression may have."""

    text: str
    #: The literal itself, whose line is what a reader looks for.
    node: ast.AST

    @property
    def is_complete(self) -> bool:
        """Whether all of it was read."""
        return HOLE not in self.text


def texts_of(source: Source, node: ast.expr, depth: int = 0) -> list[Text]:
    """Return the texts that an expression may have, or nothing where none of it is a literal."""
    if depth > _DEPTH:
        return []
    found = [Text(text, node) for text in _read(source, node, depth)]
    if isinstance(node, ast.Name | ast.IfExp):
        # The literal stands elsewhere.
        found = [one for value in _values(source, node) for one in texts_of(source, value, depth + 1)]
        found = found or [Text(text, node) for text in _resolved(source, node)]
    return [one for one in found if one.text.strip(HOLE + " \n")][:_MOST]


def _read(source: Source, node: ast.expr, depth: int) -> Iterator[str]:
    """Yield the texts of an expression. A part that is no literal is a hole."""

    def parts(*nodes: ast.expr) -> Iterator[str]:
        known = [[one.text for one in texts_of(source, part, depth + 1)] or [HOLE] for part in nodes]
        yield from ("".join(chosen) for chosen in product(*known))

    match node:
        case ast.Constant(value=str(text)):
            yield text
        case ast.JoinedStr(values=values):
            yield from parts(*values)
        case ast.FormattedValue(value=value):
            yield from parts(value)
        case ast.BinOp(left=left, op=ast.Add(), right=right):
            yield from parts(left, right)
        case ast.BinOp(left=left, op=ast.Mod()):
            # %% was one %, and every other placeholder is filled in by Python.
            yield from (_filled(text) for text in parts(left))
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(text)), attr="format")):
            yield _formatted(text)
        case ast.Call(
            func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"), args=[ast.List(elts=items)]
        ):
            yield from (glue.join(chosen) for chosen in product(*([*parts(item)] for item in items)))
        case ast.Call(func=ast.Attribute(value=value, attr=attr), args=[]) if attr in _KEPT:
            yield from parts(value)
        case ast.Call(func=ast.Attribute(attr=name) | ast.Name(id=name), args=[value]) if name in _KEPT:
            yield from (f'"{text}"' if name in ("quote_name", "qn") else text for text in parts(value))
        case ast.Attribute():
            yield from _resolved(source, node)


def _values(source: Source, node: ast.Name | ast.IfExp) -> list[ast.expr]:
    if isinstance(node, ast.IfExp):
        return [node.body, node.orelse]
    local = source.local_values(node)
    if local is not None:
        return [] if _is_extended(source, node) else local
    return [source.constants[node.id]] if node.id in source.constants else []


def _is_extended(source: Source, node: ast.Name) -> bool:
    """Return whether a part is added to the name later: sql += '...'."""
    function = source.function(node)
    return function is not None and any(
        isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name) and one.target.id == node.id
        for one in ast.walk(function)
    )


def _resolved(source: Source, node: ast.expr) -> Iterator[str]:
    value = source.resolve(node)
    if value is not UNKNOWN and isinstance(value, str):
        yield str(value)


def _filled(text: str) -> str:
    result, rest = "", text
    while "%" in rest:
        before, _, rest = rest.partition("%")
        result += before + ("%" if rest.startswith("%") else HOLE)
        rest = rest[1:] if rest.startswith("%") else rest.partition(")")[2][1:] if rest.startswith("(") else rest[1:]
    return result + rest


def _formatted(text: str) -> str:
    import string

    try:
        return "".join(f"{before}{'' if name is None else HOLE}" for before, name, *_ in string.Formatter().parse(text))
    except ValueError:
        return HOLE
