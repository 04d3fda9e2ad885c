"""Copy leftover tables and the rows of views to a SQLite file, with the columns that PostgreSQL will have.

The snapshot is not written to. A view is read only once, because it may return other rows the next time. A view is
volatile where its rows change by themselves, because they depend on time or chance.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from django.db.backends.sqlite3._functions import register as register_django  # type: ignore[import-untyped]

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import size
from migrate_to_pg.leftovers.create_tables import IdentifierAllocator
from migrate_to_pg.leftovers.infer_types import (
    columns_for,
    inspect_columns,
    key_for,
    register_storable,
    select_expression,
)
from migrate_to_pg.records import MOST_COLUMNS, LeftoverTable, SourceColumn, SourceTable
from migrate_to_pg.sqlite.connection import quote_name, snapshot_uri
from migrate_to_pg.sqlite.missing_functions import (
    register_project_functions,
    register_substitutes,
    unregister_substitutes,
)
from migrate_to_pg.system.threads import run_all

T = TypeVar("T")

#: Limits of a view's rows, because a recursive view may never end.
MAX_VIEW_ROWS = 1_000_000
MAX_VIEW_BYTES = 10**9
#: In a large database a view may have so many times the rows and bytes of all tables.
MAX_VIEW_FACTOR = 10
#: Millions of steps of SQLite's virtual machine, which runs about fifty of them per second.
MAX_VIEW_MEGASTEPS = 5_000
#: Bytes for the length of each value in a row.
_OVERHEAD = 9


def view_table_name(name: str) -> str:
    """Return the table with a view's rows in the staging file. It is longer than any name of PostgreSQL."""
    return f"{'what the view gives: ':.<64}{name}"


class _ViewTooLargeError(Exception):
    """A view has too many rows, or takes too long."""


class _TooWideError(Exception):
    """PostgreSQL allows no table with so many columns."""

    def __init__(self, columns: int) -> None:
        super().__init__(columns)
        self.columns = columns


