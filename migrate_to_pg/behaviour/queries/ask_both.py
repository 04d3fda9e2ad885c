"""Ask both databases the same: the SQLite file, which is only read, and its copy on PostgreSQL.

Both are asked through Django's own backends, by connections of their own that ``django.db.connections`` does not know.
So no transaction, query log or counter of the project sees them.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dj_database_url
import psycopg
from django.conf import settings
from django.core.exceptions import EmptyResultSet
from django.db import DEFAULT_DB_ALIAS
from django.db.models.sql.compiler import SQLAggregateCompiler, SQLCompiler
from django.db.utils import ConnectionHandler

from migrate_to_pg.behaviour.collation import COLLATION
from migrate_to_pg.behaviour.english import speak_english
from migrate_to_pg.behaviour.queries.statement import read_statement
from migrate_to_pg.behaviour.queries.values import Row
from migrate_to_pg.project.secret_reads import uses_secret
from migrate_to_pg.sqlite.connection import live_uri, snapshot_uri

#: A statement may take so long on each side.
TIMEOUT_SECONDS = 2.0
#: Of longer answers only the errors are compared.
LONGEST_ANSWER = 10_000
#: SQLite looks at the clock once in so many steps.
_STEPS = 10_000
_MILLISECONDS = 1000
#: Their server is gone, or about to go.
_LOST = ("08", "57P")

Parameters = Sequence[Any] | Mapping[str, Any] | None


@dataclass(frozen=True, slots=True)
class Answer:
    """The values that Django would give its caller."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...] = ()
    sql: str = ""
    parameters: Parameters = ()
    #: Turns rows of the database into rows of the answer.
    convert: Callable[[Sequence[Sequence[Any]]], tuple[Row, ...]] = lambda rows: tuple(map(tuple, rows))
    #: Of PostgreSQL's answer, the oid of the table and the number of the column that each value comes from as it is,
    #: or zeros.
    origins: tuple[tuple[int, int], ...] = ()

    @property
    def is_complete(self) -> bool:
        """Report whether all rows were read."""
        return len(self.rows) <= LONGEST_ANSWER


class Database:
    """One of the two."""

    def __init__(self, entry: Mapping[str, Any], alias: str = DEFAULT_DB_ALIAS) -> None:
        handler = ConnectionHandler({DEFAULT_DB_ALIAS: dict(entry), alias: dict(entry)})
        wrapper: Any = handler[alias]
        # With DEBUG, Django would log each statement.
        wrapper.make_debug_cursor = wrapper.make_cursor
        self.wrapper = wrapper

    def connect(self) -> None:
        """Connect now, rather than with the first statement."""
        try:
            self.wrapper.ensure_connection()
        except Exception:
            # A receiver of connection_created may fail, such as one that sends a PRAGMA. It comes last.
            if self.wrapper.connection is None:
                raise
            self.wrapper.run_on_commit = []

    def close(self) -> None:
        """Close the connection."""
        self.wrapper.close()

    def ask_query(self, query: Any) -> Answer:
        """Compile a query of the ORM for this database, run it, and convert its rows as Django does."""
        compiler = self._compiler(query)
        try:
            sql, parameters = compiler.as_sql()
        except EmptyResultSet:
            return Answer(())
        return self._ask(sql, parameters, lambda rows: _converted(compiler, rows))

    def ask_sql(self, sql: str, parameters: Parameters) -> Answer:
        """Run SQL as the project wrote it."""
        return self._ask(sql, parameters, lambda rows: tuple(map(tuple, rows)))

    def _compiler(self, query: Any) -> SQLCompiler:
        compiler: SQLCompiler = query.clone().get_compiler(connection=self.wrapper)
        return compiler

    def plan_query(self, query: Any) -> None:
        """Let the database plan a query of the ORM. Nothing is run."""
        try:
            sql, parameters = self._compiler(query).as_sql()
        except EmptyResultSet:
            return
        self.plan(sql, parameters)

    def plan(self, sql: str, parameters: Parameters) -> None:
        """Let the database plan a statement. EXPLAIN runs nothing, so it is allowed for writes as well."""
        with self.wrapper.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", parameters)

    def _ask(self, sql: str, parameters: Parameters, convert: Callable[[Any], tuple[Row, ...]]) -> Answer:
        with self.wrapper.cursor() as cursor:
            cursor.execute(sql, parameters)
            columns = tuple(str(column[0]) for column in cursor.description or ())
            origins = self._origins(cursor)
            rows = cursor.fetchmany(LONGEST_ANSWER + 1) if columns else []
        return Answer(convert(rows), columns, sql, parameters, convert, origins)

    def _origins(self, cursor: Any) -> tuple[tuple[int, int], ...]:
        """Return where the columns of the answer come from, as far as the database tells."""
        return ()


