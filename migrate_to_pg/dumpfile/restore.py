"""The shape of a database and its rows in, an SQLite file with the very same content out.

Rows go into bare tables: no declared type turns a value into another, no constraint refuses a row that was there, no
trigger fires, no expression is computed. Then the lines of the schema are written as they were (PRAGMA
writable_schema), and SQLite fills the indexes. So whatever the schema had wrong, it has again.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import adbc_driver_manager
import adbc_driver_sqlite.dbapi as adbc
import pyarrow as pa

from migrate_to_pg.dumpfile.manifest import Database, KeyPart, SchemaLine, StoredTable
from migrate_to_pg.dumpfile.tables import fields, shape
from migrate_to_pg.errors import ArchiveError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.sqlite.connection import quote_name
from migrate_to_pg.sqlite.missing_functions import stand_in

Opened = Callable[[Path], AbstractContextManager[sqlite3.Connection]]


def require_rebuildable(database: sqlite3.Connection, facts: Database, trial: Path, opened: Opened) -> None:
    """ArchiveError where a database of that shape cannot be made, found out on one without rows at ``trial``.

    ``opened`` gives a connection to a file with the functions that the project's indexes may call.
    """
    tables = [shape(database, line.name) for line in facts.schema if line.stored and line.type == "table"]
    try:
        _make_bare(trial, facts, tables)
        _dress(trial, facts, opened)
    except sqlite3.Error as error:
        raise ArchiveError(
            _("From a dump this database could not be made again: {error}.", error=error),
            remedy=_("Correct or drop what SQLite names, or move this database without a dump."),
        ) from error
    finally:
        trial.unlink(missing_ok=True)


def rebuild(
    destination: Path,
    facts: Database,
    tables: Sequence[StoredTable],
    rows: Callable[[int], Iterator[pa.RecordBatch]],
    opened: Opened,
) -> None:
    """Make the file, which only its owner can read, and wait for the disk.

    ``rows`` gives those of a table by its number. Raises ArchiveError where SQLite refuses it.
    """
    try:
        _make_bare(destination, facts, tables)
        _fill(destination, tables, rows)
        _dress(destination, facts, opened)
    except (sqlite3.Error, adbc_driver_manager.Error) as error:
        raise ArchiveError(
            _("In {directory} the database cannot be made again: {error}.", directory=destination.parent, error=error),
            remedy=_(
                "Make room there, or name a directory on a larger disk: --report DIR; where SQLite itself refuses it,"
                " use the version that wrote the dump."
            ),
        ) from error
    with destination.open("rb") as file:
        os.fsync(file.fileno())


def _careless(database: sqlite3.Connection) -> None:
    """Half a database is worth nothing: no file for its journal, and one wait for the disk, at the end."""
    for pragma in ("journal_mode = MEMORY", "synchronous = OFF", "foreign_keys = OFF"):
        database.execute(f"PRAGMA {pragma}")


@contextmanager
def _plainly(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        _careless(database)
        yield database


def _make_bare(path: Path, facts: Database, tables: Sequence[StoredTable]) -> None:
    """A new private file with a bare table t0, t1 ... for each, and an empty index i0, i1 ... for each index."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    with _plainly(path) as database:
        database.execute(f"PRAGMA page_size = {facts.page_size}")
        database.execute(f"PRAGMA encoding = {quote_name(facts.encoding)}")
        _make_tables(database, facts, tables)


def _make_tables(database: sqlite3.Connection, facts: Database, tables: Sequence[StoredTable]) -> None:
    database.execute("BEGIN")
    for number, table in enumerate(tables):
        database.execute(_bare(number, table))
    spare = quote_name(_spare(facts))
    database.execute(f"CREATE TABLE {spare} (c)")
    for number, _line in enumerate(_indexes(facts)):
        database.execute(f"CREATE INDEX i{number} ON {spare} (c)")
    database.execute("COMMIT")


def _bare(number: int, table: StoredTable) -> str:
    columns = ", ".join(f"c{place}" for place, _ in enumerate(table.columns))
    if not table.key:
        return f"CREATE TABLE t{number} ({columns})"
    return f"CREATE TABLE t{number} ({columns}, PRIMARY KEY ({_parts(table.key)})) WITHOUT ROWID"


def _parts(key: Iterable[KeyPart]) -> str:
    return ", ".join(
        f"c{part.column} COLLATE {quote_name(part.collation)}{' DESC' if part.descending else ''}" for part in key
    )


def _spare(facts: Database) -> str:
    """The name of a table that lends its indexes until they have their own."""
    taken = {line.name.lower() for line in facts.schema}
    return next(name for name in (f"migrate_to_pg_{n}" for n in range(len(taken) + 1)) if name not in taken)


def _indexes(facts: Database) -> list[SchemaLine]:
    return [line for line in facts.schema if line.type == "index" and line.stored]


