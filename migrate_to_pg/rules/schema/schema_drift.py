"""Find tables of SQLite that have lost a part of the migrations' schema while their data are still correct.

A move makes the tables by the migrations, so it repairs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, MadeTable, PlannedColumn, PlannedTable, TargetUnique
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.keys.foreign_key_orphan import is_rowid
from migrate_to_pg.rules.samples import truncate
from migrate_to_pg.sqlite.connection import affinity
from migrate_to_pg.sqlite.index_definition import index_definition
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, text

_TEXT = frozenset({"TEXT"})
_MOMENT = frozenset({"NUMERIC", "TEXT"})
_WHOLE = frozenset({"INTEGER", "NUMERIC"})
_REAL = frozenset({"REAL", "NUMERIC"})
#: pg_type.typname -> the affinities that keep its values as Django writes them.
_AFFINITIES = {
    **dict.fromkeys(("int2", "int4", "int8", "bool", "interval"), _WHOLE),
    **dict.fromkeys(("varchar", "text", "bpchar", "citext", "uuid", "inet", "cidr"), _TEXT),
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz"), _MOMENT),
    **dict.fromkeys(("numeric", "float4", "float8"), _REAL),
}
#: Characters of SQL shown.
_WIDTH = 1000
_OWN_INDEXES = Sql(
    'SELECT l.name, l."unique", m.sql FROM pragma_index_list(?) l'
    " JOIN sqlite_master m ON m.type = 'index' AND m.name = l.name WHERE m.sql IS NOT NULL"
)


class _Loss(NamedTuple):
    columns: tuple[str, ...]
    description: str


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such table. Where the data suffered too, the rule about them reports it instead.

    Each table is compared with the one that the migrations make on SQLite. Where that is unknown, it is compared with
    the state of the migrations.
    """
    for table in subject.plan.tables:
        made = (subject.plan.made or {}).get(table.source.name.lower())
        if made is None and subject.plan.made is not None:
            continue
        parts = (_types, _not_nulls, _uniques, _indexes, _conditional, _foreign_keys)
        losses = [loss for part in parts for loss in part(subject, table, made)]
        concerned = {column for loss in losses for column in loss.columns}
        if losses:
            yield RULE.finding(
                table=table.name,
                column=", ".join(c.name for c in table.columns if c.name in concerned),
                count=len(losses),
                explanation=_(
                    "SQLite's table {source} is not as the migrations make it: {losses}.\nThe move corrects this, since"
                    " the migrations make PostgreSQL's table. Rows at fault have findings of their own. A rebuild by"
                    " hand, such as CREATE TABLE ... AS SELECT, makes such a table.",
                    source=table.source.name,
                    losses="; ".join(loss.description for loss in losses),
                ),
            )


