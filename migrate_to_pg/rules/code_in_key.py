"""Codes where ids belong: a key of whole numbers that holds values of another unique column of the table it names.

A script or an import that thought in codes wrote them; SQLite takes text in an integer column.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import NamedTuple

import pyarrow as pa

from migrate_to_pg.columns.reader import ColumnBatch
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import empty_key
from migrate_to_pg.rules.foreign_key_orphan import paired
from migrate_to_pg.rules.rule import Mend, Subject, Told, UnmendableError, Value, ValueRule, counted
from migrate_to_pg.rules.sql import Sql, compose, name

_TEXT_TYPES = ("varchar", "text", "citext", "bpchar")
_INTEGER_TYPES = ("int2", "int4", "int8")
_WHOLE = "v = CAST(CAST(v AS INTEGER) AS TEXT)"


class Codes(NamedTuple):
    """Where the texts of a key are known from."""

    parent: PlannedTable
    #: The parent's unique text column.
    code: PlannedColumn
    #: The parent's column that the key should hold.
    key: PlannedColumn
    #: How many different texts are values of ``code``.
    known: int


def mask(batch: ColumnBatch) -> pa.BooleanArray | None:
    """Values of a wrong storage class in columns of whole numbers; ``where`` picks the texts of keys among them."""
    return batch.wrong_storage if batch.column.target.type_name in _INTEGER_TYPES else None


def texts(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    """The condition for a text in a key that holds the parent's codes; None where it holds none."""
    return _texts(subject, table, column) if codes(subject, table, column) else None


