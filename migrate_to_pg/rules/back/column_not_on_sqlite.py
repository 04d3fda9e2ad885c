"""Find values of columns that the migrations do not make on SQLite."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedTable
from migrate_to_pg.rules.back.back_rule import BackRule, Fault, NewFileFacts, place

_IS_SET = sql.SQL("{0} IS NOT NULL")
#: Search indexes, which triggers or the application fill from other columns.
_COMPUTED = ("tsvector",)


def _faults(table: PlannedTable, _facts: NewFileFacts) -> Iterator[Fault]:
    for column in table.only_target:
        # What is computed from other columns is not lost.
        if not column.generated and column.type_name not in _COMPUTED:
            yield Fault(columns=(column,), where=_IS_SET.format(place(column)))


RULE = BackRule(
    id="column-not-on-sqlite",
    level=Level.ERROR,
    title=N_("Values of columns that SQLite would not have"),
    meaning=(
        "The migrations make no such column on SQLite, so that its values would be lost. Where that is accepted, the"
        " rows go without these values, which are kept with their keys."
    ),
    remedy=N_(
        "Write a migration that makes the column on both databases; or leave these values out of the file, and keep"
        " them beside the report, with --quarantine column-not-on-sqlite."
    ),
    rows_stay=True,
    faults=_faults,
)
