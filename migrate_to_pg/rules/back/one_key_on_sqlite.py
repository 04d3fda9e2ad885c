"""Find rows with different keys on PostgreSQL that SQLite takes for one: by COLLATE NOCASE or RTRIM."""

from __future__ import annotations

from collections.abc import Iterator

from psycopg import sql

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import Level, PlannedTable
from migrate_to_pg.rules.back.back_rule import BackRule, Fault, NewFileFacts, SqliteKey, place

#: SQLite's collation -> the text by which it compares. NOCASE knows the 26 letters of ASCII alone.
_FOLDED = {
    "NOCASE": sql.SQL("translate({0}::text, 'ABCDEFGHIJKLMNOPQRSTUVWXYZ', 'abcdefghijklmnopqrstuvwxyz')"),
    "RTRIM": sql.SQL("rtrim({0}::text, ' ')"),
}
_AS_IT_IS = sql.SQL("{0}")
#: All rows with such a key but the first: a condition on the row itself, whatever the table's keys are.
_AGAIN = sql.SQL(
    "t.ctid IN (SELECT o.ctid FROM (SELECT t.ctid, t.tableoid, row_number() OVER (PARTITION BY {parts} ORDER BY t.ctid)"
    " AS place FROM ONLY {table} AS t WHERE {known}) AS o WHERE o.place > 1)"
)


def _faults(table: PlannedTable, facts: NewFileFacts) -> Iterator[Fault]:
    for key in facts.keys:
        if key.table == table.source.name and any(collation in _FOLDED for collation in key.collations):
            yield from _of_key(table, key, facts.schema)


def _of_key(table: PlannedTable, key: SqliteKey, schema: str) -> Iterator[Fault]:
    by_name = {column.source.name: column.target for column in table.columns}
    columns = [by_name[name] for name in key.columns if name in by_name]
    if len(columns) != len(key.columns):
        return
    places = [place(column) for column in columns]
    parts = [_FOLDED.get(c, _AS_IT_IS).format(p) for c, p in zip(key.collations, places, strict=True)]
    known = sql.SQL(" AND ").join(sql.SQL("{} IS NOT NULL").format(p) for p in places)
    where = _AGAIN.format(parts=sql.SQL(", ").join(parts), table=sql.Identifier(schema, table.name), known=known)
    yield Fault(columns=tuple(columns), where=where)


RULE = BackRule(
    id="one-key-on-sqlite",
    level=Level.ERROR,
    title=N_("Different keys that SQLite takes for one"),
    meaning=(
        "The column is unique, and compared on SQLite by COLLATE NOCASE or RTRIM: what differs in the case of ASCII"
        " letters, or in spaces at the end, is one value there. The first of such rows is not counted."
    ),
    remedy=N_("Change the keys of these rows on PostgreSQL, or the collation by a migration."),
    faults=_faults,
)
