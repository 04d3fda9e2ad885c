"""Find NULL where SQLite's column takes none."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.back.back_rule import BackRule, of_columns

_IS_NULL = sql.SQL("{0} IS NULL")


RULE = BackRule(
    id="null-on-sqlite",
    level=Level.ERROR,
    title=N_("NULL where SQLite takes none"),
    meaning="The column is NOT NULL as the migrations make it on SQLite, and may be NULL on PostgreSQL.",
    remedy=N_("Give these rows a value on PostgreSQL, or let the migrations make both columns alike."),
    faults=of_columns(
        lambda column, place, _facts: (
            _IS_NULL.format(place) if column.source.not_null and not column.target.not_null else None
        )
    ),
)
