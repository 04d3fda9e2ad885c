"""Report damage to the file, as SQLite words it (https://www.sqlite.org/pragma.html#pragma_integrity_check)."""

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
from migrate_to_pg.sqlite.schema import index_entries
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: Lines shown.
_LINES = 20
#: SQLite also reports values that a constraint forbids. The rules about values report those with their rows.
_ABOUT_VALUES = ("NULL value in ", "CHECK constraint failed in ")
#: Check every page, and every index against its table.
WHOLE = Sql("integrity_check")
#: Check every page alone.
PAGES = Sql("quick_check")
_TABLES = Sql("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where anything is damaged that a move reads.

    Of an index only the number of entries is checked: another number than that of the table's rows hides rows from the
    rules. To compare each entry with its row would cost more than the load (10 s against 2 s for 440 MB), and
    sqlite_doctor does it.
    """
    lacking = {lacking.name for lacking in subject.catalog.lacking if lacking.kind == "collation"}
    lines = _describe(subject.database, PAGES, lacking)
    _number, _schema, file = subject.database.execute("PRAGMA database_list").fetchone()
    counted = index_entries(Path(file))
    for table in subject.catalog.tables:
        for index, entries in counted.get(table.name, {}).items():
            if entries != table.rows:
                lines.append(
                    _(
                        "Table {name} holds {rows:,} rows, and its index {index} {entries:,}.",
                        name=table.name,
                        rows=table.rows,
                        index=index,
                        entries=entries,
                    )
                )
    if lines:
        yield _damaged(lines)


def findings(database: sqlite3.Connection, pragma: Sql) -> Iterator[Finding]:
    """Yield a finding by the given pragma on any connection. That of sqlite_doctor has Django's functions."""
    if lines := _describe(database, pragma):
        yield _damaged(lines)


def _describe(database: sqlite3.Connection, pragma: Sql, lacking: Iterable[str] = ()) -> list[str]:
    # An answer may have several lines, under a heading such as "*** in database main ***".
    lines = [line for entry in answers(database, pragma, lacking) for line in entry.splitlines()]
    return [line for line in lines if line != "ok" and not line.startswith(("***", *_ABOUT_VALUES))]


def answers(database: sqlite3.Connection, pragma: Sql, lacking: Iterable[str] = ()) -> list[str]:
    """Return SQLite's answers about the file, without those that a substitute for a collation causes.

    ``lacking`` are collations for which the connection has substitutes already.
    """
    names = register_substitutes(database)
    indexes = [index for _table, index in indexes_with_collation(database, {*names, *lacking})]
    try:
        found = _answers(database, pragma)
    finally:
        unregister_substitutes(database, names)
    # A substitute changes the order of an index, but not the number of its entries.
    order = "(?:row .+ missing from|row .+ values differ from|non-unique entry in) index "
    patterns = [order + re.escape(index) for index in indexes]
    patterns += ["row not in PRIMARY KEY order for .+"] if names or lacking else []
    by_substitute = re.compile("|".join(patterns) or "(?!)")
    return ["\n".join(line for line in entry.splitlines() if not by_substitute.fullmatch(line)) for entry in found]


def _answers(database: sqlite3.Connection, pragma: Sql) -> list[str]:
    try:
        return _answer(database, pragma, Sql("1000"))
    except sqlite3.OperationalError as error:
        if not is_missing_feature(error):
            return [str(error)]
    except sqlite3.DatabaseError as error:
        return [str(error)]
    # Pages that belong to no table are checked only together with all tables.
    pages = _answer_if_possible(database, PAGES, Sql("1000")) if pragma != PAGES else []
    names = [str(table) for (table,) in database.execute(_TABLES).fetchall()]
    # No statement can hold a name that is not UTF-8.
    tables = [table for table in names if not any("\udc80" <= c <= "\udcff" for c in table)]
    return [*pages, *(line for table in tables for line in _answer_if_possible(database, pragma, name(table)))]


def _answer_if_possible(database: sqlite3.Connection, pragma: Sql, argument: Sql) -> list[str]:
    """Return the answer, or none where this connection lacks a function that sqlite_doctor has."""
    try:
        return _answer(database, pragma, argument)
    except sqlite3.DatabaseError as error:
        return [] if is_missing_feature(error) else [str(error)]


def _answer(database: sqlite3.Connection, pragma: Sql, argument: Sql) -> list[str]:
    sql = compose("PRAGMA main.{pragma}({argument})", pragma=pragma, argument=argument)
    return [str(line) for (line,) in database.execute(sql)]


def _damaged(lines: list[str]) -> Finding:
    hidden = len(lines) - _LINES
    more = [_("and {hidden} more", hidden=hidden)] if hidden > 0 else []
    errors = "\n".join(lines[:_LINES] + more)
    return RULE.finding(
        table="",
        count=len(lines),
        explanation=_(
            "SQLite's integrity check failed:\n{errors}\nRows may be missing or duplicated.",
            errors=errors,
        ),
    )


RULE = SetRule(
    id="integrity-check",
    level=Level.ERROR,
    title=N_("Damaged file"),
    meaning=(
        "Pages or indexes of the SQLite file contradict each other. The cause is a failing disk, a file copied while it"
        " was written to, or a -wal or -journal that was removed. What is read from such a file cannot be trusted, so"
        " it is not moved. An index that needs a collation or a function which neither SQLite nor the project has"
        " cannot be checked, which is no damage: lacking-in-sqlite names it."
    ),
    remedy=N_(
        "Where only indexes are named, REINDEX; repairs them. Else restore a backup, or save what can be read with the"
        " sqlite3 shell (.recover), and compare the rows before trusting it."
    ),
    find=find,
)
