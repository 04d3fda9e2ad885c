"""Restore dropped indexes and constraints, and compare them with the definitions from before.

Indexes are created over several connections at once, because that takes long. Foreign keys are validated later, over
one connection beside the verification: it leaves a processor idle, and only the connection that has locked the tables
may validate them.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import errors, sql

from migrate_to_pg.errors import StagingError, UnmetDefinitionError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.project.secret_columns import server_detail, server_message
from migrate_to_pg.records import Event, Plan, Progress
from migrate_to_pg.staging.drop_indexes import Definition, DroppedObjects, definitions, set_search_path
from migrate_to_pg.system.threads import drain, run_all

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
#: What one connection makes, one step after another. The definitions of a step are made in one transaction.
Steps = Sequence[Sequence[Definition]]

#: Memory for the sorts of index builds, shared by the connections. With the server's default of 64 MB for each they
#: use the disk from about a million rows on.
_SORT_MEMORY_MEGABYTES = 512
#: Up to here, starting a transaction costs more than building an index.
_SMALL_ROWS = 10_000
#: Time that a request to cancel may take.
_CANCEL_TIMEOUT_SECONDS = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Builders:
    """The number of connections for the long steps, and how to open them."""

    conninfo: str
    count: int


def restore(
    connection: Connection,
    schema: str,
    dropped: DroppedObjects,
    progress: Progress,
    *,
    builders: Builders | None = None,
    rows: Callable[[str], int] = lambda _: 0,
) -> None:
    """Restore everything that was dropped. Foreign keys are not valid yet.

    Args:
        connection: a connection in autocommit mode.
        schema: the incoming schema.
        dropped: the definitions to restore.
        progress: is called after each definition.
        builders: connections for the long steps. With None, ``connection`` executes all of them.
        rows: returns the number of rows of a table, so that the largest are built first.

    Raises:
        StagingError: a definition does not hold for the rows, or differs from before.
    """
    _prepare(connection, schema, 1)
    keys, foreign = _of(dropped, foreign=False), _of(dropped, foreign=True)
    counter = _ProgressCounter(progress, len(keys))
    index_builders = _IndexBuilders(connection, schema, builders, counter)
    by_size = sorted(keys, key=lambda key: rows(key.table), reverse=True)
    large = sum(rows(key.table) > _SMALL_ROWS for key in by_size)
    index_builders.build([*([[key]] for key in by_size[:large]), *([some] for some in batched(by_size[large:]))])
    _execute_all(connection, [(key, key.after) for key in keys])
    _execute_all(connection, [(key, key.before) for key in foreign])
    _execute_all(connection, [(key, key.after) for key in foreign])
    for trigger in dropped.triggers:
        connection.execute(trigger.enable.encode())
    _check_complete(connection, schema, keys)
    connection.execute("RESET synchronous_commit")


def validate(connection: Connection, schema: str, dropped: DroppedObjects, plan: Plan) -> None:
    """Validate the foreign keys, and collect statistics.

    Args:
        connection: a connection, which may have locked the tables.
        schema: the incoming schema.
        dropped: the definitions that ``restore`` has made.
        plan: the tables to analyze, so that the first queries are not slow.

    Raises:
        StagingError: a key does not hold for the rows.
    """
    with connection.transaction():
        before = connection.execute("SELECT current_setting('search_path')").fetchone()
        connection.execute("SELECT set_config('search_path', quote_ident(%s), true)", [schema])
        _execute_all(connection, [(key, key.build) for key in _of(dropped, foreign=True)])
        if plan.tables:
            names = sql.SQL(", ").join(sql.Identifier(schema, table.name) for table in plan.tables)
            connection.execute(sql.SQL("ANALYZE {}").format(names))
        connection.execute("SELECT set_config('search_path', %s, true)", before)


def _of(dropped: DroppedObjects, *, foreign: bool) -> list[Definition]:
    return [d for d in dropped.definitions if (d.kind == "foreign key") is foreign]


def _execute_all(connection: Connection, made: Iterable[tuple[Definition, str]]) -> None:
    """Execute the statements in order, many in one transaction; each alone where one of them fails."""
    for some in batched([(definition, statement) for definition, statement in made if statement]):
        for definition, _statement in some:
            logger.debug("making %s %s of %s", definition.kind, definition.name, definition.table)
        if len(some) == 1:
            _execute(connection, *some[0])
            continue
        try:
            with connection.transaction():
                connection.execute("; ".join(statement for _definition, statement in some).encode())
        except errors.QueryCanceled:
            # The run is stopped.
            raise
        except psycopg.Error:
            for definition, statement in some:
                _execute(connection, definition, statement)


class _ProgressCounter:
    """Reports how many definitions are restored."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def add(self, made: Sequence[Definition]) -> None:
        self.done += len(made)
        self.progress(Event(kind="progress", stage="restore", message=made[-1].name, done=self.done, total=self.total))


