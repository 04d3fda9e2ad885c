"""Damage to the file itself, in SQLite's own words (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from migrate_to_pg.language import N_
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.rule import SetRule, Subject
from migrate_to_pg.rules.sql import Sql, compose, name
from migrate_to_pg.sizes import index_entries

#: Lines shown.
_LINES = 20
#: SQLite also tells of values that a constraint forbids; those are told with their rows, by the rules about values.
_ABOUT_VALUES = ("NULL value in ", "CHECK constraint failed in ")
#: Every page, and every index against its table.
WHOLE = Sql("integrity_check")
#: Every page alone.
PAGES = Sql("quick_check")
_TABLES = Sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")


def find(subject: Subject) -> Iterator[Finding]:
    """One finding where anything is damaged that a move reads; of an index only the number of its entries is asked.

    To compare each with its row would cost more than the load (10 s against 2 s for 440 MB), and sqlite_doctor does it.
    """
    told = [*_told(subject.database, PAGES), *_uneven(subject)]
    if told:
        yield _damaged(told)


def _uneven(subject: Subject) -> Iterator[str]:
    """Rules ask by way of indexes: one that lacks entries hides rows from them."""
    _number, _schema, file = subject.database.execute("PRAGMA database_list").fetchone()
    counted = index_entries(Path(file))
    for table in subject.catalog.tables:
        for index, entries in counted.get(table.name, {}).items():
            if entries != table.rows:
                yield _(
                    "Table {name} holds {rows:,} rows, and its index {index} {entries:,}.",
                    name=table.name,
                    rows=table.rows,
                    index=index,
                    entries=entries,
                )


def findings(database: sqlite3.Connection, pragma: Sql) -> Iterator[Finding]:
    """The same by the pragma given, for any connection: sqlite_doctor's has Django's functions."""
    if told := _told(database, pragma):
        yield _damaged(told)


def _told(database: sqlite3.Connection, pragma: Sql) -> list[str]:
    # Each may be several lines, under a heading such as "*** in database main ***".
    lines = [line for entry in _answers(database, pragma) for line in entry.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith(("***", *_ABOUT_VALUES))]


def _answers(database: sqlite3.Connection, pragma: Sql) -> list[str]:
    try:
        return _answer(database, pragma, Sql("1000"))
    except sqlite3.OperationalError as error:
        if not _lacks_a_function(error):
            return [str(error)]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    return [line for (table,) in database.execute(_TABLES).fetchall() for line in _answer_for(database, pragma, table)]


def _answer_for(database: sqlite3.Connection, pragma: Sql, table: str) -> list[str]:
    """One table's; nothing where this connection lacks a function: sqlite_doctor's has it."""
    try:
        return _answer(database, pragma, name(table))
    except sqlite3.DatabaseError as error:
        return [] if _lacks_a_function(error) else [str(error)]


def _answer(database: sqlite3.Connection, pragma: Sql, what: Sql) -> list[str]:
    return [str(line) for (line,) in database.execute(compose("PRAGMA {pragma}({what})", pragma=pragma, what=what))]


def _lacks_a_function(error: sqlite3.Error) -> bool:
    """Whether an index or a generated column uses a function of Django's or of the project's."""
    return str(error).startswith(("unknown function", "no such function"))


def _damaged(lines: list[str]) -> Finding:
    hidden = len(lines) - _LINES
    more = [_("and {hidden} more", hidden=hidden)] if hidden > 0 else []
    said = "\n".join(lines[:_LINES] + more)
    return RULE.finding(
        table="",
        count=len(lines),
        explanation=_(
            "SQLite's check of its file does not answer ok, but:\n{said}\nRows may be missing, or told twice.",
            said=said,
        ),
        remedy=_(RULE.remedy),
    )


RULE = SetRule(
    id="integrity-check",
    level=Level.ERROR,
    title=N_("Damaged file"),
    meaning=(
        "Pages or indexes of the SQLite file contradict each other, after a failing disk, a file copied while it was"
        " written to, or a -wal or -journal that was removed. What is read from it cannot be trusted, so it is not"
        " moved. A table whose indexes or generated columns call functions of Django's is looked at by sqlite_doctor,"
        " which has them."
    ),
    remedy=N_(
        "Where only indexes are named, REINDEX; mends them. Else restore a backup, or save what can be read with the"
        " sqlite3 shell (.recover), and compare the rows before trusting it."
    ),
    find=find,
)
