"""Values of a storage class that cannot carry the column's type: text in an integer column, a blob in a text column.

SQLite takes any value in any column; the declared type is a preference.
"""

from __future__ import annotations

from typing import LiteralString

import pyarrow as pa

from migrate_to_pg.columns import codec_for
from migrate_to_pg.columns.reader import ColumnBatch
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.foreign_key_orphan import paired
from migrate_to_pg.rules.form import told_counts
from migrate_to_pg.rules.rule import Subject, Told, ValueRule, counted
from migrate_to_pg.rules.sql import Sql, compose, name

_TEXT_TYPES = ("varchar", "text", "citext", "bpchar")
_INTEGER_TYPES = ("int2", "int4", "int8")


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """As the reader found; a boolean of any wrong kind is boolean-value's."""
    return None if batch.column.target.type_name == "bool" else batch.wrong_storage


def tell(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Told:
    """What was found, what was expected, and whether the texts are another column's values."""
    expected = _expected(column)
    found = [f"{count:,} {storage}" for storage, count in _classes(subject, table, column) if storage not in expected]
    query = compose(
        "SELECT typeof({column}), * FROM {table} WHERE typeof({column}) NOT IN ('null', {expected});",
        column=name(column.source.name),
        table=name(table.source.name),
        # SQLite's own words, from the codec.
        expected=Sql(", ".join(f"'{storage}'" for storage in expected)),
    )
    return Told(
        explanation=(
            f"PostgreSQL's column is {column.target.type_sql}, which is read from SQLite's {' or '.join(expected)}"
            f" values; found here: {', '.join(found)}. SQLite takes any value in any column"
            f"{_declared(column)}.{_codes(subject, table, column)}{_numbers(subject, table, column)}"
        ),
        remedy=f"Put values of the column's type in their place. To see them all:\n{query}",
    )


def _expected(column: PlannedColumn) -> tuple[str, ...]:
    codec = codec_for(column.target)
    return codec.storage if codec else ()


def _classes(subject: Subject, table: PlannedTable, column: PlannedColumn) -> list[tuple[str, int]]:
    sql = compose(
        "SELECT typeof({column}), count(*) FROM {table} WHERE {column} IS NOT NULL GROUP BY 1 ORDER BY 2 DESC, 1",
        column=name(column.source.name),
        table=name(table.source.name),
    )
    return [(str(storage), int(count)) for storage, count in subject.rows(sql)]


def _declared(column: PlannedColumn) -> str:
    return f"; this one is declared {column.source.declared_type}" if column.source.declared_type else ""


def _codes(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    """What the texts in an integer column are: another column's codes where ids belong, or numbers written as text."""
    if column.target.type_name not in _INTEGER_TYPES:
        return ""
    texts = _texts(table, column)
    total = subject.number(compose("SELECT count(*) FROM ({texts})", texts=texts))
    whole = "SELECT count(*) FROM ({texts}) WHERE v = CAST(CAST(v AS INTEGER) AS TEXT)"
    numbers = subject.number(compose(whole, texts=texts))
    matches = [
        (_known(subject, texts, parent, code), f"{parent.name}.{code.name}")
        for parent, code in _unique_texts(subject, table, column)
    ]
    known, place = max(matches, default=(0, ""))
    of_them = f"of {counted(total, 'text', 'different texts')}"
    said = f" {known:,} {of_them} {'is a value' if known == 1 else 'are values'} of {place}: codes stand for ids."
    also = f" {numbers:,} {of_them} {'is a whole number' if numbers == 1 else 'are whole numbers'}, written as text."
    return (said if known else "") + (also if numbers else "")


#: Type family -> what numbers in such a column are.
_MOMENTS: tuple[tuple[str, LiteralString], ...] = (
    ("like a Unix time in seconds", "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1e8 AND 1e10"),
    ("like a Unix time in milliseconds", "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1e11 AND 1e13"),
    ("like a Julian day", "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1721425 AND 5373485"),
)
_REALS: tuple[tuple[str, LiteralString], ...] = (
    ("whole, but stored as REAL", "typeof({c}) = 'real' AND {c} = CAST({c} AS INTEGER) AND abs({c}) < 9e18"),
    ("beyond 64 bits", "typeof({c}) = 'real' AND abs({c}) >= 9223372036854775808.0"),
)
_DURATIONS: tuple[tuple[str, LiteralString], ...] = (
    ("a duration written as text, where Django keeps microseconds", "typeof({c}) = 'text' AND {c} GLOB '*[0-9]*'"),
)


def _numbers(subject: Subject, table: PlannedTable, column: PlannedColumn) -> str:
    """What the values look like, so that a person sees where they came from."""
    if column.target.type_name in _INTEGER_TYPES:
        return told_counts(subject, table, column, _REALS)
    if column.target.type_name in ("date", "timestamp", "timestamptz"):
        return told_counts(subject, table, column, _MOMENTS)
    return told_counts(subject, table, column, _DURATIONS) if column.target.type_name == "interval" else ""


def _texts(table: PlannedTable, column: PlannedColumn) -> Sql:
    return compose(
        "SELECT DISTINCT {column} COLLATE BINARY AS v FROM {table} WHERE typeof({column}) = 'text'",
        column=name(column.source.name),
        table=name(table.source.name),
    )


def _unique_texts(
    subject: Subject, table: PlannedTable, column: PlannedColumn
) -> list[tuple[PlannedTable, PlannedColumn]]:
    """The unique text columns of the tables that this column refers to."""
    parents = [subject.plan.table(key.parent) for key in table.target.foreign_keys if key.columns == (column.name,)]
    return [
        (parent, code)
        for parent in parents
        if parent
        for unique in parent.target.uniques
        if len(unique.columns) == 1
        for code in paired(parent, unique.columns)
        if code.target.type_name in _TEXT_TYPES
    ]


def _known(subject: Subject, texts: Sql, parent: PlannedTable, code: PlannedColumn) -> int:
    """How many of the texts are values of the parent's column."""
    return subject.number(
        compose(
            "SELECT count(*) FROM ({texts}) WHERE v COLLATE BINARY IN"
            " (SELECT {code} FROM {parent} WHERE typeof({code}) = 'text')",
            texts=texts,
            code=name(code.source.name),
            parent=name(parent.source.name),
        )
    )


RULE = ValueRule(
    id="wrong-storage-class",
    level=Level.ERROR,
    title="Value of another type than the column",
    meaning=(
        "PostgreSQL's column takes values of its own type alone. Nothing is cast: a cast would make 12 of '12abc'"
        " without a word."
    ),
    remedy="Put values of the column's type in their place.",
    mask=mask,
    tell=tell,
    with_class=True,
)