def _types(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    """Compare types. A column without a declared type is left out: it keeps any value that is written to it."""
    for column in table.loaded_columns:
        declared = column.source.declared_type
        expected, affinities = _expected_type(column, made)
        if not declared or not affinities or affinity(declared) in affinities:
            continue
        classes = join(", ", map(text, (*codec_for(column.target).storage, "null")))
        other = compose("typeof({c}) NOT IN ({all})", c=name(column.source.name), all=classes)
        # Where values of another class are there already, the rule about them reports it.
        if not _any(subject, table, other):
            values = {"source": column.source.name, "declared": declared, "type": expected}
            words = (
                _("{source} is declared {declared} instead of {type}", **values)
                if expected
                else _("{source} is declared {declared} instead of having no type", **values)
            )
            yield _Loss((column.name,), words)


def _expected_type(column: PlannedColumn, made: MadeTable | None) -> tuple[str, frozenset[str]]:
    """Return the type that the migrations make, and the affinities that keep its values, none where unknown."""
    affinities = _AFFINITIES.get(column.target.type_name, frozenset())
    if made is None:
        return column.target.type_sql, affinities
    expected = made.table.column(column.source.name)
    return (expected.declared_type, affinities | {affinity(expected.declared_type)}) if expected else ("", frozenset())


def _not_nulls(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    for column in table.loaded_columns:
        expected = made.table.column(column.source.name) if made else column.target
        is_key = column.name in table.target.primary_key or column.source.key_position > 0
        if expected is None or not expected.not_null or column.source.not_null or is_key:
            continue
        # Where PostgreSQL would refuse the rows, null-in-not-null reports them.
        null = compose("{c} IS NULL", c=name(column.source.name))
        if not column.target.not_null or not _any(subject, table, null):
            yield _Loss((column.name,), _("{source} is not NOT NULL", source=column.source.name))


def _uniques(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    for columns, is_primary, constraints in _expected_uniques(table, made):
        if not columns or duplicate_key.has_unique_index(subject, table, columns):
            continue
        # Where values repeat already, duplicate-key reports them.
        if not any(duplicate_key.count_duplicates(subject, table, unique) for unique in constraints):
            names = ", ".join(c.source.name for c in columns)
            words = (
                _("there is no primary key on {columns}", columns=names)
                if is_primary
                else _("there is no unique index on {columns}", columns=names)
            )
            yield _Loss(tuple(column.name for column in columns), words)


def _expected_uniques(
    table: PlannedTable, made: MadeTable | None
) -> Iterator[tuple[list[PlannedColumn], bool, list[TargetUnique]]]:
    """Yield (columns, whether primary, PostgreSQL's constraints on them), without conditions and expressions.

    A partial index of SQLite may write the same condition in other words.
    """
    if made is None:
        for unique in table.target.uniques:
            if not unique.predicate:
                yield table.columns_named(unique.columns), unique.primary, [unique]
        return
    key = [column for column in made.table.columns if column.key_position]
    primary = tuple(column.name for column in sorted(key, key=lambda column: column.key_position))
    totals = (index.columns for index in made.indexes if index.unique and index.is_plain)
    for names in dict.fromkeys((primary, *totals)):
        columns = _planned(table, names)
        own = {column.name for column in columns}
        yield columns, names == primary, [unique for unique in table.target.uniques if set(unique.columns) == own]


def _indexes(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    """Compare indexes that SQLite can have. One that begins with the same columns serves as well."""
    if made:
        expected = [(_planned(table, index.columns), index.partial) for index in made.indexes if not index.unique]
    else:
        btrees = (index for index in table.target.indexes if index.method == "btree" and not index.for_like)
        expected = [(table.columns_named(index.columns), bool(index.predicate)) for index in btrees]
    indexes = Sql("SELECT name, partial FROM pragma_index_list(?)")
    parts = Sql("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno")
    # An expression is a column without name.
    found = [
        ([(part or "").lower() for (part,) in subject.rows(parts, index)], bool(partial))
        for index, partial in subject.rows(indexes, table.source.name)
    ]
    for columns, partial in expected:
        names = [column.source.name.lower() for column in columns]
        serves = (own[: len(names)] == names and (partial or not own_partial) for own, own_partial in found)
        if columns and not any(serves) and not is_rowid(subject, table, columns):
            words = _("there is no index on {wanted}", wanted=", ".join(c.source.name for c in columns))
            yield _Loss(tuple(column.name for column in columns), words)


def _conditional(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    """Compare unique indexes with a condition, and all with an expression, by their names and by their SQL."""
    wanted = [i for i in made.indexes if i.sql and not i.is_plain and (i.unique or not all(i.columns))] if made else []
    if not wanted:
        return
    own = subject.rows(_OWN_INDEXES, table.source.name)
    for index in wanted:
        definition = index_definition(index.sql)
        alike = [
            sql for name, unique, sql in own if unique >= index.unique and _same(name, sql, index.name, definition)
        ]
        columns = _planned(table, [column for column in index.columns if column])
        stricter = all(index.columns) and columns and duplicate_key.has_unique_index(subject, table, columns)
        same = [unique for unique in table.target.uniques if unique.name.lower() == index.name.lower()]
        # Where values repeat already, duplicate-key reports them.
        if alike or stricter or any(duplicate_key.count_duplicates(subject, table, unique) for unique in same):
            continue
        words = _("this index is missing: {sql}", sql=truncate(index.sql, _WIDTH))
        yield _Loss(tuple(column.name for column in columns), words)


def _same(name: str, sql: str, wanted: str, definition: tuple[str, ...]) -> bool:
    """Compare by name too: another version of Django may have written the same condition in other words."""
    return name.lower() == wanted.lower() or index_definition(sql) == definition


def _foreign_keys(subject: Subject, table: PlannedTable, made: MadeTable | None) -> Iterator[_Loss]:
    """Compare foreign keys. One whose parent is missing on either side is left to another rule."""
    expected: list[tuple[list[PlannedColumn], str | None]]
    if made:
        parents = ((key, subject.catalog.table(key.parent)) for key in made.table.foreign_keys)
        expected = [(_planned(table, key.columns), parent.name if parent else None) for key, parent in parents]
    else:
        planned = ((key, subject.plan.table(key.parent)) for key in table.target.foreign_keys)
        expected = [
            (table.columns_named(key.columns), parent.source.name if parent else None) for key, parent in planned
        ]
    for columns, parent in expected:
        lowered = sorted(column.source.name.lower() for column in columns)
        keys = table.source.foreign_keys
        named = [key.parent.lower() for key in keys if sorted(map(str.lower, key.columns)) == lowered]
        if not columns or parent is None or parent.lower() in named or not all(map(subject.catalog.table, named)):
            continue
        own = ", ".join(column.source.name for column in columns)
        words = (
            _("the foreign key on {own} names {named} instead of {parent}", own=own, named=named[0], parent=parent)
            if named
            else _("there is no foreign key on {own} to {parent}", own=own, parent=parent)
        )
        yield _Loss(tuple(column.name for column in columns), words)


def _planned(table: PlannedTable, names: Sequence[str]) -> list[PlannedColumn]:
    """Return the columns of these names in SQLite, or none where the table lacks one of them."""
    known = {column.source.name.lower(): column for column in table.columns}
    return [known[name.lower()] for name in names] if all(name.lower() in known for name in names) else []


def _any(subject: Subject, table: PlannedTable, where: Sql) -> bool:
    query = compose("SELECT EXISTS (SELECT 1 FROM {t} WHERE {where})", t=name(table.source.name), where=where)
    return bool(subject.number(query))


RULE = SetRule(
    id="schema-drift",
    level=Level.WARNING,
    title=N_("Table that is not as the migrations make it"),
    meaning=(
        "PostgreSQL's table is made by the migrations, so nothing is lost there. On SQLite nothing keeps wrong values"
        " out any longer, or reading is slow. The applied migrations are run on SQLite, in a scratch database, and what"
        " they make there is compared: declared types (by their affinity), NOT NULL, unique constraints, indexes, and"
        " foreign keys (by their columns and the table that they name). Where they do not run on SQLite, their models"
        " are compared instead, and nothing is repaired. An index that begins with the same columns counts as the same"
        " one. One with an expression, and a unique one with a condition, is the same where its name or its SQL is;"
        " where the migrations do not run on SQLite it is not compared. Indexes of PostgreSQL's own kinds never are."
        " Where wrong values are there already, the rule about them reports it instead: wrong-storage-class,"
        " null-in-not-null, duplicate-key; foreign-key-orphan reports rows that a lost foreign key let in."
    ),
    remedy=N_("Nothing to do for the move. If SQLite is to stay in use, rebuild the table as the migrations make it."),
    find=find,
)
