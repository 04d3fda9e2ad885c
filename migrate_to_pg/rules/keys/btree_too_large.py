"""Find keys that are too large for PostgreSQL's btree.

An entry is at most 2,704 bytes there. SQLite has no such limit.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn, PlannedTable, TargetIndex, TargetUnique
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, Offence, SetRule, Subject
from migrate_to_pg.rules.sql_keys import fill_constraint
from migrate_to_pg.sqlite.sql import Sql, compose, join, name, number

#: 2,704 bytes less the entry's own header and the length word of the value.
_LIMIT = 2692
#: What zlib adds to its stream besides the compressed bytes, with something to spare.
_ZLIB_HEAD = 16
#: Four bytes a character, at most.
_MAX_LENGTH = _LIMIT // 4
#: pg_type.typname of columns that may hold long values.
_LONG_TYPES = ("varchar", "text", "bytea")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Entry:
    """Entry that one index of PostgreSQL keeps for each row."""

    #: Name of the index, or '' where the migrations have not given it one yet.
    index: str
    columns: list[PlannedColumn]
    #: Columns that may hold long values.
    long: list[PlannedColumn]
    #: Rows that the index covers.
    condition: Sql

    @property
    def larger(self) -> Sql:
        """Condition for an entry that fits only if it is compressed."""
        sizes = (compose("ifnull(length(CAST({c} AS BLOB)), 0)", c=name(c.source.name)) for c in self.long)
        return compose(
            "({condition}) AND {sizes} > {limit}",
            condition=self.condition,
            sizes=join(" + ", sizes),
            limit=number(_LIMIT),
        )

    @property
    def certainly_too_large(self) -> Sql:
        """Condition for an entry that is too large even after zlib, which packs better than PostgreSQL does."""
        packed = (compose("ifnull(pg_packed(CAST({c} AS BLOB)), 0)", c=name(c.source.name)) for c in self.long)
        limit = number(_LIMIT + _ZLIB_HEAD)
        return compose("{where} AND {packed} > {limit}", where=self.larger, packed=join(" + ", packed), limit=limit)


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each btree over long text, with one scan of the lengths for each."""
    for table in subject.plan.tables:
        for entry in _entries(subject, table):
            count = samples.count(subject, table.source, entry.larger)
            if count:
                refused = samples.count(subject, table.source, entry.certainly_too_large)
                yield samples.finding_of_rows(
                    RULE,
                    subject,
                    table,
                    entry.certainly_too_large if refused else entry.larger,
                    _message(entry, count, refused),
                    count=refused or count,
                    column=", ".join(column.name for column in entry.columns),
                    shown=[column.source for column in entry.long],
                    level=Level.ERROR if refused else Level.WARNING,
                )


def offences(subject: Subject, table: PlannedTable) -> Iterator[Offence]:
    """Yield, for each index, the rows whose key no compression makes fit."""
    for entry in _entries(subject, table):
        yield Offence(columns=tuple(entry.columns), where=entry.certainly_too_large)


def _entries(subject: Subject, table: PlannedTable) -> Iterator[_Entry]:
    """Yield each btree with a column that may be long, once for the same columns: constraints first.

    The size of an expression is unknown here.
    """
    btrees: list[tuple[TargetUnique | TargetIndex, tuple[str, ...]]] = [(u, u.columns) for u in table.target.uniques]
    for index in table.target.indexes:
        if index.method == "btree":
            btrees.append((index, tuple(filter(None, (*index.columns, *index.included)))))
    seen: set[tuple[str, ...]] = set()
    for btree, key in btrees:
        columns = table.columns_named(key)
        targets = ((column, column.target) for column in columns if column.target.type_name in _LONG_TYPES)
        long = [c for c, t in targets if not t.generated and (t.max_length is None or t.max_length > _MAX_LENGTH)]
        predicate = (
            fill_constraint(table, btree.sqlite, local_times=subject.plan.local_times) if btree.predicate else None
        )
        if long and key not in seen and (not btree.predicate or (predicate and predicate.certain)):
            seen.add(key)
            condition = predicate.condition if predicate else Sql("1")
            yield _Entry(index=btree.name if btree.named else "", columns=columns, long=long, condition=condition)


def _message(entry: _Entry, count: int, refused: int) -> Message:
    if entry.index:
        found = ngettext(
            "{n:,} row has a key of more than 2,704 bytes, the most that an entry of PostgreSQL's btree holds, in the"
            " index {index}.",
            "{n:,} rows have a key of more than 2,704 bytes, the most that an entry of PostgreSQL's btree holds, in the"
            " index {index}.",
            count,
            index=entry.index,
        )
    else:
        found = ngettext(
            "{n:,} row has a key of more than 2,704 bytes, the most that an entry of PostgreSQL's btree holds, in an"
            " index of the model.",
            "{n:,} rows have a key of more than 2,704 bytes, the most that an entry of PostgreSQL's btree holds, in an"
            " index of the model.",
            count,
        )
    if refused:
        effect = ngettext(
            "{n:,} of them is too large even when it is compressed, and PostgreSQL would refuse the index.",
            "{n:,} of them are too large even when they are compressed, and PostgreSQL would refuse the index.",
            refused,
        )
    else:
        effect = _(
            "Compressed they may fit. If not, the run stops when the index is made, names it, and publishes nothing."
        )
    return Message(explanation=f"{found} {effect}")


RULE = SetRule(
    id="btree-too-large",
    level=Level.ERROR,
    title=N_("Key too large for an index"),
    meaning=(
        "An entry of a btree holds 2,704 bytes, after PostgreSQL compressed it. It is an error where no compression"
        " makes the entry fit, and a warning where it might. Primary keys, unique constraints and indexes are examined,"
        " including those that Django makes for LIKE. An expression, or a condition beyond those of check-constraint,"
        " is left to PostgreSQL: the run stops when the index is made, names it, and publishes nothing."
    ),
    remedy=N_("Shorten the values, give the field a max_length, or index a digest of the value."),
    find=find,
    offences=offences,
)
