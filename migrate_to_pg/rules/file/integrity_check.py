"""Damage to the file itself, in SQLite's own words (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.sqlite.missing_functions import (
    indexes_with_collation,
    is_missing_feature,
    register_substitutes,
    unregister_substitutes,
)
from migrate_to_pg.sqlite.page_stats import index_entries
from migrate_to_pg.sqlite.sql import Sql, compose, name

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
    lacking = {lacking.name for lacking in subject.catalog.lacking if lacking.kind == "collation"}
    told = [*_describe(subject.database, PAGES, lacking), *_uneven(subject)]
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
    if told := _describe(database, pragma):
        yield _damaged(told)


def _describe(database: sqlite3.Connection, pragma: Sql, lacking: Iterable[str] = ()) -> list[str]:
    # Each may be several lines, under a heading such as "*** in database main ***".
    lines = [line for entry in answers(database, pragma, lacking) for line in entry.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith(("***", *_ABOUT_VALUES))]


def answers(database: sqlite3.Connection, pragma: Sql, lacking: Iterable[str] = ()) -> list[str]:
    """All that SQLite answers about the file, and nothing that a stand-in for a collation makes it say.

    ``lacking`` are collations that the connection has stand-ins for already.
    """
    names = register_substitutes(database)
    indexes = [index for _table, index in indexes_with_collation(database, {*names, *lacking})]
    try:
        found = _answers(database, pragma)
    finally:
        unregister_substitutes(database, names)
    # The order of an index is another one by the stand-in; the number of its entries is what it is.
    order = "(?:row .+ missing from|row .+ values differ from|non-unique entry in) index "
    told = [order + re.escape(index) for index in indexes]
    told += ["row not in PRIMARY KEY order for .+"] if names or lacking else []
    by_stand_in = re.compile("|".join(told) or "(?!)")
    return ["\n".join(line for line in entry.splitlines() if not by_stand_in.fullmatch(line)) for entry in found]


def _answers(database: sqlite3.Connection, pragma: Sql) -> list[str]:
    try:
        return _answer(database, pragma, Sql("1000"))
    except sqlite3.OperationalError as error:
        if not is_missing_feature(error):
            return [str(error)]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    # The pages that no table has are looked at with all tables alone.
    pages = _pages(database) if pragma != PAGES else []
    tables = [table for (table,) in database.execute(_TABLES).fetchall() if _is_utf8(table)]
    return [*pages, *(line for table in tables for line in _answer_for(database, pragma, table))]


def _pages(database: sqlite3.Connection) -> list[str]:
    try:
        return _answer(database, PAGES, Sql("1000"))
    except sqlite3.OperationalError as error:
        return [] if is_missing_feature(error) else [str(error)]


def _is_utf8(table: object) -> bool:
    try:
        str(table).encode()
    except UnicodeEncodeError:
        return False
    return isinstance(table, str)


def _answer_for(database: sqlite3.Connection, pragma: Sql, table: str) -> list[str]:
    """One table's; nothing where this connection lacks a function: sqlite_doctor's has it."""
    try:
        return _answer(database, pragma, name(table))
    except sqlite3.DatabaseError as error:
        return [] if is_missing_feature(error) else [str(error)]


def _answer(database: sqlite3.Connection, pragma: Sql, what: Sql) -> list[str]:
    return [
        str(line) for (line,) in database.execute(compose("PRAGMA main.{pragma}({what})", pragma=pragma, what=what))
    ]


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
        " moved. An index that needs a collation or a function which neither SQLite nor the project has cannot be"
        " checked, which is no damage: lacking-in-sqlite names it."
    ),
    remedy=N_(
        "Where only indexes are named, REINDEX; repairs them. Else restore a backup, or save what can be read with the"
        " sqlite3 shell (.recover), and compare the rows before trusting it."
    ),
    find=find,
)
