"""Let both databases compile a statement. Nothing is executed."""

from __future__ import annotations

import re
import sqlite3
from dataclasses import dataclass
from typing import Any, cast

from django.core.exceptions import EmptyResultSet, FullResultSet
from django.db import DatabaseError
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models.sql import UpdateQuery
from psycopg import pq

from migrate_to_pg.behaviour.code.texts import HOLE
from migrate_to_pg.behaviour.sides import POSTGRESQL, SQLITE, Sides
from migrate_to_pg.project.secret_reads import uses_secret

#: %s, %(name)s, %%.
_PLACEHOLDER = re.compile(r"%(?:\((?P<name>\w+)\))?(?P<kind>[s%])")
_PLANNED = re.compile(r"\s*(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE)\b", re.IGNORECASE)
#: Errors that are due to a parameter whose type a run would know.
_OF_PARAMETERS = frozenset({"42P18", "42P08"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer of PostgreSQL to a statement that SQLite takes."""

    sqlstate: str = ""
    message: str = ""
    #: (name, oid) of each column that the statement would return.
    columns: tuple[tuple[str, int], ...] = ()


def numbered(sql: str, *, has_parameters: bool) -> str:
    """Write placeholders as PostgreSQL numbers them, a hole among them."""
    count = 0

    def number(match: re.Match[str]) -> str:
        nonlocal count
        if match["kind"] == "%":
            return "%"
        count += 1
        return f"${count}"

    def fill(match: re.Match[str]) -> str:
        nonlocal count
        count += 1
        return f"${count}"

    text = _PLACEHOLDER.sub(number, sql) if has_parameters else sql
    return re.sub(HOLE, fill, text)


def judge(sides: Sides, sql: str) -> Verdict | None:
    """Return PostgreSQL's verdict on SQL with numbered parameters, or None where SQLite itself does not take it."""
    if not _sqlite_takes(sides.sqlite, sql):
        return None
    verdict = prepare(sides.postgresql, sql)
    if not verdict.sqlstate and _PLANNED.match(sql) and "$" not in sql:
        refused = explain(sides.postgresql, sql)
        return refused if refused.sqlstate else verdict
    return Verdict() if verdict.sqlstate in _OF_PARAMETERS else verdict


def uses_secret_column(connection: BaseDatabaseWrapper, sql: str) -> bool:
    """Report whether SQL with numbered parameters uses a secret column of SQLite's, or may."""
    connection.ensure_connection()
    return uses_secret(cast(sqlite3.Connection, connection.connection), lambda: _compile_on_sqlite(connection, sql))


def _compile_on_sqlite(connection: BaseDatabaseWrapper, sql: str) -> None:
    connection.ensure_connection()
    text = re.sub(r"\$\d+", "?", sql)
    database = cast(sqlite3.Connection, connection.connection)
    sqlite3.Connection.execute(database, f"EXPLAIN {text}", [None] * text.count("?")).fetchall()


def _sqlite_takes(connection: BaseDatabaseWrapper, sql: str) -> bool:
    """Let SQLite compile it, with the functions that Django gives SQLite."""
    try:
        _compile_on_sqlite(connection, sql)
    except sqlite3.ProgrammingError as error:
        # A question mark in a literal is no parameter.
        return "bindings" in str(error)
    except sqlite3.Error:
        return False
    return True


def prepare(connection: BaseDatabaseWrapper, sql: str) -> Verdict:
    """Let PostgreSQL compile it: the unnamed prepared statement is never executed."""
    connection.ensure_connection()
    if connection.connection is None:
        raise DatabaseError
    server = cast(Any, connection.connection).pgconn
    result = server.prepare(b"", sql.encode(), None)
    if result.status != pq.ExecStatus.COMMAND_OK:
        state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode()
        message = (result.error_field(pq.DiagnosticField.MESSAGE_PRIMARY) or b"").decode(errors="replace")
        return Verdict(sqlstate=state, message=message)
    described = server.describe_prepared(b"")
    columns = [
        ((described.fname(i) or b"").decode(errors="replace"), described.ftype(i)) for i in range(described.nfields)
    ]
    return Verdict(columns=tuple(columns))


def prepare_queryset(sides: Sides, queryset: Any) -> Verdict:
    """Let PostgreSQL plan the query of a queryset, which it then does not run. Raises FieldError as Django does."""
    compilers = [queryset.using(alias).query.get_compiler(using=alias) for alias in (SQLITE, POSTGRESQL)]
    try:
        (ours, values), theirs = (compiler.as_sql() for compiler in compilers)
    except (EmptyResultSet, FullResultSet):
        return Verdict()
    # Its table may be made by a migration that is not applied yet.
    if explain(sides.sqlite, ours, values).message:
        return Verdict()
    return explain(sides.postgresql, *theirs)


def prepare_update(sides: Sides, queryset: Any, updates: dict[str, Any]) -> Verdict:
    """Let PostgreSQL plan an UPDATE, which it then does not run. Raises FieldError as Django does."""
    query = queryset.using(POSTGRESQL).order_by().query.chain(UpdateQuery)
    query.add_update_values(updates)
    try:
        sql, values = query.get_compiler(using=POSTGRESQL).as_sql()
    except (EmptyResultSet, FullResultSet):
        return Verdict()
    return explain(sides.postgresql, sql, values) if sql else Verdict()


def explain(connection: BaseDatabaseWrapper, sql: str, parameters: Any = None) -> Verdict:
    """Let a database plan a statement: PostgreSQL looks into regular expressions and constants then."""
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN {sql}", parameters)
    except DatabaseError as error:
        cause = error.__cause__
        state = str(getattr(cause, "sqlstate", "") or "")
        return Verdict(sqlstate=state, message=next(iter(str(error).splitlines()), ""))
    return Verdict()
