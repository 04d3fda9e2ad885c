"""Put the repairs of a publication into a copy of its snapshot, so that both sides hold the same rows."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.connection import snapshot_uri
from migrate_to_pg.sqlite.sql import compose, name
from migrate_to_pg.system.workdir import recorded_journal

_ROW_NUMBERS = ("rowid", "_rowid_", "oid")
#: What would refuse a repair, or add to it.
_PREPARE = ("PRAGMA foreign_keys = OFF", "PRAGMA ignore_check_constraints = ON", "PRAGMA journal_mode = MEMORY")
_DELETE = 'DELETE FROM main.{table} WHERE main.{table}.{row} IN (SELECT row FROM journal.aside WHERE "table" = ?)'
_UPDATE = """\
UPDATE main.{table} SET {column} = e.new
FROM (SELECT row, new, max(rowid) FROM journal.changed WHERE "table" = ? AND "column" = ? GROUP BY row) AS e
WHERE main.{table}.{row} = e.row"""


@contextmanager
def as_published(snapshot: Path, notes: list[str]) -> Iterator[Path]:
    """Give the snapshot, or a copy of it with the repairs that were made before it was loaded.

    A note names the tables whose repairs cannot be made again.
    """
    journal = recorded_journal(snapshot)
    if journal is None:
        yield snapshot
        return
    with tempfile.TemporaryDirectory(prefix="repaired-", dir=snapshot.parent) as folder:
        path = Path(folder) / snapshot.name
        shutil.copyfile(snapshot, path)
        with closing(sqlite3.connect(path.as_uri(), uri=True, isolation_level=None)) as database:
            left = _repair(database, journal)
        if left:
            notes.append(
                _(
                    "The repairs of these tables are not in what SQLite was asked: {tables}. What differs of them may"
                    " be a repair.",
                    tables=", ".join(left),
                )
            )
        yield path


def _repair(database: sqlite3.Connection, journal: Path) -> list[str]:
    """Make the edits of the journal, and return the tables where that fails."""
    database.execute("ATTACH ? AS journal", [snapshot_uri(journal)])
    for statement in _PREPARE:
        database.execute(statement)
    triggers = database.execute("SELECT name, sql FROM main.sqlite_master WHERE type = 'trigger'").fetchall()
    for trigger, _sql in triggers:
        database.execute(compose("DROP TRIGGER main.{name}", name=name(trigger)))
    tables = database.execute('SELECT "table" FROM journal.changed UNION SELECT "table" FROM journal.aside').fetchall()
    left = [table for (table,) in tables if not _is_repaired(database, table)]
    for _trigger, sql in triggers:
        database.execute(sql)
    return left


def _is_repaired(database: sqlite3.Connection, table: str) -> bool:
    columns = [row[1] for row in database.execute(compose("PRAGMA main.table_info({table})", table=name(table)))]
    row = next((one for one in _ROW_NUMBERS if one not in map(str.lower, columns)), "")
    changed = database.execute('SELECT DISTINCT "column" FROM journal.changed WHERE "table" = ?', [table]).fetchall()
    try:
        database.execute("BEGIN")
        database.execute(compose(_DELETE, table=name(table), row=name(row)), [table])
        for (column,) in changed:
            update = compose(_UPDATE, table=name(table), row=name(row), column=name(column))
            database.execute(update, [table, column])
        database.execute("COMMIT")
    except sqlite3.Error:
        # Without a rowid, under another name than PostgreSQL's, or not unique between two of the edits.
        database.execute("ROLLBACK")
        return False
    return True
