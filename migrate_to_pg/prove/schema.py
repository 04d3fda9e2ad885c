"""The staged schema in, nothing out where its constraints are checked and its sequences go on; ProofError otherwise.

Both are asked of PostgreSQL's catalogue anew: what the stage before claims to have done is no proof.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import ProofError
from migrate_to_pg.records import Identity, Plan

Connection = psycopg.Connection[Any]


def require_validated(connection: Connection, schema: str) -> None:
    """Every constraint is validated, every index valid, every user trigger enabled."""
    query = """
        SELECT format('constraint %%s of %%s is not validated', k.conname, k.conrelid::regclass)
        FROM pg_constraint k WHERE k.connamespace = %(schema)s::regnamespace AND NOT k.convalidated
        UNION ALL
        SELECT format('index %%s of %%s is not valid', i.indexrelid::regclass, i.indrelid::regclass)
        FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
        WHERE c.relnamespace = %(schema)s::regnamespace AND NOT (i.indisvalid AND i.indisready)
    """
    faults = [row[0] for row in connection.execute(query, {"schema": schema}).fetchall()]
    if faults:
        raise ProofError(f"In the incoming schema, {faults[0]}.", detail=faults, remedy="Nothing was published.")


def require_identities(connection: Connection, schema: str, plan: Plan, identities: Sequence[Identity]) -> None:
    """The next value of each sequence is beyond every id that is there, and beyond every one SQLite ever gave."""
    known = {(identity.table, identity.column) for identity in identities}
    for table in plan.tables:
        for column in table.columns:
            if column.target.sequence is None:
                continue
            following = _next(connection, column.target.sequence)
            highest = _highest(connection, schema, table.name, column.name)
            if following <= highest or (table.name, column.name) not in known:
                raise ProofError(
                    f"The next {table.name}.{column.name} would be {following}, but {highest} is taken.",
                    remedy="Nothing was published. Please report this.",
                )


def _next(connection: Connection, sequence: str) -> int:
    # The name is as pg_get_serial_sequence quotes it.
    query = sql.SQL("SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {}").format(sql.SQL(sequence))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0


def _highest(connection: Connection, schema: str, table: str, column: str) -> int:
    query = sql.SQL("SELECT coalesce(max({}), 0) FROM {}").format(sql.Identifier(column), sql.Identifier(schema, table))
    row = connection.execute(query).fetchone()
    return int(row[0]) if row else 0
