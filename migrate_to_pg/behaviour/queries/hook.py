"""Hook Django where it executes queries, and take the hook off again without a trace.

Every query of the ORM goes through ``SQLCompiler.execute_sql`` (an INSERT through that of ``SQLInsertCompiler``), and
every statement, raw ones too, through the ``execute_wrappers`` of its connection. The project's call is made first, and
its answer returned as it is. Nothing of this is there while no hook is installed.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import weakref
from collections import Counter
from collections.abc import Callable
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from dataclasses import replace
from pathlib import Path
from typing import Any

from django.db import DatabaseError, connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created
from django.db.backends.sqlite3.base import SQLiteCursorWrapper
from django.db.models.query import MAX_GET_RESULTS
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler
from django.db.utils import ConnectionHandler

from migrate_to_pg.behaviour.queries.call_site import (
    CallSite,
    find_call_site,
    is_django_itself,
    is_fixture,
    is_get,
    is_order_lost,
    is_raw_queryset,
)
from migrate_to_pg.behaviour.queries.inserted_values import doubtful_values
from migrate_to_pg.behaviour.queries.judge import Asked
from migrate_to_pg.behaviour.queries.refused_writes import BrokenTransactions, GivenKeys, lock_outside_transaction
from migrate_to_pg.behaviour.queries.shadow import Shadow
from migrate_to_pg.behaviour.queries.shown_sql import names_secret, shown_sql
from migrate_to_pg.behaviour.queries.statement import read_statement
from migrate_to_pg.behaviour.queries.vendor_branches import Branches
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.alias_override import NOWHERE

#: One statement at one place is asked with so many different parameters.
_VARIANTS = 30
#: Methods of a cursor that psycopg refuses where a statement gave no rows.
_FETCHES = ("fetchone", "fetchmany", "fetchall")
#: Whether the queries of this request are compared.
is_sampled: ContextVar[bool] = ContextVar("migrate_to_pg_is_sampled")


class _Running(threading.local):
    """The queries of the ORM that this thread is executing, innermost last, with their SQL."""

    def __init__(self) -> None:
        self.statements: list[tuple[str, Any] | None] = []


class Hook:
    """The hook on one alias.

    Args:
        shadow: Judges the statements.
        alias: The database whose statements are shadowed.
        project: Files below it are the project's own.
        always: Whether statements are compared where ``is_sampled`` was not set.
    """

    def __init__(self, shadow: Shadow, alias: str, project: Path, *, always: bool = True) -> None:
        self.shadow = shadow
        self.alias = alias
        self._always = always
        self.project = project.resolve()
        self._running = _Running()
        self._broken = BrokenTransactions()
        self._keys = GivenKeys()
        self._branches = Branches(self.project)
        self._asked: set[int] = set()
        self._variants: Counter[tuple[Any, ...]] = Counter()
        self._wrapped: weakref.WeakSet[BaseDatabaseWrapper] = weakref.WeakSet()
        self._types = ConnectionHandler({"default": NOWHERE})["default"]
        self._source = shadow.judge.source.resolve()

    def install(self) -> None:
        """Hook the compilers, the connections that are open, and those that will be opened."""
        self._former = {compiler: compiler.execute_sql for compiler in (SQLCompiler, SQLInsertCompiler)}
        _set(SQLCompiler, "execute_sql", self._hooked(SQLCompiler.execute_sql, self._ran_query))
        _set(SQLInsertCompiler, "execute_sql", self._hooked(SQLInsertCompiler.execute_sql, self._ran_insert))
        _set(SQLiteCursorWrapper, "lastrowid", property(self._last_row_id))
        for name in _FETCHES:
            _set(SQLiteCursorWrapper, name, self._fetching(getattr(sqlite3.Cursor, name)))
        self._branches.install()
        connection_created.connect(self._wrap, dispatch_uid=f"migrate_to_pg {id(self)}")
        for connection in connections.all(initialized_only=True):
            self._wrap(connection=connection)

    def uninstall(self) -> None:
        """Leave Django as it was."""
        for compiler, execute_sql in self._former.items():
            _set(compiler, "execute_sql", execute_sql)
        for name in ("lastrowid", *_FETCHES):
            delattr(SQLiteCursorWrapper, name)
        self._branches.uninstall()
        connection_created.disconnect(dispatch_uid=f"migrate_to_pg {id(self)}")
        for connection in list(self._wrapped):
            with suppress(ValueError):
                connection.execute_wrappers.remove(self._execute)
        self.shadow.finish()

    def _wrap(self, *, connection: BaseDatabaseWrapper, **_others: Any) -> None:
        # Our own connections have the alias too. They are made in the shadow's thread, and are no one else's.
        if (
            connection.alias == self.alias
            and connection.vendor == "sqlite"
            and "?mode=ro" not in str(connection.settings_dict["NAME"])
        ):
            if self._execute not in connection.execute_wrappers:
                connection.execute_wrappers.append(self._execute)
            self._wrapped.add(connection)

    def _hooked(self, execute: Callable[..., Any], ran: Callable[..., None]) -> Callable[..., Any]:
        def execute_sql(compiler: Any, *args: Any, **options: Any) -> Any:
            if compiler.connection.alias != self.alias or not self._watches():
                return execute(compiler, *args, **options)
            self._running.statements.append(None)
            try:
                result = execute(compiler, *args, **options)
            finally:
                executed = self._running.statements.pop()
            if executed is not None:
                with self._unseen():
                    ran(compiler, *executed, result)
            return result

        return execute_sql

    def _watches(self) -> bool:
        return self.shadow.is_on and is_sampled.get(self._always)

    @contextmanager
    def _unseen(self) -> Any:
        """Keep errors of ours away from the project, whatever they are."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - the project's answer is already there
            # Its text may quote a value.
            reason = type(error).__name__
            self.shadow.judge.notebook.note(_("A statement could not be compared. {reason}", reason=reason))

    def _execute(self, execute: Callable[..., Any], sql: str, parameters: Any, many: bool, context: Any) -> Any:
        """Wrap the execution of one statement."""
        if not self.shadow.is_on:
            return execute(sql, parameters, many, context)
        connection = context["connection"]
        if many and not isinstance(parameters, (list, tuple)):
            parameters = list(parameters)
        try:
            result = execute(sql, parameters, many, context)
        except DatabaseError:
            with self._unseen():
                self._add(self._broken.failed(connection, find_call_site(self.project, str(sql))))
            raise
        with self._unseen():
            self._ran(connection, str(sql), parameters, many)
        return result

    def _ran(self, connection: Any, sql: str, parameters: Any, many: bool) -> None:
        self._add(self._broken.ran(connection, sql))
        statement = read_statement(sql)
        if statement.verb == "BEGIN":
            self._keys.forget()
        if statement.writes and Path(os.path.realpath(str(connection.settings_dict["NAME"]))) == self._source:
            self.shadow.judge.written |= statement.tables
        if self._running.statements:
            self._running.statements[-1] = (sql, parameters)
        elif self._watches() and not is_django_itself():
            self._ran_sql(sql, parameters, many)

    def _ran_sql(self, sql: str, parameters: Any, many: bool) -> None:
        site = find_call_site(self.project, sql)
        if site is None:
            return
        if site.is_for_one_vendor(sql):
            self.shadow.judge.notebook.count("for SQLite alone")
        elif self._is_new(sql, parameters, site):
            later = is_raw_queryset()
            self.shadow.submit(Asked(sql=sql, parameters=parameters, site=site, many=many, is_converted_later=later))

    def _ran_query(self, compiler: Any, sql: str, parameters: Any, _result: Any) -> None:
        query = compiler.query
        site = find_call_site(self.project)
        if site is None or getattr(query, "related_updates", None) or getattr(query, "explain_info", None):
            return
        if getattr(query, "select_for_update", False):
            self._add(lock_outside_transaction(compiler.connection, site, shown_sql(sql, is_secret=names_secret(sql))))
        if self._is_new(sql, parameters, site):
            asked = Asked(
                sql=sql,
                parameters=parameters,
                site=replace(site, branch=self._branches.place()),
                query=query.clone(),
                is_for_one_row=query.high_mark == MAX_GET_RESULTS and is_get(),
                is_order_lost=is_order_lost(),
            )
            self.shadow.submit(asked)

    def _ran_insert(self, compiler: Any, sql: str, parameters: Any, result: Any) -> None:
        query = compiler.query
        site = find_call_site(self.project)
        if site is None:
            return
        table, key = query.get_meta().db_table, query.get_meta().auto_field
        if key is not None and not is_fixture():
            given = [getattr(row, key.attname, None) for row in query.objs] if key in query.fields else []
            made = [row[0] for row in result or () if row] if not given else []
            self._add(self._keys.inserted(table, given, made, site))
        doubtful = doubtful_values(query.fields, query.objs, parameters, self._types)
        if doubtful and self._is_new(sql, doubtful, site):
            self.shadow.submit(Asked(sql=sql, site=site, doubtful=doubtful))

    def _is_new(self, sql: str, parameters: Any, site: CallSite) -> bool:
        """Return whether this was not asked before, nor often enough."""
        kind = (sql, site.place)
        key = hash((*kind, repr(parameters)))
        if key in self._asked or self._variants[kind] >= _VARIANTS:
            self.shadow.judge.notebook.count("asked before" if key in self._asked else "asked often enough")
            return False
        self._asked.add(key)
        self._variants[kind] += 1
        return True

    def _add(self, found: Occurrence | None) -> None:
        if found is not None and self._watches():
            self.shadow.judge.notebook.add(found)

    def _fetching(self, fetch: Callable[..., Any]) -> Callable[..., Any]:
        """Give what sqlite3 gives, and take note where psycopg has no rows to give."""

        def fetch_rows(cursor: SQLiteCursorWrapper, *args: Any, **options: Any) -> Any:
            if cursor.description is None:
                self._refused("other-error", _("no rows"), "the last operation didn't produce records")
            return fetch(cursor, *args, **options)

        return fetch_rows

    def _refused(self, rule: str, sqlite: str, message: str) -> None:
        """Take note of what psycopg's cursors refuse, where the project asks for it."""
        with self._unseen():
            if self._watches() and not is_django_itself() and (site := find_call_site(self.project)):
                self.shadow.judge.notebook.add(
                    Occurrence(
                        rule=rule,
                        place=site.place,
                        way=Way.QUERIES,
                        certainty=Certainty.SEEN,
                        effect=Effect.ERROR,
                        sqlite=sqlite,
                        postgresql=message,
                    )
                )

    def _last_row_id(self, cursor: SQLiteCursorWrapper) -> Any:
        """Give what sqlite3 gives, and take note that the project asks for it."""
        self._refused("last-row-id", _("the key of the new row"), "'Cursor' object has no attribute 'lastrowid'")
        return sqlite3.Cursor.lastrowid.__get__(cursor)


def _set(patched: type, name: str, value: Any) -> None:
    setattr(patched, name, value)
