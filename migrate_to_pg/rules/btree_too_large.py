"""A key too large for an entry of PostgreSQL's btree, which is at most 2,704 bytes; SQLite's has no such limit."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable, TargetUnique
from migrate_to_pg.rules import rows
from migrate_to_pg.rules.foreign_key_orphan import paired
from migrate_to_pg.rules.rule import Offence, SetRule, Subject, counted
from migrate_to_pg.rules.sql import Sql, compose, join, name, number

#: 2,704 bytes less the entry's own header and the length word of the value.
_LIMIT = 2692
#: What zlib adds to its stream besides the compressed bytes, with something to spare.
_ZLIB_HEAD = 16
#: Four bytes a character, at most.
_SHORT = _LIMIT // 4


def find(subject: Subject) -> Iterator[Finding]:
    """One finding for each unique constraint over long text; one scan of the lengths for each."""
    for table in subject.plan.tables:
        for unique in table.target.uniques:
            columns = [column for column in paired(table, unique.columns) if _may_be_long(column)]
            where = _larger(columns) if columns else None
            count = rows.count(subject, table.source, where) if where else 0
            if where and count:
                yield _finding(subject, table, unique, columns, where, count)


def offences(_: Subject, table: PlannedTable) -> Iterator[Offence]:
    """The rows whose key no compression makes fit, for each unique constraint."""
    for unique in table.target.uniques:
        parts = paired(table, unique.columns)
        columns = [column for column in parts if _may_be_long(column)]
        if columns:
            yield Offence(columns=tuple(parts), where=_surely(_larger(columns), columns))


def _may_be_long(column: PlannedColumn) -> bool:
    target = column.target
    is_long = target.max_length is None or target.max_length > _SHORT
    return target.type_name in ("varchar", "text", "bytea") and is_long and not target.generated


def _larger(columns: list[PlannedColumn]) -> Sql:
    sizes = (compose("ifnull(length(CAST({c} AS BLOB)), 0)", c=name(column.source.name)) for column in columns)
    return compose("{sizes} > {limit}", sizes=join(" + ", sizes), limit=number(_LIMIT))


def _surely(where: Sql, columns: list[PlannedColumn]) -> Sql:
    """Larger even as zlib packs it, which does better than the compression that PostgreSQL gives index entries."""
    packed = (compose("ifnull(pg_packed(CAST({c} AS BLOB)), 0)", c=name(column.source.name)) for column in columns)
    limit = number(_LIMIT + _ZLIB_HEAD)
    return compose("{where} AND {packed} > {limit}", where=where, packed=join(" + ", packed), limit=limit)


def _finding(
    subject: Subject, table: PlannedTable, unique: TargetUnique, columns: list[PlannedColumn], where: Sql, count: int
) -> Finding:
    surely = _surely(where, columns)
    refused = rows.count(subject, table.source, surely)
    rowids = rows.first_rowids(subject, table.source, surely if refused else where)
    effect = (
        f"{counted(refused, 'of them is', 'of them are')} too large in any compression, and PostgreSQL would"
        " refuse the index."
        if refused
        else "Compressed they may fit; if not, the run stops when the index is made, names it, and publishes nothing."
    )
    return RULE.finding(
        table=table.name,
        column=", ".join(unique.columns),
        count=refused or count,
        level=Level.ERROR if refused else Level.WARNING,
        samples=rows.samples(subject, table, [column.source for column in columns], rowids),
        explanation=(
            f"{counted(count, 'row has', 'rows have')} a key of more than 2,704 bytes in {unique.name}, the most"
            f" that an entry of PostgreSQL's btree holds. {effect}{rows.without_samples(table.source)}"
        ),
        remedy=RULE.remedy,
    )


RULE = SetRule(
    id="btree-too-large",
    level=Level.ERROR,
    title="Key too large for an index",
    meaning=(
        "An entry of a btree holds 2,704 bytes, after PostgreSQL compressed it. An error where no compression makes it"
        " fit, a warning where it might. Examined are primary keys and unique constraints; an index that is not unique"
        " is left to PostgreSQL: the run stops when it is made, names it, and publishes nothing."
    ),
    remedy="Shorten the values, give the field a max_length, or make a digest of the value unique instead.",
    find=find,
    offences=offences,
)
