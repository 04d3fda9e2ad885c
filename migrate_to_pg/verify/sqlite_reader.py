"""Read the rows of the snapshot's tables in key order, as Arrow arrays.

After repairs, a table is read through a ``Relation`` of ``verify.repairs``: the rows as they should be now.

There are two readers. The quick one (ADBC) takes a table whose every cell is short and has the storage class that its
column should have. It fails at the first cell that does not, and the patient one (Python's sqlite3) starts again. The
patient one takes anything, and computes generated columns that call Django's SQL functions.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import adbc_driver_manager
import pyarrow as pa
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import SourceTable
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from migrate_to_pg.sqlite.connection import quote_name, snapshot_uri
from migrate_to_pg.sqlite.missing_functions import register_project_functions, register_substitutes
from migrate_to_pg.verify.canonical import Value
from migrate_to_pg.verify.rows import Column, Rows
from migrate_to_pg.verify.vectorized import Array

BATCH_ROWS = 4096
#: Where rows are known to be short. 2,000,000 rows took 2.6 s so, and 2.9 s with batches of 4096.
MOST_ROWS = 32_768
MOST_BYTES = 32_000_000
#: Longest row, counting only text and blobs, that the quick reader takes: 32 MB a batch at most.
ROW_BYTES = 8192
#: The patient reader ends a batch here, whatever its number of rows.
BATCH_CHARACTERS = 8_000_000

#: An expression that SQLite refuses to compute.
FAIL = "abs(-9223372036854775808)"

#: Over {0}, a column: whether its text is one that PostgreSQL can hold. The quick reader does not know it.
STORABLE = "migrate_to_pg_can_hold(CAST({0} AS BLOB), (SELECT encoding FROM pragma_encoding))"

ARROW_CLASS = {pa.int64(): int, pa.float64(): float, pa.string(): str, pa.binary(): bytes}


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """The SQL that gives a table's rows."""

    #: Stands after FROM; its columns have SQLite's names.
    sql: str
    #: The URI of the database that this needs as ``attached``; '' where it needs none.
    attached: str = ""
    #: What stands after FROM where rows are counted: the table itself, whatever its indexes say.
    counted: str = ""
    #: Bytes of its largest row; None where that is not known.
    largest_row: int | None = None

    @property
    def batch_rows(self) -> int:
        """Return the rows in a batch of the quick reader: 32 MB at most. The more, the less the comparison costs."""
        if self.largest_row is None:
            return BATCH_ROWS
        return max(BATCH_ROWS, min(MOST_ROWS, MOST_BYTES // max(self.largest_row, 1)))


class UnexpectedCellError(Exception):
    """The quick reader met a cell that it cannot hand over unchanged."""


def snapshot_relation(table: SourceTable) -> Relation:
    """Return the table as the snapshot has it."""
    return Relation(
        sql=quote_name(table.name), counted=f"{quote_name(table.name)} NOT INDEXED", largest_row=table.largest_row
    )


def column_of(column: Column) -> str:
    """Return the column, qualified by the table's alias: SQLite takes an unknown bare "name" for a string."""
    return f"t.{quote_name(column.planned.source.name)}"


def order_by(key: Sequence[Column]) -> str:
    """Return the ORDER BY expressions: byte order for text, in spite of the collation that the column declares."""
    return ", ".join(column_of(c) + (" COLLATE BINARY" if c.comparison.arrow == pa.string() else "") for c in key)


class Text(bytes):
    """The bytes of a text: an array takes them without another copy."""


class Source:
    """Read the closed snapshot, opened immutable: nothing beside it is read or written."""

    def __init__(self, snapshot: Path) -> None:
        self._snapshot = snapshot
        self._uri = snapshot_uri(snapshot.resolve())
        self._stack = contextlib.ExitStack()
        #: The URI of the attached database -> open connections.
        self._by_arrow: dict[str, ArrowConnections] = {}
        self._by_python: dict[tuple[str, bool], sqlite3.Connection] = {}

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exception: object) -> None:
        self._stack.close()

    def open(self, *, attached: str = "", decoded: bool = True) -> sqlite3.Connection:
        """Return a connection like Django's, which returns every text, even one that is not UTF-8.

        It is opened once and closed with this object. Texts are strings, or ``Text`` where they are not ``decoded``.
        """
        if (attached, decoded) not in self._by_python:
            connection = sqlite3.connect(self._uri, uri=True, check_same_thread=False)
            self._by_python[attached, decoded] = self._stack.enter_context(contextlib.closing(connection))
            connection.text_factory = decode
            register(connection)
            register_project_functions(connection)
            register_substitutes(connection)
            connection.create_function("migrate_to_pg_can_hold", 2, is_valid_text, deterministic=True)
            if attached:
                connection.execute("ATTACH ? AS attached", [attached])
            if not decoded:
                connection.text_factory = Text
        return self._by_python[attached, decoded]

    def count(self, table: str, relation: Relation) -> int:
        """Count the rows of a table."""
        try:
            query = f"SELECT count(*) FROM {relation.counted or relation.sql}"  # noqa: S608 - the name is quoted
            return int(self.open(attached=relation.attached).execute(query).fetchone()[0])
        except sqlite3.Error as error:
            raise unreadable(table, error) from error

    def read_fast(
        self, table: str, columns: Sequence[Column], key: Sequence[Column], relation: Relation
    ) -> Generator[Rows]:
        """Yield rows by ADBC. Raises UnexpectedCellError if the table needs the patient reader."""
        attached = relation.attached
        if attached not in self._by_arrow:
            connections = ArrowConnections(self._snapshot, attached=attached)
            self._by_arrow[attached] = self._stack.enter_context(connections)
        try:
            with self._by_arrow[attached].cursor() as cursor:
                cursor.adbc_statement.set_options(**{"adbc.sqlite.query.batch_rows": str(relation.batch_rows)})
                cursor.execute(fast_query(relation, columns, key))
                yield from typed_batches(cursor.fetch_record_batch(), columns)
        except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
            raise UnexpectedCellError(str(error)) from error

    def read_exact(
        self, table: str, columns: Sequence[Column], key: Sequence[Column], relation: Relation
    ) -> Generator[Rows]:
        """Yield rows by Python's sqlite3, in batches limited by their length."""
        try:
            connection = self.open(attached=relation.attached, decoded=False)
            cursor = connection.execute(exact_query(relation, columns, key))
            for rows in batches_of(cursor):
                # Large values are held once: neither while they are compared nor while the next ones are read.
                arrays = [as_rows(rows, columns)]
                rows.clear()
                yield arrays.pop()
        except sqlite3.Error as error:
            raise unreadable(table, error) from error


def is_valid_text(text: bytes, encoding: str) -> bool:
    """Return whether the bytes of a text are characters, NUL not among them."""
    try:
        return 0 not in map(ord, set(text.decode(encoding)))
    except ValueError:
        return False


def unreadable(table: str, error: sqlite3.Error) -> SourceError:
    """Return the error for a table that SQLite itself cannot read."""
    return SourceError(
        _("The verification could not read the table {table} of the snapshot: {error}", table=table, error=error),
        remedy=_("Run sqlite_doctor on the source; the file may be damaged."),
    )


def fast_query(relation: Relation, columns: Sequence[Column], key: Sequence[Column]) -> str:
    """Return the query for the typed first row, then the table, each cell guarded by its storage class."""
    strings = sum(column.comparison.arrow in (pa.string(), pa.binary()) for column in columns)
    longest = ROW_BYTES // max(strings, 1)
    # Asking each text for its length takes a tenth of the time of the whole verification.
    is_short = relation.largest_row is not None and relation.largest_row <= ROW_BYTES
    bound = "" if is_short else " AND octet_length({0}) <= " + str(longest)
    first = ", ".join(column.comparison.sentinel for column in columns)
    cells = ", ".join(
        column.comparison.source_sql.format(column_of(column), FAIL, bound.format(column_of(column)))
        for column in columns
    )
    return (
        f"SELECT {first} UNION ALL SELECT * FROM"  # noqa: S608 - literals of ours and quoted names
        f" (SELECT {cells} FROM {relation.sql} AS t ORDER BY {order_by(key)})"
    )


def typed_batches(reader: pa.RecordBatchReader, columns: Sequence[Column]) -> Iterator[Rows]:
    """Yield the batches without the first row. Their types must be those of that row."""
    if reader.schema.types != [column.comparison.arrow for column in columns]:
        raise UnexpectedCellError(_("The first rows are of the types {types}", types=reader.schema.types))
    start = 1
    for batch in reader:
        yield Rows(arrays=tuple(batch.columns), count=batch.num_rows).slice(start, batch.num_rows)
        start = 0


def exact_query(relation: Relation, columns: Sequence[Column], key: Sequence[Column]) -> str:
    """Return the query for the table as it is, and each row's length in characters."""
    cells = ", ".join(column_of(column) for column in columns)
    length = " + ".join(f"ifnull(length({column_of(column)}), 0)" for column in columns)
    return f"SELECT {cells}, {length} FROM {relation.sql} AS t ORDER BY {order_by(key)}"  # noqa: S608 - quoted names


def batches_of(cursor: sqlite3.Cursor) -> Iterator[list[tuple[Value, ...]]]:
    """Yield batches of neither too many rows nor too long ones."""
    rows: list[tuple[Value, ...]] = []
    length = 0
    for row in cursor:
        rows.append(row)
        length += row[-1]
        if len(rows) == BATCH_ROWS or length > BATCH_CHARACTERS:
            # Who takes them drops a large value when it is an array.
            del row
            yield rows
            rows, length = [], 0
    if rows:
        yield rows


def decode(text: bytes) -> str:
    """Return a text whose bytes that are not UTF-8 are lone surrogates, which PostgreSQL never has."""
    return text.decode("utf-8", "surrogateescape")


def as_rows(rows: list[tuple[Value, ...]], columns: Sequence[Column]) -> Rows:
    """Return the rows as arrays, with the cells that no array takes beside them."""
    arrays, exceptions = [], {}
    for column, values in zip(columns, zip(*rows, strict=True), strict=False):
        array, others = as_array(values, column.comparison.arrow)
        arrays.append(array)
        if others:
            exceptions[column.index] = others
    return Rows(arrays=tuple(arrays), count=len(rows), exceptions=exceptions)


def as_array(values: tuple[Value, ...], arrow: pa.DataType) -> tuple[Array, dict[int, Value]]:
    """Return an array of the values that are of its class, and the others by their row."""
    wanted = ARROW_CLASS[arrow]
    if arrow == pa.string() and set(map(type, values)) <= {Text, type(None)}:
        # Not all are UTF-8 if Arrow refuses.
        with contextlib.suppress(pa.ArrowInvalid):
            return pa.array(values, pa.binary()).cast(arrow), {}
    values = tuple(decode(value) if type(value) is Text else value for value in values)
    if set(map(type, values)) <= {wanted, type(None)}:
        with contextlib.suppress(UnicodeEncodeError):
            return pa.array(values, arrow), {}
    fitting = [as_class(value, wanted) for value in values]
    exceptions = {row: value for row, value in enumerate(values) if value is not None and fitting[row] is None}
    return pa.array(fitting, arrow), exceptions


def as_class(value: Value | None, wanted: type) -> Value | None:
    """Return the value if it is of that class, or an integer of at most 15 digits for a real. Else return None."""
    if wanted is float and type(value) is int and abs(value) < 10**15:
        return float(value)
    return value if type(value) is wanted and is_utf8(value) else None


def is_utf8(value: Value) -> bool:
    """Return whether a text was UTF-8. Other values have no encoding."""
    if isinstance(value, str):
        try:
            value.encode()
        except UnicodeEncodeError:
            return False
    return True
