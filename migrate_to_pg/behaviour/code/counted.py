"""Ask of a queryset what count() and exists() take of its rows, which is none of their values."""

from __future__ import annotations

from typing import Any

from django.db import models

COUNTED = frozenset({"count", "exists"})


def counted(rows: models.QuerySet[Any], name: str) -> models.QuerySet[Any]:
    """Return what count() or exists() takes of rows: their number, or whether there is one. No values."""
    query = rows.query
    if query.combinator or query.distinct or query.group_by is not None or query.extra:
        return rows
    if not query.is_sliced:
        rows = rows.order_by()
        if name == "count":
            # Django locks no rows to count them.
            rows.query.select_for_update = False
            return rows.values(migrate_to_pg_group=models.Value(1)).values(migrate_to_pg_count=models.Count("*"))
    ones = rows.values_list(models.Value(1))
    return ones[:1] if name == "exists" else ones
