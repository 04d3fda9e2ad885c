"""Load the rows of all planned tables into the new file: one writer, while the next rows are read."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

from migrate_to_pg.errors import LoadError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.move_back.quarantine import LeftOut
from migrate_to_pg.move_back.read_ahead import ReadAhead, TableToRead
from migrate_to_pg.move_back.read_rows import Batch, State, stored_columns
from migrate_to_pg.move_back.write_rows import RefusedError, Writer
from migrate_to_pg.project.secret_columns import masked_key
from migrate_to_pg.records import Event, LoadedTable, PlannedTable, Progress
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

NOTHING: Mapping[str, LeftOut] = {}
AS_PLANNED: Mapping[str, Sql] = {}


def load(
    tables: Sequence[PlannedTable],
    state: State,
    writer: Writer,
    *,
    schema: str,
    jobs: int,
    progress: Progress,
    before: int,
    total: int,
    left_out: Mapping[str, LeftOut] = NOTHING,
    inserts: Mapping[str, Sql] = AS_PLANNED,
) -> tuple[LoadedTable, ...]:
    """Load every row of PostgreSQL's tables.

    Args:
        tables: the tables to load, empty on SQLite.
        state: PostgreSQL's state.
        writer: writes the new file.
        schema: PostgreSQL's schema of the tables.
        jobs: number of connections that read.
        progress: is called with the rows that were written.
        before: how many were written before.
        total: how many there are.
        left_out: by PostgreSQL's names, the rows that stay behind.
        inserts: by PostgreSQL's names, statements that take a row of a table of other columns on SQLite.

    Raises:
        LoadError: SQLite refuses a row.
    """
    loaded: list[LoadedTable] = []
    wanted = []
    for table in tables:
        stays = left_out.get(table.name)
        without = stays.condition(table) if stays and stays.keys else None
        wanted.append(TableToRead(schema=schema, table=table, without=without))
    with ReadAhead(state, wanted, jobs) as ahead:
        for number, table in enumerate(tables):
            insert = inserts.get(table.name) or _insert(table)
            began, rows = time.monotonic(), 0
            for batch in ahead.batches(number):
                rows += _write(writer, table, batch, insert)
                progress(Event(kind="progress", stage="load", message=table.name, done=before + rows, total=total))
            before += rows
            loaded.append(LoadedTable(name=table.name, rows=rows, seconds=time.monotonic() - began))
    return tuple(loaded)


def _write(writer: Writer, table: PlannedTable, batch: Batch, insert: Sql) -> int:
    try:
        return writer.write(insert, batch)
    except RefusedError as error:
        row = [values[error.place] for values in batch]
        known = dict(zip((column.name for column in stored_columns(table)), map(str, row), strict=True))
        key = masked_key(table.name, {part.name: known[part.name] for part in table.key if part.name in known})
        raise LoadError(
            _("SQLite refuses a row of {table}: {error}", table=table.name, error=error),
            detail=[", ".join(f"{column} = {value}" for column, value in key.items())] if key else [],
            remedy=_("No file was made. Change the row on PostgreSQL, then run again."),
        ) from error


def _insert(table: PlannedTable) -> Sql:
    columns = [column.source.name for column in stored_columns(table)]
    marks = join(", ", (Sql("?") for _column in columns))
    return compose(
        "INSERT INTO {table} ({columns}) VALUES ({marks})",
        table=name(table.source.name),
        columns=names(columns),
        marks=marks,
    )
