"""Read the catalogue of a snapshot: tables, columns, keys, views, triggers, and what SQLite lacks for them."""

from __future__ import annotations

import contextlib
import sqlite3
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import adbc_driver_manager
import adbc_driver_sqlite.dbapi

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import (
    Lacking,
    MadeTable,
    SourceCatalog,
    SourceColumn,
    SourceForeignKey,
    SourceIndex,
    SourceTable,
)
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name, snapshot_uri
from migrate_to_pg.sqlite.missing_functions import (
    columns_without_collation,
    indexes_with_collation,
    is_missing_feature,
    missing_collations,
    register_project_functions,
    register_substitutes,
)


def read_source(snapshot: Path, *, original: Path | None = None) -> SourceCatalog:
    """Read tables with columns, foreign keys and row counts, views, triggers and migrations of a snapshot.

    ``original`` is the database that was copied, for messages. Raise SourceError where SQLite cannot read its own
    schema, or count the rows of a table.
    """
    largest = largest_rows(snapshot)
    try:
        with contextlib.closing(open_snapshot(snapshot)) as connection:
            # Names that are not UTF-8 can be shown but not queried.
            connection.text_factory = lambda raw: raw.decode("utf-8", "backslashreplace")
            register_project_functions(connection)
            return _CatalogReader(connection, largest).catalog()
    except sqlite3.Error as error:
        raise SourceError(
            _("SQLite cannot read all of {original}: {error}.", original=original or snapshot, error=error),
            remedy=_("Run PRAGMA integrity_check on the database; restore a backup where it is damaged."),
        ) from error


