"""Make the checks that only the doctor makes: applied migrations, SQLite's foreign keys, and a trial of each write.

The write probe reads and writes each table of a private copy as the web server does, and rolls everything back. The
connection is Django's own, with foreign keys on and its functions registered. The database's triggers run, but no model
and no signal is involved.
"""

from __future__ import annotations

import re
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.project.migration_files import Key, SourceLoader
from migrate_to_pg.records import Finding, Sample, SourceCatalog, SourceForeignKey, SourceTable
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.doctor_findings import FOREIGN_KEY_CHECK, INCONSISTENT, UNAPPLIED, UNKNOWN, WRITE_PROBE
from migrate_to_pg.sqlite.connection import open_snapshot, rowid_name
from migrate_to_pg.sqlite.missing_functions import register_project_functions
from migrate_to_pg.sqlite.sql import Sql, compose, join, name

#: Migrations named in one finding.
_MAX_NAMES = 20


def migration_findings(applied: Collection[Key]) -> Iterator[Finding]:
    """Yield at most one finding of each kind, and one for each migration applied before its dependency."""
    loader = SourceLoader(None, applied)
    wanted = set(loader.applied_migrations)
    # A squashed migration replaces others, whose files may no longer exist.
    replaced = {(app, name) for migration in loader.disk_migrations.values() for app, name in migration.replaces}
    if missing := sorted(set(loader.graph.nodes) - wanted):
        yield UNAPPLIED.finding(
            table="django_migrations",
            count=len(missing),
            explanation=_(
                "The project has migrations that this database has not applied: {names}.", names=_join_keys(missing)
            ),
            remedy=_(UNAPPLIED.remedy),
        )
    if unknown := sorted(set(applied) - set(loader.disk_migrations) - replaced):
        yield UNKNOWN.finding(
            table="django_migrations",
            count=len(unknown),
            explanation=_(
                "The database has applied migrations that the project does not have: {names}.",
                names=_join_keys(unknown),
            ),
            remedy=_(UNKNOWN.remedy),
        )
    for child in sorted(wanted & set(loader.graph.nodes)):
        for parent in sorted(node.key for node in loader.graph.node_map[child].parents if node.key not in wanted):
            yield INCONSISTENT.finding(
                table="django_migrations",
                explanation=_(
                    "{child} is applied, but not {parent}, on which it depends.",
                    child=".".join(child),
                    parent=".".join(parent),
                ),
                remedy=_(INCONSISTENT.remedy),
            )


def _join_keys(keys: list[Key]) -> str:
    names = ", ".join(map(".".join, keys[:_MAX_NAMES]))
    more = len(keys) - _MAX_NAMES
    return _("{names}, and {keys} more", names=names, keys=more) if more > 0 else names


#: Rules that report the same rows, or the key that nothing can satisfy.
_OTHER_RULES = ("foreign-key-orphan", "dangling-foreign-key", "code-in-key", "empty-key", "key-spelled-otherwise")


def declared_key_findings(snapshot: Path, catalog: SourceCatalog, others: Collection[Finding]) -> Iterator[Finding]:
    """Yield a finding for each broken key that no other rule has reported."""
    reported = {(f.table.lower(), f.column.lower()) for f in others if f.rule in _OTHER_RULES}
    # Without substitutes: SQLite searches parents by an index, which a substitute would search in another order.
    with closing(open_snapshot(snapshot)) as database:
        register_project_functions(database)
        for table in catalog.tables:
            for key, rowids, count in () if table.unreadable else _broken_keys(database, table):
                columns = ", ".join(key.columns)
                if (table.name.lower(), columns.lower()) in reported or catalog.table(key.parent) is None:
                    continue
                rows = pluralize(count, "row", "rows")
                yield FOREIGN_KEY_CHECK.finding(
                    table=table.name,
                    column=columns,
                    count=count,
                    samples=[
                        Sample(key={"rowid": str(rowid)}, value=_("no such row in {parent}", parent=key.parent))
                        for rowid in rowids
                    ],
                    explanation=_(
                        "{rows} of {table} refer by {columns} to rows of {parent} that do not exist, says PRAGMA"
                        " foreign_key_check.",
                        rows=rows,
                        table=table.name,
                        columns=columns,
                        parent=key.parent,
                    ),
                    remedy=_(FOREIGN_KEY_CHECK.remedy),
                )


