"""Ask both databases for the rows in an order, and tell why a row is at another place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from typing import Any, cast

from django.core.exceptions import FieldError
from django.db import DatabaseError, connections, models

from migrate_to_pg.behaviour.data.collations import Collations
from migrate_to_pg.behaviour.data.orderings import Key, Ordering
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Way
from migrate_to_pg.behaviour.sides import POSTGRESQL, SQLITE
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK, is_secret
from migrate_to_pg.project.secret_reads import uses_secret

#: More rows than this are not compared: the first of them say enough.
_MOST_ROWS = 20_000
_SHOWN = 5
Row = tuple[Any, ...]


def compare_order(ordering: Ordering, collations: Collations) -> Iterator[Occurrence]:
    """Yield one occurrence for each reason why rows are at another place on PostgreSQL."""
    keys = ordering.keys
    try:
        before = _rows(ordering, keys, SQLITE)
        after = _rows(ordering, keys, POSTGRESQL)
    except FieldError:
        return
    except DatabaseError as error:
        yield _error(ordering, error)
        return
    for key in keys:
        collations.note_text(ordering.place.name, key.field, [row[1 + keys.index(key)] for row in before])
    pk = ordering.queryset.model._meta.pk
    hidden = [pk is None or is_secret(pk.model._meta.db_table, str(pk.column))]
    hidden += [_is_hidden(ordering, key) for key in keys]
    for rule, one, other in reasons(before, after, keys):
        moved = sum(row != there for row, there in zip(one, other, strict=False))
        yield Occurrence(
            rule=rule,
            place=ordering.place,
            way=Way.DATA,
            certainty=Certainty.SEEN,
            effect=Effect.DIFFERENT,
            sqlite=_shown(one, other, hidden),
            postgresql=_shown(other, one, hidden),
            explanation=_("{n:,} of {m:,} rows are at another place.", n=moved, m=len(before)),
        )


def _rows(ordering: Ordering, keys: Sequence[Key], alias: str) -> list[Row]:
    """Return (primary key, value of each key) of the rows."""
    named = {f"migrate_to_pg_{i}": key.expression for i, key in enumerate(keys)}
    rows = ordering.queryset.using(alias).annotate(**named).order_by(*ordering.items)
    return [*rows.values_list("pk", *named)[:_MOST_ROWS]]


def reasons(
    before: Sequence[Row], after: Sequence[Row], keys: Sequence[Key]
) -> Iterator[tuple[str, Sequence[Row], Sequence[Row]]]:
    """Yield (rule, rows of SQLite, rows of PostgreSQL) for each reason: NULLs, then letters, then ties.

    What one reason explains is left out of the rows that the next one is looked for in.
    """
    open_ = [i + 1 for i, key in enumerate(keys) if not key.says_nulls]

    def has_null(row: Row) -> bool:
        return any(row[i] is None for i in open_)

    if [has_null(row) for row in before] != [has_null(row) for row in after]:
        yield "order-nulls", before, after
    before, after = ([row for row in rows if not has_null(row)] for rows in (before, after))
    # Of a large table each side may have read other rows.
    both = {row[0] for row in before} & {row[0] for row in after}
    before, after = ([row for row in rows if row[0] in both] for rows in (before, after))
    if [row[1:] for row in before] != [row[1:] for row in after]:
        yield "order-text", before, after
    if _grouped(before) != _grouped(after):
        # Compared group by group, so that only rows with equal values change places.
        yield "order-ties", _by_group(before, before), _by_group(after, before)


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(repr(row[1:]), []).append(row)
    return groups


def _by_group(rows: Sequence[Row], order: Sequence[Row]) -> list[Row]:
    groups = _grouped(rows)
    return [row for name in _grouped(order) for row in groups.get(name, ())]


def _shown(rows: Sequence[Row], others: Sequence[Row], hidden: Sequence[bool]) -> str:
    """Show the first rows from the first that is at another place."""
    first = next(i for i, (one, other) in enumerate(zip(rows, others, strict=False)) if one != other)
    texts = []
    for row in rows[first : first + _SHOWN]:
        pk, *values = (_value(value, is_hidden=is_hidden) for value, is_hidden in zip(row, hidden, strict=True))
        texts.append(f"{', '.join(values)} (pk {pk})")
    return "; ".join(texts)


def _value(value: Any, *, is_hidden: bool) -> str:
    return "NULL" if value is None else MASK if is_hidden else str(value)[:40]


def _is_hidden(ordering: Ordering, key: Key) -> bool:
    """Report whether values of a key are not shown: of a secret column, or of an expression that reads one."""
    if isinstance(key.field, models.Field):
        return is_secret(key.field.model._meta.db_table, str(key.field.column))
    connection = connections[SQLITE]
    connection.ensure_connection()
    rows = ordering.queryset.using(SQLITE).annotate(migrate_to_pg_key=key.expression).order_by()
    return uses_secret(cast(sqlite3.Connection, connection.connection), rows.values("migrate_to_pg_key").explain)


def _error(ordering: Ordering, error: DatabaseError) -> Occurrence:
    state = str(getattr(error.__cause__, "sqlstate", "") or "")
    message = next(iter(str(error).splitlines()), "")
    return Occurrence(
        rule=rule_of_error(state, message),
        place=ordering.place,
        way=Way.DATA,
        certainty=Certainty.SEEN,
        effect=Effect.ERROR,
        postgresql=message,
        sqlstate=state,
    )