class StagingFile:
    """The staging file while it is written. A context manager."""

    def __init__(self, snapshot: Path, path: Path, *, rows: int = 0) -> None:
        self.path = path
        self._most_rows = max(MAX_VIEW_ROWS, MAX_VIEW_FACTOR * rows)
        self._most_bytes = max(MAX_VIEW_BYTES, MAX_VIEW_FACTOR * snapshot.stat().st_size)
        path.unlink(missing_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
        self._database = sqlite3.connect(
            snapshot_uri(snapshot), uri=True, isolation_level=None, check_same_thread=False
        )
        self._database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        # Views and generated columns may call these functions.
        register_django(self._database)
        register_project_functions(self._database)
        self._substitutes = register_substitutes(self._database)
        self._database.execute("ATTACH ? AS working", [f"{path.resolve().as_uri()}?mode=rw"])
        for pragma in ("journal_mode = MEMORY", "synchronous = OFF"):
            self._database.execute(f"PRAGMA working.{pragma}")
        self._storable = register_storable(self._database)
        self._names = IdentifierAllocator()

    def __enter__(self) -> StagingFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._database.close()

    def table(self, source: SourceTable, *, excluded: bool) -> LeftoverTable | int:
        """Infer a table's columns and copy its rows, unless it is ``excluded``.

        Returns the number of columns instead if PostgreSQL allows no table with so many. Raises SourceError if SQLite
        cannot read the table.
        """
        with _source_errors(source.name):
            relation = f"main.{quote_name(source.name)} NOT INDEXED"
            readable = tuple(column for column in source.columns if not column.unreadable)
            try:
                made = self._infer_table(source.name, relation, readable)
            except _TooWideError as error:
                return error.columns
            made = replace(made, excluded=excluded, rows=0 if excluded else made.rows)
            self._fill(made, relation)
        return made

    def remove_substitutes(self) -> None:
        """Remove the substitutes for missing functions, with which views would return other rows. SQLite then fails."""
        unregister_substitutes(self._database, self._substitutes)

    def view(self, name: str, view_sql: str) -> LeftoverTable | str:
        """Infer a view's columns and copy its rows. Return SQLite's error if the view's SQL fails."""
        with _source_errors(name):
            try:
                columns = self._materialize_view(name)
            except _ViewTooLargeError as error:
                return str(error)
            except UnicodeEncodeError:
                return _("a column of it has a name that is not UTF-8")
            except sqlite3.OperationalError as error:
                # Other errors, such as a full disk or a damaged file, are not the view's fault.
                if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_ERROR:
                    raise
                return str(error)
            relation = f"working.{quote_name(view_table_name(name))}"
            try:
                made = replace(self._infer_table(name, relation, columns), view_sql=view_sql, is_view=True)
            except _TooWideError as error:
                return _("it would have {columns:,} columns", columns=error.columns)
            self._fill(made, relation)
        return made

    def _infer_table(self, name: str, relation: str, sources: tuple[SourceColumn, ...]) -> LeftoverTable:
        names = [column.name for column in sources]
        rows, found = self._run_interruptible(lambda: inspect_columns(self._database, relation, names, self._storable))
        columns = columns_for(sources, found)
        if len(columns) > MOST_COLUMNS:
            raise _TooWideError(len(columns))
        return LeftoverTable(
            name=self._names.allocate(name),
            source=name,
            columns=columns,
            rows=rows,
            largest_row=sum(held.longest + _OVERHEAD for held in found),
            key=key_for(sources, found, columns),
            has_key=any(column.key_position for column in sources),
        )

    def _materialize_view(self, view: str) -> tuple[SourceColumn, ...]:
        """Copy a view's rows to a table without declared types, which would change values."""
        described = self._database.execute("SELECT name, type FROM pragma_table_info(?)", [view]).fetchall()
        place = f"working.{quote_name(view_table_name(view))}"
        names = ", ".join(quote_name(name) for name, __ in described)
        self._database.execute("BEGIN")
        try:
            self._database.execute(f"CREATE TABLE {place} ({names})")
            insert = f"INSERT INTO {place} SELECT * FROM main.{quote_name(view)} LIMIT {self._most_rows + 1}"  # noqa: S608 - quoted
            with self._limited():
                rows = self._run_interruptible(lambda: self._database.execute(insert).rowcount)
            if rows > self._most_rows:
                raise _ViewTooLargeError(_("it gives more than {rows:,} rows", rows=self._most_rows))  # noqa: TRY301
        except BaseException:
            # SQLite may have rolled back already.
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise
        self._database.execute("COMMIT")
        return tuple(
            SourceColumn(name=name, declared_type=kind or "", not_null=False, key_position=0, generated=False)
            for name, kind in described
        )

    @contextlib.contextmanager
    def _limited(self) -> Iterator[None]:
        """Raise _ViewTooLargeError if SQLite writes too much, or runs too long."""
        left = MAX_VIEW_MEGASTEPS

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
                raise _ViewTooLargeError(_("SQLite computes it for minutes and comes to no end")) from error
            full = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_FULL
            if full and most < before and shutil.disk_usage(self.path.parent).free > page_size:
                raise _ViewTooLargeError(_("it gives more than {size}", size=size(self._most_bytes))) from error
            raise
        finally:
            self._database.set_progress_handler(None, 0)
            self._database.execute(f"PRAGMA working.max_page_count = {before}")

    def _fill(self, table: LeftoverTable, relation: str) -> None:
        place = f"working.{quote_name(table.name)}"
        names = ", ".join(quote_name(column.name) for column in table.columns)
        self._database.execute(f"CREATE TABLE {place} ({names})")
        if not table.excluded:
            values = ", ".join(select_expression(column, self._storable) for column in table.columns)
            insert = f"INSERT INTO {place} SELECT {values} FROM {relation}"  # noqa: S608 - quoted
            self._run_interruptible(lambda: self._database.execute(insert))

    def _run_interruptible(self, work: Callable[[], T]) -> T:
        """Run work in a thread, so that Ctrl-C can interrupt SQLite."""
        done: list[T] = []
        run_all("leftovers", [lambda: done.append(work())], self._database.interrupt, alone_here=False)
        return done[0]


@contextlib.contextmanager
def _source_errors(name: str) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise SourceError(
            _("SQLite cannot read {name}, which no migration knows: {error}.", name=name, error=error),
            remedy=_("Correct or drop it, or leave behind all that no migration knows: --leftovers skip."),
        ) from error


#: SQLite's nondeterministic functions: https://sqlite.org/deterministic.html.
_MOMENT = re.compile(
    r"\b(?:random|randomblob|last_insert_rowid|changes|total_changes)\s*\(|\bcurrent_(?:date|time|timestamp)\b", re.I
)
#: Date functions without a time value are nondeterministic,
_NO_TIME = re.compile(
    r"\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\bstrftime\s*\(\s*(?:'[^']*'|\"[^\"]*\")\s*\)", re.I
)
#: and so are those with 'now', wherever it comes from.
_DATE = re.compile(r"\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\(", re.I)
_NOW = re.compile(r"\bnow\b", re.I)
_WORD = re.compile(r"\w+")


def is_volatile(view: str, views: Mapping[str, str]) -> bool:
    """Return whether the SQL of a view, or of a view that it names, is volatile. It may report a stable view, too."""
    named, seen = [view], set()
    while named:
        name = named.pop()
        if name in seen:
            continue
        seen.add(name)
        sql = views[name]
        if _MOMENT.search(sql) or _NO_TIME.search(sql) or (_DATE.search(sql) and _NOW.search(sql)):
            return True
        words = {word.lower() for word in _WORD.findall(sql)}
        named += [other for other in views if set(_WORD.findall(other.lower())) <= words]
    return False
