"""Name why two ordered answers have another order: NULLs, letters, or rows between which the order does not decide.

SQLite is asked once more, for all rows with the values that they are ordered by. Sorted as PostgreSQL would, they tell
which of its rows moved, and why.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from typing import Any

from migrate_to_pg.behaviour.queries.ask_both import LONGEST_ANSWER, Answer, Source
from migrate_to_pg.behaviour.queries.statement import OrderItem, Statement
from migrate_to_pg.behaviour.queries.values import Row, meaning, row_meaning

NULLS, TEXT, TIES = "order-nulls", "order-text", "order-ties"


@dataclass(frozen=True, slots=True)
class KeyedRow:
    """A row of the answer, and the values that it is ordered by."""

    row: Row
    keys: tuple[Any, ...]


def read_keyed_rows(source: Source, statement: Statement, answer: Answer) -> list[KeyedRow] | None:
    """Read all rows that the statement would take a part of, or None where the keys cannot be asked for."""
    asked = _with_keys(statement, answer)
    if asked is None:
        return None
    sql, parameters, places = asked
    found = source.ask_sql(sql, parameters)
    if not found.is_complete:
        return None
    width = len(answer.columns)
    rows = answer.convert([row[:width] for row in found.rows])
    all_keys = ([raw[place] for place in places] for raw in found.rows)
    return [
        # A converter of the project's may make a dictionary of a column, which no set takes.
        KeyedRow(row_meaning(row), tuple(key if isinstance(key, Hashable) else repr(meaning(key)) for key in keys))
        for row, keys in zip(rows, all_keys, strict=True)
    ]


def name_order(
    statement: Statement,
    keyed: list[KeyedRow],
    ours: Sequence[Row],
    theirs: Sequence[Row],
    part: slice,
    *,
    is_by_code: bool = False,
) -> tuple[str, ...]:
    """Return the rules that explain the order, or nothing where PostgreSQL has rows that SQLite has not.

    Args:
        statement: What was asked.
        keyed: All rows, in SQLite's order.
        ours: What SQLite answered, by meaning.
        theirs: What PostgreSQL answered.
        part: Which of the rows were taken.
        is_by_code: Whether PostgreSQL orders text by code points, as SQLite does.
    """
    keys_of: dict[Row, set[tuple[Any, ...]]] = {}
    for one in keyed:
        keys_of.setdefault(one.row, set()).add(one.keys)
    if len(ours) != len(theirs) or any(row not in keys_of for row in theirs):
        return ()

    def has(keys: list[tuple[Any, ...]]) -> bool:
        return all(key in keys_of[row] for key, row in zip(keys, theirs, strict=True))

    sqlite = [one.keys for one in keyed][part]
    postgresql = [one.keys for one in sort_like_postgresql(keyed, statement.order)][part]
    if len(sqlite) != len(theirs):
        return ()
    if has(sqlite):
        return (TIES,)
    has_null = any(None in one.keys for one in keyed)
    if has(postgresql):
        return (NULLS,) if has_null else (TEXT,)
    has_text = not is_by_code and any(isinstance(key, str) for one in keyed for key in one.keys)
    return (*((NULLS,) if has_null and sqlite != postgresql else ()), *((TEXT,) if has_text else ()))


def ties_at_the_edge(keyed: list[KeyedRow], part: slice) -> tuple[Row, Row] | None:
    """Return a row that was taken and one that was not, between which the order does not decide, or None."""
    for edge in (part.start, part.stop):
        if edge and edge < len(keyed):
            before, after = keyed[edge - 1], keyed[edge]
            if before.keys == after.keys and before.row != after.row:
                return before.row, after.row
    return None


def sort_like_postgresql(rows: Sequence[KeyedRow], order: Sequence[OrderItem]) -> list[KeyedRow]:
    """Sort rows with NULL as the greatest value, and text by its code points. Equal rows keep their order."""
    found = list(rows)
    for place in range(len(order) - 1, -1, -1):
        item = order[place]
        last = item.nulls == "LAST" if item.nulls else not item.descending
        null = 1 if last != item.descending else -1

        def key(one: KeyedRow, place: int = place, null: int = null) -> tuple[Any, ...]:
            value = one.keys[place]
            return (null,) if value is None else (0, *_sortable(value))

        found.sort(key=key, reverse=item.descending)
    return found


def _sortable(value: Any) -> tuple[int, Any]:
    """Return what orders a value among others of any type."""
    if isinstance(value, (int, float, Decimal)):
        return 0, value
    if isinstance(value, timedelta):
        return 0, value / timedelta(microseconds=1)
    if isinstance(value, str):
        return 1, value
    if isinstance(value, (bytes, bytearray, memoryview)):
        return 2, bytes(value)
    # Dates and times as ISO 8601 writes them, which their order is that of.
    return 3, str(meaning(value)[1])


def _with_keys(statement: Statement, answer: Answer) -> tuple[str, Any, list[int]] | None:
    """Return the statement without LIMIT and with its keys selected, its parameters, and the places of the keys."""
    places: list[int] = []
    more: list[str] = []
    names = [column.lower() for column in answer.columns]
    for item in statement.order:
        name = item.expression.strip('"`[]').lower()
        if item.expression.isdigit():
            places.append(int(item.expression) - 1)
        elif name in names and "." not in name:
            places.append(names.index(name))
        else:
            places.append(len(answer.columns) + len(more))
            more.append(item.expression)
    end = statement.end_of_list
    if not statement.order or (more and (statement.is_compound or end is None)):
        return None
    parameters = answer.parameters
    if more and end is not None:
        listed = "".join(f", {expression}" for expression in more)
        sql = f"{statement.sql[:end].rstrip()}{listed} {statement.sql[end : statement.end_of_order]}"
        parameters = _with_parameters_of_keys(statement, answer.parameters, more)
    else:
        sql = statement.sql[: statement.end_of_order]
    if isinstance(parameters, (list, tuple)):
        parameters = tuple(parameters[: sql.count("%s")]) if parameters else parameters
    return f"{sql.rstrip()} LIMIT {LONGEST_ANSWER + 1}", parameters, places


def _with_parameters_of_keys(statement: Statement, parameters: Any, more: Sequence[str]) -> Any:
    """Repeat the parameters of the keys where the keys are selected."""
    if not isinstance(parameters, (list, tuple)) or not parameters:
        return parameters
    end = statement.end_of_list or 0
    before = sum(token.start < end for token in statement.placeholders)
    repeated: list[Any] = []
    for expression in more:
        begin = statement.sql.rindex(expression, 0, statement.end_of_order)
        places = [
            number
            for number, token in enumerate(statement.placeholders)
            if begin <= token.start < begin + len(expression)
        ]
        repeated += [parameters[number] for number in places]
    return (*parameters[:before], *repeated, *parameters[before:])
