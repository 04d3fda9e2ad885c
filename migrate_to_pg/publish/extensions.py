"""Check before loading whether all objects can be moved, and create extensions that cannot in the final schema.

This role owns an extension that is trusted, or that a managed service created for it. It does not own the extension's
functions, so the extension stays in its schema. It is therefore created in the final schema before the migrations run
again, which then find it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import MEMBERS, SchemaObject, members_of, move, objects_in, replaced_by

Connection = psycopg.Connection[Any]

#: Never visible: the move into it is rolled back.
_TRIAL_SCHEMA = "migrate_to_pg_trial"


class Extensions:
    """The extensions that this run created in the final schema."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._connection: Connection | None = None

    def recreate(self, connection: Connection, staged: str, final: str) -> bool:
        """Create in ``final`` the extensions of ``staged`` that cannot be moved. Return whether there were any.

        Those in ``staged`` are dropped with everything that uses them, so the migrations must be run again. Raises
        PublishError if this role may not create them in ``final``.
        """
        found = [o for o in objects_in(connection, staged) if o.type == "extension"]
        # In the order in which they were created, because one may need another.
        unmovable = sorted((o for o in found if _refusal(connection, [o], ())), key=lambda o: o.oid)
        query = "SELECT oid::bigint, extversion FROM pg_extension WHERE oid = ANY (%s::oid[])"
        versions = dict(connection.execute(query, [[o.oid for o in unmovable]]).fetchall())
        self._connection = connection
        for extension in unmovable:
            connection.execute(sql.SQL("DROP EXTENSION {} CASCADE").format(sql.Identifier(extension.names[0])))
        for extension in unmovable:
            name = extension.names[0]
            statement = sql.SQL("CREATE EXTENSION {} SCHEMA {} VERSION {}").format(
                sql.Identifier(name), sql.Identifier(final), sql.Literal(versions[extension.oid])
            )
            try:
                connection.execute(statement)
            except psycopg.Error as error:
                raise PublishError(
                    _(
                        "Extension {name} was made by a migration and could not be moved to schema {final} afterwards;"
                        " nor may this role make it there: {message}",
                        name=name,
                        final=final,
                        message=error.diag.message_primary or error,
                    ),
                    remedy=_(
                        "As a superuser, run in this database: {statement}; then run again.",
                        statement=statement.as_string(connection),
                    ),
                ) from error
            self.made.append(name)
        return bool(unmovable)

    def drop(self) -> None:
        """Drop them again if nothing was published. An extension that is used by now stays."""
        for name in reversed(self.made):
            with suppress(psycopg.errors.DependentObjectsStillExist):
                if self._connection:
                    self._connection.execute(sql.SQL("DROP EXTENSION IF EXISTS {}").format(sql.Identifier(name)))


def require_movable(connection: Connection, staged: str, final: str) -> None:
    """Raise PublishError if the server would refuse to publish the objects of ``staged``, before they are loaded.

    The objects of ``final`` that they replace are moved in the same transaction and need as many locks.
    """
    new = objects_in(connection, staged)
    replaced = replaced_by(new, objects_in(connection, final))
    refusal = _refusal(connection, new, replaced)
    if refusal is None:
        return
    if isinstance(refusal, psycopg.errors.OutOfMemory):
        row = connection.execute((MEMBERS + _COUNT_LOCKED).encode(), members_of([*new, *replaced])).fetchone()
        raise _too_few_locks(connection, row[0] if row else 0) from refusal
    raise PublishError(
        _(
            "What the migrations made could not be moved to another schema: {message}",
            message=refusal.diag.message_primary or refusal,
        ),
        detail=[line for line in (refusal.diag.message_detail, refusal.diag.message_hint) if line],
        remedy=_("Connect as the role that owns all of it, or as a superuser."),
    )


def require_locks(connection: Connection, relations: int) -> None:
    """Raise PublishError if the server cannot lock so many tables and sequences in one transaction.

    Asked before anything is made. ``require_movable`` asks for exactly those that the migrations made.
    """
    query = "SELECT count(pg_try_advisory_xact_lock('pg_class'::regclass::int, n)) FROM generate_series(1, %s) AS n"
    try:
        with connection.transaction(force_rollback=True):
            connection.execute(query, [relations])
    except psycopg.errors.OutOfMemory as error:
        raise _too_few_locks(connection, relations) from error


def _too_few_locks(connection: Connection, relations: int) -> PublishError:
    """Return the error with the value of max_locks_per_transaction that has room for so many relations."""
    row = connection.execute(
        "SELECT sum(setting::int) FROM pg_settings WHERE name IN ('max_connections', 'max_prepared_transactions')"
    ).fetchone()
    # PostgreSQL has room for max_locks_per_transaction x these. The default of 64 is left for others.
    value = 64 * math.ceil((relations / (row[0] if row else 1) + 64) / 64)
    return PublishError(
        _(
            "PostgreSQL has too few locks to publish all tables in one transaction: {relations} tables and sequences"
            " are moved together.",
            relations=relations,
        ),
        remedy=_(
            "As a superuser, run: ALTER SYSTEM SET max_locks_per_transaction = {value}; restart the server, then run"
            " again.",
            value=value,
        ),
    )


_LOCKED = """
FROM members JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""
_COUNT_LOCKED = f"SELECT count(DISTINCT c.oid) {_LOCKED}"
# Each advisory lock takes the memory of one lock on a relation, and nobody has to wait for it.
_RESERVE_LOCKS = f"""
SELECT count(pg_try_advisory_xact_lock('pg_class'::regclass::int, (c.oid::bigint - 2147483648)::int)) {_LOCKED}
"""


def _refusal(
    connection: Connection, objects: Sequence[SchemaObject], replaced: Sequence[SchemaObject]
) -> psycopg.Error | None:
    """Return the error of moving these objects together, or None. The move is rolled back.

    Replaced tables are in use. They are not locked, but the memory for their locks is reserved.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute((MEMBERS + _RESERVE_LOCKS).encode(), members_of(replaced))
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_TRIAL_SCHEMA)))
            move(connection, objects, _TRIAL_SCHEMA)
    except psycopg.OperationalError as error:
        if not isinstance(error, psycopg.errors.OutOfMemory):
            raise
        return error
    except psycopg.Error as error:
        return error
    return None