class Source(Database):
    """The SQLite file, opened so that nothing can write to it."""

    def __init__(self, path: Path, alias: str = DEFAULT_DB_ALIAS) -> None:
        entry = settings.DATABASES.get(alias, {})
        engine = str(entry.get("ENGINE", ""))
        if "sqlite3" not in engine:
            engine = "django.db.backends.sqlite3"
        # A live file may have a journal. A snapshot has none, and its directory may be read-only.
        is_live = os.path.realpath(str(entry.get("NAME", ""))) == os.path.realpath(path)
        uri = live_uri(path) if is_live else snapshot_uri(path)
        super().__init__({"ENGINE": engine, "NAME": uri}, alias)
        self._deadline = 0.0
        self._secretive: dict[str, bool] = {}

    def connect(self) -> None:
        """Connect, and watch the time of each statement."""
        super().connect()
        self.wrapper.connection.set_progress_handler(lambda: time.monotonic() > self._deadline, _STEPS)

    def _ask(self, sql: str, parameters: Parameters, convert: Callable[[Any], tuple[Row, ...]]) -> Answer:
        self._deadline = time.monotonic() + TIMEOUT_SECONDS
        return super()._ask(sql, parameters, convert)

    def uses_secret(self, sql: str, parameters: Parameters) -> bool:
        """Report whether a statement reads or writes a secret column, or may."""
        if sql not in self._secretive:
            self.wrapper.ensure_connection()
            self._secretive[sql] = uses_secret(self.wrapper.connection, lambda: self.plan(sql, parameters))
        return self._secretive[sql]

    def is_table(self, name: str) -> bool:
        """Report whether there is a table of that name, rather than a view."""
        query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ? COLLATE NOCASE"
        return sqlite3.Connection.execute(self.wrapper.connection, query, [name]).fetchone() is not None

    def version(self) -> int:
        """Return a number that changes whenever another connection commits something to the file."""
        return int(self.wrapper.connection.execute("PRAGMA data_version").fetchone()[0])

    @contextmanager
    def reversed(self) -> Iterator[None]:
        """Let SQLite give the rows of queries without an order in the opposite one."""
        raw = self.wrapper.connection
        raw.execute("PRAGMA reverse_unordered_selects = ON")
        try:
            yield
        finally:
            raw.execute("PRAGMA reverse_unordered_selects = OFF")

    def define(self, name: str, arguments: int, function: Callable[..., Any]) -> None:
        """Put a function of Python's in place of SQLite's own."""
        self.wrapper.connection.create_function(name, arguments, function, deterministic=True)


class Copy(Database):
    """The copy on PostgreSQL. Every transaction is read-only, and ends after two seconds."""

    def __init__(self, url: str, alias: str = DEFAULT_DB_ALIAS) -> None:
        entry: dict[str, Any] = dict(dj_database_url.parse(url))
        options = dict(entry.get("OPTIONS", {}))
        milliseconds = int(TIMEOUT_SECONDS * _MILLISECONDS)
        session = (
            f"-c default_transaction_read_only=on -c statement_timeout={milliseconds} -c lock_timeout={milliseconds}"
        )
        options["options"] = f"{options.get('options', '')} {session}".strip()
        options.setdefault("connect_timeout", int(TIMEOUT_SECONDS))
        super().__init__(entry | {"OPTIONS": options, "CONN_MAX_AGE": None}, alias)
        self._columns: dict[tuple[int, int], tuple[str, str] | None] = {}
        speak_english(self.wrapper)

    def ask_query(self, query: Any) -> Answer:
        """Ask without FOR UPDATE, which no read-only transaction allows."""
        if getattr(query, "select_for_update", False):
            query = query.clone()
            query.select_for_update = False
        return super().ask_query(query)

    def plan_query(self, query: Any) -> None:
        """Let PostgreSQL plan a query of the ORM, with FOR UPDATE and all. Nothing is run."""
        # Django refuses FOR UPDATE outside of a transaction. Whether the project is in one is another question.
        self.wrapper.ensure_connection()
        self.wrapper.autocommit = False
        try:
            super().plan_query(query)
        finally:
            self.wrapper.autocommit = True

    def prepare(self, sql: str) -> None:
        """Let PostgreSQL read any single statement. Raises the error that it answers with."""
        self.wrapper.ensure_connection()
        statement = read_statement(sql)
        # The protocol has $1 for %s.
        parts, end = [], 0
        for number, token in enumerate(statement.placeholders, 1):
            parts += [sql[end : token.start], f"${number}"]
            end = token.end
        text = "".join([*parts, sql[end:]])
        numbered = re.sub("%%", "%", text) if statement.placeholders else text
        result = self.wrapper.connection.pgconn.prepare(b"", numbered.encode())
        if result.status == psycopg.pq.ExecStatus.FATAL_ERROR:
            raise psycopg.errors.error_from_result(result)

    def _origins(self, cursor: Any) -> tuple[tuple[int, int], ...]:
        result = cursor.pgresult
        if result is None:
            return ()
        return tuple((result.ftable(number), result.ftablecol(number)) for number in range(result.nfields))

    def columns_of(self, answer: Answer) -> list[tuple[str, str] | None]:
        """Return the table and the column that each value of an answer comes from as it is, or None."""
        query = (
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.oid = %s AND a.attnum = %s AND c.relkind IN ('r', 'p')"
        )
        with self.wrapper.cursor() as cursor:
            for origin in set(answer.origins) - set(self._columns):
                cursor.execute(query, origin)
                names = cursor.fetchone()
                self._columns[origin] = None if names is None else (str(names[0]), str(names[1]))
        return [self._columns[origin] for origin in answer.origins]

    def collation(self) -> str:
        """Return the collation of the database."""
        with self.wrapper.cursor() as cursor:
            cursor.execute(COLLATION)
            return str(cursor.fetchone()[0])


def is_lost(error: BaseException, sqlstate: str, copy: Copy) -> bool:
    """Return whether the connection to the copy is gone, rather than the statement refused."""
    raw = copy.wrapper.connection
    return sqlstate.startswith(_LOST) or raw is None or bool(raw.closed) or isinstance(error, TimeoutError)


def _converted(compiler: Any, rows: Sequence[Sequence[Any]]) -> tuple[Row, ...]:
    """Return the rows as Django gives them: without columns that only serve the order, and of Python's types."""
    if isinstance(compiler, SQLAggregateCompiler):
        columns = list(compiler.query.annotation_select.values())
    else:
        columns = [selected[0] for selected in compiler.select[: compiler.col_count]]
    cut = [list(row[: len(columns)]) for row in rows] if columns else [list(row) for row in rows]
    converters = compiler.get_converters(columns)
    return tuple(map(tuple, compiler.apply_converters(cut, converters) if converters else cut))
