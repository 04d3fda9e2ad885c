"""Split the rows of a plan into pieces: complete tables, or spans of their rowids."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.codecs.select import Span
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name, rowid_name

#: Approximate rows of a piece. Two connections loaded 2,000,000 rows in 3.2 s as two pieces and in 3.3 s as eight.
#: Small pieces keep the rows on PostgreSQL nearly in the order of their keys, which is how they will be read.
PIECE_ROWS = 250_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Rows of one table that are loaded in one transaction."""

    table: PlannedTable
    #: None for all rows.
    span: Span | None = None


def pieces_of(plan: Plan, snapshot: Path, *, jobs: int, without: Container[str]) -> list[Piece]:
    """Return pieces that have each row once. For several connections they are of similar size, largest tables first."""
    tables = [t for t in plan.tables if t.source.rows and t.loaded_columns and t.name not in without]
    if jobs == 1:
        return [Piece(table=table) for table in tables]
    tables.sort(key=lambda table: table.source.rows, reverse=True)
    return [piece for table in tables for piece in _pieces(table, snapshot)]


def _pieces(table: PlannedTable, snapshot: Path) -> Iterator[Piece]:
    wanted = round(table.source.rows / PIECE_ROWS)
    rowid = rowid_name(table.source)
    if wanted < 2 or rowid is None or table.source.is_wide:
        yield Piece(table=table)
        return
    query = "SELECT (SELECT min({0}) FROM {1} NOT INDEXED), (SELECT max({0}) FROM {1} NOT INDEXED)"
    with closing(open_snapshot(snapshot)) as connection:
        first, last = connection.execute(query.format(rowid, quote_name(table.source.name))).fetchone()
    # Gaps in the rowids make pieces differ in size. A connection with a small piece takes the next one sooner.
    step = math.ceil((last - first + 1) / wanted)
    for start in range(first, last + 1, step):
        yield Piece(table=table, span=Span(first=start, last=min(start + step - 1, last)))
