"""Make a working copy of the snapshot that repairs may edit, with a journal of every edit.

Neither the source nor the snapshot is touched. A table is stripped in the working copy before its first edit: the same
columns, rows and rowids, but no declared types, which would convert values, and no constraint, index or trigger, which
would refuse the edit or add to it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Plan, PlannedColumn, PlannedTable
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.journal import ROW, TABLES, rows_table
from migrate_to_pg.rules import sql_functions
from migrate_to_pg.rules.base import Value
from migrate_to_pg.rules.samples import can_be_edited, key_value, rowid_column
from migrate_to_pg.sqlite.connection import NUMBER, numbered_rows, row_number, rowid_name, snapshot_uri
from migrate_to_pg.sqlite.missing_functions import register_project_functions, register_substitutes
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names, text

#: The staged edits: row and new value, or row and reason.
EDITS = Sql("scratch.edits")
#: Neither file survives a crash, so that neither durability nor a rollback is needed.
_UNSAFE = ("PRAGMA {0}.journal_mode = OFF", "PRAGMA {0}.synchronous = OFF")


class RepairCopy:
    """A copy of the snapshot, open for editing. Use it as a context manager."""

    def __init__(self, snapshot: Path, path: Path, journal: Path, *, time_zone: str) -> None:
        self.path = path
        self.journal = journal
        _private_file(path)
        shutil.copyfile(snapshot, path)
        _private_file(journal)
        self.database = sqlite3.connect(f"{path.as_uri()}", uri=True, isolation_level=None)
        with contextlib.ExitStack() as stack:
            stack.callback(self.database.close)
            self._prepare(snapshot, time_zone)
            stack.pop_all()
        self._stripped: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.database.close()

    def _prepare(self, snapshot: Path, time_zone: str) -> None:
        database = self.database
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        register_project_functions(database)
        sql_functions.register(database, time_zone)
        database.create_function("key_text", 2, _key_text, deterministic=True)
        database.execute("ATTACH ? AS journal", [self.journal.as_uri()])
        database.execute("ATTACH ? AS snapshot", [snapshot_uri(snapshot)])
        for schema in ("main", "snapshot"):
            register_substitutes(database, schema)
        # Not temp: its tables would hide those of the same name that rules query.
        database.execute("ATTACH '' AS scratch")
        for pragma in ("PRAGMA foreign_keys = OFF", "PRAGMA legacy_alter_table = ON", "PRAGMA temp_store = FILE"):
            database.execute(pragma)
        for schema in ("main", "journal", "scratch"):
            for pragma in _UNSAFE:
                database.execute(pragma.format(schema))
        database.executescript(TABLES)
        database.execute(compose("CREATE TABLE {edits} (row INTEGER PRIMARY KEY, new)", edits=EDITS))

    def strip_table(self, table: PlannedTable) -> None:
        """Remove types, constraints, indexes and triggers from the table, once."""
        if table.name in self._stripped:
            return
        self._stripped.add(table.name)
        alias = rowid_column(self.database, table.source, "snapshot")
        definitions = [
            compose("{c} INTEGER PRIMARY KEY" if alias and column == alias.name else "{c}", c=name(column))
            for column in stored_columns(table)
        ]
        if rowid_name(table.source) is None:
            definitions.insert(0, compose("{number} INTEGER PRIMARY KEY", number=name(NUMBER)))
        rowid = Sql(row_number(table.source))
        parts = {
            "bare": name(f"{table.source.name} migrate_to_pg bare"),
            "table": name(table.source.name),
            "numbered": Sql(numbered_rows(table.source)),
            # The rowid precedes the columns where none of them is its alias.
            "rows": names(stored_columns(table)) if alias else join(", ", [rowid, names(stored_columns(table))]),
            "definitions": join(", ", definitions),
        }
        with self._transaction():
            for statement in (
                "CREATE TABLE {bare} ({definitions})",
                "INSERT INTO {bare} ({rows}) SELECT {rows} FROM {numbered}",
                "DROP TABLE main.{table}",
                "ALTER TABLE {bare} RENAME TO {table}",
            ):
                self.database.execute(compose(statement, **parts))

    def number_rows(self, plan: Plan) -> Plan:
        """Return the plan for this copy: rows without a rowid are numbered by their position in the snapshot."""
        tables = list(plan.tables)
        for position, table in enumerate(tables):
            if rowid_name(table.source) is None and can_be_edited(table):
                self.strip_table(table)
                tables[position] = replace(table, source=replace(table.source, numbered=True))
        return replace(plan, tables=tuple(tables))

    def stage_edits(self, edits: Iterable[tuple[int, Value]]) -> None:
        """Stage edits: each row's rowid, and its new value."""
        with self._transaction():
            self.database.execute(compose("DELETE FROM {edits}", edits=EDITS))
            self.database.executemany(compose("INSERT INTO {edits} VALUES (?, ?)", edits=EDITS), edits)

    def stage_query(self, query: Sql) -> None:
        """Stage the edits that a query gives."""
        with self._transaction():
            self.database.execute(compose("DELETE FROM {edits}", edits=EDITS))
            self.database.execute(compose("INSERT OR IGNORE INTO {edits} {query}", edits=EDITS, query=query))

    def apply_edits(self, rule: str, table: PlannedTable, column: PlannedColumn, *, follows: bool = False) -> int:
        """Apply the staged edits to a column, write them into the journal, and return the number of changed cells.

        ``follows`` says that the cells are keys which refer to rows that were removed before.
        """
        self.strip_table(table)
        parts = {
            "table": name(table.source.name),
            "column": name(column.source.name),
            "rowid": Sql(row_number(table.source)),
            "key": _key(table),
            "edits": EDITS,
        }
        with self._transaction():
            changed = self.database.execute(
                compose(
                    "INSERT INTO journal.changed SELECT ?, ?, ?, e.row, {key}, t.{column}, e.new, ?"
                    " FROM {edits} AS e CROSS JOIN main.{table} AS t ON t.{rowid} = e.row"
                    " WHERE t.{column} IS NOT e.new OR typeof(t.{column}) <> typeof(e.new)",
                    **parts,
                ),
                [rule, table.name, column.name, follows],
            ).rowcount
            update = "UPDATE main.{table} AS t SET {column} = e.new FROM {edits} AS e WHERE t.{rowid} = e.row"
            self.database.execute(compose(update, **parts))
        return changed

    def remove_rows(
        self, rule: str, table: PlannedTable, outcome: RowOutcome, rows: Sql, *, follows: bool = False
    ) -> int:
        """Remove rows and keep them complete, as in the snapshot. Return their number.

        Args:
            rule: The rule's id.
            table: The table.
            outcome: Whether they are quarantined or merged.
            rows: A query for ``row``, the rowid, ``reason``, and ``kept``, the rowid of the replacing row, or NULL.
            follows: Whether they are removed because of rows that were removed before.
        """
        self.strip_table(table)
        self._make_rows_table(table)
        parts = {
            "table": name(table.source.name),
            "rowid": Sql(row_number(table.source)),
            "snapshot": Sql(numbered_rows(table.source, "snapshot")),
            "kept": name(rows_table(table.name)),
            "columns": names(stored_columns(table)),
            "key": _key(table),
            "rows": rows,
        }
        with self._transaction():
            last = self._last_quarantined()
            self.database.execute(
                compose(
                    "INSERT INTO journal.aside SELECT ?, ?, r.row, {key}, r.reason, ?, r.kept, ?"
                    " FROM ({rows}) AS r CROSS JOIN main.{table} AS t ON t.{rowid} = r.row",
                    **parts,
                ),
                [rule, table.name, str(outcome), follows],
            )
            self._delete_rows(parts, table, last)
            if outcome is RowOutcome.QUARANTINED:
                self._quarantine_merged(table, last)
        return self._last_quarantined() - last

    def count_quarantined(self) -> int:
        """Count the rows in quarantine so far."""
        query = "SELECT count(*) FROM journal.aside WHERE fate = ?"
        return int(self.database.execute(query, [str(RowOutcome.QUARANTINED)]).fetchone()[0])

    def _last_quarantined(self) -> int:
        return int(self.database.execute("SELECT ifnull(max(rowid), 0) FROM journal.aside").fetchone()[0])

    def _delete_rows(self, parts: dict[str, Sql], table: PlannedTable, last: int) -> None:
        """Delete the rows just written to ``aside``, and the journal's earlier changes of them."""
        new = Sql("SELECT row FROM journal.aside WHERE rowid > ?")
        for statement, arguments in (
            (
                "INSERT INTO journal.{kept} SELECT {rowid}, {columns} FROM {snapshot} WHERE {rowid} IN ({new})",
                [last],
            ),
            ("DELETE FROM main.{table} WHERE {rowid} IN ({new})", [last]),
            ('DELETE FROM journal.changed WHERE "table" = ? AND row IN ({new})', [table.name, last]),
        ):
            self.database.execute(compose(statement, new=new, **parts), arguments)

    def _quarantine_merged(self, table: PlannedTable, last: int) -> None:
        """Quarantine also what was merged into the quarantined rows: no row replaces it any more."""
        self.database.execute(
            "WITH RECURSIVE lost (row) AS (SELECT row FROM journal.aside WHERE rowid > ?1"
            ' UNION SELECT a.row FROM journal.aside AS a JOIN lost ON a.kept = lost.row WHERE a."table" = ?2)'
            " UPDATE journal.aside SET fate = ?3, reason = replace(?5, '{reason}', reason)"
            ' WHERE "table" = ?2 AND fate = ?4 AND row IN (SELECT row FROM lost)',
            [
                *(last, table.name, str(RowOutcome.QUARANTINED), str(RowOutcome.MERGED)),
                _("{reason}, which is in quarantine", reason="{reason}"),
            ],
        )

    def _make_rows_table(self, table: PlannedTable) -> None:
        self.database.execute(
            compose(
                "CREATE TABLE IF NOT EXISTS journal.{kept} ({row} INTEGER PRIMARY KEY, {columns})",
                kept=name(rows_table(table.name)),
                row=name(ROW),
                columns=names(stored_columns(table)),
            )
        )

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """Write to the disk once rather than after each statement. Readers of the file see the result afterwards."""
        self.database.execute("BEGIN")
        yield
        self.database.execute("COMMIT")


def stored_columns(table: PlannedTable) -> list[str]:
    """Return SQLite's names of the columns with data of their own, without those that PostgreSQL computes."""
    computed = {c.source.name for c in table.columns if c.source.generated and c.target.generated}
    return [column.name for column in table.source.columns if column.name not in computed]


def _key(table: PlannedTable) -> Sql:
    """Return SQL for the primary key of row ``t``, or its rowid, as JSON."""
    columns = [column.source.name for column in table.key]
    if not columns:
        return compose("json_object('rowid', CAST(t.{rowid} AS TEXT))", rowid=Sql(row_number(table.source)))
    pairs = (
        compose("{label}, key_text(CAST({c} AS BLOB), typeof({c}))", label=text(c), c=compose("t.{c}", c=name(c)))
        for c in columns
    )
    return compose("json_object({pairs})", pairs=join(", ", pairs))


def _key_text(value: bytes | None, storage: str) -> str:
    """Return a readable key. Text comes as its bytes, since it may not be UTF-8."""
    if value is None or storage == "blob":
        return key_value(value)
    return key_value(value.decode("utf-8", "surrogateescape")) if storage == "text" else value.decode()


def _private_file(path: Path) -> None:
    path.unlink(missing_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
