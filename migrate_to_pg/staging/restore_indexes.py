"""What was set aside in, all of it made again, validated and compared with what it was out; and statistics.

What takes long, indexes and the validation of foreign keys, is done over several connections at once.
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
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.project.secret_columns import server_detail, server_message
from migrate_to_pg.records import Event, Plan
from migrate_to_pg.staging.drop_indexes import Definition, DroppedObjects, definitions, set_search_path
from migrate_to_pg.system.threads import drain, run_all

logger = logging.getLogger(__name__)

Connection = psycopg.Connection[Any]
Progress = Callable[[Event], None]

#: Megabytes for the sorts of index builds, shared by the connections: with the server's default of 64 for each they
#: spill to disk from about a million rows on.
_SORT_MEMORY = 512
#: Seconds that asking the server to cancel may take.
_CANCEL_TIMEOUT = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Builders:
    """The connections over which long work is done."""

    conninfo: str
    count: int


def restore(
    connection: Connection,
    schema: str,
    aside: DroppedObjects,
    progress: Progress,
    *,
    builders: Builders | None = None,
    rows: Callable[[str], int] = lambda _: 0,
) -> None:
    """Make everything again that was set aside, validated; StagingError names what fails.

    ``builders`` None: all by ``connection``. ``rows`` tells the size of a table: the largest are begun first.
    """
    _prepare(connection, schema, 1)
    keys, foreign = _of(aside, foreign=False), _of(aside, foreign=True)
    told = _Message(progress, len(aside.definitions))
    crew = _IndexBuilders(connection, schema, builders, told)
    crew.build([[key] for key in sorted(keys, key=lambda key: rows(key.table), reverse=True)])
    _make_all(connection, [(key, key.after) for key in keys])
    _make_all(connection, [(key, key.before) for key in foreign])
    # Two keys of one table cannot be validated at once.
    tables = dict.fromkeys(key.table for key in foreign)
    crew.build([[key for key in foreign if key.table == table] for table in tables])
    _make_all(connection, [(key, key.after) for key in foreign])
    for trigger in aside.triggers:
        connection.execute(trigger.enable.encode())
    _require_complete(connection, schema, aside)
    connection.execute("RESET synchronous_commit")


def _of(aside: DroppedObjects, *, foreign: bool) -> list[Definition]:
    return [d for d in aside.definitions if (d.kind == "foreign key") is foreign]


def _make_all(connection: Connection, made: Iterable[tuple[Definition, str]]) -> None:
    for definition, statement in made:
        _make(connection, definition, statement)


class _Message:
    """Tells how many definitions are there again."""

    def __init__(self, progress: Progress, total: int) -> None:
        self.progress = progress
        self.total = total
        self.done = 0

    def one(self, name: str) -> None:
        self.done += 1
        self.progress(Event(kind="progress", stage="restore", message=name, done=self.done, total=self.total))


class _IndexBuilders:
    """The connections, and the long work that is left for them."""

    def __init__(self, connection: Connection, schema: str, builders: Builders | None, told: _Message) -> None:
        self.connection = connection
        self.schema = schema
        self.builders = builders
        self.told = told
        self.left: deque[Sequence[Definition]] = deque()
        self.open: list[Connection] = []

    def build(self, groups: Sequence[Sequence[Definition]]) -> None:
        """Each group's definitions one after another, the groups side by side."""
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
            for definition in group:
                _make(connection, definition, definition.build)
                self.told.one(definition.name)

    def _stop(self) -> None:
        self.left.clear()
        for connection in tuple(self.open):
            # The plain cancel() waits for a server that does not answer with the interpreter's lock in its hands.
            with suppress(psycopg.OperationalError):
                connection.cancel_safe(timeout=_CANCEL_TIMEOUT)


def _prepare(connection: Connection, schema: str, count: int) -> None:
    set_search_path(connection, schema)
    configure_session(connection.cursor())
    connection.execute(
        sql.SQL("SET maintenance_work_mem = {}; SET synchronous_commit = off").format(
            sql.Literal(f"{max(_SORT_MEMORY // count, 64)}MB")
        )
    )


def _make(connection: Connection, definition: Definition, statement: str) -> None:
    if not statement:
        return
    logger.info("making %s %s of %s", definition.kind, definition.name, definition.table)
    try:
        connection.execute(statement.encode())
    except psycopg.Error as error:
        if isinstance(error, psycopg.OperationalError) and not isinstance(error, errors.ProgramLimitExceeded):
            # The server went away, or its disk is full: that says nothing of the rows.
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


def _require_complete(connection: Connection, schema: str, aside: DroppedObjects) -> None:
    """Count on nothing: every definition that was set aside must be in the catalogue again, as it was."""
    there = set(definitions(connection, schema))
    missing = [definition for definition in aside.definitions if definition not in there]
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


def analyze(connection: Connection, schema: str, plan: Plan) -> None:
    """Statistics for the planner, so that the first queries after the switch are not slow."""
    for table in plan.tables:
        connection.execute(sql.SQL("ANALYZE {}").format(sql.Identifier(schema, table.name)))
