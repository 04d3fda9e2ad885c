"""Query a snapshot for rows that satisfy a condition, and show their values as a person would recognise them.

Any value that SQLite holds can be shown: text that is no UTF-8, NUL characters, blobs. Long values are cut.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.project.secret_columns import MASK, is_secret, masked_key
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable, Sample, SourceColumn, SourceTable
from migrate_to_pg.rules import sql_functions
from migrate_to_pg.rules.base import SAMPLES, Message, Rule, Subject, Value
from migrate_to_pg.sqlite.connection import numbered_rows, row_number, rowid_name
from migrate_to_pg.sqlite.missing_functions import open_for_reading
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, names

#: Longest value shown.
WIDTH = 80
#: Key values are there to find the row again, so they are cut much later.
_KEY_WIDTH = 400
#: Without a row of it the next `migrate` would apply that migration once more.
_MIGRATIONS = "django_migrations"
#: Rows whose values are asked for by one statement.
_AT_ONCE = 100_000
#: A name that hides no table of a project's.
_OWN = Sql('temp."migrate_to_pg own rows"')
_CLASSES = {int: "integer", float: "real", str: "text", bytes: "blob"}


@contextmanager
def connect(snapshot: Path, *, time_zone: str) -> Iterator[sqlite3.Connection]:
    """Open the closed, private copy without locks. Text is returned whatever its bytes are."""
    database = open_for_reading(snapshot)
    try:
        # Sorting and the key sets of parents spill to temporary files beyond this: 32 MiB.
        database.execute("PRAGMA cache_size = -32768")
        sql_functions.register(database, time_zone)
        yield database
    finally:
        database.close()


def samples(
    subject: Subject,
    table: PlannedTable,
    columns: Sequence[SourceColumn],
    rowids: Iterable[int],
    *,
    with_class: bool = False,
) -> tuple[Sample, ...]:
    """Return the rows with those rowids, each with its primary key and the values of ``columns``."""
    key = [column.source.name for column in table.key]
    sql = compose(
        "SELECT {columns} FROM {table} WHERE {rowid} = ?",
        columns=names([*key, *(column.name for column in columns)]),
        table=numbered(table.source),
        rowid=rowid_of(table.source),
    )
    has_rowid = rowid_name(table.source) is not None
    found = []
    # One row at a time: a value may be large.
    for rowid, row in ((number, row) for number in rowids for row in subject.rows(sql, number)):
        texts = {column: key_value(value) for column, value in zip(key, row, strict=False)}
        shown = ", ".join(
            format_cell(table, column, value, with_class=with_class)
            for column, value in zip(columns, row[len(key) :], strict=True)
        )
        row_key = masked_key(table.source.name, texts, row=rowid if has_rowid else None)
        without_key = {"rowid" if has_rowid else "row": str(rowid)}
        found.append(Sample(key=row_key if key else without_key, value=truncate(shown)))
    return tuple(found)


def count(subject: Subject, table: SourceTable, where: Sql) -> int:
    """Count the rows that satisfy a condition."""
    return subject.number(compose("SELECT count(*) FROM {table} WHERE {where}", table=name(table.name), where=where))


def counts(subject: Subject, rows: Sql, conditions: Sequence[Sql]) -> list[int]:
    """Count the rows, named as after FROM, that satisfy each of several conditions, in one scan."""
    if not conditions:
        return []
    # After WHEN, SQLite leaves the rest of an AND alone once a part of it is false; as a mere value it computes it all.
    sums = join(", ", (compose("sum(CASE WHEN {where} THEN 1 ELSE 0 END)", where=where) for where in conditions))
    (found,) = subject.rows(compose("SELECT {sums} FROM {table}", sums=sums, table=rows))
    # No row at all sums to NULL.
    return [int(total or 0) for total in found]


def rowids(subject: Subject, table: SourceTable, where: Sql, *, most: int = -1) -> array[int]:
    """Return the numbers of the rows that satisfy a condition, in their order and no more than ``most``."""
    sql = compose(
        "SELECT {rowid} FROM {table} WHERE {where} ORDER BY {rowid} LIMIT ?",
        rowid=rowid_of(table),
        table=numbered(table),
        where=where,
    )
    return array("q", (rowid for (rowid,) in subject.database.execute(sql, [most])))


def first_rowids(subject: Subject, table: SourceTable, where: Sql) -> array[int]:
    """Return the numbers of the first offending rows."""
    return rowids(subject, table, where, most=SAMPLES)


def values(
    subject: Subject, table: SourceTable, column: SourceColumn, rowids: Sequence[int]
) -> Iterator[tuple[int, Value]]:
    """Yield the number of each of those rows, with the value of one column."""
    sql = compose(
        "SELECT {rowid}, {column} FROM {table} WHERE {rowid} IN (SELECT value FROM json_each(?))",
        rowid=rowid_of(table),
        column=name(column.name),
        table=numbered(table),
    )
    for start in range(0, len(rowids), _AT_ONCE):
        # One value at a time: it may be large.
        yield from subject.database.execute(sql, [json.dumps(list(rowids[start : start + _AT_ONCE]))])


@contextmanager
def temporary_set(subject: Subject, table: SourceTable, rowids: Iterable[int]) -> Iterator[Sql]:
    """Yield the condition for the rows with those numbers among ``numbered``, which holds until the context ends."""
    database = subject.database
    database.execute(compose("CREATE TEMP TABLE {own} (row INTEGER PRIMARY KEY)", own=_OWN))
    try:
        database.executemany(compose("INSERT INTO {own} VALUES (?)", own=_OWN), ((rowid,) for rowid in rowids))
        yield compose("{rowid} IN (SELECT row FROM {own})", rowid=rowid_of(table), own=_OWN)
    finally:
        database.execute(compose("DROP TABLE {own}", own=_OWN))


def can_be_edited(table: PlannedTable) -> bool:
    """Return whether rows of the table can be identified, changed and deleted: it is an ordinary table with a key."""
    return bool(table.key) and not table.source.sql.upper().startswith("CREATE VIRTUAL")


def is_quarantinable(table: PlannedTable) -> bool:
    """Return whether rows of the table may go into quarantine."""
    return can_be_edited(table) and table.name != _MIGRATIONS


def rowid_of(table: SourceTable) -> Sql:
    """Return the SQL of a row's number among those of ``numbered``."""
    return Sql(row_number(table))


