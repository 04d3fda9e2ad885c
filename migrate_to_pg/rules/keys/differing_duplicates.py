"""Compare the rows that share a unique key: what a merge of them would leave out.

Such rows may be different things, two persons with one address. Only the user knows.
"""

from __future__ import annotations

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import ngettext
from migrate_to_pg.records import PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Subject
from migrate_to_pg.rules.keys.duplicate_key import Search, pairs
from migrate_to_pg.rules.malformed import TEXT_TYPES
from migrate_to_pg.sqlite.sql import Sql, compose, join, name


def differs(column: str) -> Sql:
    """Return the condition that rows ``g`` and ``k`` differ in a column, be it in case or in type alone."""
    return compose("(g.{c} IS NOT k.{c} COLLATE BINARY OR typeof(g.{c}) <> typeof(k.{c}))", c=name(column))


def differing(subject: Subject, search: Search) -> tuple[int, list[str]]:
    """Count the removed rows that hold more than the row that stays, and name the columns in which they do.

    PostgreSQL finds the columns of the unique key equal. A primary key that is a number or a UUID says nothing of its
    row.
    """
    columns = _compared(search)
    if not columns:
        return 0, []
    sums = join(", ", (compose("sum({d})", d=differs(column)) for column in columns))
    query = compose(
        "SELECT sum({any}), {sums} FROM ({pairs}) AS p JOIN {table} AS g ON g.{rowid} = p.removed"
        " JOIN {table} AS k ON k.{rowid} = p.kept",
        any=compose("({d})", d=join(" OR ", map(differs, columns))),
        sums=sums,
        pairs=pairs(search),
        table=samples.numbered(search.table.source),
        rowid=samples.rowid_of(search.table.source),
    )
    ((rows, *counts),) = subject.rows(query)
    return rows or 0, [column for column, count in zip(columns, counts, strict=True) if count]


def _compared(search: Search) -> list[str]:
    """Return SQLite's names of the columns that may hold more."""
    table: PlannedTable = search.table
    key = {c.source.name for c in table.key if c.target.type_name not in TEXT_TYPES}
    unique = {c.source.name for c in search.columns}
    computed = {c.source.name for c in table.columns if c.source.generated and c.target.generated}
    return [c.name for c in table.source.columns if c.name not in key | unique | computed]


def describe_merge(subject: Subject, searches: list[Search]) -> str:
    """Explain what a merge would do to the rows of these constraints, and what it would leave out."""
    found = [differing(subject, search) for search in searches]
    count = sum(rows for rows, _columns in found)
    if not count:
        return _(
            "Rows that a merge (merge-duplicates) would remove differ in nothing but the primary key from the one that"
            " stays: what refers to them would refer to it."
        )
    return ngettext(
        "A merge (merge-duplicates) would keep the row with the lowest primary key alone, and what refers to the others"
        " would refer to it. {n:,} row that it would remove differs from the one that stays, in {columns}: these values"
        " would remain in the record of the repairs alone. So you have to name it yourself.",
        "A merge (merge-duplicates) would keep the row with the lowest primary key alone, and what refers to the others"
        " would refer to it. {n:,} rows that it would remove differ from the one that stays, in {columns}: these values"
        " would remain in the record of the repairs alone. So you have to name it yourself.",
        count,
        columns=", ".join(dict.fromkeys(column for _rows, columns in found for column in columns)),
    )