class _CatalogReader:
    """Read one database: first what SQLite lacks for it, then the tables, with substitutes for that."""

    def __init__(self, connection: sqlite3.Connection, largest: Mapping[str, int]) -> None:
        self.connection = connection
        self.largest = largest
        self.objects: dict[str, dict[str, str]] = defaultdict(dict)
        #: (type, name) of objects whose name is not UTF-8.
        self.nameless: set[tuple[str, str]] = set()
        for kind, raw, text in _undecoded(connection, "SELECT type, name, sql FROM sqlite_master"):
            name = raw.decode("utf-8", "backslashreplace")
            self.objects[kind.decode()][name] = (text or b"").decode("utf-8", "backslashreplace")
            if not _is_utf8(raw):
                self.nameless.add((kind.decode(), name))
        #: AUTOINCREMENT table -> the highest id that it ever gave, deleted rows included.
        self.last_ids: dict[str, int] = {}
        if "sqlite_sequence" in self.objects["table"]:
            # Any program may write there. SQLite itself takes whatever it finds for an integer.
            query = (
                "SELECT name, max(CAST(seq AS INTEGER)) AS last FROM sqlite_sequence GROUP BY 1 HAVING last IS NOT NULL"
            )
            self.last_ids.update(connection.execute(query).fetchall())
        #: Table -> reason why nothing of it can be read.
        self.unreadable = {name: why for name in self.objects["table"] if (why := self._unreadable(name))}

    def catalog(self) -> SourceCatalog:
        facts = {row[1]: row for row in self.connection.execute("PRAGMA table_list") if row[0] == "main"}
        names = [name for name in self.objects["table"] if not name.startswith("sqlite_")]
        unread_views = {}
        for view in self.objects["view"]:
            if ("view", view) not in self.nameless:
                try:
                    self.connection.execute(f"SELECT * FROM {quote_name(view)} LIMIT 0")  # noqa: S608 - quoted
                except sqlite3.OperationalError as error:
                    if is_missing_feature(error):
                        unread_views[view] = str(error)
        # Before the substitutes exist: a value that one of them computes is not in the file.
        columns = {name: self._columns(name) for name in names if name not in self.unreadable}
        lacking = [
            *(Lacking(kind="name", name=k, table=n) for k, n in sorted(self.nameless) if k in ("table", "view")),
            *self._lacking(columns),
        ]
        lacking += [
            Lacking(kind="collation", name=collation, table=table, what=index)
            for collation in missing_collations(self.connection)
            for table, index in indexes_with_collation(self.connection, [collation])
            if not any(found.table == table and found.name == collation for found in lacking)
        ]
        register_substitutes(self.connection)
        query = "SELECT app, name FROM django_migrations ORDER BY id"
        # Bytes that are not UTF-8 name no migration, and are a finding later.
        applied = self.connection.execute(query) if "django_migrations" in names else ()
        return SourceCatalog(
            tables=tuple(self._table(name, columns.get(name), facts.get(name)) for name in names),
            views={name: text for name, text in self.objects["view"].items() if ("view", name) not in self.nameless},
            triggers={n: text for n, text in self.objects["trigger"].items() if ("trigger", n) not in self.nameless},
            applied_migrations=tuple(applied),
            lacking=tuple(lacking),
            unread_views=unread_views,
        )

    def _unreadable(self, name: str) -> str:
        """Return why nothing of a table can be read, or ''."""
        if ("table", name) in self.nameless:
            return _("its name is not UTF-8, and SQLite takes no statement that holds it")
        if not _is_virtual(self.objects["table"][name]):
            return ""
        try:
            self.connection.execute(f"SELECT count(*) FROM {quote_name(name)}").fetchone()  # noqa: S608 - quoted
        except sqlite3.DatabaseError as error:
            # A module's complaint about its own tables is not about the file.
            return str(error)
        return ""

    def _columns(self, table: str) -> tuple[SourceColumn, ...]:
        query = 'SELECT name, type, "notnull", pk, hidden FROM pragma_table_xinfo(?)'
        return tuple(
            SourceColumn(
                name=raw.decode("utf-8", "backslashreplace"),
                declared_type=(kind or b"").decode("utf-8", "backslashreplace"),
                not_null=bool(not_null),
                key_position=position,
                generated=hidden in (2, 3),
                unreadable=self._unreadable_column(table, raw, is_computed=hidden == 2),
            )
            for raw, kind, not_null, position, hidden in _undecoded(self.connection, query, table)
            # A virtual table's own, as rank of FTS5: it holds no data.
            if hidden != 1
        )

    def _unreadable_column(self, table: str, raw: bytes, *, is_computed: bool) -> str:
        if not _is_utf8(raw):
            return _("its name is not UTF-8, and SQLite takes no statement that holds it")
        if is_computed:
            query = f"SELECT {quote_name(raw.decode())} FROM {quote_name(table)} NOT INDEXED LIMIT 0"  # noqa: S608 - quoted
            try:
                self.connection.execute(query)
            except sqlite3.OperationalError as error:
                if is_missing_feature(error):
                    return str(error)
        return ""

    def _lacking(self, columns: Mapping[str, tuple[SourceColumn, ...]]) -> Iterator[Lacking]:
        """Yield what is missing for each table: a module, a function, a collation."""
        for name, sql in self.objects["table"].items():
            if name not in columns and not name.startswith("sqlite_") and ("table", name) not in self.nameless:
                yield Lacking(kind="module", name=self.unreadable[name], table=name)
            for column in columns.get(name, ()):
                if column.unreadable:
                    yield Lacking(kind="function", name=column.unreadable, table=name, what=column.name)
            if "COLLATE" in sql.upper():
                readable = [column.name for column in columns.get(name, ()) if not column.unreadable]
                yield from columns_without_collation(self.connection, name, readable)
        for index, sql in self.objects["index"].items():
            yield from self._lacking_in_index(index, sql)

    def _lacking_in_index(self, index: str, sql: str) -> Iterator[Lacking]:
        """Yield a function that SQLite lacks for an index's expressions or condition."""
        query = "SELECT tbl_name FROM sqlite_master WHERE type = 'index' AND name = ?"
        if "(" not in sql.partition("(")[2] and "WHERE" not in sql.upper():
            return
        for (table,) in self.connection.execute(query, [index]).fetchall():
            try:
                # EXPLAIN compiles every expression of the table's indexes and runs nothing.
                self.connection.execute(f"EXPLAIN REINDEX {quote_name(index)}")
            except sqlite3.OperationalError as error:
                if str(error).startswith(("no such function", "unknown function")):
                    yield Lacking(kind="function", name=str(error), table=table, what=index)
            except (sqlite3.DatabaseError, UnicodeEncodeError):
                continue

    def _table(self, name: str, columns: tuple[SourceColumn, ...] | None, facts: Any) -> SourceTable:
        connection, text = self.connection, self.objects["table"][name]
        # PRAGMA table_list: schema, name, type, ncol, wr, strict.
        kind = "virtual" if _is_virtual(text) else str(facts[2]) if facts else "table"
        if columns is None:
            return SourceTable(
                name=name, sql=text, columns=(), foreign_keys=(), rows=0, kind=kind, unreadable=self.unreadable[name]
            )
        # SQLite would count in the smallest index, which may be damaged while the table is intact.
        query = f"SELECT count(*) FROM {quote_name(name)} NOT INDEXED"  # noqa: S608 - the identifier is quoted
        return SourceTable(
            name=name,
            sql=text,
            columns=columns,
            foreign_keys=_source_foreign_keys(connection, name),
            rows=int(connection.execute(query).fetchone()[0]),
            kind=kind,
            without_rowid=bool(facts and facts[4]),
            largest_row=self.largest.get(name),
            last_id=self.last_ids.get(name),
            # A table without a readable column has nothing to move.
            unreadable=columns[0].unreadable if columns and all(column.unreadable for column in columns) else "",
        )


