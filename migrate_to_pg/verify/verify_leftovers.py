"""Verify that PostgreSQL holds each value of a leftover table in the column of its kind.

The expected values are derived here anew, from the snapshot itself. The working file of the load is read only for the
rows that a view gave, which may give other rows now. A value that no column takes, because the load mistook the wrong
kind for the only one, is expected as a value that nothing equals.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from psycopg import sql

from migrate_to_pg.records import Holds, LeftoverColumn, LeftoverTable, Plan, Progress, Verification, Verify
from migrate_to_pg.sqlite.connection import quote_name, snapshot_uri
from migrate_to_pg.verify import compare_tables
from migrate_to_pg.verify.journal import unrepaired
from migrate_to_pg.verify.sqlite_reader import STORABLE, Relation, Source

NOTHING: Mapping[str, sql.Composed] = {}
#: Over {0}, a column: whether a value is of the kind.
IS_OF_KIND = {
    Holds.INTEGER: "typeof({0}) = 'integer'",
    Holds.REAL: "typeof({0}) = 'real'",
    Holds.NUMBER: "typeof({0}) = 'real' OR typeof({0}) = 'integer'",
    Holds.TEXT: f"typeof({{0}}) = 'text' AND {STORABLE}",
    Holds.TEXT_BYTES: f"typeof({{0}}) = 'text' AND NOT {STORABLE}",
    Holds.BLOB: "typeof({0}) = 'blob'",
    Holds.NOTHING: "0",
}
#: No text is bytes, and bytes are nothing else.
UNKNOWN_KIND = {Holds.BLOB: "'strange'", Holds.TEXT_BYTES: "'strange'"}


def verify_leftover_tables(
    plan: Plan,
    tables: Iterable[LeftoverTable],
    snapshot: Path,
    conninfo: str,
    *,
    schema: str,
    verify: Verify,
    progress: Progress,
    views: tuple[Path, Callable[[str], str]],
    shared: str = "",
    left_out: Mapping[str, sql.Composed] = NOTHING,
) -> Verification:
    """Compare each planned table of ``schema``.

    ``views`` are the file that holds the rows of each view, and the function that returns a view's table in it.
    ``shared`` and ``left_out`` are those of ``compare_tables``.
    """
    expected = {table.name: unrepaired(relation(table, views)) for table in tables}
    with Source(snapshot) as source:
        return compare_tables(
            plan,
            source,
            expected,
            conninfo,
            schema=schema,
            verify=verify,
            progress=progress,
            shared=shared,
            left_out=left_out,
        )


def relation(table: LeftoverTable, views: tuple[Path, Callable[[str], str]]) -> Relation:
    """Return a subquery with PostgreSQL's columns."""
    path, place = views
    name = f"attached.{quote_name(place(table.source))}" if table.is_view else f"main.{quote_name(table.source)}"
    values = ", ".join(f"{value(c, table.columns)} AS {quote_name(c.name)}" for c in table.columns)
    return Relation(
        sql=f"(SELECT {values} FROM {name})",  # noqa: S608 - quoted names and expressions of ours
        attached=snapshot_uri(path.resolve()) if table.is_view else "",
        largest_row=table.largest_row,
    )


def value(column: LeftoverColumn, columns: Iterable[LeftoverColumn]) -> str:
    """Return the expression of a column's values: those of its kind, and NULL for those of its fellows.

    The first of the columns made from one source column takes what is left.
    """
    fellows = [c for c in columns if c.source == column.source]
    name = quote_name(column.source)
    kept = f"CAST({name} AS BLOB)" if column.holds is Holds.TEXT_BYTES else name
    of_others = [IS_OF_KIND[c.holds].format(name) for c in fellows if c is not column]
    cases = [
        f"WHEN {IS_OF_KIND[column.holds].format(name)} THEN {kept}",
        *(f"WHEN {other} THEN NULL" for other in of_others),
    ]
    if column is fellows[0]:
        cases.append(f"WHEN {name} IS NOT NULL THEN {UNKNOWN_KIND.get(column.holds, 'zeroblob(1)')}")
    return f"CASE {' '.join(cases)} END"
