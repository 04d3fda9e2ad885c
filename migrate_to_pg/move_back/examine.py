"""Ask PostgreSQL for every row that SQLite cannot take, in one scan of each table."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.move_back.quarantine import Quarantine, is_quarantinable
from migrate_to_pg.project.secret_columns import masked, masked_key
from migrate_to_pg.records import Finding, PlannedTable, Sample
from migrate_to_pg.rules.back import BACK_RULES, BackRule
from migrate_to_pg.rules.back.back_rule import Fault, NewFileFacts, SqliteKey
from migrate_to_pg.rules.base import SAMPLES
from migrate_to_pg.rules.samples import WIDTH, truncate
from migrate_to_pg.system.threads import drain, run_all

Connection = psycopg.Connection[Any]

#: A row of SQLite's size limit does not fit a page: it is in the TOAST table, compressed to a hundredth at best.
_LARGE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.reltoastrelid <> 0 AND pg_relation_size(c.reltoastrelid) > %s
"""
_COMPRESSION = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class Examined:
    """The findings, and the number of rows of each table."""

    findings: tuple[Finding, ...]
    #: By PostgreSQL's names.
    rows: Mapping[str, int]


def examine(
    quarantine: Quarantine,
    connection: Connection,
    tables: Collection[PlannedTable],
    facts: NewFileFacts,
    *,
    schema: str,
    accepted: Collection[str] = (),
    others: Sequence[Connection] = (),
) -> Examined:
    """Return every finding.

    Args:
        quarantine: takes the rows of the rules that are accepted.
        connection: sees the state that is moved.
        tables: the tables that are moved.
        facts: what the file takes.
        schema: PostgreSQL's schema of the tables.
        accepted: the rules whose rows may be left out.
        others: more connections that see that state, to count at once.
    """
    findings: list[Finding] = []
    rows: dict[str, int] = {}
    asked_of = {t.name: [(rule, fault) for rule in BACK_RULES for fault in rule.faults(t, facts)] for t in tables}
    faults = {name: [fault for __, fault in asked] for name, asked in asked_of.items()}
    counted = _count_all([connection, *others], schema, faults)
    for table in tables:
        rows[table.name], *counts = counted[table.name]
        for (rule, fault), count in zip(asked_of[table.name], counts, strict=True):
            if count:
                findings.append(_finding(connection, schema, table, rule, fault, count, accepted))
                if findings[-1].applied and rule.rows_stay:
                    quarantine.add_values(table, fault, rule.id)
                elif findings[-1].applied:
                    quarantine.add(table, fault.where, rule.id)
    return Examined(findings=tuple(findings), rows=rows)


def large_tables(connection: Connection, schema: str, longest: int) -> frozenset[str]:
    """Return the tables that may hold a row of that many bytes."""
    return frozenset(found for (found,) in connection.execute(_LARGE, [schema, longest // _COMPRESSION]))


def unique_keys(database: sqlite3.Connection) -> tuple[SqliteKey, ...]:
    """Return the unique keys of a file's tables that compare by more than the bytes of a text."""
    query = """
        SELECT t.name, i.name, group_concat(x.name, char(0)), group_concat(x.coll, char(0))
        FROM sqlite_master AS t JOIN pragma_index_list(t.name) AS i JOIN pragma_index_xinfo(i.name) AS x
        WHERE t.type = 'table' AND i."unique" AND NOT i.partial AND x.key
        GROUP BY t.name, i.name HAVING count(x.name) = count(*) AND sum(upper(x.coll) <> 'BINARY') > 0
    """
    return tuple(
        SqliteKey(table=table, columns=tuple(names.split("\0")), collations=tuple(collations.upper().split("\0")))
        for table, __, names, collations in database.execute(query)
    )


def _count_all(
    connections: Sequence[Connection], schema: str, faults: Mapping[str, list[Fault]]
) -> dict[str, tuple[int, ...]]:
    """Count in all tables at once, each connection in the next one. By table: its rows, and those of each fault."""
    counted: dict[str, tuple[int, ...]] = {}
    left = deque(faults)

    def count_with(connection: Connection) -> None:
        for table in drain(left):
            sums: list[sql.Composable] = [sql.SQL("count(*)")]
            sums += (sql.SQL("count(*) FILTER (WHERE {})").format(fault.where) for fault in faults[table])
            query = sql.SQL("SELECT {} FROM {} AS t").format(sql.SQL(", ").join(sums), sql.Identifier(schema, table))
            # Rolled back: a server has no room for the locks of thousands of tables.
            with connection.transaction(force_rollback=True):
                counted[table] = connection.execute(query).fetchone() or ()

    def stop() -> None:
        left.clear()
        for connection in connections:
            connection.cancel()

    run_all("examine", [partial(count_with, connection) for connection in connections], stop)
    return counted


def _finding(
    connection: Connection,
    schema: str,
    table: PlannedTable,
    rule: BackRule,
    fault: Fault,
    count: int,
    accepted: Collection[str],
) -> Finding:
    is_accepted = rule.id in accepted and is_quarantinable(table)
    return Finding(
        rule=rule.id,
        level=rule.level,
        table=table.name,
        column=", ".join(column.name for column in fault.columns),
        count=count,
        samples=_samples(connection, schema, table, fault),
        explanation=rule.explained(fault),
        remedy=_(rule.remedy),
        quarantinable=is_quarantinable(table),
        applied=is_accepted,
    )


def _samples(connection: Connection, schema: str, table: PlannedTable, fault: Fault) -> tuple[Sample, ...]:
    """Return the first rows, each with its key and the values at fault."""
    shown = [sql.SQL("left(t.{}::text, {})").format(sql.Identifier(c.name), WIDTH + 1) for c in fault.columns]
    keys: list[sql.Composable] = [sql.SQL("t.{}::text").format(sql.Identifier(name)) for name in table.key_names]
    query = sql.SQL("SELECT {} FROM {} AS t WHERE {} LIMIT {}").format(
        sql.SQL(", ").join([*keys, *shown] or [sql.SQL("NULL")]),
        sql.Identifier(schema, table.name),
        fault.where,
        SAMPLES,
    )
    found = []
    for row in connection.execute(query).fetchall():
        key = masked_key(table.name, dict(zip(table.key_names, row, strict=False)))
        values = [
            masked(table.name, column.name, "NULL" if value is None else value) or ""
            for column, value in zip(fault.columns, row[len(keys) :], strict=False)
        ]
        found.append(Sample(key=key, value=truncate(", ".join(values))))
    return tuple(found)