def _fill(path: Path, tables: Sequence[StoredTable], rows: Callable[[int], Iterator[pa.RecordBatch]]) -> None:
    uri = f"file:{quote(os.fsencode(path))}?mode=rw"
    with adbc.connect(uri, autocommit=True) as connection, connection.cursor() as cursor:
        # One transaction: the driver would end one after each row.
        for statement in ("PRAGMA journal_mode = OFF", "PRAGMA synchronous = OFF", "BEGIN"):
            cursor.execute(statement)
            cursor.fetchall()
        for number, table in enumerate(tables):
            statement = _insert(number, table)
            for batch in rows(number):
                cursor.executemany(statement, batch)
        cursor.execute("COMMIT")


def _insert(number: int, table: StoredTable) -> str:
    """With a parameter for each Arrow column."""
    given: dict[str, list[str]] = {} if table.key else {"rowid": ["?"]}
    for place, kind in fields(table):
        given.setdefault(f"c{place}", []).append("CAST(? AS TEXT)" if kind == "text" else "?")
    values = (parts[0] if len(parts) == 1 else f"coalesce({', '.join(parts)})" for parts in given.values())
    return f"INSERT INTO t{number} ({', '.join(given)}) VALUES ({', '.join(values)})"  # noqa: S608 - numbers


def _dress(path: Path, facts: Database, opened: Opened) -> None:
    """Give the bare tables and indexes their names and definitions, then fill the indexes."""
    with _plainly(path) as database:
        _write_schema(database, facts)
        database.execute(f"PRAGMA user_version = {facts.user_version}")
        database.execute(f"PRAGMA application_id = {facts.application_id}")
    with opened(path) as database:
        _careless(database)
        # An index by a collation that nobody has is in some order: nobody can use it, here as there.
        stand_in(database)
        for line in _indexes(facts):
            _fill_index(database, line)


def _write_schema(database: sqlite3.Connection, facts: Database) -> None:
    roots = dict(database.execute("SELECT name, rootpage FROM sqlite_master"))
    spare = _spare(facts)
    pages = {"table": iter(range(len(roots))), "index": iter(range(len(roots)))}
    database.execute("PRAGMA writable_schema = ON")
    database.execute("BEGIN")
    database.execute("DELETE FROM sqlite_master WHERE name <> ?", [spare])
    for line in facts.schema:
        root = roots[f"{line.type[0]}{next(pages[line.type])}"] if line.stored else 0
        database.execute(
            "INSERT INTO sqlite_master (type, name, tbl_name, rootpage, sql) VALUES (?, ?, ?, ?, ?)",
            [line.type, line.name, line.tbl_name, root, line.sql],
        )
    database.execute("COMMIT")
    _reset(database)
    # What it lent belongs to others now.
    database.execute(f"DROP TABLE {quote_name(spare)}")


def _reset(database: sqlite3.Connection) -> None:
    """Read the schema anew."""
    database.execute("PRAGMA writable_schema = RESET")


def _fill_index(database: sqlite3.Connection, line: SchemaLine) -> None:
    try:
        database.execute(f"REINDEX main.{quote_name(line.name)}")
    except sqlite3.IntegrityError:
        # Rows that it should never have let in: they are there, and a finding.
        if line.sql is None:
            _fill_constraint(database, line)
        else:
            _write(database, "UPDATE sqlite_master SET sql = ? WHERE type = 'index' AND name = ?", _plain(line))
            database.execute(f"REINDEX main.{quote_name(line.name)}")
            _write(
                database, "UPDATE sqlite_master SET sql = ? WHERE type = 'index' AND name = ?", (line.sql, line.name)
            )


def _plain(line: SchemaLine) -> tuple[str, str]:
    """The same index without its being unique; SQLite has written the first words of it itself."""
    return str(line.sql).replace("CREATE UNIQUE INDEX", "CREATE INDEX", 1), line.name


def _fill_constraint(database: sqlite3.Connection, line: SchemaLine) -> None:
    """A second index on the same columns, unique in nothing, whose pages take the place of the empty one's."""
    query = 'SELECT name, coll, "desc" FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno'
    parts = ", ".join(
        f"{quote_name(name)} COLLATE {quote_name(collation)}{' DESC' if descending else ''}"
        for name, collation, descending in database.execute(query, [line.name]).fetchall()
    )
    second = "migrate_to_pg " + line.name
    database.execute(f"CREATE INDEX main.{quote_name(second)} ON {quote_name(line.tbl_name)} ({parts})")
    names: list[Any] = [second, line.name]
    _write(
        database,
        "UPDATE sqlite_master SET rootpage = (SELECT sum(rootpage) FROM sqlite_master WHERE type = 'index' AND name IN"
        " (?, ?)) - rootpage WHERE type = 'index' AND name IN (?, ?)",
        names + names,
    )
    database.execute(f"DROP INDEX main.{quote_name(second)}")


def _write(database: sqlite3.Connection, statement: str, values: Sequence[Any]) -> None:
    database.execute("PRAGMA writable_schema = ON")
    database.execute(statement, values)
    _reset(database)
