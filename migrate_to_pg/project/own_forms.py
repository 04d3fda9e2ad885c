"""Write values of PostgreSQL's own types as a field of the project writes them on SQLite.

An array or a range has no form on SQLite but the one that its field gives it. So the field itself is asked: what it
reads of PostgreSQL's value is what it saves on SQLite.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any, cast

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper
from psycopg.adapt import Transformer

from migrate_to_pg.project.identifiers import called
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.records import TargetColumn

#: PostgreSQL's text of a value -> what the field saves on SQLite.
OwnForm = Callable[[str], Any]
#: PostgreSQL's table and column -> the form of its values.
OwnForms = dict[tuple[str, str], OwnForm]


def own_forms(registry: Registry, columns: Iterator[tuple[str, TargetColumn]]) -> OwnForms:
    """Return the forms of those columns, each with its table, that hold arrays or ranges of a model's field."""
    backend = registry.postgresql
    fields = {
        (called(model._meta.db_table, backend), called(str(field.column), backend)): field
        for model in registry.target.get_models(include_auto_created=True)
        for field in model._meta.local_concrete_fields
    }
    found: OwnForms = {}
    for table, column in columns:
        oid, field = _oid(column), fields.get((table, column.name))
        if oid and field is not None:
            found[table, column.name] = _form(field, oid, registry.postgresql, registry.sqlite)
    return found


def _oid(column: TargetColumn) -> int:
    """Return the number of an array's or a range's type that psycopg knows, else 0."""
    if column.type_name == column.element:
        return 0
    known = psycopg.adapters.types.get(column.type_name.removeprefix("_"))
    if known is None:
        return 0
    return known.array_oid if column.type_name.startswith("_") else known.oid


def _form(field: Any, oid: int, there: BaseDatabaseWrapper, here: BaseDatabaseWrapper) -> OwnForm:
    transformer = Transformer(cast(Any, SimpleNamespace(adapters=psycopg.adapters, connection=None)))
    transformer.set_loader_types([oid], psycopg.pq.Format.TEXT)

    def write(text: str) -> Any:
        try:
            (value,) = transformer.load_sequence([text.encode()])
            if hasattr(field, "from_db_value"):
                value = field.from_db_value(value, None, there)
            return field.get_db_prep_save(value, here)
        except Exception:  # noqa: BLE001 - a field is the project's own code: PostgreSQL's text is verified as well
            return text

    return write
