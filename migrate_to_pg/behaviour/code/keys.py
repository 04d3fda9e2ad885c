"""Read which primary keys the code gives by hand, expects, or asks the cursor for."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from typing import Any

from django.db import models

from migrate_to_pg.behaviour.code.branches import is_for_another_vendor
from migrate_to_pg.behaviour.code.querysets import constant
from migrate_to_pg.behaviour.code.sources import UNKNOWN, Source
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence

_CREATE = frozenset({"create", "get_or_create", "update_or_create", "acreate", "aget_or_create", "aupdate_or_create"})
_KEYS = frozenset({"id", "pk"})


def find_in_keys(sources: Sequence[Source]) -> Iterator[Occurrence]:
    """Yield explicit keys, expected keys, numbers beyond the range of a field, and lastrowid."""
    for source in sources:
        lines = [
            node
            for node in (source.nodes if source.is_test else ())
            if isinstance(node, ast.Compare | ast.Call) and _expects(node) and not _has_fixtures(source, node)
        ]
        if lines:
            first = min(lines, key=lambda node: node.lineno)
            yield source.found("expected-key", first, Effect.DIFFERENT, count=len(lines))
        creators = dict(_creators(source))
        for node in source.nodes:
            if isinstance(node, ast.Attribute) and node.attr == "lastrowid":
                if not is_for_another_vendor(source, node):
                    yield source.found("last-row-id", node, Effect.ERROR)
            elif isinstance(node, ast.Call):
                model = _created(source, node, creators)
                yield from _of_creation(source, node, model) if model else ()


def _of_creation(source: Source, call: ast.Call, model: type[models.Model]) -> Iterator[Occurrence]:
    for keyword in call.keywords:
        key = model._meta.pk
        if keyword.arg in (*_KEYS, key.name) and isinstance(key, models.AutoField):
            is_none = isinstance(keyword.value, ast.Constant) and keyword.value.value is None
            if not source.is_test and not is_none and _is_stored(source, call, keyword.value):
                yield source.found("explicit-key", call, Effect.ERROR)
        elif keyword.arg and (value := constant(source, keyword.value)) is not UNKNOWN:
            yield from _of_value(source, call, model, keyword.arg, value)


def _of_value(source: Source, call: ast.Call, model: type[models.Model], name: str, value: Any) -> Iterator[Occurrence]:
    """Yield a literal that PostgreSQL does not store in its field."""
    field: Any = next((one for one in model._meta.concrete_fields if one.name == name), None)
    if field is None:
        return
    if isinstance(value, str):
        if "\x00" in value:
            yield source.found("nul-character", call, Effect.ERROR, Certainty.CONFIRMED)
        if isinstance(field, models.CharField) and field.max_length and len(value) > field.max_length:
            yield source.found("text-length", call, Effect.ERROR, Certainty.CONFIRMED)
    elif isinstance(value, int) and field.get_internal_type().endswith("IntegerField"):
        from migrate_to_pg.project.identifiers import backend

        low, high = backend("postgresql").ops.integer_field_range(field.get_internal_type())
        if not low <= value <= high:
            yield source.found("integer-range", call, Effect.ERROR, Certainty.CONFIRMED)


def _created(source: Source, call: ast.Call, creators: dict[str, type[models.Model]]) -> type[models.Model] | None:
    """Return the model of which a call makes a row."""
    if isinstance(call.func, ast.Name) and call.func.id in creators:
        return creators[call.func.id]
    if isinstance(call.func, ast.Attribute) and call.func.attr in _CREATE:
        return model_of(source, call.func.value)
    kind = source.resolve(call.func) if isinstance(call.func, ast.Name | ast.Attribute) else None
    return kind if isinstance(kind, type) and issubclass(kind, models.Model) else None


def _is_stored(source: Source, call: ast.Call, key: ast.expr) -> bool:
    """Return whether a call stores a new row: create(), or an instance that is saved or that bulk_create() is given."""
    if not isinstance(source.resolve(call.func), type) or any(map(_is_bulk_create, source.ancestors(call))):
        return True
    # Saved under the key of another object, it is most likely that row.
    is_new = not _is_key(key)
    if is_new and _is_saved(source.parents.get(call)):
        return True
    function = source.function(call)
    names = {*_names_given(source, call)}
    uses = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id in names] if function else []
    return any(
        (is_new and _is_saved(source.parents.get(use))) or any(map(_is_bulk_create, source.ancestors(use)))
        for use in uses
    )


def _is_saved(method: ast.AST | None) -> bool:
    """Return whether save() is taken of what stands before."""
    return isinstance(method, ast.Attribute) and method.attr in ("save", "asave")


def _is_bulk_create(node: ast.AST) -> bool:
    return getattr(getattr(node, "func", None), "attr", "") in ("bulk_create", "abulk_create")


def _names_given(source: Source, call: ast.Call) -> Iterator[str]:
    """Yield the names that hold the instance: row = Model(), rows = [Model() for ...], rows.append(Model())."""
    for outer in source.ancestors(call):
        if isinstance(outer, ast.Assign | ast.AnnAssign):
            targets = outer.targets if isinstance(outer, ast.Assign) else [outer.target]
            yield from (target.id for target in targets if isinstance(target, ast.Name))
        elif isinstance(outer, ast.Call) and getattr(outer.func, "attr", "") in ("append", "extend", "insert", "add"):
            yield getattr(getattr(outer.func, "value", None), "id", "")
        if isinstance(outer, ast.stmt):
            return


def model_of(source: Source, manager: ast.expr) -> type[models.Model] | None:
    """Return the model of Model.objects, or of Model.objects.using(...)."""
    if isinstance(manager, ast.Call):
        return model_of(source, manager.func.value) if isinstance(manager.func, ast.Attribute) else None
    found = source.resolve(manager)
    model = getattr(found, "model", None) if isinstance(found, models.Manager) else UNKNOWN
    return model if isinstance(model, type) and issubclass(model, models.Model) else None


def _creators(source: Source) -> Iterator[tuple[str, type[models.Model]]]:
    """Yield functions that hand their keywords on to create()."""
    for function in source.nodes:
        if isinstance(function, ast.FunctionDef) and function.args.kwarg:
            for call in ast.walk(function):
                if isinstance(call, ast.Call) and isinstance(call.func, ast.Attribute) and call.func.attr in _CREATE:
                    handed = [one.value for one in call.keywords if one.arg is None]
                    names = {part.id for one in handed for part in ast.walk(one) if isinstance(part, ast.Name)}
                    if function.args.kwarg.arg in names and (model := model_of(source, call.func.value)):
                        yield function.name, model


def _expects(node: ast.Compare | ast.Call) -> bool:
    """Return whether a key is compared with a number: obj.pk == 1, assertEqual(obj.id, 1), get(pk=1)."""
    if isinstance(node, ast.Compare):
        sides = [node.left, *node.comparators]
        return isinstance(node.ops[0], ast.Eq) and any(map(_is_key, sides)) and any(map(_is_number, sides))
    name = getattr(node.func, "attr", "")
    if name == "assertEqual":
        return any(map(_is_key, node.args)) and any(map(_is_number, node.args))
    return name == "get" and any(one.arg in _KEYS and _is_number(one.value) for one in node.keywords)


def _has_fixtures(source: Source, node: ast.AST) -> bool:
    """Return whether the class loads fixtures, which give its rows their keys."""
    return any(
        isinstance(statement, ast.Assign) and any(getattr(one, "id", "") == "fixtures" for one in statement.targets)
        for outer in source.ancestors(node)
        if isinstance(outer, ast.ClassDef)
        for statement in outer.body
    )


def _is_key(node: ast.expr) -> bool:
    return isinstance(node, ast.Attribute) and node.attr in _KEYS


def _is_number(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and isinstance(node.value, int) and not isinstance(node.value, bool)
