"""The product's record of what it changed and set aside in; what is wrong with it out. For the oracle alone.

A record explains a difference only where it is true: what it calls old is what SQLite holds, and PostgreSQL refuses
what was there. That is asked of PostgreSQL itself: offered the row, or the old value, once more, it must refuse.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from tests.fuzz.oracle_readings import Column, Stored, Unreadable, meaning

#: Column in lower case -> what SQLite holds there.
Cells = dict[str, Stored]


@dataclass(frozen=True)
class Change:
    """One line of migrate_to_pg.changed_cell."""

    table: str
    column: str
    key: dict[str, str]
    rule: str
    old: Stored
    new: Stored

    def is_about(self, cells: Cells) -> bool:
        return cells.get(self.column.lower()) == self.old and all(
            shown(cells[column.lower()]) in (value, None) for column, value in self.key.items()
        )


def stored(value: Any) -> Stored:
    """A value as the record spells it."""
    if isinstance(value, dict):
        ((kind, written),) = value.items()
        return ("real", float(written)) if kind == "real" else (kind, bytes.fromhex(written))
    if isinstance(value, str):
        return "text", value.encode()
    return {int: "integer", float: "real", type(None): "null"}[type(value)], value


def shown(cell: Stored) -> str | None:
    """A key as text, where there is only one way to write it."""
    storage, value = cell
    if storage == "text" and value.decode(errors="replace").isalnum():
        return str(value.decode())
    return str(value) if storage == "integer" else None


class Record:
    """What migrate_to_pg.quarantine and migrate_to_pg.changed_cell say of the latest publication."""

    def __init__(self, target: Any) -> None:
        self.connection: psycopg.Connection[Any] = target.connection
        there = {name for name in target.relations() if name.startswith("migrate_to_pg.")}
        latest = "run = (SELECT max(id) FROM migrate_to_pg.publication) ORDER BY id"
        asides = f"SELECT table_name, fate, rule, row::text FROM migrate_to_pg.quarantine WHERE {latest}"
        cells = (
            "SELECT table_name, column_name, key::text, rule, old::text, new::text FROM migrate_to_pg.changed_cell"
            f" WHERE {latest}"
        )
        self.asides = [
            (table, f"{fate} by {rule}", {name.lower(): stored(cell) for name, cell in json.loads(row).items()})
            for table, fate, rule, row in (target.ask(asides) if "migrate_to_pg.quarantine" in there else ())
        ]
        self.changes = [
            Change(table, column, json.loads(key), rule, stored(json.loads(old)), stored(json.loads(new)))
            for table, column, key, rule, old, new in (
                target.ask(cells) if "migrate_to_pg.changed_cell" in there else ()
            )
        ]

    def account(self, table: str, rows: list[Cells]) -> Iterator[str]:
        """Take away, and change, what the record says; each line is a record of what is not so."""
        for name, fate, aside in self.asides:
            if name == table:
                if aside in rows:
                    rows.remove(aside)
                else:
                    yield f"{table}: {fate}, and SQLite has no such row: {aside}"
        for change in self.changes:
            if change.table == table:
                changed = next((cells for cells in rows if change.is_about(cells)), None)
                if changed is None:
                    yield f"{table}: SQLite has no such cell: {change}"
                else:
                    changed[change.column.lower()] = change.new

    def totals(self, table: str) -> Counter[str]:
        """How many rows had which fate, how many cells were changed."""
        return Counter([*(fate.split()[0] for name, fate, _ in self.asides if name == table)])

    def needless(self, tables: dict[str, list[Column]]) -> Iterator[str]:
        """Rows and cells that PostgreSQL would have taken as they were."""
        for table, fate, aside in self.asides:
            if self._takes_row(table, tables[table], aside):
                yield f"{table}: {fate} without need: {aside}"
        for change in self.changes:
            column = next(c for c in tables[change.table] if c.name == change.column)
            if self._takes_cell(change, column):
                yield f"{change.table}.{change.column}: changed without need: {change}"

    def _takes_row(self, table: str, columns: list[Column], aside: Cells) -> bool:
        there = [c for c in columns if c.name.lower() in aside]
        values = [meaning(aside[c.name.lower()], c) for c in there]
        statement = sql.SQL("INSERT INTO {} ({}) OVERRIDING SYSTEM VALUE VALUES ({})").format(
            sql.Identifier("public", table),
            sql.SQL(", ").join(sql.Identifier(c.name) for c in there),
            sql.SQL(", ").join(placeholder(c) for c in there),
        )
        return self._takes(statement, values)

    def _takes_cell(self, change: Change, column: Column) -> bool:
        statement = sql.SQL("UPDATE {} SET {} = {} WHERE {}").format(
            sql.Identifier("public", change.table),
            sql.Identifier(change.column),
            placeholder(column),
            sql.SQL(" AND ").join(sql.SQL("{}::text = %s").format(sql.Identifier(name)) for name in change.key),
        )
        return self._takes(statement, [meaning(change.old, column), *change.key.values()])

    def _takes(self, statement: sql.Composed, values: list[Any]) -> bool:
        if any(isinstance(value, Unreadable) for value in values):
            return False
        given = [value.decode() if isinstance(value, bytes) else value for value in values]
        try:
            with self.connection.transaction(force_rollback=True):
                self.connection.execute("SET CONSTRAINTS ALL IMMEDIATE")
                return self.connection.execute(statement, given).rowcount == 1
        except psycopg.Error:
            return False


def placeholder(column: Column) -> sql.SQL:
    """Instants are numbers of microseconds here."""
    if column.kind == "timestamp with time zone":
        return sql.SQL("'1970-01-01+00'::timestamptz + %s * interval '1 microsecond'")
    return sql.SQL("%s")
