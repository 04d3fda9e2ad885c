"""Find rows with the highest id of all: SQLite gives no id after it."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.codecs.numeric import LIMITS
from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level
from migrate_to_pg.rules.back.back_rule import BackRule, of_columns

_LAST = sql.Literal(LIMITS["int8"][1])


RULE = BackRule(
    id="last-sqlite-id",
    level=Level.ERROR,
    title=N_("A row with the last id that SQLite has"),
    meaning=(
        "A sequence of PostgreSQL counts on by itself, whatever ids its rows have. AUTOINCREMENT goes on after the"
        " highest id in the table: after 9223372036854775807 SQLite refuses each new row, with"
        " `database or disk is full`."
    ),
    remedy=N_("Give the row a lower id on PostgreSQL, and change the keys that refer to it."),
    faults=of_columns(
        lambda column, place, _facts: (
            sql.SQL("{} = {}").format(place, _LAST)
            if column.target.sequence is not None and column.target.type_name == "int8"
            else None
        )
    ),
)
