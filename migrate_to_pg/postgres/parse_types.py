"""Read a type as a statement writes it: what PostgreSQL's catalogue calls it, and its limits."""

from __future__ import annotations

import re
from dataclasses import replace

from migrate_to_pg.records import TargetColumn

#: SQL name -> pg_type.typname, where they differ.
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
#: The limits of a time stand within its name: timestamp(3) with time zone.
_WITH_LIMITS = re.compile(
    r"^(?P<name>[a-z0-9_ ]+?)\s*(\((?P<first>\d+)(,\s*(?P<second>\d+))?\))?(?P<more> with(out)? time zone)?$"
)


def typed(column: str, written: str) -> TargetColumn:
    """Return a column of that type, of which all else is yet to be said."""
    found = _WITH_LIMITS.match(written.lower())
    name = found["name"] + (found["more"] or "") if found else written.lower()
    type_name = _TYPE_NAMES.get(name, name)
    if written.endswith("[]"):
        # The catalogue's name of an array of it.
        type_name = "_" + _TYPE_NAMES.get(written[:-2], written[:-2])
    first = int(found["first"]) if found and found["first"] else None
    numeric = type_name == "numeric"
    return TargetColumn(
        name=column,
        type_name=type_name,
        type_sql=written,
        not_null=False,
        max_length=first if type_name in ("varchar", "bpchar") else None,
        precision=first if numeric else None,
        scale=int(found["second"] or 0) if numeric and first is not None and found else None,
    )


def of_type(column: TargetColumn, written: str) -> TargetColumn:
    """Return the same column with another type."""
    made = typed(column.name, written)
    return replace(
        column,
        type_name=made.type_name,
        type_sql=made.type_sql,
        max_length=made.max_length,
        precision=made.precision,
        scale=made.scale,
    )
