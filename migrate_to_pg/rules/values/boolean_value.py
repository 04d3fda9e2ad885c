"""Find booleans that are neither 0 nor 1: SQLite has no boolean type, so a column can hold anything.

Django's own converter runs where the column is declared ``bool``. It reads True from 1 alone and False from all else,
but None from a value without bytes, for which Python calls no converter. In a column that is declared otherwise Django
reads 1.0 and 0.0 as booleans, and passes on any other value as it is.

What Django reads can replace the value without a loss (boolean-as-read). Where a word or SQLite itself means something
else, that meaning may be wanted instead (boolean-value), and has to be asked for.
"""

from __future__ import annotations

import dataclasses

import pyarrow as pa

from migrate_to_pg.codecs.codec import or_masks
from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Message, Subject, UnrepairableError, Value
from migrate_to_pg.rules.convert import declared_word
from migrate_to_pg.rules.malformed import Kind, condition, form_rule
from migrate_to_pg.sqlite.sql import Sql, compose, name

_TRUE = frozenset(("true", "t", "yes", "y", "on", "1"))
_FALSE = frozenset(("false", "f", "no", "n", "off", "0"))
WORDS: tuple[Kind, ...] = (
    (
        N_("a word that other programs read as true or false"),
        "typeof({c}) = 'text' AND lower({c}) IN ('true', 'false', 't', 'f', 'yes', 'no', 'y', 'n', 'on', 'off')",
    ),
    (N_("the empty text"), "{c} = ''"),
)


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark numbers other than 0 and 1 and values of other types alike: one rule repairs both."""
    return or_masks(batch.malformed, batch.wrong_storage) if batch.column.target.type_name == "bool" else None


def is_converted(column: PlannedColumn) -> bool:
    """Return whether Django's converter runs."""
    return declared_word(column) == "bool"


_NO_BOOLEAN = "{c} IS NOT NULL AND NOT (typeof({c}) = 'integer' AND {c} IN (0, 1))"


def as_read(_: Subject, __: PlannedTable, column: PlannedColumn) -> Sql:
    """Return the condition for values from which Django reads a boolean, or None where the column takes NULL."""
    if not is_converted(column):
        return condition("typeof({c}) = 'real' AND {c} IN (0, 1)", column)
    return condition(_NO_BOOLEAN + (" AND CAST({c} AS BLOB) <> x''" if column.target.not_null else ""), column)


def contradicted(_: Subject, __: PlannedTable, column: PlannedColumn) -> Sql:
    """Return the condition for values that mean something else than Django reads, or from which it reads no boolean."""
    if not is_converted(column):
        return condition(_NO_BOOLEAN + " AND NOT (typeof({c}) = 'real' AND {c} IN (0, 1))", column)
    return condition(
        _NO_BOOLEAN + " AND ((CAST({c} AS BLOB) = x'31')"
        " <> ({c} IS TRUE OR typeof({c}) = 'text' AND lower(trim({c}, ' ')) IN ('true', 't', 'yes', 'y', 'on'))"
        + (" OR CAST({c} AS BLOB) = x'')" if column.target.not_null else ")"),
        column,
    )


def _contradiction(_subject: Subject, _table: PlannedTable, column: PlannedColumn, _own: Sql) -> str:
    return (
        _(
            "Django reads False from them today, since it reads True from 1 alone (and None from the empty text). As"
            " words, or in a WHERE clause of SQLite, they are true. --fix boolean-as-read, which --fix lossless"
            " includes, keeps what Django reads; --fix boolean-value, which must be named, writes what the word means."
        )
        if is_converted(column)
        else _(
            "Django reads no boolean from them today, but the value itself: any text that is not empty counts as true,"
            " 'false' too. (Django converts only in columns that are declared bool.)"
        )
    )


def _describe(subject: Subject, table: PlannedTable, column: PlannedColumn, own: Sql) -> Message:
    message = _RULE.describe(subject, table, column, own)
    if not is_converted(column):
        return message
    query = compose(
        "UPDATE {table} SET {column} = 0 WHERE CAST({column} AS BLOB) NOT IN (x'31', x'');",
        table=name(table.source.name),
        column=name(column.source.name),
    )
    remedy = _("{remedy} To keep in SQLite what Django reads today:\n{query}", remedy=message.remedy, query=query)
    return dataclasses.replace(message, remedy=remedy)


def _intended_value(value: Value) -> Value:
    word = value.strip(" ").lower() if isinstance(value, str) else value
    if word in _TRUE or word == 1:
        return 1
    if word in _FALSE or word == 0:
        return 0
    raise UnrepairableError


_RULE = form_rule(
    id="boolean-value",
    title=N_("Boolean that means something else than Django reads"),
    mask=mask,
    holds=N_("0 (false) and 1 (true)"),
    meaning=(
        "PostgreSQL's boolean is true or false. From a column that Django made (`bool`) it reads True where the value"
        " is 1 and False from any other value: from 'true', 't', 'yes' and 2, too, although these words mean true, and"
        " 2 is true in a WHERE clause of SQLite. From a column that is declared otherwise Django reads the value"
        " itself, so that 'false', a text that is not empty, counts as true. Only a person who knows the data can"
        " choose. Where both repairs are accepted, this one is made, since it was named."
    ),
    remedy=N_("Put 0 or 1 in their place."),
    kinds=WORDS,
    hint=_contradiction,
    repair="lossy",
    repair_description=(
        "Puts what the word means, which Django does not read today: 1 in place of true, t, yes, y, on and 1, and 0 in"
        " place of false, f, no, n, off and 0, in capitals or not, with spaces around or not. Any other value is"
        " unchanged."
    ),
    cell_repair=lambda *_: _intended_value,
)


RULE = dataclasses.replace(_RULE, where=contradicted, describe=_describe)
