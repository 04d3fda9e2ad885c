"""Exclude columns from the plan whose type differs by database, because each computes them in its own way.

A search index is text on SQLite and tsvector on PostgreSQL. PostgreSQL would read the text as a list of lexemes, which
keeps neither its order nor its repetitions. No cast converts one into the other, only what fills the index does.
"""

from __future__ import annotations

from dataclasses import replace

from migrate_to_pg.records import Plan, PlannedColumn, PlannedTable

#: Types whose values are computed from other data.
DERIVED_TYPES = frozenset({"tsvector"})


def leave_out_derived(plan: Plan) -> Plan:
    """Return the plan with these columns in ``derived`` of each table instead of ``columns``."""
    tables = []
    for table in plan.tables:
        derived = tuple(column for column in table.columns if _is_derived(table, column))
        columns = tuple(column for column in table.columns if column not in derived)
        tables.append(replace(table, columns=columns, derived=derived) if derived else table)
    return replace(plan, tables=tuple(tables))


def _is_derived(table: PlannedTable, column: PlannedColumn) -> bool:
    """Report whether only the database's own computation fills the column.

    It does not where SQLite declares the type as well, or where PostgreSQL computes the column or needs it as a key.
    """
    target = column.target
    return (
        target.type_name in DERIVED_TYPES
        and not target.generated
        and target.name not in table.target.primary_key
        and column.source.declared_type.lower() != target.type_name
    )
