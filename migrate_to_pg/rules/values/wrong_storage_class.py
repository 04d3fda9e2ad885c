"""Find values of a storage class that cannot represent the column's type: text in an integer column, a blob in text.

SQLite takes any value in any column. The declared type is only a preference.
"""

from __future__ import annotations

import pyarrow as pa

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import convert, samples
from migrate_to_pg.rules.base import Message, Subject, ValueRule
from migrate_to_pg.rules.keys import code_in_key, empty_key
from migrate_to_pg.rules.malformed import INTEGER_TYPES, Kind, describe_kinds
from migrate_to_pg.rules.values import text_as_blob
from migrate_to_pg.sqlite.sql import Sql, compose, join, name


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Return the values that the reader marked. A boolean of any wrong kind belongs to boolean-value."""
    return None if batch.column.target.type_name == "bool" else batch.wrong_storage


def describe(subject: Subject, table: PlannedTable, column: PlannedColumn, own: Sql) -> Message:
    """Report the classes found, those expected, and the kinds of the values."""
    expected = _expected(column)
    declared = column.source.declared_type
    kinds = _KINDS.get(column.target.type_name)
    classes = compose(
        "SELECT typeof({column}), count(*) FROM {table} WHERE {where} GROUP BY 1 ORDER BY 2 DESC, 1",
        column=name(column.source.name),
        table=samples.numbered(table.source),
        where=own,
    )
    found = [f"{count:,} {storage}" for storage, count in subject.rows(classes)]
    query = compose(
        "SELECT typeof({column}), * FROM {table} WHERE typeof({column}) NOT IN ('null', {expected});",
        column=name(column.source.name),
        table=name(table.source.name),
        expected=_quoted(column),
    )
    sentences = (
        _(
            "PostgreSQL's column is {type}, which takes values of SQLite's class {expected}. Found here: {found}.",
            type=column.target.type_sql,
            expected=", ".join(expected),
            found=", ".join(found),
        ),
        _("SQLite takes any value in any column; this one is declared {declared_type}.", declared_type=declared)
        if declared
        else _("SQLite takes any value in any column."),
        # So that a person sees where they came from.
        describe_kinds(subject, table, column, own, kinds) if kinds else "",
    )
    return Message(
        explanation=" ".join(filter(None, sentences)),
        remedy=_("Put values of the column's type in their place. To see them all:\n{query}", query=query),
    )


def _expected(column: PlannedColumn) -> tuple[str, ...]:
    return codec_for(column.target).storage


_MOMENTS: tuple[Kind, ...] = (
    (N_("like a Unix time in seconds"), "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1e8 AND 1e10"),
    (N_("like a Unix time in milliseconds"), "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1e11 AND 1e13"),
    (N_("like a Julian day"), "typeof({c}) IN ('integer', 'real') AND {c} BETWEEN 1721425 AND 5373485"),
)
_WHOLES: tuple[Kind, ...] = (
    (N_("a whole number written as text"), "typeof({c}) = 'text' AND {c} = CAST(CAST({c} AS INTEGER) AS TEXT)"),
    (N_("whole, but stored as REAL"), "typeof({c}) = 'real' AND {c} = CAST({c} AS INTEGER) AND abs({c}) < 9e18"),
    (N_("beyond 64 bits"), "typeof({c}) = 'real' AND abs({c}) >= 9223372036854775808.0"),
)
_DURATIONS: tuple[Kind, ...] = (
    (N_("a duration written as text, where Django keeps microseconds"), "typeof({c}) = 'text' AND {c} GLOB '*[0-9]*'"),
)


#: pg_type.typname -> what values of another class in such a column are.
_KINDS = {
    **dict.fromkeys(INTEGER_TYPES, _WHOLES),
    **dict.fromkeys(("date", "timestamp", "timestamptz"), _MOMENTS),
    "interval": _DURATIONS,
}


def _where(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    """Exclude the empty texts and codes of a key, and the texts that Django reads, which have rules of their own."""
    others = (
        empty_key.empty(subject, table, column),
        code_in_key.texts(subject, table, column),
        text_as_blob.texts(column),
    )
    excluded = [other for other in others if other is not None]
    if not excluded:
        return None
    return compose(
        "{c} IS NOT NULL AND typeof({c}) NOT IN ({expected}) AND NOT ({excluded})",
        c=name(column.source.name),
        expected=_quoted(column),
        excluded=join(" OR ", (compose("({other})", other=other) for other in excluded)),
    )


def _quoted(column: PlannedColumn) -> Sql:
    # SQLite's own words, from the codec.
    return Sql(", ".join(f"'{storage}'" for storage in _expected(column)))


RULE = ValueRule(
    id="wrong-storage-class",
    level=Level.ERROR,
    title=N_("Value of another type than the column"),
    meaning=(
        "PostgreSQL's column takes values of its own type alone. Nothing is cast: a cast would silently turn '12abc'"
        " into 12. Texts in a key may be reported by code-in-key or empty-key instead, and text that is stored as a"
        " BLOB by text-as-blob, where Django reads it."
    ),
    remedy=N_("Put values of the column's type in their place."),
    mask=mask,
    where=_where,
    describe=describe,
    with_class=True,
    repair="lossy",
    repair_description=(
        "Writes what the value stands for in the column's own storage class, where no character or digit is guessed."
        " Django reads another type of value then: 12 where it read '12', the text where it read bytes or failed. In a"
        " column of integers: text that is a whole number as it would be printed (no spaces, plus sign or leading"
        " zeros) and fits 64 bits becomes that integer, and so does a REAL without a fraction below 2^53. In a column"
        " of text: an integer becomes its digits; a REAL the text that SQLite casts it to, where that is read as the"
        " same REAL again; a blob that is UTF-8 without NUL that text. In numeric, double precision and real: text that"
        " is a decimal number of at most 15 digits (no exponent, no leading zeros) becomes an integer where it has no"
        " point and is below 2^53, else a REAL. In bytea: text becomes its bytes. In date, time, timestamp, uuid, JSON"
        " and other columns that are read from text: a blob that is UTF-8 without NUL becomes that text. Any other"
        " value is unchanged."
    ),
    cell_repair=convert.conversion_for,
)
