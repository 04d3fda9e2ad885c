"""Copy what can be read of a damaged database into a sound one, for sqlite_doctor --rebuild --salvage.

SQLite copies the rows, a range of rowids at a time. A range that it cannot read is divided, until a single row is left
that is lost. A table without a rowid is read from both ends up to the first row that cannot be read, and by the keys
that an index has. An index that can be read tells which rows there were. Indexes are made anew.
"""

from __future__ import annotations

import shutil
import sqlite3
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked_key
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import connect_like_django
from migrate_to_pg.records import Finding
from migrate_to_pg.rules.back.notes import nothing_salvaged, salvaged
from migrate_to_pg.sqlite.compare_contents import StoredTable, stored_tables
from migrate_to_pg.sqlite.connection import live_uri
from migrate_to_pg.sqlite.ddl import read_definition
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names, number

_OLD = "migrate_to_pg_damaged"
_STATEMENTS = (
    f"SELECT type, name, sql FROM {_OLD}.sqlite_master WHERE sql IS NOT NULL"  # noqa: S608 - a constant
    " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY type <> 'table', rowid"
)
#: Ranges of one table that may be unreadable: where no index tells which rows there are, each number is tried.
_MOST_FAILURES = 50_000
#: What a statement with broken bytes in it raises.
_BROKEN = (sqlite3.Error, UnicodeEncodeError)
#: What reading a broken catalogue raises: SQLite's message may repeat its bytes.
_UNREADABLE = (sqlite3.DatabaseError, UnicodeDecodeError)
_FIRST, _LAST = -(2**63), 2**63 - 1
#: Keys shown of lost rows.
_SHOWN = 20
#: Keys of a table without a rowid that an index has, and no row that was read.
_WANTED = Sql("temp.migrate_to_pg_wanted")


def salvage(choice: SourceChoice, folder: Path) -> tuple[Path, tuple[Finding, ...]]:
    """Return a sound database with what could be read, in ``folder``, and a finding for each table that lost rows.

    Raises SourceError where SQLite reads no table at all.
    """
    path = choice.path
    damaged, sound = folder / "damaged.sqlite3", folder / path.name
    for suffix in ("", "-wal", "-journal"):
        with suppress(FileNotFoundError):
            shutil.copyfile(f"{path}{suffix}", f"{damaged}{suffix}")
    try:
        with connect_like_django(choice, sound) as database:
            database.isolation_level = None
            for pragma in ("foreign_keys = OFF", "ignore_check_constraints = ON"):
                database.execute(f"PRAGMA {pragma}")
            database.execute("ATTACH ? AS " + _OLD, [str(damaged)])
            findings = tuple(_copy(database))
    except _UNREADABLE as error:
        raise SourceError(
            _("SQLite cannot read which tables {path} has: {error}.", path=path, error=error),
            remedy=_("Restore a backup: nothing of this file can be read."),
        ) from error
    return sound, findings


def is_damaged(path: Path) -> bool:
    """Return whether SQLite finds a page of the file that it cannot read."""
    try:
        with closing(sqlite3.connect(live_uri(path), uri=True)) as database:
            # Broken bytes may be in the answer, and functions in a CHECK that only the project has.
            database.text_factory = bytes
            database.execute("PRAGMA ignore_check_constraints = ON")
            return bool(database.execute("PRAGMA quick_check(1)").fetchone() != (b"ok",))
    except sqlite3.OperationalError:
        # Such as a lock.
        return False
    except _UNREADABLE:
        return True


def _copy(database: sqlite3.Connection) -> Iterator[Finding]:
    statements = database.execute(_STATEMENTS).fetchall()
    kinds = dict(database.execute("SELECT name, type FROM pragma_table_list WHERE schema = ?", [_OLD]))
    for kind, own_name, sql in statements:
        if kind == "table" and kinds.get(own_name) != "shadow":
            try:
                database.execute(Sql(sql))
            except _BROKEN as error:
                # Such as a virtual table whose module is missing.
                yield nothing_salvaged(own_name, str(error))
    for stored in list(stored_tables(database)):
        lost = _Table(database, stored).copy() if not stored.name.startswith("sqlite_") else None
        if lost and lost.count:
            yield salvaged(stored.name, lost.count, lost.keys, known=lost.known, by_rowid=stored.rowid)
    for kind, __, sql in statements:
        if kind != "table":
            with suppress(*_BROKEN):
                database.execute(Sql(sql))
    with suppress(sqlite3.Error):
        database.execute("DELETE FROM main.sqlite_sequence")
        database.execute(f"INSERT INTO main.sqlite_sequence SELECT name, seq FROM {_OLD}.sqlite_sequence")  # noqa: S608 - a constant


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """The rows of one table that could not be read."""

    count: int = 0
    #: The first of them, as columns and values.
    keys: tuple[Mapping[str, str], ...] = ()
    #: Whether an index tells that they were there. Otherwise some of the numbers may never have been a row's.
    known: bool = True


