"""Leave rows out that SQLite cannot take, with the rows that refer to them, and keep all of them complete.

The rows are known by their primary keys, as text. They are kept in a SQLite database beside the report.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import masked_key
from migrate_to_pg.records import Plan, PlannedTable, TargetForeignKey
from migrate_to_pg.records.repairs import RemovedRow, RemovedRows, RowOutcome
from migrate_to_pg.rules.back.back_rule import Fault
from migrate_to_pg.rules.base import SAMPLES

Connection = psycopg.Connection[Any]
Key = tuple[str, ...]

#: Rows whose complete text is fetched at once.
_AT_ONCE = 500
#: Django's record. Without a row of it the next `migrate` would apply that migration once more.
MIGRATIONS = "django_migrations"


@dataclass(slots=True, kw_only=True)
class LeftOut:
    """The rows of one table that stay behind."""

    #: Primary key -> the rule that it offends, or '' where it refers to a row that stays behind.
    keys: dict[Key, str] = field(default_factory=dict)

    def condition(self, table: PlannedTable) -> sql.Composed:
        """Return the condition of these rows, with the alias t."""
        return _is_among(table, table.key_names, list(self.keys))


def is_quarantinable(table: PlannedTable) -> bool:
    """Return whether rows of the table can be named, and left out."""
    return bool(table.key) and table.name != MIGRATIONS


def _is_among(table: PlannedTable, names: Iterable[str], keys: list[Key]) -> sql.Composed:
    """Return the condition of the rows whose columns are one of the keys."""
    columns = [table.target.column(name) for name in names]
    arrays = sql.SQL(", ").join(
        sql.SQL("{}::text[]").format(sql.Literal([key[position] for key in keys])) for position in range(len(columns))
    )
    aliases = [sql.Identifier(f"k{position}") for position in range(len(columns))]
    equal = sql.SQL(" AND ").join(
        # The cast is the column's own: an index serves, and the text need not be spelled alike.
        sql.SQL("t.{} = q.{}::{}").format(sql.Identifier(column.name), alias, sql.SQL(column.cast_to))
        for column, alias in zip(columns, aliases, strict=True)
    )
    return sql.SQL("EXISTS (SELECT FROM unnest({}) AS q ({}) WHERE {})").format(
        arrays, sql.SQL(", ").join(aliases), equal
    )


class Quarantine:
    """The rows that stay behind, found table by table."""

    def __init__(self, connection: Connection, plan: Plan, schema: str) -> None:
        self._connection = connection
        self._plan = plan
        self._schema = schema
        #: PostgreSQL's name of the table -> its rows.
        self.left_out: dict[str, LeftOut] = {}
        #: Values whose rows stay: of which table, where, and for which rule.
        self._values: list[tuple[PlannedTable, Fault, str]] = []

    def add(self, table: PlannedTable, where: sql.Composable, rule: str) -> None:
        """Leave out the rows that satisfy a condition."""
        known = self.left_out.setdefault(table.name, LeftOut()).keys
        for key in self._keys(table, where):
            known.setdefault(key, rule)

    def add_values(self, table: PlannedTable, fault: Fault, rule: str) -> None:
        """Leave out values that have no place in the file. Their rows stay."""
        self._values.append((table, fault, rule))

    @property
    def is_empty(self) -> bool:
        """Return whether nothing stays behind."""
        return not self._values and not any(rows.keys for rows in self.left_out.values())

    def follow(self) -> None:
        """Leave out the rows that refer to those, and the rows that refer to these, until there are no more."""
        news = {name: set(rows.keys) for name, rows in self.left_out.items()}
        while any(news.values()):
            more: dict[str, set[Key]] = {}
            for child, key, parent in self._references(news):
                known = self.left_out.setdefault(child.name, LeftOut()).keys
                found = set(self._keys(child, self._refers(key, parent, news[parent.name]))) - known.keys()
                known.update(dict.fromkeys(found, ""))
                more.setdefault(child.name, set()).update(found)
            news = more

    def _references(
        self, news: Mapping[str, set[Key]]
    ) -> Iterator[tuple[PlannedTable, TargetForeignKey, PlannedTable]]:
        for child in self._plan.tables:
            for key in child.target.foreign_keys:
                parent = self._plan.table(key.parent)
                if parent and news.get(parent.name) and is_quarantinable(child):
                    yield child, key, parent

    def _refers(self, key: TargetForeignKey, parent: PlannedTable, gone: set[Key]) -> sql.Composed:
        """Return the condition of the rows that refer to rows which stay behind."""
        equal = sql.SQL(" AND ").join(
            sql.SQL("p.{} = t.{}").format(sql.Identifier(there), sql.Identifier(here))
            for here, there in zip(key.columns, key.parent_columns, strict=True)
        )
        parents = sql.SQL("(SELECT * FROM {} AS t WHERE {})").format(
            sql.Identifier(self._schema, parent.name), _is_among(parent, parent.key_names, list(gone))
        )
        return sql.SQL("EXISTS (SELECT FROM {} AS p WHERE {})").format(parents, equal)

    def _keys(self, table: PlannedTable, where: sql.Composable) -> list[Key]:
        parts = sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in table.key_names)
        query = sql.SQL("SELECT {} FROM {} AS t WHERE {}").format(
            parts, sql.Identifier(self._schema, table.name), where
        )
        return self._connection.execute(query).fetchall()

    def keep(self, path: Path) -> tuple[RemovedRows, ...]:
        """Write the complete rows into a new SQLite database that only its owner can read. Return what it holds."""
        path.touch(mode=0o600)
        removed: list[RemovedRows] = []
        with closing(sqlite3.connect(path)) as journal, journal:
            journal.execute('CREATE TABLE IF NOT EXISTS quarantine ("table" TEXT, "key" TEXT, rule TEXT, row TEXT)')
            for place in self._values:
                journal.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?)", self._complete_values(*place))
            for name, rows in self.left_out.items():
                table = self._plan.table(name)
                if table and rows.keys:
                    journal.executemany("INSERT INTO quarantine VALUES (?, ?, ?, ?)", self._complete(table, rows))
                    removed += _summary(table, rows)
        return tuple(removed)

    def _complete(self, table: PlannedTable, rows: LeftOut) -> Iterator[tuple[str, str, str, str]]:
        keys = list(rows.keys)
        parts = sql.SQL(", ").join(sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in table.key_names)
        for some in (keys[start : start + _AT_ONCE] for start in range(0, len(keys), _AT_ONCE)):
            query = sql.SQL("SELECT to_jsonb(t)::text, {} FROM {} AS t WHERE {}").format(
                parts, sql.Identifier(self._schema, table.name), _is_among(table, table.key_names, some)
            )
            for row, *key in self._connection.execute(query):
                yield table.name, ", ".join(key), rows.keys[tuple(key)] or "foreign-key", row

    def _complete_values(self, table: PlannedTable, fault: Fault, rule: str) -> Iterator[tuple[str, str, str, str]]:
        key = sql.SQL("concat_ws(', ', {})").format(
            sql.SQL(", ").join([sql.SQL("NULL"), *(sql.SQL("t.{}").format(sql.Identifier(k)) for k in table.key_names)])
        )
        values = sql.SQL(", ").join(
            sql.SQL("{}, t.{}").format(sql.Literal(column.name), sql.Identifier(column.name))
            for column in fault.columns
        )
        query = sql.SQL("SELECT {}, jsonb_build_object({})::text FROM {} AS t WHERE {}").format(
            key, values, sql.Identifier(self._schema, table.name), fault.where
        )
        with self._connection.cursor() as cursor:
            for found, row in cursor.stream(query):
                yield table.name, found, rule, row


def _summary(table: PlannedTable, rows: LeftOut) -> Iterator[RemovedRows]:
    for rule in dict.fromkeys(rows.keys.values()):
        keys = [key for key, found in rows.keys.items() if found == rule]
        reason = _("It refers to a row that is left out.") if not rule else _("Its value does not fit SQLite.")
        shown = [masked_key(table.name, dict(zip(table.key_names, key, strict=True))) for key in keys[:SAMPLES]]
        yield RemovedRows(
            rule=rule or next((rule for rule in rows.keys.values() if rule), "foreign-key-orphan"),
            table=table.name,
            outcome=RowOutcome.QUARANTINED,
            count=len(keys),
            following=0 if rule else len(keys),
            samples=tuple(RemovedRow(key=key, reason=reason, row=key) for key in shown),
        )
