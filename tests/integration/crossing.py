"""One SQLite value in, the way of a run out: real SQLite, the reader, binary COPY, real PostgreSQL, psycopg."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg.codecs.reader import TableBatch, read
from migrate_to_pg.load import load
from migrate_to_pg.planning import make_plan, read_source, read_target
from migrate_to_pg.records import Event, LoadedTable, Plan, PlannedTable
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections

#: A value of sqlite3's, or SQL that SQLite evaluates.
Value = Any


class Expression(str):
    """SQL, where a Python value cannot say it."""

    __slots__ = ()


class Ferry:
    """A SQLite file and an empty schema on PostgreSQL with the same tables."""

    def __init__(self, folder: Path, url: str) -> None:
        self.path = folder / "source.sqlite3"
        self.path.unlink(missing_ok=True)
        self.url = url
        self.zone = "UTC"
        #: Connections that load.
        self.jobs = 1
        self.target("DROP SCHEMA IF EXISTS ferry CASCADE; CREATE SCHEMA ferry")

    def source(self, *statements: str) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            for statement in statements:
                connection.execute(statement)

    def fill(self, statement: str, rows: Any) -> None:
        with closing(sqlite3.connect(self.path)) as connection, connection:
            connection.executemany(statement, rows)

    def target(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=ferry") as connection:
            connection.execute(statement.encode())

    def rows(self, query: str = "SELECT v FROM t ORDER BY id") -> list[tuple[Any, ...]]:
        options = "-c search_path=ferry -c TimeZone=UTC"
        with psycopg.connect(self.url, options=options) as connection:
            return connection.execute(query.encode()).fetchall()

    def column(self, type_sql: str, *values: Value, declared: str = "") -> None:
        """A table ``t`` with those values in column ``v``, which has no affinity unless it is declared."""
        self.source(f"CREATE TABLE t (id integer PRIMARY KEY, v {declared})")
        for number, value in enumerate(values, 1):
            given, bound = (value, []) if isinstance(value, Expression) else ("?", [value])
            with closing(sqlite3.connect(self.path)) as connection, connection:
                connection.execute(f"INSERT INTO t VALUES ({number}, {given})", bound)
        self.target(f"CREATE TABLE t (id bigint, v {type_sql})")

    def plan(self) -> Plan:
        with psycopg.connect(self.url) as connection:
            targets = read_target(connection, "ferry")
        return make_plan(read_source(self.path), targets, source_time_zone=self.zone)

    def table(self, name: str = "t") -> PlannedTable:
        found = self.plan().table(name)
        assert found is not None
        return found

    def batches(self, name: str = "t", *, rowids: bool = True) -> list[TableBatch]:
        with ArrowConnections(self.path) as connections:
            return list(read(self.table(name), connections, time_zone=self.zone, rowids=rowids))

    def load(self, progress: Callable[[Event], None] = lambda _: None, **more: Any) -> tuple[LoadedTable, ...]:
        return load(self.plan(), self.path, self.url, schema="ferry", progress=progress, jobs=self.jobs, **more)


def rowids(batch: TableBatch) -> list[int]:
    """The rowids of a batch that was read with them."""
    assert batch.rowids is not None
    return list(batch.rowids.to_pylist())


def marks(batches: Sequence[TableBatch], column: int = -1) -> list[str]:
    """What became of each value: "", "null", "wrong_storage" or "malformed"; null where it is one of the last three."""
    told = []
    for batch in batches:
        part = batch.columns[column]
        wrong = part.wrong_storage.to_pylist() if part.wrong_storage is not None else [False] * batch.rows
        malformed = part.malformed.to_pylist() if part.malformed is not None else [False] * batch.rows
        for value, w, m, null in zip(part.values.to_pylist(), wrong, malformed, part.is_null.to_pylist(), strict=True):
            assert [w, m, null, value is not None].count(True) == 1, (value, w, m, null)
            told.append("wrong_storage" if w else "malformed" if m else "null" if null else "")
    return told
