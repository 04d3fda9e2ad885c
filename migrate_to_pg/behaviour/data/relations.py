"""Let PostgreSQL compile the joins of generic relations: a key that is text equals no integer there."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldError
from django.db import DatabaseError, models

from migrate_to_pg.behaviour.code.compile_statement import prepare_queryset
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.own_models import place_of_class, plain_rows
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.behaviour.sides import Sides


def find_in_relations(model: type[models.Model], sides: Sides) -> Iterator[Occurrence]:
    """Yield each generic relation of a model whose join PostgreSQL refuses."""
    for field in model._meta.private_fields:
        # A GenericRelation, whose module cannot be imported without contenttypes.
        if hasattr(field, "object_id_field_name"):
            yield from _of_join(model, field, sides)


def _of_join(model: Any, field: Any, sides: Sides) -> Iterator[Occurrence]:
    try:
        verdict = prepare_queryset(sides, plain_rows(model).filter(**{f"{field.name}__isnull": False}))
    except (FieldError, DatabaseError):
        return
    if verdict.sqlstate:
        yield Occurrence(
            rule=rule_of_error(verdict.sqlstate, verdict.message),
            place=place_of_class(model, f"{model._meta.label}.{field.name}"),
            way=Way.DATA,
            certainty=Certainty.CONFIRMED,
            effect=Effect.ERROR,
            postgresql=verdict.message,
            sqlstate=verdict.sqlstate,
        )
