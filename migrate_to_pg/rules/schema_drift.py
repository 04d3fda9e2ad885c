"""What a table of SQLite's has lost of the migrations' schema while its data are still fine: the move heals it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from migrate_to_pg.columns import codec_for
from migrate_to_pg.language import N_
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import duplicate_key
from migrate_to_pg.rules.foreign_key_orphan import is_rowid, paired
from migrate_to_pg.rules.rule import SetRule, Subject
from migrate_to_pg.rules.sql import Sql, compose, join, name, text
from migrate_to_pg.sqlite import affinity

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
    """One finding for each such table; where the data suffered too, the rule about them tells it instead."""
    for table in subject.plan.tables:
        losses = [
            *_types(subject, table),
            *_not_nulls(subject, table),
            *_uniques(subject, table),
            *_indexes(subject, table),
            *_foreign_keys(subject, table),
        ]
        if losses:
            yield _finding(table, losses)


def _types(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """A column without a declared type is not judged: it keeps whatever is written to it."""
    for column in table.loaded_columns:
        declared, codec = column.source.declared_type, codec_for(column.target)
        wanted = _AFFINITIES.get(column.target.type_name)
        if not declared or wanted is None or affinity(declared) in wanted:
            continue
        classes = join(", ", map(text, (*codec.storage, "null")))
        if not _any(subject, table, compose("typeof({c}) NOT IN ({all})", c=name(column.source.name), all=classes)):
            words = _(
                "{source} is declared {declared}, where the migrations make {type}",
                source=column.source.name,
                declared=declared,
                type=column.target.type_sql,
            )
            yield _Loss((column.name,), words)


def _not_nulls(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    for column in table.loaded_columns:
        if _lacks_not_null(column, table) and not _any(
            subject, table, compose("{c} IS NULL", c=name(column.source.name))
        ):
            yield _Loss((column.name,), _("{source} is not NOT NULL", source=column.source.name))


def _lacks_not_null(column: PlannedColumn, table: PlannedTable) -> bool:
    is_key = column.name in table.target.primary_key or column.source.key_position > 0
    return column.target.not_null and not column.source.not_null and not is_key


def _uniques(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """A condition is not compared: SQLite's partial index may say the same in other words."""
    for unique in table.target.uniques:
        columns = paired(table, unique.columns)
        if not columns or unique.predicate or duplicate_key.has_unique_index(subject, table, columns):
            continue
        if not duplicate_key.surplus(subject, table, unique):
            what = _("no primary key") if unique.primary else _("no unique index")
            yield _Loss(
                unique.columns,
                _("there is {what} on {columns}", what=what, columns=", ".join(c.source.name for c in columns)),
            )


def _indexes(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """An index that begins with the same columns serves as well; what only PostgreSQL can have is not looked for."""
    found = list(_of_sqlite(subject, table))
    for index in table.target.indexes:
        wanted = paired(table, index.columns)
        if not wanted or index.method != "btree" or index.for_like:
            continue
        names = [column.source.name.lower() for column in wanted]
        serve = any(parts[: len(names)] == names and (index.predicate or not partial) for parts, partial in found)
        if not serve and not is_rowid(subject, table, wanted):
            yield _Loss(
                index.columns, _("there is no index on {wanted}", wanted=", ".join(c.source.name for c in wanted))
            )


def _of_sqlite(subject: Subject, table: PlannedTable) -> Iterator[tuple[list[str], bool]]:
    """The columns of each index in their order, and whether it is partial; an expression is a column without name."""
    indexes = Sql("SELECT name, partial FROM pragma_index_list(?)")
    parts = Sql("SELECT name FROM pragma_index_xinfo(?) WHERE key ORDER BY seqno")
    for index, partial in subject.rows(indexes, table.source.name):
        yield [(part or "").lower() for (part,) in subject.rows(parts, index)], bool(partial)


def _foreign_keys(subject: Subject, table: PlannedTable) -> Iterator[_Loss]:
    """A key whose parent is missing on either side is not looked for: another rule tells of it."""
    for key in table.target.foreign_keys:
        columns, parent = paired(table, key.columns), subject.plan.table(key.parent)
        if not columns or parent is None:
            continue
        named = _parents(table, columns)
        if parent.source.name.lower() not in named and all(map(subject.catalog.table, named)):
            own = ", ".join(column.source.name for column in columns)
            words = (
                _("the foreign key on {own} names {named}", own=own, named=named[0])
                if named
                else _("there is no foreign key on {own}", own=own)
            )
            yield _Loss(
                key.columns,
                _("{words}, where that of the migrations names {source}", words=words, source=parent.source.name),
            )


def _parents(table: PlannedTable, columns: list[PlannedColumn]) -> list[str]:
    """What SQLite's own keys on these columns name, in lower case."""
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
        " out any longer, or reading is slow: compared are declared types (by their affinity), NOT NULL, unique"
        " constraints, indexes, and foreign keys (by their columns and the table that they name). An index that begins"
        " with the same columns counts as the same one; indexes of expressions and of PostgreSQL's own kinds are not"
        " compared. Where wrong values are there already, the rule about them reports it instead: wrong-storage-class,"
        " null-in-not-null, duplicate-key; rows that a lost foreign key let in are foreign-key-orphan's beside it."
    ),
    remedy=N_("Nothing to do for the move. If SQLite is to stay in use, rebuild the table as the migrations make it."),
    find=find,
)
