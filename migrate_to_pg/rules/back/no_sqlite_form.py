"""Find values of types that have no form on SQLite: arrays, ranges, hstore, enums, composites."""

from __future__ import annotations

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedColumn
from migrate_to_pg.rules.back.back_rule import BackRule, NewFileFacts, of_columns
from migrate_to_pg.sqlite.connection import affinity

_IS_SET = sql.SQL("{0} IS NOT NULL")
_OTHERS = ("hstore", "tsvector", "tsquery")


def _condition(column: PlannedColumn, place: sql.Composed, _facts: NewFileFacts) -> sql.Composable | None:
    target, declared = column.target, column.source.declared_type
    is_special = target.type_name in _OTHERS or (target.element and target.element != target.type_name)
    # A field with a form of its own declares a text there. Where it is PostgreSQL's, the way there brought it along.
    has_form = affinity(declared) == "TEXT" and declared.lower() != target.type_sql.lower() and "[" not in declared
    return _IS_SET.format(place) if is_special and not has_form else None


RULE = BackRule(
    id="no-sqlite-form",
    level=Level.ERROR,
    title=N_("Values of types that SQLite does not have"),
    meaning=(
        "Arrays, ranges, hstore, enums and composite types exist on PostgreSQL alone. A field that stores them on"
        " SQLite as well declares a column of text there, and its values are moved as PostgreSQL writes them. A field"
        " without such a form cannot be read on SQLite."
    ),
    remedy=N_("Give the field a form on SQLite, such as text, by a migration that asks for connection.vendor."),
    faults=of_columns(_condition),
)
