"""Find codes where ids belong: an integer key that holds values of another unique column of its parent table.

A script or an import used codes instead of ids. SQLite takes text in an integer column.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import pyarrow as pa

from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import N_, ngettext, pluralize
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, Message, Subject, UnrepairableError, Value, ValueRule
from migrate_to_pg.rules.keys import empty_key
from migrate_to_pg.rules.malformed import INTEGER_TYPES, TEXT_TYPES
from migrate_to_pg.sqlite.sql import Sql, compose, name

_IS_INTEGER = "v = CAST(CAST(v AS INTEGER) AS TEXT)"


class Codes(NamedTuple):
    """Unique text column of the parent that knows the texts of a key."""

    parent: PlannedTable
    #: The parent's unique text column.
    code: PlannedColumn
    #: The parent's column that the key should hold.
    key: PlannedColumn
    #: How many different texts are values of ``code``.
    known: int


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Mark values of a wrong storage class in integer columns. ``where`` picks the texts of keys among them."""
    return batch.wrong_storage if batch.column.target.type_name in INTEGER_TYPES else None


def texts(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    """Return the condition for a text in a key that holds the parent's codes, or None where it holds none."""
    return _text_condition(subject, table, column) if codes(subject, table, column) else None


def _text_condition(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql:
    text = compose("typeof({c}) = 'text'", c=name(column.source.name))
    empty = empty_key.empty(subject, table, column)
    return compose("{text} AND NOT ({empty})", text=text, empty=empty) if empty else text


def codes(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Codes | None:
    """Return the unique text column of the parent that knows most of the key's texts, or None if none knows any."""
    if column.target.type_name not in INTEGER_TYPES:
        return None
    distinct_texts = _distinct_texts(subject, table, column)
    best = None
    for parent, code, key in _unique_texts(subject, table, column):
        known = subject.number(
            compose(
                "SELECT count(*) FROM ({texts}) WHERE v COLLATE BINARY IN"
                " (SELECT {code} FROM {parent} WHERE typeof({code}) = 'text')",
                texts=distinct_texts,
                code=name(code.source.name),
                parent=name(parent.source.name),
            )
        )
        if known > (best.known if best else 0):
            best = Codes(parent, code, key, known)
    return best


def _distinct_texts(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql:
    return compose(
        "SELECT DISTINCT {column} COLLATE BINARY AS v FROM {table} WHERE {texts}",
        column=name(column.source.name),
        table=name(table.source.name),
        texts=_text_condition(subject, table, column),
    )


def _unique_texts(
    subject: Subject, table: PlannedTable, column: PlannedColumn
) -> list[tuple[PlannedTable, PlannedColumn, PlannedColumn]]:
    """List (parent, unique text column, column that the key refers to) for each table that this column refers to."""
    keys = [key for key in table.target.foreign_keys if key.columns == (column.name,)]
    parents = [(parent, key) for key in keys if (parent := subject.plan.table(key.parent))]
    return [
        (parent, code, own)
        for parent, key in parents
        for own in parent.columns_named(key.parent_columns)
        for unique in parent.target.uniques
        # A code that is unique among some rows names a row as well, where it occurs once.
        if len(unique.columns) == 1
        for code in parent.columns_named(unique.columns)
        if code.target.type_name in TEXT_TYPES
    ]


def describe(subject: Subject, table: PlannedTable, column: PlannedColumn, _own: Sql) -> Message:
    """Name the unique column that knows the texts, count them, and describe the others."""
    found = codes(subject, table, column)
    if found is None:
        raise LookupError(_("{table}.{column} holds no codes", table=table.name, column=column.name))
    query = compose(
        "SELECT {column}, * FROM {table} WHERE typeof({column}) = 'text';",
        column=name(column.source.name),
        table=name(table.source.name),
    )
    sentences = [
        _(
            "PostgreSQL's column is {type} and refers to {parent}.{key}; these rows hold texts.",
            type=column.target.type_sql,
            parent=found.parent.name,
            key=found.key.name,
        ),
        *_describe_texts(subject, table, column, found),
        _("A script or an import used codes instead of ids, and SQLite takes any value in any column."),
    ]
    if declared := column.source.declared_type:
        sentences.append(_("The column is declared {declared_type}.", declared_type=declared))
    return Message(
        explanation=" ".join(sentences),
        remedy=_(
            "Put {parent}.{key} of the row with that {code} in their place. To see them all:\n{query}",
            parent=found.parent.name,
            key=found.key.name,
            code=found.code.name,
            query=query,
        ),
    )


def _describe_texts(subject: Subject, table: PlannedTable, column: PlannedColumn, found: Codes) -> Iterator[str]:
    """Count the different texts that are codes, integers or neither. A code that looks like an integer is a code."""
    distinct_texts = _distinct_texts(subject, table, column)
    total = subject.number(compose("SELECT count(*) FROM ({texts})", texts=distinct_texts))
    numbers = subject.number(
        compose(
            "SELECT count(*) FROM ({texts}) WHERE {whole} AND v COLLATE BINARY NOT IN"
            " (SELECT {code} FROM {parent} WHERE typeof({code}) = 'text')",
            texts=distinct_texts,
            whole=Sql(_IS_INTEGER),
            code=name(found.code.source.name),
            parent=name(found.parent.source.name),
        )
    )
    neither = total - found.known - numbers
    ambiguous = subject.number(
        compose(
            "SELECT count(DISTINCT v) FROM ({texts}) JOIN {parent} ON {code} COLLATE BINARY = v"
            " WHERE typeof({code}) = 'text' AND {whole} AND CAST(v AS INTEGER) <> {key}"
            " AND CAST(v AS INTEGER) IN ({ids})",
            texts=distinct_texts,
            parent=name(found.parent.source.name),
            code=name(found.code.source.name),
            key=name(found.key.source.name),
            whole=Sql(_IS_INTEGER),
            ids=_parent_ids(subject, found),
        )
    )
    distinct = pluralize(total, "different text", "different texts")
    yield ngettext(
        "{n:,} of {texts} is a value of {place}: a code in place of an id.",
        "{n:,} of {texts} are values of {place}: codes in place of ids.",
        found.known,
        texts=distinct,
        place=f"{found.parent.name}.{found.code.name}",
    )
    if numbers:
        yield ngettext(
            "{n:,} of {texts} is a whole number written as text.",
            "{n:,} of {texts} are whole numbers written as text.",
            numbers,
            texts=distinct,
        )
    if neither:
        yield ngettext("{n:,} of {texts} is neither.", "{n:,} of {texts} are neither.", neither, texts=distinct)
    if ambiguous:
        yield ngettext(
            "{n:,} of {texts} is ambiguous: the code of one row and the id of another.",
            "{n:,} of {texts} are ambiguous: the code of one row and the id of another.",
            ambiguous,
            texts=distinct,
        )


def _conversion(subject: Subject, table: PlannedTable, column: PlannedColumn) -> CellRepair | None:
    """Return a repair that maps each text to the key of the one row that it identifies.

    A text that is the code of one row and the id of another is left out: SQLite itself has joined it as the id.
    """
    found = codes(subject, table, column)
    if found is None:
        return None
    query = compose(
        "WITH {t} AS ({texts}), {k} AS (SELECT {code} COLLATE BINARY AS code, {key} AS id FROM {parent}"
        " WHERE typeof({code}) = 'text'), {i} AS ({ids})"
        " SELECT v, min(id) FROM {t} JOIN {k} ON code = v GROUP BY v"
        " HAVING count(*) = 1 AND typeof(min(id)) = 'integer'"
        " AND NOT ({whole} AND CAST(v AS INTEGER) <> min(id) AND CAST(v AS INTEGER) IN (SELECT id FROM {i}))"
        " UNION ALL SELECT v, CAST(v AS INTEGER) FROM {t} WHERE {whole} AND v NOT IN (SELECT code FROM {k})"
        " AND CAST(v AS INTEGER) IN (SELECT {key} FROM {parent} WHERE typeof({key}) = 'integer')",
        t=name("migrate_to_pg texts"),
        k=name("migrate_to_pg codes"),
        i=name("migrate_to_pg ids"),
        ids=_parent_ids(subject, found),
        texts=_distinct_texts(subject, table, column),
        code=name(found.code.source.name),
        key=name(found.key.source.name),
        parent=name(found.parent.source.name),
        whole=Sql(_IS_INTEGER),
    )
    keys: dict[Value, int] = dict(subject.rows(query))

    def key_of_text(value: Value) -> Value:
        if value in keys:
            return keys[value]
        raise UnrepairableError

    return key_of_text


def _parent_ids(subject: Subject, found: Codes) -> Sql:
    """Select every id of the parent, with those of rows that a repair has merged away since."""
    parts = {"key": name(found.key.source.name), "parent": name(found.parent.source.name)}
    ids = compose("SELECT {key} AS id FROM main.{parent} WHERE typeof({key}) = 'integer'", **parts)
    schemas = {schema for (schema,) in subject.rows(Sql("SELECT name FROM pragma_database_list"))}
    if "snapshot" not in schemas:
        return ids
    before = compose("SELECT {key} FROM snapshot.{parent} WHERE typeof({key}) = 'integer'", **parts)
    return compose("{ids} UNION ALL {before}", ids=ids, before=before)


RULE = ValueRule(
    id="code-in-key",
    level=Level.ERROR,
    title=N_("Code where an id belongs"),
    meaning=(
        "PostgreSQL's key takes whole numbers alone. Texts in such a key belong to this rule where at least one of them"
        " is a value of a text column of the table that the key refers to, which is unique, if only among some of its"
        " rows; the others may be ids written as text, or unknown. Where none of them is such a value, they are"
        " reported by wrong-storage-class."
    ),
    remedy=N_("Put the id of the row that has the code in its place."),
    mask=mask,
    where=lambda subject, table, column: texts(subject, table, column) or Sql("0"),
    describe=describe,
    repair="lossy",
    repair_description=(
        "Django reads the text today, and finds no row by it. Puts the key of the one row that has the text as its code"
        " in the text's place, the code being the unique text column that knows most of the column's different texts."
        " A text that is no code, but a whole number as it"
        " would be printed and the key of a row, becomes that number. Any other text stays as it is: one that"
        " is the code of no row or of several, or the code of one row and the key of another, which is ambiguous."
    ),
    cell_repair=_conversion,
    with_class=True,
)
