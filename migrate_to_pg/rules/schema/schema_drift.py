"""Find tables of SQLite that have lost a part of the migrations' schema while their data are still correct.

A move makes the tables by the migrations, so it repairs them.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from migrate_to_pg.codecs import codec_for
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, MadeTable, PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import SetRule, Subject
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.keys.foreign_key_orphan import is_rowid, paired
from migrate_to_pg.sqlite.connection import affinity
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, text

_TEXT = frozenset({"TEXT"})
_MOMENT = frozenset({"NUMERIC", "TEXT"})
_WHOLE = frozenset({"INTEGER", "NUMERIC"})
_REAL = frozenset({"REAL", "NUMERIC"})
#: pg_type.typname -> the affinities that keep its values as Django writes them.
_AFFINITIES = {
    **dict.fromkeys(("int2", "int4", "int8", "bool", "interval"), _WHOLE),
    **dict.fromkeys(("varchar", "text", "bpchar", "citext", "uuid", "inet"), _TEXT),
    **dict.fromkeys(("date", "time", "timestamp", "timestamptz"), _MOMENT),
    **dict.fromkeys(("numeric", "float4", "float8"), _REAL),
}


class _Loss(NamedTuple):
    columns: tuple[str, ...]
    words: str


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such table. Where the data suffered too, the rule about them reports it instead.

    Each table is compared with the one that the migrations make on SQLite. Where that is unknown, it is compared with
    the state of the migrations.
    """
    for table in subject.plan.tables:
        made = subject.plan.made
        if made is None:
            losses = list(_expected(subject, table))
        elif own := made.get(table.source.name.lower()):
            losses = list(_lost(subject, table, own))
        else:
            losses = []
        if losses:
            yield _finding(table, losses)


