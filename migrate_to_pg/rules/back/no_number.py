"""Find NaN and infinite decimals, NaN in floats, and the float -0.0: SQLite has none of them."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.back.back_rule import BackRule, of_types

_CONDITIONS = {
    # PostgreSQL 13 and older have no infinite decimals, and none of these is served.
    "numeric": sql.SQL("{0} IN ('NaN', 'Infinity', '-Infinity')"),
    "float4": sql.SQL("{0} = 'NaN' OR {0}::text = '-0'"),
    "float8": sql.SQL("{0} = 'NaN' OR {0}::text = '-0'"),
}


RULE = BackRule(
    id="no-number",
    level=Level.ERROR,
    title=N_("NaN, infinite decimals, and negative zero"),
    meaning=(
        "SQLite stores NaN as NULL and -0.0 as 0.0, and an infinite decimal as a number that Django's DecimalField"
        " cannot read."
    ),
    remedy=N_("Set these values to NULL, or to a number, on PostgreSQL; -0.0 to 0."),
    faults=of_types(_CONDITIONS),
)
