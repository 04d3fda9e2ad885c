"""Read and write each table of a private copy as the web server does, and roll everything back.

The connection is Django's own, with foreign keys on and its functions registered. The database's triggers run, but no
model and no signal is involved.
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

#: Holds the row under test. Values never leave SQLite, so bytes and storage classes do not change.
_ROW = Sql('temp."migrate_to_pg probe"')
_MISSING = re.compile(
    r"(?:no such (?:table|column|function|module)|unknown function): (?:main\.)?(?P<name>.+?)(?:\(\))?$"
)


def probe(database: sqlite3.Connection, catalog: SourceCatalog) -> Iterator[Finding]:
    """Yield a finding for each table, and each message of SQLite, with which a statement fails."""
    database.execute("PRAGMA temp_store = MEMORY")
    kinds = dict(database.execute("SELECT name, type FROM pragma_table_list WHERE schema = 'main'"))
    for table in catalog.tables:
        # Only SQLite writes the shadow tables of a virtual one.
        if kinds.get(table.name) != "shadow":
            failures = _failures(database, table, writes=kinds.get(table.name) != "virtual")
            yield from _findings(table, failures, catalog)


def _failures(database: sqlite3.Connection, table: SourceTable, *, writes: bool) -> dict[str, list[str]]:
    """Return SQLite's message -> the statements that failed with it."""
    failures: dict[str, list[str]] = defaultdict(list)
    trial = _TableProbe(database, table)
    # The row is deleted before it is inserted, since its own unique keys would refuse a second one.
    for kind, sql in (("read", trial.nothing), *(trial.statements() if writes else ())):
        message = trial.begin() or _error_of(database, sql)
        if message:
            failures[message].append(kind)
        if kind in ("read", "UPDATE"):
            trial.end()
        if message and kind == "read":
            break
    trial.end()
    return failures


@dataclass(frozen=True, slots=True)
class _TableProbe:
    """The statements for one table, and the transaction around them."""

    database: sqlite3.Connection
    table: SourceTable

    #: ``begin`` reads the row.
    nothing = Sql("SELECT 1")

    def begin(self) -> str:
        """Begin a transaction, if a trigger's RAISE(ROLLBACK) ended the last, and read a row, if there is one."""
        if self.database.in_transaction:
            return ""
        self.database.execute("BEGIN")
        columns = [*self._columns(), *self._key()]
        return _error_of(
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
        """Return what identifies the row: its rowid, else its primary key, else all columns."""
        rowid = rowid_name(self.table)
        if rowid:
            return [Sql(rowid)]
        return [name(c.name) for c in self.table.columns if c.key_position] or self._columns()


def _numbered(position: int) -> Sql:
    return Sql(f"c{position}")


def _error_of(database: sqlite3.Connection, sql: Sql) -> str:
    """Return SQLite's error for the statement, or '' on success and where a constraint refuses this row."""
    try:
        database.execute(sql).fetchone()
    except sqlite3.IntegrityError:
        return ""
    except sqlite3.DatabaseError as error:
        return str(error)
    return ""


def _findings(table: SourceTable, failures: dict[str, list[str]], catalog: SourceCatalog) -> Iterator[Finding]:
    for message, kinds in failures.items():
        column, cause, remedy = _cause(table, message, catalog)
        what = _("Reading a row of") if kinds == ["read"] else _("{kinds} on", kinds=_join_words(sorted(kinds)))
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
    """Return (column, sentence on what refers to the missing object, remedy), as far as known."""
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
    # A quoted name in SQL doubles the quotes in it.
    written = missing.replace('"', '""').lower()
    triggers = [trigger for trigger, sql in catalog.triggers.items() if missing and written in sql.lower()]
    if triggers:
        drop = "\n".join(compose("DROP TRIGGER {trigger};", trigger=name(trigger)) for trigger in triggers)
        remedy = _("Write the trigger anew, or drop it after copying the file:\n{drop}", drop=drop)
        return "", _(" It is named by the trigger {listed}.", listed=_join_words(triggers)), remedy
    return "", "", _(WRITE_PROBE.remedy)


def _join_words(words: list[str]) -> str:
    """Join words as in "DELETE, INSERT and UPDATE"."""
    return _(" and ").join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)