class _Table:
    """The copy of one table."""

    def __init__(self, database: sqlite3.Connection, stored: StoredTable) -> None:
        self._database = database
        self._stored = stored
        self._old = compose("{old}.{table}", old=name(_OLD), table=name(stored.name))
        self._new = compose("main.{table}", table=name(stored.name))
        alias = read_definition(database, stored.name).rowid_column
        columns = names(stored.columns)
        with_rowid = stored.rowid and not alias
        self._columns = compose("{k}, {c}", k=stored.key[0], c=columns) if with_rowid else columns
        #: Rowids that could not be read, or are no row's.
        self._failures: list[int] = []

    def copy(self) -> _Lost:
        """Copy every row that can be read. Return those that cannot."""
        # A virtual table that was just made has rows about itself.
        self._database.execute(compose("DELETE FROM {new}", new=self._new))
        if not self._stored.rowid:
            return _Lost() if self._inserted(Sql("")) else self._copy_without_rowid()
        ids = self._ids_of_an_index()
        if not self._inserted(Sql("")):
            self._copy_range(ids, *(self._bounds() if ids is None else (_FIRST, _LAST)))
        if ids is None:
            return _Lost(count=len(self._failures), keys=_rowids(sorted(self._failures)), known=False)
        query = compose("SELECT {k} FROM {new}", k=self._stored.key[0], new=self._new)
        read = {row for (row,) in self._database.execute(query)}
        lost = [row for row in ids if row not in read]
        return _Lost(count=len(lost), keys=_rowids(lost))

    def _inserted(self, rest: Sql) -> bool:
        """Copy the rows of the rest of a query. Return False, with none copied, where one of them cannot be read."""
        query = "INSERT INTO {new} ({columns}) SELECT {columns} FROM {old} AS o NOT INDEXED {rest}"
        parts = {"new": self._new, "old": self._old, "columns": self._columns, "rest": rest}
        try:
            self._database.execute(compose(query, **parts))
        except sqlite3.DatabaseError:
            return False
        return True

    def _copy_without_rowid(self) -> _Lost:
        """Copy the rows before the first that cannot be read, those after the last, and those that an index names."""
        key = self._stored.key
        if not key:
            # Its columns have taken all names of the rowid.
            return _Lost(count=1, known=False)
        self._copy_to_unreadable(Sql(""))
        self._copy_to_unreadable(
            compose("ORDER BY {key}", key=join(", ", [compose("o.{k} DESC", k=part) for part in key]))
        )
        if not self._list_keys_of_an_index():
            return _Lost(count=1, known=False)
        for (row,) in self._database.execute(compose("SELECT rowid FROM {wanted}", wanted=_WANTED)).fetchall():
            same = "WHERE ({key}) = (SELECT {key} FROM {wanted} WHERE rowid = {row})"
            self._inserted(compose(same, key=join(", ", key), wanted=_WANTED, row=number(row)))
        lost = compose("FROM {wanted} AS o WHERE {missing}", wanted=_WANTED, missing=self._is_missing())
        (count,) = self._database.execute(compose("SELECT count(*) {lost}", lost=lost)).fetchone()
        # A broken text is no reason to stop.
        shown = join(", ", [compose("CAST(quote({k}) AS BLOB) AS {k}", k=part) for part in key])
        query = compose("SELECT {shown} {lost} LIMIT {most}", shown=shown, lost=lost, most=number(_SHOWN))
        found = self._database.execute(query)
        columns = [column for column, *_ in found.description]
        texts = [[value.decode(errors="backslashreplace") for value in row] for row in found]
        keys = [masked_key(self._stored.name, dict(zip(columns, row, strict=True))) for row in texts]
        return _Lost(count=count, keys=tuple(keys))

    def _copy_to_unreadable(self, order: Sql) -> None:
        """Copy rows in this order, more and more at a time, until only fewer can be read, and then none."""
        count, is_growing = 1, True
        while count:
            rest = compose("WHERE {missing} {order}", missing=self._is_missing(), order=order)
            if not self._inserted(compose("{rest} LIMIT {count}", rest=rest, count=number(count))):
                is_growing = False
            elif self._database.execute("SELECT changes()").fetchone() == (0,):
                return
            elif is_growing:
                count *= 2
                continue
            count //= 2

    def _is_missing(self) -> Sql:
        """Return the condition of a row, o, that was not copied yet."""
        same = join(" AND ", [compose("n.{k} = o.{k}", k=part) for part in self._stored.key])
        return compose("NOT EXISTS (SELECT 1 FROM {new} AS n WHERE {same})", new=self._new, same=same)

    def _list_keys_of_an_index(self) -> bool:
        """List the keys of an index that belong to no row that was read. Return False where no index can be read."""
        listed = "SELECT name FROM pragma_index_list(?, ?) WHERE NOT partial AND origin <> 'pk'"
        for (index,) in self._database.execute(listed, [self._stored.name, _OLD]).fetchall():
            self._database.execute(compose("DROP TABLE IF EXISTS {wanted}", wanted=_WANTED))
            query = compose(
                "CREATE TEMP TABLE {wanted} AS SELECT {key} FROM {old} AS o INDEXED BY {index} WHERE {missing}",
                wanted=Sql(_WANTED.removeprefix("temp.")),
                key=join(", ", [compose("o.{k}", k=part) for part in self._stored.key]),
                old=self._old,
                index=name(index),
                missing=self._is_missing(),
            )
            with suppress(sqlite3.DatabaseError):
                self._database.execute(query)
                return True
        return False

    def _copy_range(self, ids: Sequence[int] | None, low: int, high: int) -> None:
        """Copy the rows between two rowids, both included. ``ids`` are those that there were, where that is known."""
        waiting = [(low, high)]
        while waiting and len(self._failures) < _MOST_FAILURES:
            low, high = waiting.pop()
            if ids is not None and bisect_left(ids, low) == bisect_right(ids, high):
                continue
            # The end of a range would make SQLite look at the next row, which may be on a broken page.
            one_or_more = "WHERE {k} = {l}" if low == high else "WHERE {k} BETWEEN {l} AND {h}"
            between = compose(one_or_more, k=self._stored.key[0], l=Sql(str(low)), h=Sql(str(high)))
            if self._inserted(between):
                continue
            if low == high:
                self._failures.append(low)
                continue
            middle = low + (high - low) // 2
            waiting += [(middle + 1, high), (low, middle)]

    def _ids_of_an_index(self) -> list[int] | None:
        """Return the rowids that an index names, in their order, or None where none can be read."""
        listed = "SELECT name FROM pragma_index_list(?, ?) WHERE NOT partial"
        for (index,) in self._database.execute(listed, [self._stored.name, _OLD]).fetchall():
            query = compose(
                "SELECT {k} FROM {old} INDEXED BY {index}", k=self._stored.key[0], old=self._old, index=name(index)
            )
            with suppress(sqlite3.DatabaseError):
                return sorted(row for (row,) in self._database.execute(query))
        return None

    def _bounds(self) -> tuple[int, int]:
        """Return the lowest and the highest rowid, as far as they can be read."""
        found = []
        for function, otherwise in (("min", 1), ("max", self._last_id() or _MOST_FAILURES)):
            query = compose("SELECT {f}({k}) FROM {old}", f=Sql(function), k=self._stored.key[0], old=self._old)
            try:
                found.append(self._database.execute(query).fetchone()[0])
            except sqlite3.DatabaseError:
                found.append(otherwise)
        return found[0], found[1]

    def _last_id(self) -> int:
        """Return the highest id that AUTOINCREMENT remembers, or 0."""
        query = compose("SELECT max(seq) FROM {old}.sqlite_sequence WHERE name = ?", old=name(_OLD))
        with suppress(sqlite3.DatabaseError):
            return int(self._database.execute(query, [self._stored.name]).fetchone()[0] or 0)
        return 0


def _rowids(found: Sequence[int]) -> tuple[Mapping[str, str], ...]:
    """Return the first rows to show."""
    return tuple({"rowid": str(row)} for row in found[:_SHOWN])
