"""A private copy of the database in, findings out: each table read and written as the web server does it.

The connection is Django's own, foreign keys on and its functions registered; no model and no signal is involved, the
database's triggers are. Everything is rolled back.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, SourceCatalog, SourceTable
from migrate_to_pg.rules.doctor_findings import WRITE_PROBE
from migrate_to_pg.sqlite.connection import rowid_name
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

#: Holds the row that is being tried: values never leave SQLite, so any bytes and storage classes stay what they are.
_ROW = Sql('temp."migrate_to_pg probe"')
_MISSING = re.compile(
    r"(?:no such (?:table|column|function|module)|unknown function): (?:main\.)?(?P<name>.+?)(?:\(\))?$"
)


def probe(database: sqlite3.Connection, catalog: SourceCatalog) -> Iterator[Finding]:
    """One finding for each table, and each message of SQLite's, that a statement fails with."""
    database.execute("PRAGMA temp_store = MEMORY")
    kinds = dict(database.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'"))
    for table in catalog.tables:
        # The tables behind a virtual one are written by SQLite alone.
        if kinds.get(table.name) != "shadow":
            failures = _failures(database, table, writes=kinds.get(table.name) != "virtual")
            yield from _findings(table, failures, catalog)


def _failures(database: sqlite3.Connection, table: SourceTable, *, writes: bool) -> dict[str, list[str]]:
    """SQLite's message -> the statements that it refused with it."""
    failures: dict[str, list[str]] = defaultdict(list)
    trial = _Trial(database, table)
    # The row is deleted before it is inserted: else its own unique keys would refuse it first.
    for kind, sql in (("read", trial.nothing), *(trial.statements() if writes else ())):
        message = trial.begin() or _attempt(database, sql)
        if message:
            failures[message].append(kind)
        if kind in ("read", "UPDATE"):
            trial.end()
        if message and kind == "read":
            break
    trial.end()
    return failures


@dataclass(frozen=True, slots=True)
class _Trial:
    """The statements for one table, and the transaction around them."""

    database: sqlite3.Connection
    table: SourceTable

    #: Reading the row is what ``begin`` does.
    nothing = Sql("SELECT 1")

    def begin(self) -> str:
        """Read a row, if there is one, within a transaction; a trigger's RAISE(ROLLBACK) may have ended the last."""
        if self.database.in_transaction:
            return ""
        self.database.execute("BEGIN")
        columns = [*self._columns(), *self._key()]
        return _attempt(
            self.database,
            compose(
                "CREATE TABLE {row} AS SELECT {columns} FROM {table} LIMIT 1",
                row=_ROW,
                columns=join(", ", [compose("{c} AS {n}", c=c, n=_numbered(n)) for n, c in enumerate(columns)]),
                table=self._name(),
            ),
        )

    def end(self) -> None:
        if self.database.in_transaction:
            self.database.execute("ROLLBACK")

    def statements(self) -> Iterator[tuple[str, Sql]]:
        columns = self._columns()
        if not columns:
            return
        count = len(columns)
        where = compose(
            "({key}) IN (SELECT {copy} FROM {row})",
            key=join(", ", self._key()),
            copy=join(", ", [_numbered(count + n) for n in range(len(self._key()))]),
            row=_ROW,
        )
        same = join(", ", [compose("{c} = {c}", c=column) for column in columns])
        values = join(", ", [_numbered(n) for n in range(count)])
        parts = {"table": self._name(), "where": where, "row": _ROW, "columns": join(", ", columns)}
        yield "UPDATE", compose("UPDATE {table} SET {same} WHERE {where}", same=same, **parts)
        yield "DELETE", compose("DELETE FROM {table} WHERE {where}", **parts)
        yield "INSERT", compose("INSERT INTO {table} ({columns}) SELECT {values} FROM {row}", values=values, **parts)

    def _name(self) -> Sql:
        return compose("main.{table}", table=name(self.table.name))

    def _columns(self) -> list[Sql]:
        return [name(column.name) for column in self.table.columns if not column.generated]

    def _key(self) -> list[Sql]:
        """What finds the row again: its rowid, else its primary key, else all of it."""
        rowid = rowid_name(self.table)
        if rowid:
            return [Sql(rowid)]
        return [name(c.name) for c in self.table.columns if c.key_position] or self._columns()


def _numbered(position: int) -> Sql:
    return Sql(f"c{position}")


def _attempt(database: sqlite3.Connection, sql: Sql) -> str:
    """SQLite's message where it cannot do this; '' where it can, and where a constraint refuses this very row."""
    try:
        database.execute(sql).fetchone()
    except sqlite3.IntegrityError:
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return ""


# --- words ------------------------------------------------------------------------------------------------------------


def _findings(table: SourceTable, failures: dict[str, list[str]], catalog: SourceCatalog) -> Iterator[Finding]:
    for message, kinds in failures.items():
        column, cause, remedy = _cause(table, message, catalog)
        what = _("Reading a row of") if kinds == ["read"] else _("{kinds} on", kinds=_listed(sorted(kinds)))
        yield WRITE_PROBE.finding(
            table=table.name,
            column=column,
            explanation=_(
                "{what} {table}, with foreign keys on as in the web server: SQLite answers `{message}`.{cause}",
                what=what,
                table=table.name,
                message=message,
                cause=cause,
            ),
            remedy=remedy,
        )


def _cause(table: SourceTable, message: str, catalog: SourceCatalog) -> tuple[str, str, str]:
    """(column, who names what is missing, what to do), as far as it can be told."""
    found = _MISSING.search(message)
    missing = found["name"] if found else ""
    for key in table.foreign_keys:
        if missing and key.parent.lower() == missing.lower() and catalog.table(missing) is None:
            columns = ", ".join(key.columns)
            return (
                columns,
                _(" The foreign key on {columns} names it.", columns=columns),
                _("The finding dangling-foreign-key says how."),
            )
    # As SQL has it where it is quoted: a quote within it is doubled.
    written = missing.replace('"', '""').lower()
    triggers = [trigger for trigger, sql in catalog.triggers.items() if missing and written in sql.lower()]
    if triggers:
        drop = "\n".join(compose("DROP TRIGGER {trigger};", trigger=name(trigger)) for trigger in triggers)
        remedy = _("Write the trigger anew, or drop it after copying the file:\n{drop}", drop=drop)
        return "", _(" It is named by the trigger {listed}.", listed=_listed(triggers)), remedy
    return "", "", _(WRITE_PROBE.remedy)


def _listed(words: list[str]) -> str:
    """DELETE, INSERT and UPDATE."""
    return _(" and ").join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
