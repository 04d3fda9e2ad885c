"""Check that the staged schema is as it was made, and that its sequences continue after the highest id.

Everything is asked of PostgreSQL anew: nothing is taken from an earlier stage. Each check raises VerificationError.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.batches import batched
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, definition_differences, read_definitions
from migrate_to_pg.records import Identity, Plan, PlannedColumn, PlannedTable

Connection = psycopg.Connection[Any]

_WITH_TRIGGERS = """
SELECT c.relname::text FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid
WHERE c.relnamespace = %s::regnamespace AND NOT g.tgisinternal
"""
#: Faults named.
_NAMED = 20


def require_validated(connection: Connection, schema: str) -> None:
    """Check that every constraint is validated and every index valid."""
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
        raise VerificationError(
            _("In the incoming schema, {faults}.", faults=faults[0]), detail=faults, remedy=_("Nothing was published.")
        )


def require_described(connection: Connection, schema: str, made: frozenset[ObjectDefinition]) -> None:
    """Check that every table, column, index, constraint and trigger is as it was made before the load."""
    faults = definition_differences(made, read_definitions(connection, schema))
    if faults:
        raise VerificationError(
            _("The incoming schema is not as the migrations made it: {faults}.", faults=faults[0]),
            detail=faults[:_NAMED],
            remedy=_("Nothing was published. If nobody else changed it, please report this."),
        )


def require_identities(connection: Connection, schema: str, plan: Plan, identities: Sequence[Identity]) -> None:
    """Check that the next value of each sequence is beyond every id, and every one that SQLite ever gave."""
    known = {(identity.table, identity.column) for identity in identities}
    owned = [
        (table, column, column.target.sequence)
        for table in plan.tables
        for column in table.columns
        if column.target.sequence is not None
    ]
    triggers = {name for (name,) in connection.execute(_WITH_TRIGGERS, [schema]).fetchall()}
    for some in batched(owned):
        asked: dict[str, int] = {}
        try:
            for (table, column, sequence), (following, highest, holds_rows) in zip(
                some, _numbers(connection, schema, some), strict=True
            ):
                if following <= highest or (table.name, column.name) not in known:
                    but = _("but {highest} is taken", highest=highest)
                    raise _sequence_error(table.name, column.name, following, but)
                if [key.name for key in table.key] == [column.name] and holds_rows:
                    asked[sequence] = following
                    _require_free(connection, schema, table, column, following, has_trigger=table.name in triggers)
        finally:
            # What a sequence has given it does not take back.
            connection.execute(
                "SELECT setval(s.name::regclass, s.next, false)"
                " FROM unnest(%s::text[], %s::bigint[]) AS s (name, next)",
                [list(asked), list(asked.values())],
            )


def require_spans(connection: Connection, schema: str, plan: Plan) -> None:
    """Check that no interval has days or months, which SQLite's microseconds do not have.

    '1 day' equals '24:00:00', and Django reads them alike: the comparison of cells cannot distinguish them. The
    application itself writes days, so this check is only for rows that were loaded just now.
    """
    # What is sent of an interval is microseconds, days, months.
    days = sql.SQL(r"substring(interval_send({}) FROM 9) <> '\x0000000000000000'::bytea")
    for table in plan.tables:
        for column in table.loaded_columns:
            if column.target.type_name == "interval":
                query = sql.SQL("SELECT count(*) FROM {} WHERE {}").format(
                    sql.Identifier(schema, table.name), days.format(sql.Identifier(column.name))
                )
                row = connection.execute(query).fetchone()
                if row and row[0]:
                    raise VerificationError(
                        _(
                            "{table}.{column} holds days or months in {rows}, where SQLite has microseconds.",
                            table=table.name,
                            column=column.name,
                            rows=pluralize(row[0], "row", "rows"),
                        ),
                        remedy=_("Nothing was published. If nobody else changed it, please report this."),
                    )


def _sequence_error(table: str, column: str, following: int, but: str) -> VerificationError:
    return VerificationError(
        _(
            "The next {table}.{column} would be {following}, {but}.",
            table=table,
            column=column,
            following=following,
            but=but,
        ),
        remedy=_("Nothing was published. Please report this."),
    )


def _require_free(
    connection: Connection,
    schema: str,
    table: PlannedTable,
    column: PlannedColumn,
    following: int,
    *,
    has_trigger: bool,
) -> None:
    """Insert the copy of a row and roll it back: PostgreSQL itself must give the id, and find that it is free.

    ON CONFLICT checks the key before any other constraint. The copy may well break those.
    """
    place = sql.Identifier(schema, table.name)
    # Of every other column, so that no default is asked: a sequence that it takes numbers of would go on.
    others = (*(c.target for c in (*table.columns, *table.derived) if c is not column), *table.only_target)
    query = _copy_of_a_row(place, [target.name for target in others if not target.generated], column.name)
    try:
        with connection.transaction(force_rollback=True):
            if has_trigger:
                connection.execute(sql.SQL("ALTER TABLE {} DISABLE TRIGGER USER").format(place))
            given = connection.execute(query).fetchone()
            if given is None or given[0] != following:
                raise _sequence_error(
                    table.name,
                    column.name,
                    following,
                    _("but it is taken") if given is None else _("not {given}", given=given),
                )
    except psycopg.errors.IntegrityError:
        # Of another constraint: the key was free.
        pass


def _copy_of_a_row(place: sql.Identifier, names: Sequence[str], key: str) -> sql.Composed:
    quoted = sql.SQL(", ").join(map(sql.Identifier, names))
    values = sql.SQL("({0}) SELECT {0} FROM {1} LIMIT 1") if names else sql.SQL("DEFAULT VALUES")
    return sql.SQL("INSERT INTO {} {} ON CONFLICT ({}) DO NOTHING RETURNING {}").format(
        place, values.format(quoted, place), sql.Identifier(key), sql.Identifier(key)
    )


def _numbers(
    connection: Connection, schema: str, owned: Sequence[tuple[PlannedTable, PlannedColumn, str]]
) -> list[tuple[int, int, bool]]:
    """Return for each sequence its next value, the highest value of its column, and whether its table has rows."""
    # A sequence's name is as pg_get_serial_sequence quotes it.
    query = sql.SQL(
        "SELECT (SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {}), (SELECT max({}) FROM {table}),"
        " EXISTS (SELECT FROM {table})"
    )
    queries = (
        query.format(sql.SQL(sequence), sql.Identifier(column.name), table=sql.Identifier(schema, table.name))
        for table, column, sequence in owned
    )
    # Rolled back: or each index would stay locked until the transaction ends.
    with connection.transaction(force_rollback=True):
        rows = connection.execute(sql.SQL(" UNION ALL ").join(queries)).fetchall()
    return [(following, highest or 0, holds_rows) for following, highest, holds_rows in rows]
