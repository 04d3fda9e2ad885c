"""Judge one statement of the project: ask both databases, and write down what differs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from django.core.exceptions import FieldError
from django.db import NotSupportedError

from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.queries.ask_both import Answer, Copy, Parameters, Source, is_lost
from migrate_to_pg.behaviour.queries.call_site import CallSite
from migrate_to_pg.behaviour.queries.name_difference import Comparison
from migrate_to_pg.behaviour.queries.notebook import Notebook
from migrate_to_pg.behaviour.queries.shown_sql import shown_sql
from migrate_to_pg.behaviour.queries.sqlite_file import Sources
from migrate_to_pg.behaviour.queries.statement import Statement, read_statement
from migrate_to_pg.behaviour.queries.values import show_rows
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import discreet_reason, is_secret

_TIMED_OUT = "57014"
#: Syntax errors, and names that do not exist.
_NO_SUCH = "42"
#: Of executemany(), so many rows are judged.
_ROWS_OF_MANY = 20


class CopyLostError(Exception):
    """The copy does not answer any more."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """A statement that the project ran without an error, and where."""

    #: As SQLite ran it.
    sql: str
    parameters: Any = None
    site: CallSite
    #: The query of the ORM. None for SQL of the project's own.
    query: Any = None
    many: bool = False
    #: Whether it comes from Model.objects.raw().
    is_converted_later: bool = False
    #: Whether more than one row is an error, on both databases.
    is_for_one_row: bool = False
    #: Whether nobody sees the order of the rows.
    is_order_lost: bool = False
    #: Values of an INSERT that PostgreSQL may refuse: table, column, value.
    doubtful: tuple[tuple[str, str, Any], ...] = ()


@dataclass
class Judge:
    """Both databases, and the notebook. All of it is used by one thread."""

    source: Path
    url: str
    alias: str
    notebook: Notebook
    #: Tables that differ by now, because something was written to the source.
    written: set[str] = field(default_factory=set)
    _slow: set[str] = field(default_factory=set)
    _version: int | None = None
    _others_wrote: bool = False

    def connect(self) -> None:
        """Connect to both databases."""
        self._sources = Sources(self.source, self.alias)
        self._copy = Copy(self.url, self.alias)
        self._sources.plain.connect()
        self._copy.connect()

    def close(self) -> None:
        """Close all connections."""
        self._sources.close()
        self._copy.close()

    def judge(self, asked: Asked) -> None:
        """Ask both, compare, and write down what differs. Raises CopyLostError."""
        statement = read_statement(asked.sql)
        if asked.sql in self._slow:
            self.notebook.count("slow")
        elif statement.reads:
            self._judge_read(asked, statement)
        elif asked.doubtful:
            for table, column, value in asked.doubtful:
                name = self._copy.wrapper.ops.quote_name
                insert = f"INSERT INTO {name(table)} ({name(column)}) VALUES (%s)"  # noqa: S608 - quoted
                self._judge_plan(asked, partial(self._copy.plan, insert, [value]))
        else:
            self._judge_write(asked, statement)

    def _judge_read(self, asked: Asked, statement: Statement) -> None:
        if getattr(asked.query, "select_for_update", False) and not self._judge_plan(
            asked, lambda: self._copy.plan_query(asked.query)
        ):
            return
        ours = self._attempt(lambda: self._ask(self._sources.plain, asked))
        differs = self._differs_by_now(statement)
        if isinstance(ours, Answer) and (differs or not ours.is_complete):
            self.notebook.count("written" if differs else "long")
            self._judge_plan(asked, lambda: self._plan(self._copy, asked))
            return
        theirs = self._attempt(lambda: self._ask(self._copy, asked))
        if isinstance(ours, Answer) and isinstance(theirs, Answer):
            self._compare(asked, ours, theirs)
        elif isinstance(theirs, Exception):
            # What the source refuses too is made by the tests alone, or newer than the copy.
            self._refused(asked, theirs, ours if isinstance(ours, Answer) else None)
        else:
            self.notebook.count("refused by the source")

    def _differs_by_now(self, statement: Statement) -> bool:
        """Return whether the source has other rows than the copy by now, because it is written to meanwhile."""
        version = self._sources.plain.version()
        if self._version is None:
            self._version = version
        if version != self._version:
            self._version = version
            if not self.written and not self._others_wrote:
                self._others_wrote = True
                self.notebook.note(
                    _("Another process wrote to {path}. Rows were not compared from then on.", path=self.source)
                )
        for table in sorted(statement.tables & self.written):
            self.notebook.note(_("Rows of {table} were not compared after this process wrote to it.", table=table))
        return self._others_wrote or bool(statement.tables & self.written)

    def _judge_write(self, asked: Asked, statement: Statement) -> None:
        if asked.query is not None:
            self._judge_plan(asked, lambda: self._copy.plan_query(asked.query))
            return
        rows: Sequence[Parameters] = asked.parameters if asked.many else [asked.parameters]
        if statement.writes:
            for parameters in rows[:_ROWS_OF_MANY]:
                one = replace(asked, parameters=parameters, many=False)
                if not self._judge_plan(one, partial(self._copy.plan, asked.sql, parameters)):
                    return
        else:
            self._judge_plan(asked, lambda: self._copy.prepare(asked.sql))

    def _judge_plan(self, asked: Asked, plan: Callable[[], None]) -> bool:
        """Return whether PostgreSQL accepts the statement, without running it."""
        found = self._attempt(plan)
        if isinstance(found, Exception):
            # SQLite plans neither PRAGMA nor a statement whose parameters were left out.
            statement = read_statement(asked.sql)
            # What the source refuses too is made by the tests alone, or newer than the copy.
            can_plan = asked.query is not None or (not asked.doubtful and (statement.reads or statement.writes))
            theirs = self._attempt(lambda: self._plan(self._sources.plain, asked)) if can_plan else None
            self._refused(asked, found, None if isinstance(theirs, Exception) else Answer(()))
            return False
        self.notebook.count("planned")
        return True

    def _ask(self, database: Source | Copy, asked: Asked) -> Answer:
        if asked.query is not None:
            return database.ask_query(asked.query)
        return database.ask_sql(asked.sql, asked.parameters)

    def _plan(self, database: Source | Copy, asked: Asked) -> None:
        if asked.query is not None:
            database.plan_query(asked.query)
        else:
            database.plan(asked.sql, asked.parameters)

    def _attempt(self, ask: Callable[[], Any]) -> Any:
        """Return the answer, or the error that stands for it."""
        try:
            return ask()
        except Exception as error:  # noqa: BLE001 - of whatever kind: that it is raised is the answer
            return error

    def _compare(self, asked: Asked, ours: Answer, theirs: Answer) -> None:
        if asked.is_for_one_row and min(len(ours.rows), len(theirs.rows)) > 1:
            self.notebook.count("compared")
            return
        comparison = Comparison(
            ours=ours,
            theirs=theirs,
            again=lambda source: self._ask(source, asked),
            sources=self._sources,
            copy=self._copy,
            site=asked.site,
            is_raw=asked.query is None,
            hidden=self._hidden(ours, theirs),
            is_converted_later=asked.is_converted_later,
            is_order_lost=asked.is_order_lost,
        )
        self.notebook.count("volatile" if comparison.statement.is_volatile else "compared")
        for found in comparison.differences():
            self.notebook.add(
                Occurrence(
                    rule=found.rule,
                    place=asked.site.place,
                    way=Way.QUERIES,
                    certainty=asked.site.certainty(found.certainty),
                    effect=Effect.DIFFERENT,
                    sqlite=found.sqlite,
                    postgresql=found.postgresql,
                    sql=shown_sql(asked.sql, is_secret=self._uses_secret(asked)),
                    explanation=asked.site.explain(found.explanation),
                )
            )

    def _refused(self, asked: Asked, error: Exception, ours: Answer | None) -> None:
        sqlstate = sqlstate_of(error)
        if is_lost(error, sqlstate, self._copy):
            raise CopyLostError(first_line(error)) from error
        if sqlstate == _TIMED_OUT:
            self._slow.add(asked.sql)
            self.notebook.count("slow")
        elif ours is None or (asked.doubtful and sqlstate.startswith(_NO_SUCH)):
            self.notebook.count("refused by both")
        elif isinstance(error, (NotSupportedError, FieldError)) and not sqlstate:
            self.notebook.note(
                _(
                    "{place}: Django refuses this query for PostgreSQL: {error}",
                    place=asked.site.place,
                    error=type(error).__name__ if self._uses_secret(asked) else error,
                )
            )
        else:
            self.notebook.count("refused")
            self._add_error(asked, sqlstate, error, ours)

    def _uses_secret(self, asked: Asked) -> bool:
        if asked.doubtful:
            # Of an INSERT, single values are judged.
            return any(is_secret(table, column) for table, column, _value in asked.doubtful)
        return self._sources.plain.uses_secret(asked.sql, asked.parameters)

    def _hidden(self, ours: Answer, theirs: Answer | None = None) -> frozenset[int]:
        """Return the numbers of the columns whose values are not shown.

        Of a statement that uses a secret column, it is all but those that are another column of a table as it is.
        """
        source = self._sources.plain
        if not source.uses_secret(ours.sql, ours.parameters):
            return frozenset()
        origins = self._copy.columns_of(theirs) if theirs else []
        plain = {
            number
            for number, origin in enumerate(origins)
            if origin and source.is_table(origin[0]) and not is_secret(*origin)
        }
        return frozenset(range(max(map(len, ours.rows + (theirs.rows if theirs else ())), default=0))) - plain

    def _add_error(self, asked: Asked, sqlstate: str, error: Exception, ours: Answer) -> None:
        is_secretive = self._uses_secret(asked)
        self.notebook.add(
            Occurrence(
                rule=rule_of_error(sqlstate, str(error), asked.sql),
                place=asked.site.place,
                way=Way.QUERIES,
                certainty=asked.site.certainty(Certainty.SEEN),
                effect=Effect.ERROR,
                sqlite=show_rows(ours.rows, secret=self._hidden(ours) if ours.rows else frozenset()),
                postgresql=discreet_reason(error, sqlstate) if is_secretive else first_line(error),
                sqlstate=sqlstate,
                sql=shown_sql(asked.sql, is_secret=is_secretive),
                explanation=asked.site.explain(),
            )
        )


def sqlstate_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error of Django's or psycopg's, or ''."""
    causes: list[Any] = [error, error.__cause__]
    return next((str(cause.sqlstate) for cause in causes if getattr(cause, "sqlstate", None)), "")


def first_line(error: BaseException) -> str:
    """Return the error's first line, or its name."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__