def rowid_column(database: sqlite3.Connection, table: SourceTable, schema: str = "main") -> SourceColumn | None:
    """Return the column that is another name of the rowid, or None."""
    keys = [column for column in table.columns if column.key_position]
    if len(keys) != 1 or keys[0].declared_type.upper() != "INTEGER":
        return None
    # WITHOUT ROWID and INTEGER PRIMARY KEY DESC have an index of their own.
    own_index = "SELECT count(*) FROM pragma_index_list(?, ?) WHERE origin = 'pk'"
    return None if database.execute(own_index, [table.name, schema]).fetchone()[0] else keys[0]


def numbered(table: SourceTable, schema: str = "main") -> Sql:
    """Return the rows of a table with their numbers, as SQL that follows FROM."""
    return Sql(numbered_rows(table, schema))


def key_value(value: object) -> str:
    """Return a key's value as text, without quotes around it."""
    text = _escaped(value[:_KEY_WIDTH]) if isinstance(value, str) else _formatted(value)
    return truncate(text, _KEY_WIDTH)


def format_value(value: object, *, with_class: bool = False) -> str:
    """Return a value roughly as SQL would write it ('AGV211', 12, x'00ff', NULL), after its storage class if asked."""
    storage = f"{_CLASSES[type(value)]} " if with_class and value is not None else ""
    return truncate(storage + _formatted(value))


def format_cell(table: PlannedTable, column: SourceColumn, value: object, *, with_class: bool = False) -> str:
    """Return a cell's value as ``format_value`` does, masked where its column is secret.

    Of a secret column it may be known that a value is NULL, and its storage class.
    """
    if value is None or not is_secret(table.source.name, column.name):
        return format_value(value, with_class=with_class)
    return f"{_CLASSES[type(value)]} {MASK}" if with_class else MASK


def _formatted(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        # The closing quote is left to be cut with the rest where the blob is long.
        return f"x'{value[:WIDTH].hex()}'"
    return f"'{_escaped(value[: WIDTH + 1])}'" if isinstance(value, str) else repr(value)


def _escaped(text: str) -> str:
    """Return printable characters as they are, all others by their code, bytes that are no UTF-8 as \\xff."""
    return "".join(
        f"\\x{ord(c) - 0xDC00:02x}"
        if "\udc80" <= c <= "\udcff"
        else c
        if c.isprintable() and c != "\\"
        else repr(c)[1:-1]
        for c in text
    )


def truncate(text: str, width: int = WIDTH) -> str:
    """Return at most ``width`` characters, the last of them … where some were left out."""
    return text if len(text) <= width else text[: width - 1] + "…"


def finding_of_rows(
    rule: Rule,
    subject: Subject,
    table: PlannedTable,
    where: Sql,
    message: Message,
    *,
    count: int,
    column: str,
    shown: Sequence[SourceColumn],
    level: Level | None = None,
) -> Finding:
    """Return a finding about the rows that satisfy a condition, and show the first of them.

    Args:
        rule: whose finding it is.
        subject: the snapshot and its plan.
        table: whose rows they are.
        where: the condition.
        message: explanation and remedy.
        count: the number of the rows.
        column: the columns at fault, by PostgreSQL's names.
        shown: the columns whose values are shown.
        level: the rule's own where none is given.
    """
    return rule.finding(
        table=table.name,
        column=column,
        level=level,
        count=count,
        samples=samples(subject, table, shown, first_rowids(subject, table.source, where)),
        explanation=message.explanation,
        remedy=message.remedy,
    )


def findings_of_marked(
    rule: Rule,
    subject: Subject,
    mark: Callable[[PlannedColumn], Sql | None],
    explain: Callable[[Subject, PlannedColumn, int], Message],
) -> Iterator[Finding]:
    """Yield a finding for each column that holds values for which ``mark`` is 1, from one scan of each table.

    Args:
        rule: whose findings they are.
        subject: the snapshot and its plan.
        mark: returns the expression that is 1 for the values sought in a column, or None for a column without any.
        explain: returns the message about a column and the number of its values.
    """
    for table in subject.plan.tables:
        marked = [(column, mark(column)) for column in table.loaded_columns]
        marks = [(column, where) for column, where in marked if where is not None]
        if not marks or not table.source.rows:
            continue
        sums = join(", ", (compose("sum({mark})", mark=where) for _, where in marks))
        query = compose("SELECT {sums} FROM {table} NOT INDEXED", sums=sums, table=name(table.source.name))
        for (column, where), count in zip(marks, subject.rows(query)[0], strict=True):
            if count:
                message = explain(subject, column, count)
                yield finding_of_rows(
                    rule, subject, table, where, message, count=count, column=column.name, shown=[column.source]
                )