def _broken_keys(database: sqlite3.Connection, table: SourceTable) -> Iterator[tuple[SourceForeignKey, list[int], int]]:
    """Yield (key, first rowids, count of rows) for each broken key. A table WITHOUT ROWID has no rowids."""
    check = "FROM pragma_foreign_key_check(?, 'main')"
    try:
        counts = database.execute(f"SELECT fkid, count(*) {check} GROUP BY 1", [table.name]).fetchall()
    except sqlite3.OperationalError:
        # "foreign key mismatch": the parent has no such key. Every write fails, as the write probe reports.
        return
    for number, count in counts:
        first = f"SELECT rowid {check} WHERE fkid = ? AND rowid IS NOT NULL LIMIT ?"
        rowids = [rowid for (rowid,) in database.execute(first, [table.name, number, SAMPLES])]
        yield table.foreign_keys[number], rowids, count


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
            failures: dict[str, list[str]] = defaultdict(list)
            trial = _TableProbe(database, table)
            # The row is deleted before it is inserted, since its own unique keys would refuse a second one.
            writes = kinds.get(table.name) != "virtual"
            for kind, sql in (("read", trial.nothing), *(trial.statements() if writes else ())):
                message = trial.begin() or _error_of(database, sql)
                if message:
                    failures[message].append(kind)
                if kind in ("read", "UPDATE"):
                    trial.end()
                if message and kind == "read":
                    break
            trial.end()
            yield from _probe_findings(table, failures, catalog)


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


def _probe_findings(table: SourceTable, failures: dict[str, list[str]], catalog: SourceCatalog) -> Iterator[Finding]:
    for message, kinds in failures.items():
        column, cause, remedy = _cause(table, message, catalog)
        if kinds == ["read"]:
            explanation = _(
                "Reading a row of {table}, with foreign keys on as in the web server: SQLite answers `{message}`.",
                table=table.name,
                message=message,
            )
        else:
            explanation = _(
                "{kinds} on {table}, with foreign keys on as in the web server: SQLite answers `{message}`.",
                kinds=_join_words(sorted(kinds)),
                table=table.name,
                message=message,
            )
        yield WRITE_PROBE.finding(
            table=table.name, column=column, explanation=f"{explanation} {cause}".strip(), remedy=remedy
        )


def _cause(table: SourceTable, message: str, catalog: SourceCatalog) -> tuple[str, str, str]:
    """Return (column, sentence on what refers to the missing object, remedy), as far as known."""
    found = _MISSING.search(message)
    if found is None:
        return "", "", _(WRITE_PROBE.remedy)
    missing = found["name"]
    for key in table.foreign_keys:
        if key.parent.lower() == missing.lower() and catalog.table(missing) is None:
            columns = ", ".join(key.columns)
            return (
                columns,
                _("The foreign key on {columns} names it.", columns=columns),
                _("The finding dangling-foreign-key says how."),
            )
    # A quoted name in SQL doubles the quotes in it.
    written = missing.replace('"', '""').lower()
    triggers = [trigger for trigger, sql in catalog.triggers.items() if written in sql.lower()]
    if not triggers:
        return "", "", _(WRITE_PROBE.remedy)
    drop = "\n".join(compose("DROP TRIGGER {trigger};", trigger=name(trigger)) for trigger in triggers)
    remedy = _("Create the trigger again, or drop it after copying the file:\n{drop}", drop=drop)
    return "", _("It is named by the trigger {listed}.", listed=_join_words(triggers)), remedy


def _join_words(words: list[str]) -> str:
    """Join words as in "DELETE, INSERT and UPDATE"."""
    *first, last = words
    return _("{first} and {last}", first=", ".join(first), last=last) if first else last
