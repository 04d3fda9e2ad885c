"""Constraints in, the table that a model with them promises out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.apps.registry import Apps
from django.db import models

from migrate_to_pg.planning.expected_schema import tables_of
from migrate_to_pg.records import TargetTable


def check(condition: object, name: str = "t_check") -> models.CheckConstraint:
    """A CHECK constraint, whatever this Django calls its condition."""
    key = "condition" if hasattr(models.CheckConstraint, "condition") or _takes_condition() else "check"
    options: dict[str, Any] = {key: condition, "name": name}
    return models.CheckConstraint(**options)


def _takes_condition() -> bool:
    return "condition" in models.CheckConstraint.__init__.__code__.co_varnames


def table_with(
    *constraints: models.BaseConstraint,
    fields: Mapping[str, models.Field[Any, Any]],
    indexes: Iterable[models.Index] = (),
) -> TargetTable:
    """The table t of a model with these fields."""
    options = {
        "app_label": "promising",
        "apps": Apps(),
        "db_table": "t",
        "constraints": list(constraints),
        "indexes": list(indexes),
    }
    body = {"__module__": __name__, "Meta": type("Meta", (), options), "id": models.BigAutoField(primary_key=True)}
    (table,) = tables_of([type("Promised", (models.Model,), {**body, **fields})])
    return table
