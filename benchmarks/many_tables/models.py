"""TABLES models of five columns, a foreign key and two indexes each."""

from __future__ import annotations

from typing import Any

from django.db import models

from benchmarks.many_tables.settings import TABLES


def fields(number: int) -> dict[str, models.Field[Any, Any]]:
    """Return the fields of one model. Ten models at a time refer to their first one."""
    return {
        "name": models.CharField(max_length=50, db_index=True),
        "amount": models.DecimalField(max_digits=8, decimal_places=2),
        "created": models.DateTimeField(),
        "parent": models.ForeignKey(f"many_tables.Model{number - number % 10}", models.CASCADE, related_name="+"),
    }


for each in range(TABLES):
    type(f"Model{each}", (models.Model,), {"__module__": __name__, **fields(each)})
