"""Make rules for the values that a codec marks as malformed.

A codec marks values that its type cannot hold, for any reason. A rule made here takes those of its own types. Where one
mark has several reasons, ``where`` selects the rule's own rows by SQL, which is run only where something was marked.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import LiteralString

import pyarrow as pa

from migrate_to_pg.codecs.reader import ColumnBatch
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Level, PlannedColumn, PlannedTable
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import CellRepairFor, Message, Subject, ValueRule
from migrate_to_pg.sqlite.sql import Sql, compose, name

#: Describes the rows that satisfy the condition further, or returns ''.
Hint = Callable[[Subject, PlannedTable, PlannedColumn, Sql], str]
Mask = Callable[[ColumnBatch], pa.BooleanArray | None]
#: A name of such values, and a condition about ``{c}``, the quoted column.
Kind = tuple[str, LiteralString]

TEXT_TYPES = ("varchar", "text", "bpchar", "citext")
JSON_TYPES = ("json", "jsonb")
INTEGER_TYPES = ("int2", "int4", "int8")


def marked(*types: str) -> Mask:
    """Return a mask of the values that the codec marked in columns of these types."""
    wanted = frozenset(types)
    return lambda batch: batch.malformed if batch.column.target.type_name in wanted else None


def form_rule(
    *,
    id: str,
    title: str,
    mask: Mask,
    holds: str | Callable[[PlannedColumn], str],
    remedy: str,
    meaning: str,
    where: LiteralString = "",
    kinds: Sequence[Kind] = (),
    hint: Hint | None = None,
    repair: str = "",
    repair_description: str = "",
    cell_repair: CellRepairFor | None = None,
) -> ValueRule:
    """Make a rule for values that do not have the form that PostgreSQL's column holds.

    ``holds`` describes that form, for one column where it is a function. ``hint`` adds a sentence to the explanation,
    ``kinds`` the number of values of each kind.
    """

    def describe(subject: Subject, table: PlannedTable, column: PlannedColumn, own: Sql) -> Message:
        form = _(holds) if isinstance(holds, str) else holds(column)
        sentences = (
            _(
                "PostgreSQL's column is {type}, which holds {form}. These values are not that: SQLite checks no value,"
                " so any program could write them.",
                type=column.target.type_sql,
                form=form,
            ),
            hint(subject, table, column, own) if hint else "",
            describe_kinds(subject, table, column, own, kinds),
        )
        return Message(
            explanation=" ".join(filter(None, sentences)),
            remedy=_(remedy),
        )

    return ValueRule(
        id=id,
        level=Level.ERROR,
        title=title,
        meaning=meaning,
        remedy=remedy,
        mask=mask,
        describe=describe,
        with_class=True,
        repair=repair,
        repair_description=repair_description,
        cell_repair=cell_repair,
        where=(lambda _subject, _table, column: condition(where, column)) if where else None,
    )


def condition(template: LiteralString, column: PlannedColumn) -> Sql:
    """Fill the quoted column into a template as ``{c}``."""
    return compose(template, c=name(column.source.name))


def describe_kinds(
    subject: Subject,
    table: PlannedTable,
    column: PlannedColumn,
    own: Sql,
    kinds: Sequence[Kind],
) -> str:
    """Count each kind that occurs among the finding's own rows: "Among them: the empty text (3); a date alone (1)."."""
    conditions = [compose("({own}) AND ({kind})", own=own, kind=condition(kind, column)) for __, kind in kinds]
    found = zip(kinds, samples.counts(subject, samples.numbered(table.source), conditions), strict=True)
    parts = [_("{kind} ({n:,})", kind=_(kind), n=count) for (kind, __), count in found if count]
    return _("Among them: {kinds}.", kinds="; ".join(parts)) if parts else ""
