"""A snapshot in, a connection out; rowids in, samples out: values shown as a person would recognise them.

Whatever SQLite holds can be shown: text that is no UTF-8, NUL characters, blobs, and values of any size, cut.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from migrate_to_pg.project.secret_columns import MASK, is_secret, masked_key
from migrate_to_pg.records import Finding, PlannedColumn, PlannedTable, Sample, SourceColumn, SourceTable
from migrate_to_pg.rules import sql_functions
from migrate_to_pg.rules.base import SAMPLES, Rule, Subject, Value
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
def opened(snapshot: Path, *, time_zone: str) -> Iterator[sqlite3.Connection]:
    """The closed, private copy, read without locks; text comes back whatever its bytes are."""
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
    """The rows with those rowids, each with its primary key and the values of ``columns``."""
    found = (_sample(subject, table, columns, rowid, with_class=with_class) for rowid in rowids)
    return tuple(sample for sample in found if sample)


def _sample(
    subject: Subject, table: PlannedTable, columns: Sequence[SourceColumn], rowid: int, *, with_class: bool
) -> Sample | None:
    key = [column.source.name for column in table.key]
    sql = compose(
        "SELECT {columns} FROM {table} WHERE {rowid} = ?",
        columns=names([*key, *(column.name for column in columns)]),
        table=numbered(table.source),
        rowid=rowid_of(table.source),
    )
    # One row at a time: a value may be large.
    row = next(iter(subject.rows(sql, rowid)), None)
    if row is None:
        return None
    shown = ", ".join(
        show_cell(table, column, value, with_class=with_class)
        for column, value in zip(columns, row[len(key) :], strict=True)
    )
    return Sample(key=_key_text(table.source, key, row[: len(key)], rowid), value=cut(shown))


def _key_text(table: SourceTable, key: Sequence[str], values: Sequence[object], rowid: int) -> dict[str, str]:
    if not key:
        return {"rowid" if rowid_name(table) else "row": str(rowid)}
    texts = {column: key_value(value) for column, value in zip(key, values, strict=True)}
    return masked_key(table.name, texts, row=rowid if rowid_name(table) else None)


def count(subject: Subject, table: SourceTable, where: Sql) -> int:
    """How many rows satisfy a condition."""
    return subject.number(compose("SELECT count(*) FROM {table} WHERE {where}", table=name(table.name), where=where))


def counts(subject: Subject, rows: Sql, conditions: Sequence[Sql]) -> list[int]:
    """How many rows, named as after FROM, satisfy each of several conditions, in one scan."""
    if not conditions:
        return []
    # After WHEN, SQLite leaves the rest of an AND alone once a part of it is false; as a mere value it computes it all.
    sums = join(", ", (compose("sum(CASE WHEN {where} THEN 1 ELSE 0 END)", where=where) for where in conditions))
    (found,) = subject.rows(compose("SELECT {sums} FROM {table}", sums=sums, table=rows))
    # No row at all sums to NULL.
    return [int(total or 0) for total in found]


def rowids(subject: Subject, table: SourceTable, where: Sql, *, most: int = -1) -> array[int]:
    """The numbers of the rows that satisfy a condition, in their order; no more than ``most`` of them."""
    sql = compose(
        "SELECT {rowid} FROM {table} WHERE {where} ORDER BY {rowid} LIMIT ?",
        rowid=rowid_of(table),
        table=numbered(table),
        where=where,
    )
    return array("q", (rowid for (rowid,) in subject.database.execute(sql, [most])))


def first_rowids(subject: Subject, table: SourceTable, where: Sql) -> array[int]:
    """The numbers of the first offending rows."""
    return rowids(subject, table, where, most=SAMPLES)


def values(
    subject: Subject, table: SourceTable, column: SourceColumn, rowids: Sequence[int]
) -> Iterator[tuple[int, Value]]:
    """The value of one column in each of the rows with those numbers, beside its number."""
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
def set_of(subject: Subject, table: SourceTable, rowids: Iterable[int]) -> Iterator[Sql]:
    """The condition for the rows with those numbers, as it stands among ``numbered``, for as long as it is asked."""
    database = subject.database
    database.execute(compose("CREATE TEMP TABLE {own} (row INTEGER PRIMARY KEY)", own=_OWN))
    try:
        database.executemany(compose("INSERT INTO {own} VALUES (?)", own=_OWN), ((rowid,) for rowid in rowids))
        yield compose("{rowid} IN (SELECT row FROM {own})", rowid=rowid_of(table), own=_OWN)
    finally:
        database.execute(compose("DROP TABLE {own}", own=_OWN))


def can_be_edited(table: PlannedTable) -> bool:
    """Whether rows of the table can be told apart, changed and taken out: it is an ordinary one, and has a key."""
    return bool(table.key) and not table.source.sql.upper().startswith("CREATE VIRTUAL")


def is_quarantinable(table: PlannedTable) -> bool:
    """Whether rows of the table may go into quarantine."""
    return can_be_edited(table) and table.name != _MIGRATIONS


def rowid_of(table: SourceTable) -> Sql:
    """The number of a row among those of ``numbered``."""
    return Sql(row_number(table))


def numbered(table: SourceTable, schema: str = "main") -> Sql:
    """The rows of a table with their numbers, as it stands after FROM."""
    return Sql(numbered_rows(table, schema))


def key_value(value: object) -> str:
    """A key's value as text, without quotes around it."""
    text = _escaped(value[:_KEY_WIDTH]) if isinstance(value, str) else _shown(value)
    return cut(text, _KEY_WIDTH)


