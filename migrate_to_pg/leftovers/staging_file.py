"""The snapshot in; out, a SQLite file with every leftover table as PostgreSQL is to hold it, and what each view gives.

The snapshot itself is not written to. A view is read once: it may give something else the next time.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import NoReturn, TypeVar

from django.db.backends.sqlite3._functions import register as register_django  # type: ignore[import-untyped]

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.leftovers import text_columns
from migrate_to_pg.leftovers.allocate_names import Names
from migrate_to_pg.leftovers.infer_types import contents
from migrate_to_pg.leftovers.typed_columns import columns_for, key_for, selected
from migrate_to_pg.records import MOST_COLUMNS, LeftoverColumn, LeftoverTable, SourceColumn, SourceTable
from migrate_to_pg.sqlite.connection import quote_name, snapshot_uri
from migrate_to_pg.sqlite.missing_functions import (
    register_project_functions,
    register_substitutes,
    unregister_substitutes,
)
from migrate_to_pg.system.threads import run_all

T = TypeVar("T")

#: What a view may give at least, and what SQLite may take to compute it: one that calls itself need not come to an end.
MOST_ROWS = 1_000_000
MOST_BYTES = 10**9
#: Of a large database it may give so many times what all tables hold.
MOST_TIMES = 10
#: Millions of steps of SQLite's machine, some fifty of which it takes in a second.
MOST_STEPS = 5_000
#: Beside the values a row has a length for each.
_OVERHEAD = 9


def view_place(name: str) -> str:
    """Where what a view gives is kept in the working file; longer than any of PostgreSQL's names."""
    return f"{'what the view gives: ':.<64}{name}"


class _EndlessError(Exception):
    """A view gives more than can be meant."""


class _TooWideError(Exception):
    """PostgreSQL takes no table of so many columns."""

    def __init__(self, columns: int) -> None:
        super().__init__(columns)
        self.columns = columns


