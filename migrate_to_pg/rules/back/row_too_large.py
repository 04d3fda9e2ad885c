"""Find rows that are longer than SQLite takes."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedTable
from migrate_to_pg.rules.back.back_rule import BackRule, Fault, NewFileFacts, place

#: Bytes of a value. Those of fixed length do not matter here.
_LENGTH = sql.SQL("coalesce(octet_length({0}), 0)::int8")
_LENGTH_AS_TEXT = sql.SQL("coalesce(octet_length({0}::text), 0)::int8")
_STRINGS = ("text", "varchar", "bytea", "bpchar")
#: What SQLite adds to the values of a row, for each column at most.
_HEADER = 9


def _faults(table: PlannedTable, facts: NewFileFacts) -> Iterator[Fault]:
    if table.name not in facts.large:
        return
    lengths = [
        (_LENGTH if column.target.type_name in _STRINGS else _LENGTH_AS_TEXT).format(place(column.target))
        for column in table.columns
        if not column.source.generated
    ]
    if lengths:
        limit = facts.longest - _HEADER * (len(lengths) + 1)
        where = sql.SQL("{} > {}").format(sql.SQL(" + ").join(lengths), sql.Literal(limit))
        yield Fault(columns=(), where=where)


RULE = BackRule(
    id="row-too-large",
    level=Level.ERROR,
    title=N_("Rows that are longer than SQLite takes"),
    meaning=(
        "A value of PostgreSQL's may have 1 GB, and a row many such values. A row of SQLite's has at most"
        " SQLITE_MAX_LENGTH bytes, which is 1,000,000,000 unless it was built otherwise."
    ),
    remedy=N_("Shorten these values on PostgreSQL, or store them as files."),
    faults=_faults,
)