class _IndexBuilders:
    """The connections, and the long steps that are left for them."""

    def __init__(
        self, connection: Connection, schema: str, builders: Builders | None, counter: _ProgressCounter
    ) -> None:
        self.connection = connection
        self.schema = schema
        self.builders = builders
        self.counter = counter
        self.left: deque[Steps] = deque()
        self.open: list[Connection] = []

    def build(self, groups: Sequence[Steps]) -> None:
        """Take each group's steps in sequence, and the groups in parallel."""
        self.left.extend(groups)
        count = min(self.builders.count, len(groups)) if self.builders else 1
        if count <= 1 or self.builders is None:
            self._work(self.connection)
            return
        conninfo = self.builders.conninfo
        run_all("restore", [lambda: self._work_over(conninfo, count)] * count, self._stop)

    def _work_over(self, conninfo: str, count: int) -> None:
        with open_connection(conninfo) as connection:
            _prepare(connection, self.schema, count)
            self.open.append(connection)
            try:
                self._work(connection)
            finally:
                self.open.remove(connection)

    def _work(self, connection: Connection) -> None:
        for group in drain(self.left):
            for step in group:
                # Workers of PostgreSQL's own cost a tenth more. They help once no other index waits for a builder.
                workers = "0" if self.left else "DEFAULT"
                connection.execute(f"SET max_parallel_maintenance_workers = {workers}".encode())
                _execute_all(connection, [(definition, definition.build) for definition in step])
                self.counter.add(step)

    def _stop(self) -> None:
        self.left.clear()
        for connection in tuple(self.open):
            cancel(connection)


def cancel(connection: Connection) -> None:
    """Cancel the statement that another thread executes on the connection."""
    # cancel() would hold the interpreter's lock while it waits for a server that does not answer.
    with suppress(psycopg.OperationalError):
        connection.cancel_safe(timeout=_CANCEL_TIMEOUT_SECONDS)


def _prepare(connection: Connection, schema: str, count: int) -> None:
    set_search_path(connection, schema)
    configure_session(connection.cursor())
    connection.execute(
        sql.SQL("SET maintenance_work_mem = {}; SET synchronous_commit = off").format(
            sql.Literal(f"{max(_SORT_MEMORY_MEGABYTES // count, 64)}MB")
        )
    )


def _execute(connection: Connection, definition: Definition, statement: str) -> None:
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.ProgramLimitExceeded):
            # The server is gone, or its disk is full. That is not about the rows.
            raise
        raise UnmetDefinitionError(
            _(
                "{kind} {definition} of table {table} does not hold for the data: {message}",
                kind=_(definition.kind).capitalize(),
                definition=definition.name,
                table=definition.table,
                message=server_message(error),
            ),
            detail=[*server_detail(error, definition.table), definition.create],
            place=definition.place,
            remedy=_("Correct the rows it names in the SQLite database, then run again."),
        ) from error


def _check_complete(connection: Connection, schema: str, dropped: Sequence[Definition]) -> None:
    """Raise StagingError unless the catalogue has every one of these definitions as it was before."""
    existing = set(definitions(connection, schema))
    missing = [definition for definition in dropped if definition not in existing]
    if missing:
        raise StagingError(
            _(
                "Not all indexes and constraints are back as they were: {table}.{name}, {missing} in all.",
                table=missing[0].table,
                name=missing[0].name,
                missing=len(missing),
            ),
            detail=[definition.create for definition in missing],
            remedy=_("This should not happen; please report it with these lines."),
        )