def _is_virtual(sql: str) -> bool:
    return sql.upper().startswith("CREATE VIRTUAL")


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _undecoded(connection: sqlite3.Connection, query: str, *values: str) -> list[tuple[Any, ...]]:
    """Return the rows of a query, with each text as its UTF-8 bytes."""
    decoded, connection.text_factory = connection.text_factory, bytes
    try:
        return connection.execute(query, values).fetchall()
    finally:
        connection.text_factory = decoded


_INDEXES = (
    'SELECT l.name, l."unique", l.partial, m.sql FROM pragma_index_list(?) l'
    " LEFT JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name"
)


def read_made(connection: sqlite3.Connection) -> dict[str, MadeTable]:
    """Read the tables of an empty database that the migrations made on SQLite, by name in lower case."""
    made = {}
    for table in _CatalogReader(connection, {}).catalog().tables:
        indexes = []
        for index, unique, partial, sql in connection.execute(_INDEXES, [table.name]).fetchall():
            parts = connection.execute("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno", [index])
            columns = tuple(name or "" for (name,) in parts)
            indexes.append(
                SourceIndex(columns=columns, unique=bool(unique), partial=bool(partial), name=index, sql=sql or "")
            )
        made[table.name.lower()] = MadeTable(table=table, indexes=tuple(indexes))
    return made


def _source_foreign_keys(connection: sqlite3.Connection, name: str) -> tuple[SourceForeignKey, ...]:
    parts: dict[int, list[tuple[str, str, str | None]]] = defaultdict(list)
    query = 'SELECT id, "table", "from", "to" FROM pragma_foreign_key_list(?) ORDER BY id, seq'
    for key, parent, column, parent_column in connection.execute(query, [name]):
        parts[key].append((parent, column, parent_column))
    return tuple(
        SourceForeignKey(
            parent=part[0][0],
            columns=tuple(column for _, column, _ in part),
            parent_columns=tuple(parent_column for _, _, parent_column in part if parent_column is not None),
        )
        for _, part in sorted(parts.items())
    )


#: From so many tables on all pages are read once. SQLite searches all definitions for the name of one table or index.
_MANY_TABLES = 200

_ALL_PAGES = """
    WITH stats AS MATERIALIZED (
        SELECT name, mx_payload, ncell, TRUE AS aggregate FROM dbstat WHERE aggregate = TRUE
    )
"""
_LARGEST_ROWS = """
    SELECT s.name, s.mx_payload FROM sqlite_master AS t CROSS JOIN {stats} AS s
    WHERE t.type = 'table' AND s.name = t.name AND s.aggregate = TRUE
"""
# The key of a table WITHOUT ROWID is the table, and has no pages of its own.
_INDEX_ENTRIES = """
    SELECT t.name, i.name, s.ncell
    FROM sqlite_master AS t CROSS JOIN pragma_index_list(t.name) AS i CROSS JOIN {stats} AS s
    WHERE t.type = 'table' AND t.sql NOT LIKE 'CREATE VIRTUAL%' AND NOT i.partial
      AND s.name = i.name AND s.aggregate = TRUE
"""


def largest_rows(snapshot: Path) -> dict[str, int]:
    """Return table -> bytes of its largest row, in a third of the time that a scan would take.

    Empty where the file is damaged: the damage itself is a finding.
    """
    return dict(_rows(snapshot, _LARGEST_ROWS))


def index_entries(snapshot: Path) -> dict[str, dict[str, int]]:
    """Return table -> index -> number of entries, without partial indexes. Empty where the file is damaged.

    An intact index has as many entries as its table has rows.
    """
    found: dict[str, dict[str, int]] = {}
    for table, index, entries in _rows(snapshot, _INDEX_ENTRIES):
        found.setdefault(table, {})[index] = entries
    return found


def _rows(snapshot: Path, query: str) -> Iterator[tuple[Any, ...]]:
    """Yield rows by the ADBC driver's own SQLite, since Python's need not have the dbstat table."""
    with (
        contextlib.suppress(adbc_driver_manager.Error, UnicodeDecodeError),
        adbc_driver_sqlite.dbapi.connect(snapshot_uri(snapshot)) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("SELECT count(*) > ? FROM sqlite_master WHERE type = 'table'", [_MANY_TABLES])
        ((has_many_tables,),) = cursor.fetchall()
        if has_many_tables:
            query = _ALL_PAGES + query
        cursor.execute(query.format(stats="stats" if has_many_tables else "dbstat"))
        yield from cursor.fetchall()