def _expected(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    yield from _types(subject, table)
    yield from _not_nulls(subject, table)
    yield from _uniques(subject, table)
    yield from _indexes(subject, table)
    yield from _foreign_keys(subject, table)


def _lost(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    yield from _made_types(subject, table, made)
    yield from _made_not_nulls(subject, table, made)
    yield from _made_uniques(subject, table, made)
    yield from _made_indexes(subject, table, made)
    yield from _made_foreign_keys(subject, table, made)


def _made_types(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    for column in table.loaded_columns:
        wanted = made.table.column(column.source.name)
        declared, kept = column.source.declared_type, _AFFINITIES.get(column.target.type_name, frozenset())
        if wanted is None or not declared or affinity(declared) in {affinity(wanted.declared_type), *kept}:
            continue
        if not _has_other_classes(subject, table, column):
            yield _other_type(column, declared, wanted.declared_type)


def _made_not_nulls(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    for column in table.loaded_columns:
        wanted = made.table.column(column.source.name)
        if wanted is None or not wanted.not_null or column.source.not_null or _is_key(column, table):
            continue
        # Where PostgreSQL would refuse the rows, null-in-not-null reports them.
        if not column.target.not_null or not _holds_null(subject, table, column):
            yield _nullable(column)


def _made_uniques(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    """Compare primary keys and unique indexes, without conditions and expressions."""
    key = [column for column in made.table.columns if column.key_position]
    primary = tuple(column.name for column in sorted(key, key=lambda column: column.key_position))
    totals = (index.columns for index in made.indexes if index.unique and not index.partial and all(index.columns))
    for names in dict.fromkeys((primary, *totals)):
        columns = _planned(table, names)
        if not columns or duplicate_key.has_unique_index(subject, table, columns):
            continue
        wanted = {column.name for column in columns}
        told = (unique for unique in table.target.uniques if set(unique.columns) == wanted)
        if not any(duplicate_key.count_surplus(subject, table, unique) for unique in told):
            yield _not_unique(columns, primary=names == primary)


def _made_indexes(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    """Compare indexes. One that begins with the same columns serves as well."""
    found = list(_of_sqlite(subject, table))
    for index in made.indexes:
        columns = _planned(table, index.columns) if not index.unique else []
        if columns and not _is_served(found, columns, partial=index.partial) and not is_rowid(subject, table, columns):
            yield _not_indexed(columns)


def _made_foreign_keys(subject: Subject, table: PlannedTable, made: MadeTable) -> Iterator[_Loss]:
    for key in made.table.foreign_keys:
        columns, parent = _planned(table, key.columns), subject.catalog.table(key.parent)
        if columns and parent is not None:
            yield from _other_parent(subject, table, columns, parent.name)


def _planned(table: PlannedTable, names: Sequence[str]) -> list[PlannedColumn]:
    """Return the columns of these names in SQLite, or none where the table lacks one of them."""
    known = {column.source.name.lower(): column for column in table.columns}
    return [known[name.lower()] for name in names] if all(name.lower() in known for name in names) else []


def _types(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """Compare types. A column without a declared type is left out: it keeps any value that is written to it."""
    for column in table.loaded_columns:
        declared = column.source.declared_type
        wanted = _AFFINITIES.get(column.target.type_name)
        if not declared or wanted is None or affinity(declared) in wanted:
            continue
        if not _has_other_classes(subject, table, column):
            yield _other_type(column, declared, column.target.type_sql)


def _has_other_classes(subject: Subject, table: PlannedTable, column: PlannedColumn) -> bool:
    classes = join(", ", map(text, (*codec_for(column.target).storage, "null")))
    return _any(subject, table, compose("typeof({c}) NOT IN ({all})", c=name(column.source.name), all=classes))


def _other_type(column: PlannedColumn, declared: str, wanted: str) -> _Loss:
    words = _(
        "{source} is declared {declared}, where the migrations make {type}",
        source=column.source.name,
        declared=declared,
        type=wanted or _("no type"),
    )
    return _Loss((column.name,), words)


def _not_nulls(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    for column in table.loaded_columns:
        lacks = column.target.not_null and not column.source.not_null and not _is_key(column, table)
        if lacks and not _holds_null(subject, table, column):
            yield _nullable(column)


def _is_key(column: PlannedColumn, table: PlannedTable) -> bool:
    return column.name in table.target.primary_key or column.source.key_position > 0


def _holds_null(subject: Subject, table: PlannedTable, column: PlannedColumn) -> bool:
    return _any(subject, table, compose("{c} IS NULL", c=name(column.source.name)))


def _nullable(column: PlannedColumn) -> _Loss:
    return _Loss((column.name,), _("{source} is not NOT NULL", source=column.source.name))


def _uniques(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """Compare unique constraints without a condition, which a partial index of SQLite may write differently."""
    for unique in table.target.uniques:
        columns = paired(table, unique.columns)
        if not columns or unique.predicate or duplicate_key.has_unique_index(subject, table, columns):
            continue
        if not duplicate_key.count_surplus(subject, table, unique):
            yield _not_unique(columns, primary=unique.primary)


def _not_unique(columns: list[PlannedColumn], *, primary: bool) -> _Loss:
    what = _("no primary key") if primary else _("no unique index")
    words = _("there is {what} on {columns}", what=what, columns=", ".join(c.source.name for c in columns))
    return _Loss(tuple(column.name for column in columns), words)


def _indexes(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """Compare indexes that SQLite can have. One that begins with the same columns serves as well."""
    found = list(_of_sqlite(subject, table))
    for index in table.target.indexes:
        wanted = paired(table, index.columns)
        if not wanted or index.method != "btree" or index.for_like:
            continue
        if not _is_served(found, wanted, partial=bool(index.predicate)) and not is_rowid(subject, table, wanted):
            yield _not_indexed(wanted)


def _is_served(found: list[tuple[list[str], bool]], wanted: list[PlannedColumn], *, partial: bool) -> bool:
    names = [column.source.name.lower() for column in wanted]
    return any(parts[: len(names)] == names and (partial or not found_partial) for parts, found_partial in found)


def _not_indexed(columns: list[PlannedColumn]) -> _Loss:
    words = _("there is no index on {wanted}", wanted=", ".join(c.source.name for c in columns))
    return _Loss(tuple(column.name for column in columns), words)


def _of_sqlite(subject: Subject, table: PlannedTable) -> Iterator[tuple[list[str], bool]]:
    """Yield (columns in their order, whether partial) for each index. An expression is a column without name."""
    indexes = Sql("SELECT name, partial FROM pragma_index_list(?)")
    parts = Sql("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno")
    for index, partial in subject.rows(indexes, table.source.name):
        yield [(part or "").lower() for (part,) in subject.rows(parts, index)], bool(partial)


def _foreign_keys(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """Compare foreign keys. One whose parent is missing on either side is left to another rule."""
    for key in table.target.foreign_keys:
        columns, parent = paired(table, key.columns), subject.plan.table(key.parent)
        if columns and parent is not None:
            yield from _other_parent(subject, table, columns, parent.source.name)


def _other_parent(subject: Subject, table: PlannedTable, columns: list[PlannedColumn], parent: str) -> Iterator[_Loss]:
    named = _parents(table, columns)
    if parent.lower() not in named and all(map(subject.catalog.table, named)):
        own = ", ".join(column.source.name for column in columns)
        words = (
            _("the foreign key on {own} names {named}", own=own, named=named[0])
            if named
            else _("there is no foreign key on {own}", own=own)
        )
        yield _Loss(
            tuple(column.name for column in columns),
            _("{words}, where that of the migrations names {source}", words=words, source=parent),
        )


def _parents(table: PlannedTable, columns: list[PlannedColumn]) -> list[str]:
    """Return the tables, in lower case, that SQLite's foreign keys on these columns name."""
    wanted = sorted(column.source.name.lower() for column in columns)
    keys = table.source.foreign_keys
    return [key.parent.lower() for key in keys if sorted(column.lower() for column in key.columns) == wanted]


def _any(subject: Subject, table: PlannedTable, where: Sql) -> bool:
    query = compose("SELECT EXISTS (SELECT 1 FROM {t} WHERE {where})", t=name(table.source.name), where=where)
    return bool(subject.number(query))


def _finding(table: PlannedTable, losses: list[_Loss]) -> Finding:
    concerned = {column for loss in losses for column in loss.columns}
    return RULE.finding(
        table=table.name,
        column=", ".join(c.name for c in table.columns if c.name in concerned),
        count=len(losses),
        explanation=(
            _(
                "SQLite's table {source} is not as the migrations make it: {losses}. PostgreSQL's table is made"
                " by the migrations: the move heals this, and what the data suffered has findings of its own. A"
                " rebuild by hand, as CREATE TABLE ... AS SELECT, leaves such a table.",
                source=table.source.name,
                losses="; ".join(loss.words for loss in losses),
            )
        ),
        remedy=_(RULE.remedy),
    )


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
        " one; indexes of expressions and of PostgreSQL's own kinds are not compared. Where wrong values are there"
        " already, the rule about them reports it instead: wrong-storage-class, null-in-not-null, duplicate-key; rows"
        " that a lost foreign key let in are foreign-key-orphan's beside it."
    ),
    remedy=N_("Nothing to do for the move. If SQLite is to stay in use, rebuild the table as the migrations make it."),
    find=find,
)
