"""Damage to the file itself, in SQLite's own words (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from migrate_to_pg.language import N_
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.rule import SetRule, Subject
from migrate_to_pg.rules.sql import Sql, compose, name

#: Lines shown.
_LINES = 20
#: SQLite also tells of values that a constraint forbids; those are told with their rows, by the rules about values.
_ABOUT_VALUES = ("NULL value in ", "CHECK constraint failed in ")
#: Every page, and every index against its table.
WHOLE = Sql("integrity_check")
_TABLES = Sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")


def find(subject: Subject) -> Iterator[Finding]:
    """One finding where anything is damaged that a move reads: indexes are not compared with their tables.

    That would cost more than the load (10 s against 2 s for 440 MB), and sqlite_doctor does it.
    """
    yield from findings(subject.database, Sql("quick_check"))


def findings(database: sqlite3.Connection, pragma: Sql) -> Iterator[Finding]:
    """The same by the pragma given, for any connection: sqlite_doctor's has Django's functions."""
    # Each may be several lines, under a heading such as "*** in database main ***".
    lines = [line for entry in _answers(database, pragma) for line in entry.splitlines()]
    told = [line for line in lines if line != "ok" and not line.startswith(("***", *_ABOUT_VALUES))]
    if told:
        yield _damaged(told)


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