def show(value: object, *, with_class: bool = False) -> str:
    """A value as SQL would write it, roughly: 'AGV211', 12, x'00ff', NULL; with its storage class where asked."""
    storage = f"{_CLASSES[type(value)]} " if with_class and value is not None else ""
    return cut(storage + _shown(value))


def show_cell(table: PlannedTable, column: SourceColumn, value: object, *, with_class: bool = False) -> str:
    """The same of a cell, whose column may be secret: that it is NULL, and its storage class, may be known."""
    if value is None or not is_secret(table.source.name, column.name):
        return show(value, with_class=with_class)
    return f"{_CLASSES[type(value)]} {MASK}" if with_class else MASK


def _shown(value: object) -> str:
    if value is None:
        return "NULL"
    if isinstance(value, bytes):
        # The closing quote is left to be cut with the rest where the blob is long.
        return f"x'{value[:WIDTH].hex()}'"
    return f"'{_escaped(value[: WIDTH + 1])}'" if isinstance(value, str) else repr(value)


def _escaped(text: str) -> str:
    """Printable characters as they are, all others by their code, bytes that are no UTF-8 as \\xff."""
    return "".join(map(_escaped_character, text))


def _escaped_character(character: str) -> str:
    if "\udc80" <= character <= "\udcff":
        return f"\\x{ord(character) - 0xDC00:02x}"
    return character if character.isprintable() and character != "\\" else repr(character)[1:-1]


def cut(text: str, width: int = WIDTH) -> str:
    """At most ``width`` characters, the last of them … where some were left out."""
    return text if len(text) <= width else text[: width - 1] + "…"


def findings_of_marked(
    rule: Rule,
    subject: Subject,
    table: PlannedTable,
    columns: Sequence[PlannedColumn],
    mark: Callable[[PlannedColumn], Sql],
    explain: Callable[[Subject, PlannedColumn, int], tuple[str, str]],
) -> Iterator[Finding]:
    """One finding for each column that holds values for which ``mark`` is 1; one scan of the table counts them all.

    Args:
        rule: whose findings they are.
        subject: what is examined.
        table: whose rows are read.
        columns: those of its columns that are looked at.
        mark: a column in, an expression out that is 1 for the values sought.
        explain: the subject, a column and the number of its values in, the finding's explanation and remedy out.
    """
    if not columns or not table.source.rows:
        return
    sums = join(", ", (compose("sum({mark})", mark=mark(column)) for column in columns))
    query = compose("SELECT {sums} FROM {table} NOT INDEXED", sums=sums, table=name(table.source.name))
    for column, count in zip(columns, subject.rows(query)[0], strict=True):
        if count:
            explanation, remedy = explain(subject, column, count)
            found = samples(subject, table, [column.source], first_rowids(subject, table.source, mark(column)))
            yield rule.finding(
                table=table.name,
                column=column.name,
                count=count,
                samples=found,
                explanation=explanation,
                remedy=remedy,
            )
