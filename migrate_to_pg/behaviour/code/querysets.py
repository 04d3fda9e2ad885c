"""Build the querysets that the code writes with literals, without running the code or any query.

A name means what the module imported: a model, or a class of Django's for queries. Every value that only a run knows
leaves its condition out.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, TypeGuard

from django.db import models
from django.db.models.expressions import BaseExpression

from migrate_to_pg.behaviour.code.branches import is_for_another_vendor
from migrate_to_pg.behaviour.code.counted import COUNTED, counted
from migrate_to_pg.behaviour.code.sources import UNKNOWN, Source

#: Methods of a queryset that run nothing.
_LAZY = frozenset({
    "all", "filter", "exclude", "annotate", "alias", "order_by", "reverse", "distinct", "values", "values_list", "only",
    "defer", "select_related", "select_for_update", "extra", "none", "union", "intersection", "difference",
})  # fmt: skip
_CONDITIONS = frozenset({"filter", "exclude"})
#: Methods after which the order of the rows means nothing.
_ORDERLESS = frozenset({"count", "exists", "aggregate", "get", "delete", "update", "in_bulk", "iterator_count"})
#: Callers for which it means nothing either.
_SETS = frozenset({"set", "frozenset", "len", "any", "all", "sum", "Counter", "sorted"})
_FIRST = frozenset({"first", "last"})
_LATEST = frozenset({"latest", "earliest"})
#: Methods that Django also has as coroutines, by the same name after an a.
_AWAITED = _ORDERLESS | _FIRST | _LATEST
_METHODS = _LAZY | _AWAITED | {f"a{name}" for name in _AWAITED}
_OPERATORS: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv,
    ast.Mod: operator.mod, ast.BitAnd: operator.and_, ast.BitOr: operator.or_,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Built:
    """A queryset of the code."""

    source: Source
    node: ast.expr
    queryset: models.QuerySet[Any]
    #: Whether a condition was left out, because its value is not known.
    is_partial: bool
    #: Whether the order of its rows matters where it stands.
    has_order: bool
    #: What update() sets, as far as it is known.
    updates: dict[str, Any] | None = None
    #: Lookups whose value is not known: (model, name of the lookup).
    unknown: tuple[tuple[type[models.Model], str], ...] = ()


def querysets_of(sources: Iterable[Source]) -> Iterator[Built]:
    """Yield each queryset that is not a part of a longer one."""
    for source in sources:
        for node in source.nodes:
            if _may_be_one(node) and not _is_part(source, node):
                built = _build(source, node)
                if built is not None and not is_for_another_vendor(source, node):
                    yield built


def _may_be_one(node: ast.AST) -> TypeGuard[ast.expr]:
    """Return whether an expression ends as a queryset does, before more is asked of it."""
    if isinstance(node, ast.Subscript):
        return isinstance(node.slice, ast.Slice) or _index(node) is not None
    return isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in _METHODS


def _build(source: Source, node: ast.expr) -> Built | None:
    builder = _Builder(source)
    try:
        queryset = builder.value(node)
    except Exception:  # noqa: BLE001 - managers of the project take part, and what fails here is not built
        return None
    if not isinstance(queryset, models.QuerySet) or builder.calls == 0:
        return None
    parent = source.parents.get(node)
    if isinstance(parent, ast.Call) and getattr(parent.func, "attr", getattr(parent.func, "id", "")) == "Paginator":
        # The second page of some.
        queryset = queryset[10:20]
    is_explicit = bool(queryset.query.order_by or queryset.query.extra_order_by)
    has_order = is_explicit and not _ignores_order(source, node)
    if not has_order and not queryset.query.is_sliced:
        queryset = queryset.order_by()
    return Built(
        source=source,
        node=node,
        queryset=queryset,
        is_partial=builder.is_partial,
        has_order=has_order,
        updates=builder.updates,
        unknown=tuple(builder.unknown),
    )


def _awaited(name: str) -> str:
    """Return the method that a coroutine of a queryset awaits: count for acount, and any other name as it is."""
    return name[1:] if name.startswith("a") and name[1:] in _AWAITED else name


def _index(node: ast.expr) -> int | None:
    """Return the number of the row that is taken: Book.objects.all()[0]."""
    part = node.slice if isinstance(node, ast.Subscript) else None
    value = part.value if isinstance(part, ast.Constant) else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def constant(source: Source, node: ast.expr) -> Any:
    """Return the text or number that an expression of literals is: "x" * 21, or UNKNOWN."""
    try:
        value = _Builder(source).value(node)
    except (TypeError, ValueError, ArithmeticError, MemoryError):
        return UNKNOWN
    return value if isinstance(value, str | int) else UNKNOWN


class _Builder:
    """Makes the value of one expression."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.is_partial = False
        self.unknown: list[tuple[type[models.Model], str]] = []
        self.updates: dict[str, Any] | None = None
        self.calls = 0
        self._depth = 0

    def value(self, node: ast.expr) -> Any:
        """Return the value of an expression, or UNKNOWN."""
        match node:
            case ast.Constant(value=value):
                return value
            case ast.List(elts=items) | ast.Tuple(elts=items) | ast.Set(elts=items):
                values = [self.value(item) for item in items]
                return UNKNOWN if UNKNOWN in values else values
            case ast.Dict(keys=keys, values=items) if None not in keys:
                values = [self.value(item) for item in (*filter(None, keys), *items)]
                return (
                    UNKNOWN if UNKNOWN in values else dict(zip(values[: len(keys)], values[len(keys) :], strict=True))
                )
            case ast.UnaryOp(op=ast.USub() | ast.Invert() as op, operand=operand):
                value = self.value(operand)
                return UNKNOWN if value is UNKNOWN else -value if isinstance(op, ast.USub) else ~value
            case ast.BinOp(left=left, op=op, right=right) if type(op) in _OPERATORS:
                values = [self.value(left), self.value(right)]
                return UNKNOWN if UNKNOWN in values else _OPERATORS[type(op)](*values)
            case ast.Subscript(value=owner, slice=ast.Slice() as part):
                return self._slice(self.value(owner), part)
            case ast.Subscript(value=owner) if (index := _index(node)) is not None:
                rows = self.value(owner)
                return rows[index : index + 1] if isinstance(rows, models.QuerySet) else UNKNOWN
            case ast.Call():
                return self._call(node)
            case ast.Name() | ast.Attribute():
                return self._named(node)
        return UNKNOWN

    def _named(self, node: ast.Name | ast.Attribute) -> Any:
        if isinstance(node, ast.Name):
            values = self.source.local_values(node)
            if values is not None:
                self._depth += 1
                if len(values) != 1 or self._depth >= 5:
                    return UNKNOWN
                # A loop takes one after another of what the expression gives.
                loop = self.source.parents.get(values[0])
                is_looped_over = isinstance(loop, ast.For | ast.AsyncFor | ast.comprehension) and loop.iter is values[0]
                return UNKNOWN if is_looped_over else self.value(values[0])
        found = self.source.resolve(node)
        is_class = isinstance(found, type)
        return found if is_class or isinstance(found, models.Manager | str | int) else UNKNOWN

    def _slice(self, queryset: Any, part: ast.Slice) -> Any:
        bounds = [None if bound is None else self.value(bound) for bound in (part.lower, part.upper)]
        if not isinstance(queryset, models.QuerySet) or part.step is not None:
            return UNKNOWN
        # A page that only a run knows is the second one, of some rows.
        lower, upper = (
            bound if bound is None or isinstance(bound, int) else known
            for bound, known in zip(bounds, (10, 20), strict=True)
        )
        return queryset[lower:upper]

    def _call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Attribute):
            owner = self.value(node.func.value)
            if isinstance(owner, models.Manager | models.QuerySet):
                return self._method(owner, _awaited(node.func.attr), node)
        kind = self._named(node.func) if isinstance(node.func, ast.Name | ast.Attribute) else UNKNOWN
        if isinstance(kind, type) and (
            kind.__module__.startswith("django.db.models") or issubclass(kind, BaseExpression)
        ):
            if issubclass(kind, models.Q):
                return self._conditions(kind, None, node)
            arguments, keywords = self._arguments(node)
            return UNKNOWN if UNKNOWN in arguments or UNKNOWN in keywords.values() else kind(*arguments, **keywords)
        return UNKNOWN

    def _method(self, owner: Any, name: str, node: ast.Call) -> Any:
        if name in _FIRST and not node.args:
            self.calls += 1
            rows = owner.all() if owner.all().ordered else owner.order_by("pk")
            return (rows if name == "first" else rows.reverse())[:1]
        if name in _LATEST:
            return self._latest(owner.all(), name, node)
        if name in _ORDERLESS:
            self.calls += 1
            rows = owner.all()
            if name == "update":
                _, updates = self._arguments(node)
                self.updates = {name: value for name, value in updates.items() if value is not UNKNOWN and name != "**"}
            if name == "aggregate":
                return self._aggregate(rows, node)
            if name in COUNTED:
                return counted(rows, name)
            return self._conditions(rows.filter, rows.model, node) if name == "get" else rows
        if name not in _LAZY:
            return UNKNOWN
        self.calls += 1
        if name in _CONDITIONS:
            return self._conditions(getattr(owner, name), owner.model, node)
        arguments, keywords = self._arguments(node)
        if UNKNOWN in arguments or UNKNOWN in keywords.values():
            return UNKNOWN
        return getattr(owner, name)(*arguments, **keywords)

    def _latest(self, rows: models.QuerySet[Any], name: str, node: ast.Call) -> Any:
        """Return what latest() takes the first of: the rows in the order of these fields, from the end."""
        self.calls += 1
        fields, _ = self._arguments(node)
        latest = rows.model._meta.get_latest_by or ()
        fields = fields or ([latest] if isinstance(latest, str) else [*latest])
        if not fields or UNKNOWN in fields:
            return UNKNOWN
        ordered = rows.order_by(*fields)
        return (ordered.reverse() if name == "latest" else ordered)[:1]

    def _aggregate(self, rows: models.QuerySet[Any], node: ast.Call) -> Any:
        """Make one group of all rows, which Django asks for in the same words."""
        arguments, keywords = self._arguments(node)
        if rows.query.is_sliced or rows.query.distinct or UNKNOWN in (*arguments, *keywords.values()):
            return rows
        named = keywords | {one.default_alias: one for one in arguments}
        group = rows.order_by().values(migrate_to_pg_group=models.Value(1))
        return group.annotate(**named).values(*named)

    def _arguments(self, node: ast.Call) -> tuple[list[Any], dict[str, Any]]:
        arguments = [self.value(argument) for argument in node.args]
        keywords = {one.arg or "**": self.value(one.value) for one in node.keywords}
        return arguments, keywords

    def _conditions(self, make: Any, model: type[models.Model] | None, node: ast.Call) -> Any:
        """Call filter() or Q with the conditions whose values are known."""
        arguments, keywords = self._arguments(node)
        known = {name: value for name, value in keywords.items() if value is not UNKNOWN}
        self.is_partial |= len(known) < len(keywords) or UNKNOWN in arguments
        if model is not None:
            self.unknown += [(model, name) for name in keywords if name not in known and name != "**"]
        return make(*(value for value in arguments if value is not UNKNOWN), **known)


def _is_part(source: Source, node: ast.expr) -> bool:
    """Return whether an expression belongs to a longer queryset, or is a condition of one."""
    parent = source.parents.get(node)
    if isinstance(parent, ast.Attribute):
        call = source.parents.get(parent)
        return isinstance(call, ast.Call) and call.func is parent and parent.attr in _METHODS
    if isinstance(parent, ast.Subscript) and parent.value is node:
        return True
    if isinstance(parent, ast.Assign | ast.AnnAssign) and (function := source.function(node)) is not None:
        targets = parent.targets if isinstance(parent, ast.Assign) else [parent.target]
        names = {target.id for target in targets if isinstance(target, ast.Name)}
        # What is done with it later decides.
        return bool(names & source.extended(function))
    outer = parent if isinstance(parent, ast.keyword) else node
    call = source.parents.get(outer)
    return isinstance(call, ast.Call) and getattr(call.func, "attr", "") in (_LAZY | {"Exists", "Subquery"})


def _ignores_order(source: Source, node: ast.expr) -> bool:
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _awaited(node.func.attr) in _ORDERLESS:
        return True
    parent = source.parents.get(node)
    return isinstance(parent, ast.Call) and getattr(parent.func, "id", "") in _SETS