def _where(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    return texts(subject, table, column) or Sql("0")


def _texts(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql:
    text = compose("typeof({c}) = 'text'", c=name(column.source.name))
    empty = empty_key.empty(subject, table, column)
    return compose("{text} AND NOT ({empty})", text=text, empty=empty) if empty else text


def codes(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Codes | None:
    """The unique text column of the parent that knows most of the key's texts; None where none knows any."""
    if column.target.type_name not in _INTEGER_TYPES:
        return None
    different = _different(subject, table, column)
    found = [
        Codes(parent, code, key, _known(subject, different, parent, code))
        for parent, code, key in _unique_texts(subject, table, column)
    ]
    best = max(found, key=lambda one: one.known, default=None)
    return best if best and best.known else None


def _different(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql:
    return compose(
        "SELECT DISTINCT {column} COLLATE BINARY AS v FROM {table} WHERE {texts}",
        column=name(column.source.name),
        table=name(table.source.name),
        texts=_texts(subject, table, column),
    )


def _unique_texts(
    subject: Subject, table: PlannedTable, column: PlannedColumn
) -> list[tuple[PlannedTable, PlannedColumn, PlannedColumn]]:
    """The unique text columns of the tables that this column refers to, each with the column that it refers to."""
    keys = [key for key in table.target.foreign_keys if key.columns == (column.name,)]
    parents = [(parent, key) for key in keys if (parent := subject.plan.table(key.parent))]
    return [
        (parent, code, own)
        for parent, key in parents
        for own in paired(parent, key.parent_columns)
        for unique in parent.target.uniques
        if len(unique.columns) == 1 and not unique.predicate
        for code in paired(parent, unique.columns)
        if code.target.type_name in _TEXT_TYPES
    ]


def _known(subject: Subject, different: Sql, parent: PlannedTable, code: PlannedColumn) -> int:
    """How many of the texts are values of the parent's column."""
    return subject.number(
        compose(
            "SELECT count(*) FROM ({texts}) WHERE v COLLATE BINARY IN"
            " (SELECT {code} FROM {parent} WHERE typeof({code}) = 'text')",
            texts=different,
            code=name(code.source.name),
            parent=name(parent.source.name),
        )
    )


def tell(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Told:
    """Which unique column knows the texts, how many of them, and what the others are."""
    found = codes(subject, table, column)
    if found is None:
        raise LookupError(f"{table.name}.{column.name} holds no codes")
    place = f"{found.parent.name}.{found.code.name}"
    declared = f" The column is declared {column.source.declared_type}." if column.source.declared_type else ""
    query = compose(
        "SELECT {column}, * FROM {table} WHERE typeof({column}) = 'text';",
        column=name(column.source.name),
        table=name(table.source.name),
    )
    return Told(
        explanation=(
            f"PostgreSQL's column is {column.target.type_sql} and refers to {found.parent.name}.{found.key.name}; these"
            f" rows hold texts.{_kinds(subject, table, column, found, place)} A script or an import that thought in"
            f" codes wrote them, and SQLite takes any value in any column.{declared}"
        ),
        remedy=(
            f"Put {found.parent.name}.{found.key.name} of the row with that {found.code.name} in their place."
            f" To see them all:\n{query}"
        ),
    )


def _kinds(subject: Subject, table: PlannedTable, column: PlannedColumn, found: Codes, place: str) -> str:
    """How many of the different texts are codes, whole numbers (codes that look like one are codes), or neither."""
    different = _different(subject, table, column)
    total = subject.number(compose("SELECT count(*) FROM ({texts})", texts=different))
    numbers = subject.number(
        compose(
            "SELECT count(*) FROM ({texts}) WHERE {whole} AND v COLLATE BINARY NOT IN"
            " (SELECT {code} FROM {parent} WHERE typeof({code}) = 'text')",
            texts=different,
            whole=Sql(_WHOLE),
            code=name(found.code.source.name),
            parent=name(found.parent.source.name),
        )
    )
    neither = total - found.known - numbers
    both = _both(subject, table, column, found)
    of_them = f"of {counted(total, 'different text', 'different texts')}"
    said = f" {found.known:,} {of_them} {_are(found.known)} {_a(found.known, 'value')} of {place}: codes stand for ids."
    also = f" {numbers:,} {of_them} {_are(numbers)} {_a(numbers, 'whole number')} written as text."
    rest = f" {neither:,} {of_them} {_are(neither)} neither."
    doubt = f" {both:,} {of_them} {_are(both)} one row's code and another row's id: nothing says which is meant."
    return said + (also if numbers else "") + (rest if neither else "") + (doubt if both else "")


def _both(subject: Subject, table: PlannedTable, column: PlannedColumn, found: Codes) -> int:
    """How many different texts are a row's code, and the id of another row."""
    return subject.number(
        compose(
            "SELECT count(DISTINCT v) FROM ({texts}) JOIN {parent} ON {code} COLLATE BINARY = v"
            " WHERE typeof({code}) = 'text' AND {whole} AND CAST(v AS INTEGER) <> {key}"
            " AND CAST(v AS INTEGER) IN ({ids})",
            texts=_different(subject, table, column),
            parent=name(found.parent.source.name),
            code=name(found.code.source.name),
            key=name(found.key.source.name),
            whole=Sql(_WHOLE),
            ids=_ids(subject, found),
        )
    )


def _are(count: int) -> str:
    return "is" if count == 1 else "are"


def _a(count: int, noun: str) -> str:
    return f"a {noun}" if count == 1 else f"{noun}s"


def _mend_of(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Mend | None:
    found = codes(subject, table, column)
    return partial(_key_of, _keys(subject, table, column, found)) if found else None


def _key_of(keys: Mapping[Value, int], value: Value) -> Value:
    if value in keys:
        return keys[value]
    raise UnmendableError


def _keys(subject: Subject, table: PlannedTable, column: PlannedColumn, found: Codes) -> dict[Value, int]:
    """Of each text the key that it stands for, where that is one row's.

    A text that is one row's code and another row's id stands for neither: SQLite itself has joined it as the id.
    """
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
        ids=_ids(subject, found),
        texts=_different(subject, table, column),
        code=name(found.code.source.name),
        key=name(found.key.source.name),
        parent=name(found.parent.source.name),
        whole=Sql(_WHOLE),
    )
    return dict(subject.rows(query))


def _ids(subject: Subject, found: Codes) -> Sql:
    """Every id of the parent's, those of rows that were merged away meanwhile among them."""
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
    title="Code where an id belongs",
    meaning=(
        "PostgreSQL's key takes whole numbers alone. Texts in such a key belong to this rule where at least one of"
        " them is a value of a unique text column of the table that the key refers to; the others may be ids written as"
        " text, or nothing known. Where none of them is such a value, they are reported by wrong-storage-class."
    ),
    remedy="Put the id of the row that has the code in its place.",
    mask=mask,
    where=_where,
    tell=tell,
    repair="lossless",
    repair_description=(
        "Puts the key of the one row that has the text as its code in the text's place, the code being the unique text"
        " column that knows most of the column's different texts. A text that is no code, but a whole number as it"
        " would be printed and the key of a row, becomes that number. All else stands: no row with it, several, or one"
        " row's code that is another row's key, where nothing says which is meant."
    ),
    mend=_mend_of,
    with_class=True,
)