class StagingFile:
    """The file while it is made; a context manager."""

    def __init__(self, snapshot: Path, path: Path, *, rows: int = 0) -> None:
        self.path = path
        self._most_rows = max(MOST_ROWS, MOST_TIMES * rows)
        self._most_bytes = max(MOST_BYTES, MOST_TIMES * snapshot.stat().st_size)
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._database = sqlite3.connect(
            snapshot_uri(snapshot), uri=True, isolation_level=None, check_same_thread=False
        )
        self._database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        # A view, or a generated column, may call them.
        register_django(self._database)
        register_project_functions(self._database)
        self._stand_ins = register_substitutes(self._database)
        self._database.execute("ATTACH ? AS working", [f"{path.resolve().as_uri()}?mode=rw"])
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF"):
            self._database.execute(f"PRAGMA working.{pragma}")
        self._storable = text_columns.register(self._database)
        self._names = Names()

    def __enter__(self) -> StagingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def table(self, source: SourceTable, *, excluded: bool) -> LeftoverTable | int:
        """What a table holds, and its rows in the working file; none of them where it is ``excluded``.

        The number of columns that it would have where PostgreSQL takes no table of so many. Raises SourceError where
        SQLite cannot read it.
        """
        with _readable(source.name):
            relation = f"main.{quote_name(source.name)} NOT INDEXED"
            readable = tuple(column for column in source.columns if not column.unreadable)
            try:
                made = self._infer_table(source.name, relation, readable)
            except _TooWideError as error:
                return error.columns
            made = replace(made, excluded=excluded, rows=0 if excluded else made.rows)
            self._fill(made, relation)
        return made

    def without_substitutes(self) -> None:
        """For views, which a stand-in would let give something else: SQLite says what it lacks instead."""
        unregister_substitutes(self._database, self._stand_ins)

    def view(self, name: str, view_sql: str) -> LeftoverTable | str:
        """The same for what a view gives; SQLite's complaint where its SQL does not work."""
        with _readable(name):
            try:
                columns = self._materialize_view(name)
            except _EndlessError as error:
                return str(error)
            except UnicodeEncodeError:
                return _("a column of it has a name that is not UTF-8")
            except sqlite3.OperationalError as error:
                # A full disk or a damaged file is no fault of the view's.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
                    raise
                return str(error)
            relation = f"working.{quote_name(view_place(name))}"
            try:
                made = replace(self._infer_table(name, relation, columns), view_sql=view_sql, is_view=True)
            except _TooWideError as error:
                return _("it would have {columns:,} columns", columns=error.columns)
            self._fill(made, relation)
        return made

    def _infer_table(self, name: str, relation: str, sources: tuple[SourceColumn, ...]) -> LeftoverTable:
        names = [column.name for column in sources]
        rows, found = self._run_interruptible(lambda: contents(self._database, relation, names, self._storable))
        columns = columns_for(sources, found)
        if len(columns) > MOST_COLUMNS:
            raise _TooWideError(len(columns))
        return LeftoverTable(
            name=self._names.give(name),
            source=name,
            columns=columns,
            rows=rows,
            largest_row=sum(held.longest + _OVERHEAD for held in found),
            key=key_for(sources, found, columns),
            has_key=any(column.key_position for column in sources),
        )

    def _materialize_view(self, view: str) -> tuple[SourceColumn, ...]:
        """What the view gives, in a table without any type, which would change values."""
        described = self._database.execute("SELECT name, type FROM pragma_table_info(?)", [view]).fetchall()
        place = f"working.{quote_name(view_place(view))}"
        names = ", ".join(quote_name(name) for name, __ in described)
        self._database.execute("BEGIN")
        try:
            self._database.execute(f"CREATE TABLE {place} ({names})")
            insert = f"INSERT INTO {place} SELECT * FROM main.{quote_name(view)} LIMIT {self._most_rows + 1}"  # noqa: S608 - quoted
            with self._bounded():
                rows = self._run_interruptible(lambda: self._database.execute(insert).rowcount)
            if rows > self._most_rows:
                _endless(_("it gives more than {rows:,} rows", rows=self._most_rows))
        except BaseException:
            # SQLite may have done so already.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        return tuple(
            SourceColumn(name=name, declared_type=kind or "", not_null=False, key_position=0, generated=False)
            for name, kind in described
        )

    @contextlib.contextmanager
    def _bounded(self) -> Iterator[None]:
        """Raise _EndlessError where SQLite writes too much, or computes too long."""
        left = MOST_STEPS

        def step() -> bool:
            nonlocal left
            left -= 1
            return left < 0

        [(before,)] = self._database.execute("PRAGMA working.max_page_count")
        [(page_size,)] = self._database.execute("PRAGMA working.page_size")
        [(pages,)] = self._database.execute("PRAGMA working.page_count")
        most = min(before, pages + self._most_bytes // page_size)
        self._database.execute(f"PRAGMA working.max_page_count = {most}")
        self._database.set_progress_handler(step, 1_000_000)
        try:
            yield
        except sqlite3.OperationalError as error:
            if left < 0:
                raise _EndlessError(_("SQLite computes it for minutes and comes to no end")) from error
            full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
            if full and most < before and shutil.disk_usage(self.path.parent).free > page_size:
                raise _EndlessError(_("it gives more than {size}", size=size(self._most_bytes))) from error
            raise
        finally:
            self._database.set_progress_handler(None, 0)
            self._database.execute(f"PRAGMA working.max_page_count = {before}")

    def _fill(self, table: LeftoverTable, relation: str) -> None:
        place = f"working.{quote_name(table.name)}"
        names = ", ".join(quote_name(column.name) for column in table.columns)
        self._database.execute(f"CREATE TABLE {place} ({names})")
        if not table.excluded:
            insert = f"INSERT INTO {place} SELECT {self._values(table.columns)} FROM {relation}"  # noqa: S608 - quoted
            self._run_interruptible(lambda: self._database.execute(insert))

    def _values(self, columns: tuple[LeftoverColumn, ...]) -> str:
        return ", ".join(selected(column, self._storable) for column in columns)

    def _run_interruptible(self, work: Callable[[], T]) -> T:
        """In a thread, so that Ctrl-C ends it: SQLite would not notice."""
        done: list[T] = []
        run_all("leftovers", [lambda: done.append(work())], self._database.interrupt, alone_here=False)
        return done[0]


def _endless(told: str) -> NoReturn:
    raise _EndlessError(told)


@contextlib.contextmanager
def _readable(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SourceError(
            _("SQLite cannot read {name}, which no migration knows: {error}.", name=name, error=error),
            remedy=_("Correct or drop it, or leave behind all that no migration knows: --leftovers skip."),
        ) from error
