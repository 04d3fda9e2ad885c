"""Leave out of the plan the columns whose type differs by database, because each computes them in its own way.

A search index is text on SQLite and tsvector on PostgreSQL. PostgreSQL would read the text as a list of lexemes, which
keeps neither its order nor its repetitions: no cast makes the one of the other, only what fills the index does.
"""

from __future__ import annotations

from dataclasses import replace

from migrate_to_pg.records import Plan, PlannedColumn, PlannedTable

#: Types that hold nothing of their own: what is in them was computed from other data.
DERIVED_TYPES = frozenset({"tsvector"})


def leave_out_derived(plan: Plan) -> Plan:
    """The plan with these columns in ``derived`` of each table instead of ``columns``."""
    return replace(plan, tables=tuple(map(_without_derived, plan.tables)))


def _without_derived(table: PlannedTable) -> PlannedTable:
    derived = tuple(column for column in table.columns if _is_derived(table, column))
    if not derived:
        return table
    return replace(table, columns=tuple(c for c in table.columns if c not in derived), derived=derived)


def _is_derived(table: PlannedTable, column: PlannedColumn) -> bool:
    """Not where SQLite declares the type as well, nor where PostgreSQL computes the column or needs it as a key."""
    target = column.target
    return (
        target.type_name in DERIVED_TYPES
        and not target.generated
        and target.name not in table.target.primary_key
        and column.source.declared_type.lower() != target.type_name
    )
