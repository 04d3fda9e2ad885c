"""Find the SQL that reaches a cursor, raw(), RawSQL or RunSQL, also through functions of the project."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from migrate_to_pg.behaviour.code.branches import is_for_another_vendor
from migrate_to_pg.behaviour.code.sources import UNKNOWN, Function, Source
from migrate_to_pg.behaviour.code.texts import Text, texts_of

_EXECUTE = frozenset({"execute", "executemany", "executescript"})
_CURSORS = frozenset({"c", "cur", "curs", "cursor", "crs"})
#: Calls through this many functions are followed.
_ROUNDS = 4


@dataclass(frozen=True, slots=True)
class Statement:
    """SQL in the code, at the place of its literal."""

    source: Source
    node: ast.AST
    text: Text
    #: Whether parameters are given, so that %% means %.
    has_parameters: bool


@dataclass(frozen=True, slots=True)
class _Sink:
    """A function of the project that executes one of its arguments."""

    function: Function
    position: int
    name: str
    #: Whether it gives parameters, so that %% means %.
    has_parameters: bool


def statements_of(sources: Iterable[Source]) -> Iterator[Statement]:
    """Yield each statement of which a literal was found."""
    known = [*sources]
    sinks: dict[Function, _Sink] = {}
    calls = [(source, node) for source in known for node in source.nodes if isinstance(node, ast.Call)]
    found: dict[tuple[ast.AST, str], Statement] = {}
    for _ in range(_ROUNDS):
        before = len(sinks)
        for source, call in calls:
            for argument, has_parameters in _executed(source, call, sinks):
                if sink := _parameter(source, argument, has_parameters):
                    sinks[sink.function] = sink
                for text in texts_of(source, argument):
                    if not is_for_another_vendor(source, text.node) and not is_for_another_vendor(source, call):
                        node = text.node if hasattr(text.node, "lineno") else call
                        found[node, text.text] = Statement(source, node, text, has_parameters)
        if len(sinks) == before:
            break
    yield from found.values()


def _executed(source: Source, call: ast.Call, sinks: dict[Function, _Sink]) -> Iterator[tuple[ast.expr, bool]]:
    """Yield (the argument that is SQL, whether there are parameters)."""
    match call:
        case ast.Call(func=ast.Attribute(value=receiver, attr=name), args=[sql, *more]) if name in _EXECUTE:
            if _is_cursor(source, receiver):
                yield sql, bool(more or call.keywords)
        case ast.Call(func=ast.Attribute(value=receiver, attr="raw"), args=[sql, *_]):
            # A manager's: Model.objects.raw().
            if isinstance(receiver, ast.Attribute | ast.Call):
                yield sql, True
        case ast.Call(func=ast.Name(id="RunSQL") | ast.Attribute(attr="RunSQL")):
            # The copy was made by these migrations: PostgreSQL has executed them.
            return
        case _:
            called = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
            for sink in [one for one in sinks.values() if one.function.name == called]:
                if not _is_same(source, call, sink):
                    continue
                is_method = isinstance(call.func, ast.Attribute) and sink.function.args.args[:1] != []
                first = sink.function.args.args[0].arg if is_method else ""
                position = sink.position - (1 if first in ("self", "cls") else 0)
                named = next((keyword.value for keyword in call.keywords if keyword.arg == sink.name), None)
                if named is not None:
                    yield named, sink.has_parameters
                elif 0 <= position < len(call.args) and not isinstance(call.args[position], ast.Starred):
                    yield call.args[position], sink.has_parameters


def _is_same(source: Source, call: ast.Call, sink: _Sink) -> bool:
    """Return whether the function that is called is the sink: defined in this module, or imported from its own."""
    if sink.function in source.functions:
        return True
    if isinstance(call.func, ast.Name):
        return source.imports.get(call.func.id, ("", ""))[1] == sink.function.name
    return isinstance(call.func.value, ast.Name) if isinstance(call.func, ast.Attribute) else False


def _parameter(source: Source, node: ast.expr, has_parameters: bool) -> _Sink | None:
    """Return the function of which the SQL is a parameter."""
    function = source.function(node)
    if function is None or not isinstance(node, ast.Name):
        return None
    names = [one.arg for one in (*function.args.posonlyargs, *function.args.args)]
    return _Sink(function, names.index(node.id), node.id, has_parameters) if node.id in names else None


def _is_cursor(source: Source, receiver: ast.expr) -> bool:
    """Return whether it is a cursor of this database, as far as can be read."""
    if isinstance(receiver, ast.Call) and isinstance(receiver.func, ast.Attribute):
        return receiver.func.attr == "cursor" and _is_default(source, receiver.func.value)
    if isinstance(receiver, ast.Attribute):
        return receiver.attr in _CURSORS or (receiver.attr == "schema_editor")
    if not isinstance(receiver, ast.Name):
        return False
    values = source.local_values(receiver) or []
    if not values and receiver.id in source.constants:
        values = [source.constants[receiver.id]]
    if values:
        return any(isinstance(value, ast.Call) and _is_cursor(source, value) for value in values)
    return receiver.id in _CURSORS or receiver.id == "schema_editor"


def _is_default(source: Source, connection: ast.expr) -> bool:
    """Return whether a connection may be the one that is moved: no other alias, no driver of its own."""
    match connection:
        case ast.Subscript(value=ast.Name(id="connections"), slice=ast.Constant(value=str(alias))):
            return alias == "default"
        case ast.Subscript(value=ast.Name(id="connections")):
            return True
        case ast.Name():
            values = source.local_values(connection)
            if values:
                return any(_is_default(source, value) for value in values)
            return connection.id in ("connection", "conn") or source.resolve(connection) is not UNKNOWN
        case ast.Attribute(attr="connection"):
            return True
    return False
