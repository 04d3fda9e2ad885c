"""Parse a type in SQL into its name in PostgreSQL's catalogue and its limits."""

from __future__ import annotations

import re
from dataclasses import replace

from migrate_to_pg.records import TargetColumn

#: pg_type.typname by SQL name, where they differ.
_TYPE_NAMES = {
    "smallint": "int2",
    "integer": "int4",
    "bigint": "int8",
    "boolean": "bool",
    "character varying": "varchar",
    "character": "bpchar",
    "char": "bpchar",
    "double precision": "float8",
    "real": "float4",
    "decimal": "numeric",
    "timestamp with time zone": "timestamptz",
    "timestamp without time zone": "timestamp",
    "time without time zone": "time",
    "serial": "int4",
    "bigserial": "int8",
    "smallserial": "int2",
}
#: A time has its limits within the name: timestamp(3) with time zone.
_WITH_LIMITS = re.compile(
    r"^(?P<name>[a-z0-9_ ]+?)\s*(\((?P<first>\d+)(,\s*(?P<second>\d+))?\))?(?P<more> with(out)? time zone)?$"
)


def column_of_type(column: str, type_sql: str) -> TargetColumn:
    """Return a column of that type with default values for everything else."""
    found = _WITH_LIMITS.match(type_sql.lower())
    name = found["name"] + (found["more"] or "") if found else type_sql.lower()
    type_name = _TYPE_NAMES.get(name, name)
    if type_sql.endswith("[]"):
        # The catalogue names an array type so.
        type_name = "_" + _TYPE_NAMES.get(type_sql[:-2], type_sql[:-2])
    first = int(found["first"]) if found and found["first"] else None
    numeric = type_name == "numeric"
    return TargetColumn(
        name=column,
        type_name=type_name,
        type_sql=type_sql,
        not_null=False,
        max_length=first if type_name in ("varchar", "bpchar") else None,
        precision=first if numeric else None,
        scale=int(found["second"] or 0) if numeric and first is not None and found else None,
    )


def with_type(column: TargetColumn, type_sql: str) -> TargetColumn:
    """Return a copy of the column with another type."""
    made = column_of_type(column.name, type_sql)
    return replace(
        column,
        type_name=made.type_name,
        type_sql=made.type_sql,
        max_length=made.max_length,
        precision=made.precision,
        scale=made.scale,
    )
