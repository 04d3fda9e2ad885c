"""Collect the orderings of the project: of models, of the admin, and of list views."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import FieldDoesNotExist
from django.db import models
from django.db.models.constants import LOOKUP_SEP
from django.db.models.expressions import OrderBy
from django.urls import get_resolver

from migrate_to_pg.behaviour.own_models import own_apps, own_models, place_of_class, plain_rows
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.behaviour.sides import Sides


@dataclass(frozen=True, slots=True)
class Key:
    """One part of an ordering."""

    expression: Any
    descending: bool
    #: Whether it is said where NULLs stand.
    says_nulls: bool
    #: The field at the end of a name, or None for an expression.
    field: Any = None


@dataclass(frozen=True, slots=True)
class Ordering:
    """Rows in an order, and where the project asks for it."""

    place: Place
    queryset: models.QuerySet[Any]
    items: tuple[Any, ...]

    @property
    def keys(self) -> list[Key]:
        """The parts of the ordering. A relation stands for the ordering of its model, as for Django."""
        return [key for item in self.items for key in _keys(self.queryset.model, item)]


def orderings(sides: Sides) -> Iterator[Ordering]:
    """Yield each ordering of a model, of its admin, and of list views."""
    from django.views.generic.list import MultipleObjectMixin

    known = {*own_models(sides)}
    for model in known:
        yield from _ordering(model, model, model._meta.ordering or (), plain_rows(model))
    yield from _of_admin()
    for kind in own_classes(MultipleObjectMixin):
        queryset = kind.queryset.all() if isinstance(kind.queryset, models.QuerySet) else None
        if queryset is None and isinstance(kind.model, type):
            queryset = plain_rows(kind.model)
        if queryset is None or queryset.model not in known:
            continue
        # It may be a property, which only an instance answers.
        given = kind.ordering if isinstance(kind.ordering, str | list | tuple) else queryset.query.order_by
        items = (given,) if isinstance(given, str) else tuple(given or ())
        yield from _ordering(kind, queryset.model, items, queryset)


def _ordering(
    owner: Any, model: type[models.Model], items: Sequence[Any], queryset: models.QuerySet[Any]
) -> Iterator[Ordering]:
    if items and "?" not in items:
        label = model._meta.label if owner is model else owner.__name__
        shown = ", ".join(str(item) for item in items)
        yield Ordering(place_of_class(owner, f"{label} ordering ({shown})"), queryset, tuple(items))


def _of_admin() -> Iterator[Ordering]:
    if not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib import admin

    names = tuple(f"{config.name}." for config in own_apps())
    for model, registered in admin.site._registry.items():
        kind = type(registered)
        if f"{kind.__module__}.".startswith(names) and registered.ordering:
            yield from _ordering(kind, model, [*registered.ordering], plain_rows(model))


def unordered_views(sides: Sides) -> Iterator[Occurrence]:
    """Yield list views that cut rows without an order into pages."""
    from django.views.generic.list import MultipleObjectMixin

    known = {*own_models(sides)}
    for kind in own_classes(MultipleObjectMixin):
        queryset = kind.queryset if isinstance(kind.queryset, models.QuerySet) else None
        model = queryset.model if queryset is not None else kind.model
        # One of its methods may order them.
        is_own = any(
            name in vars(base)
            for base in (base for base in kind.__mro__ if not base.__module__.startswith("django."))
            for name in ("get_queryset", "get_ordering")
        )
        if not kind.paginate_by or kind.ordering or is_own or model not in known:
            continue
        if not (queryset.ordered if queryset is not None else model._meta.ordering):
            yield Occurrence(
                rule="unordered",
                place=place_of_class(kind, kind.__name__),
                way=Way.DATA,
                certainty=Certainty.HINT,
                effect=Effect.DIFFERENT,
            )


def own_classes(base: type) -> list[Any]:
    """Return the subclasses that modules of the project define, once its URLs are loaded."""
    if getattr(settings, "ROOT_URLCONF", None):
        # Django loads them with the first request: the views come with them.
        get_resolver().url_patterns  # noqa: B018
    names = {config.name for config in own_apps()}
    return [
        kind
        for name, module in [*sys.modules.items()]
        if any(name == own or name.startswith(f"{own}.") for own in names)
        for kind in vars(module).values()
        if inspect.isclass(kind) and issubclass(kind, base) and kind.__module__ == name
    ]


def _keys(model: type[models.Model], item: Any) -> Iterator[Key]:
    if not isinstance(item, str):
        if not isinstance(item, OrderBy):
            item = item.asc()
        says = bool(item.nulls_first or item.nulls_last)
        yield Key(item.expression, item.descending, says, _field(model, getattr(item.expression, "name", "")))
        return
    name, descending = item.lstrip("-+"), item.startswith("-")
    field = _field(model, name)
    related = getattr(field, "related_model", None)
    attname = name.rpartition(LOOKUP_SEP)[2] in ("pk", getattr(field, "attname", ""))
    if related is not None and not attname and related._meta.ordering:
        for inner in related._meta.ordering:
            for key in _keys(related, inner):
                # The key of the related model, as seen from this one.
                expression: Any = key.expression
                if hasattr(expression, "name"):
                    expression = models.F(f"{name}{LOOKUP_SEP}{expression.name}")
                yield Key(expression, key.descending != descending, key.says_nulls, key.field)
        return
    yield Key(models.F(name), descending, False, field)


def _field(model: type[models.Model], path: str) -> Any:
    field: Any = None
    for name in filter(None, path.split(LOOKUP_SEP)):
        try:
            field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        except (FieldDoesNotExist, AttributeError):
            return None
        model = getattr(field, "related_model", None) or model
    return field
