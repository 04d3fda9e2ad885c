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
        """Report whether all of it was read."""
        return HOLE not in self.text


def texts_of(source: Source, node: ast.expr, depth: int = 0) -> list[Text]:
    """Return the texts that an expression may have, or nothing where none of it is a literal."""
    if depth > _DEPTH:
        return []
    found = [Text(text, node) for text in _read(source, node, depth)]
    if isinstance(node, ast.Name | ast.IfExp):
        # The literal stands elsewhere.
        if isinstance(node, ast.Name) and (parts := _added(source, node)):
            return [Text(text, node) for text in _put_together(source, parts, "", depth)][:_MOST]
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
        case ast.Call(func=ast.Attribute(value=ast.Constant(value=str(glue)), attr="join"), args=[items]):
            yield from _put_together(source, _items(source, items, depth), glue, depth)
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
        return local
    return [source.constants[node.id]] if node.id in source.constants else []


def _added(source: Source, node: ast.Name) -> list[ast.expr]:
    """Return what a name is given and what is added to it, where anything is: sql += '...', sql = sql + '...'."""
    function = source.function(node)
    if function is None:
        return []
    added = [
        one.value
        for one in ast.walk(function)
        if isinstance(one, ast.AugAssign) and isinstance(one.target, ast.Name) and one.target.id == node.id
    ]
    values = source.local_values(node) or []
    again = [
        value
        for value in values
        if isinstance(value, ast.BinOp) and any(getattr(part, "id", "") == node.id for part in _summands(value))
    ]
    if not added and not again:
        return []
    parts = [part for value in (*values, *added) for part in (_summands(value) if value in again else [value])]
    return [part for part in parts if not any(getattr(one, "id", "") == node.id for one in ast.walk(part))]


def _summands(value: ast.expr) -> list[ast.expr]:
    if isinstance(value, ast.BinOp) and isinstance(value.op, ast.Add):
        return [*_summands(value.left), *_summands(value.right)]
    return [value]


def _items(source: Source, node: ast.expr, depth: int) -> list[ast.expr]:
    """Return what a list is made of, in whatever order, with what a function adds to it."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [*node.elts]
    if isinstance(node, ast.ListComp | ast.GeneratorExp):
        return [node.elt]
    if not isinstance(node, ast.Name) or depth > _DEPTH:
        return []
    values = source.local_values(node) or _values(source, node)
    found = [item for value in values for item in _items(source, value, depth + 2)]
    for one in ast.walk(source.function(node) or ast.Module([], [])):
        match one:
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="append"), args=[item]) if name == node.id:
                found.append(item)
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name), attr="extend"), args=[items]) if name == node.id:
                found += _items(source, items, depth + 2)
            case ast.AugAssign(target=ast.Name(id=name), value=items) if name == node.id:
                found += _items(source, items, depth + 2)
    return found


def _put_together(source: Source, parts: list[ast.expr], glue: str, depth: int) -> Iterator[str]:
    """Yield a text with the literals of all parts, and a hole after each: a run may take other ones."""
    # Of each part the first text, or nothing where none of it is a literal.
    known = [one.text for part in parts for one in texts_of(source, part, depth + 2)[:1]]
    if known:
        yield glue.join(text + HOLE for text in known)


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
