"""Store many rows with their history, in few statements: the signals of django-simple-history take one for each."""

from collections.abc import Collection
from typing import Any

from django.db import DEFAULT_DB_ALIAS, connection
from django.db.models import Value
from django.utils import timezone
from simple_history.models import HistoricalRecords

_BATCH_SIZE = 1_000


class HistoryOfColumns(HistoricalRecords):  # type: ignore[misc]  # it has no types
    """The history of what a table holds: a relation by several columns has no column of its own."""

    def fields_included(self, model: Any) -> list[Any]:
        """Return the fields that are kept."""
        return [field for field in super().fields_included(model) if field.column is not None]


def insert_with_history(model: Any, rows: list[Any], user: Any, reason: str) -> None:
    """Add rows, and remember each."""
    model._default_manager.bulk_create(rows, batch_size=_BATCH_SIZE)
    remember(model, [row.pk for row in rows], "+", user, reason)


def update_with_history(model: Any, rows: list[Any], names: Collection[str], user: Any, reason: str) -> None:
    """Change fields of rows, and remember each: one prepared statement takes a tenth of the time of bulk_update."""
    if rows and names:
        _update(model, rows, [model._meta.get_field(name) for name in sorted(names)])
        remember(model, [row.pk for row in rows], "~", user, reason)


def _update(model: Any, rows: list[Any], fields: list[Any]) -> None:
    quote = connection.ops.quote_name
    columns = ", ".join(f"{quote(field.column)} = %s" for field in fields)
    statement = f"UPDATE {quote(model._meta.db_table)} SET {columns} WHERE {quote(model._meta.pk.column)} = %s"  # noqa: S608 - names of columns and tables
    values = [
        (*(field.get_db_prep_save(getattr(row, field.attname), connection) for field in fields), row.pk) for row in rows
    ]
    with connection.cursor() as cursor:
        cursor.executemany(statement, values)


def delete_with_history(model: Any, rows: list[Any], user: Any, reason: str) -> None:
    """Delete rows that nothing refers to, and remember each as it was."""
    keys = [row.pk for row in rows]
    remember(model, keys, "-", user, reason)
    model._default_manager.filter(pk__in=keys)._raw_delete(DEFAULT_DB_ALIAS)


def remember(model: Any, keys: list[Any], kind: str, user: Any, reason: str) -> None:
    """Copy rows as they are stored into their history, within the database."""
    if not keys:
        return
    history = model.history.model
    told = {
        "history_date": timezone.now(),
        "history_type": kind,
        "history_user": user.pk if user else None,
        "history_change_reason": reason,
    }
    names = [field.name for field in history.tracked_fields]
    rows = model._default_manager.filter(pk__in=keys).order_by("pk").values_list(*names, *map(Value, told.values()))
    select, parameters = rows.query.sql_with_params()
    quote = connection.ops.quote_name
    columns = ", ".join(quote(history._meta.get_field(name).column) for name in (*names, *told))
    with connection.cursor() as cursor:
        cursor.execute(f"INSERT INTO {quote(history._meta.db_table)} ({columns}) {select}", parameters)
