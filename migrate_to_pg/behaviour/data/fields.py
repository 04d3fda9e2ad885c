"""Compare what single columns hold: limits, JSON, collations of SQLite. Let PostgreSQL compile generic relations."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from django.core.exceptions import FieldError
from django.db import DatabaseError, models

from migrate_to_pg.behaviour.code.compile_statement import prepare_queryset
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.own_models import place_of_class, plain_rows
from migrate_to_pg.behaviour.queries.values import key_order
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.behaviour.sides import POSTGRESQL, SQLITE, Sides
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import ngettext, number
from migrate_to_pg.project.secret_columns import MASK, is_secret

#: A value beyond this part of the range is told.
_NEAR = 0.9
#: A shorter limit is usually that of codes of one length.
_SHORT = 30
_MOST_ROWS = 5_000
_NOCASE = re.compile(r"COLLATE\s+[\"'`\[]?NOCASE", re.IGNORECASE)


def find_in_fields(model: type[models.Model], sides: Sides) -> Iterator[Occurrence]:
    """Yield one occurrence for each field of a model and reason."""
    for field in model._meta.local_concrete_fields:
        place = place_of_class(model, f"{model._meta.label}.{field.name}")
        if isinstance(field, models.IntegerField):
            yield from _highest(model, field, place, sides)
        elif isinstance(field, models.CharField) and (field.max_length or 0) > _SHORT:
            yield from _longest(model, field, place)
        elif isinstance(field, models.JSONField):
            yield from _key_order(model, field, place)
    yield from _case_blind(model, sides)


def _highest(
    model: type[models.Model], field: models.IntegerField[Any, Any], place: Place, sides: Sides
) -> Iterator[Occurrence]:
    limit = sides.postgresql.ops.integer_field_range(field.get_internal_type())[1]
    found = plain_rows(model).using(SQLITE).aggregate(highest=models.Max(field.name))["highest"]
    if found is not None and limit and found > _NEAR * limit:
        explanation = _(
            "The highest value is {percent} % of what the column takes.", percent=number(100 * found / limit, ".0f")
        )
        shown = MASK if is_secret(model._meta.db_table, str(field.column)) else number(found)
        yield _hint("integer-range", place, explanation, shown, number(limit))


def _longest(model: type[models.Model], field: models.CharField[Any, Any], place: Place) -> Iterator[Occurrence]:
    from django.db.models.functions import Length

    lengths = plain_rows(model).using(SQLITE).annotate(n=Length(field.name)).values_list("n", flat=True)
    longest, limit = lengths.order_by("-n").first(), field.max_length or 0
    if longest is not None and _NEAR * limit < longest < limit:
        percent = number(100 * longest / limit, ".0f")
        explanation = _("The longest value is {percent} % of what the column takes.", percent=percent)
        yield _hint("text-length", place, explanation, number(longest), number(limit))


def _hint(rule: str, place: Place, explanation: str, sqlite: str, postgresql: str) -> Occurrence:
    return Occurrence(
        rule=rule,
        place=place,
        way=Way.DATA,
        certainty=Certainty.HINT,
        effect=Effect.ERROR,
        sqlite=sqlite,
        postgresql=postgresql,
        explanation=explanation,
    )


def _key_order(model: type[models.Model], field: models.JSONField[Any, Any], place: Place) -> Iterator[Occurrence]:
    ours, theirs = (
        dict(plain_rows(model).using(alias).order_by("pk").values_list("pk", field.name)[:_MOST_ROWS])
        for alias in (SQLITE, POSTGRESQL)
    )
    pairs = [
        (ours[key], theirs[key]) for key in ours if key in theirs and key_order(ours[key]) != key_order(theirs[key])
    ]
    if pairs:
        hidden = is_secret(model._meta.db_table, str(field.column))
        one, other = pairs[0]
        if isinstance(one, dict) and [*one] != [*other]:
            # The keys say enough. Else those of an inner value are in another order.
            one, other = [*one], [*other]
        before, after = (MASK if hidden else json.dumps(value)[:80] for value in (one, other))
        yield Occurrence(
            rule="json-key-order",
            place=place,
            way=Way.DATA,
            certainty=Certainty.SEEN,
            effect=Effect.DIFFERENT,
            sqlite=before,
            postgresql=after,
            explanation=ngettext(
                "{n:,} row of {all:,} has keys in another order.",
                "{n:,} rows of {all:,} have keys in another order.",
                len(pairs),
                all=len(ours),
            ),
        )


def _case_blind(model: type[models.Model], sides: Sides) -> Iterator[Occurrence]:
    """Find NOCASE in what SQLite knows of the table and its indexes."""
    with sides.sqlite.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE tbl_name = %s AND sql IS NOT NULL", [model._meta.db_table]
        )
        for name, sql in cursor.fetchall():
            if _NOCASE.search(sql):
                yield Occurrence(
                    rule="case-blind-unique",
                    place=place_of_class(model, f"{model._meta.label} {name}"),
                    way=Way.DATA,
                    certainty=Certainty.CONFIRMED,
                    effect=Effect.DIFFERENT,
                    sqlite=next(line.strip(" ,") for line in re.split(r",|\n", sql) if _NOCASE.search(line)),
                )


def find_in_relations(model: type[models.Model], sides: Sides) -> Iterator[Occurrence]:
    """Yield each generic relation of a model whose join PostgreSQL refuses: a key that is text equals no integer."""
    for field in model._meta.private_fields:
        # A GenericRelation, whose module cannot be imported without contenttypes.
        if not hasattr(field, "object_id_field_name"):
            continue
        try:
            verdict = prepare_queryset(sides, plain_rows(model).filter(**{f"{field.name}__isnull": False}))
        except (FieldError, DatabaseError):
            continue
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
