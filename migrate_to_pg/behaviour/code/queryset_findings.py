"""Find what PostgreSQL refuses, or answers otherwise, of the querysets in the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.core.exceptions import FieldDoesNotExist, FieldError
from django.db import DatabaseError, models
from django.db.models.constants import LOOKUP_SEP

from migrate_to_pg.behaviour.code.compile_statement import prepare_queryset, prepare_update
from migrate_to_pg.behaviour.code.dialect import Column, count
from migrate_to_pg.behaviour.code.querysets import Built, querysets_of
from migrate_to_pg.behaviour.code.sources import Source
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.project_errors import guarded
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _

#: Lookups that are LIKE, which distinguishes case on PostgreSQL alone.
_WITH_CASE = frozenset({"contains", "startswith", "endswith"})
_BOTH_CASES = "{0} <> LOWER({0})"


def find_in_querysets(sources: Iterable[Source], sides: Sides, notes: list[str]) -> Iterator[Occurrence]:
    """Yield the errors of PostgreSQL, and searches whose words only a run knows."""
    for built in querysets_of(sources):
        place = str(built.source.place(built.node))
        yield from guarded(place, _refused(built, sides), notes)
        yield from guarded(place, _searched(built, sides), notes)


def _refused(built: Built, sides: Sides) -> Iterator[Occurrence]:
    try:
        verdict = prepare_queryset(sides, built.queryset)
        if built.updates and not verdict.sqlstate:
            verdict = prepare_update(sides, built.queryset, built.updates)
    except (FieldError, DatabaseError, ValueError):
        return
    if verdict.sqlstate:
        yield Occurrence(
            rule=rule_of_error(verdict.sqlstate, verdict.message),
            place=built.source.place(built.node),
            way=Way.CODE,
            certainty=Certainty.CONFIRMED,
            effect=Effect.ERROR,
            postgresql=verdict.message,
            sqlstate=verdict.sqlstate,
        )


def _searched(built: Built, sides: Sides) -> Iterator[Occurrence]:
    for model, lookup in built.unknown:
        found = _text_field(model, lookup)
        if found is None or found[1] not in _WITH_CASE:
            continue
        field: Any = found[0]
        try:
            has_capitals = count(sides.sqlite, Column(field.model._meta.db_table, str(field.column)), _BOTH_CASES) > 0
        except DatabaseError:
            # No migration makes the table.
            has_capitals = False
        if has_capitals:
            yield Occurrence(
                rule="like-case",
                place=built.source.place(built.node),
                way=Way.CODE,
                certainty=Certainty.CONFIRMED,
                effect=Effect.DIFFERENT,
                explanation=_("{column} holds capitals: {lookup}.", column=field, lookup=lookup),
            )


def _text_field(model: type[models.Model], lookup: str) -> tuple[models.Field[Any, Any], str] | None:
    """Return the text field that a lookup is about, and the lookup's name: name__contains, author__name__gt."""
    *path, last = lookup.split(LOOKUP_SEP)
    field: Any = None
    for name in path:
        try:
            field = model._meta.pk if name == "pk" else model._meta.get_field(name)
        except FieldDoesNotExist:
            return None
        model = getattr(field, "related_model", None) or model
    return (field, last) if isinstance(field, models.CharField | models.TextField) else None
