"""Find out, before a row is loaded, whether what the migrations made can be moved; make elsewhere what cannot.

An extension that is trusted, or that a managed service made for us, is ours, and its functions are not: the schema that
it was made in is the one it stays in. So it is made in the final schema, before the migrations, which then find it.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.objects import MEMBERS, SchemaObject, members_of, move, objects_in, replaced_by

Connection = psycopg.Connection[Any]

#: Never there: what is moved to it is taken back.
_TRIAL = "migrate_to_pg_trial"


class Extensions:
    """Those that this run made in the final schema."""

    def __init__(self) -> None:
        self.made: list[str] = []
        self._connection: Connection | None = None

    def make_there(self, connection: Connection, staged: str, final: str) -> bool:
        """Make in ``final`` what the migrations made in ``staged`` and cannot be moved; whether there was any.

        Those in ``staged`` are dropped, with what uses them: the migrations must be run again. Raises PublishError
        where this role may not make them there.
        """
        there = [o for o in objects_in(connection, staged) if o.type == "extension"]
        # In the order in which they were made: one may need another.
        stuck = sorted((o for o in there if _refusal(connection, [o], ())), key=lambda o: o.oid)
        versions = _versions(connection, stuck)
        self._connection = connection
        for extension in stuck:
            connection.execute(sql.SQL("DROP EXTENSION {} CASCADE").format(sql.Identifier(extension.names[0])))
        for extension in stuck:
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
        return bool(stuck)

    def drop(self) -> None:
        """Remove them again where nothing was published; what somebody uses meanwhile stays."""
        for name in reversed(self.made):
            with suppress(psycopg.errors.DependentObjectsStillExist):
                if self._connection:
                    self._connection.execute(sql.SQL("DROP EXTENSION IF EXISTS {}").format(sql.Identifier(name)))


def require_movable(connection: Connection, staged: str, final: str) -> None:
    """PublishError where the server would refuse, when all is verified, to move what the migrations made.

    What it takes the place of in ``final`` is moved then as well, and needs as many locks.
    """
    new = objects_in(connection, staged)
    refusal = _refusal(connection, new, replaced_by(new, objects_in(connection, final)))
    if refusal is None:
        return
    if isinstance(refusal, psycopg.errors.OutOfMemory):
        raise PublishError(
            _("PostgreSQL has too few locks to publish all tables in one transaction: {message}", message=refusal),
            remedy=_(
                "As a superuser, run: ALTER SYSTEM SET max_locks_per_transaction = 256; restart the server, then run"
                " again."
            ),
        )
    raise PublishError(
        _(
            "What the migrations made could not be moved to another schema: {message}",
            message=refusal.diag.message_primary or refusal,
        ),
        detail=[line for line in (refusal.diag.message_detail, refusal.diag.message_hint) if line],
        remedy=_("Connect as the role that owns all of it, or as a superuser."),
    )


# One of these takes the room of one lock on a relation, and nobody has to wait for it.
_STAND_INS = """
SELECT count(pg_try_advisory_xact_lock('pg_class'::regclass::int, (c.oid::bigint - 2147483648)::int))
FROM members JOIN pg_class c ON classid = 'pg_class'::regclass AND c.oid = objid
WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
"""


def _refusal(
    connection: Connection, objects: Sequence[SchemaObject], replaced: Sequence[SchemaObject]
) -> psycopg.Error | None:
    """Why these cannot be moved together; it is tried, and taken back.

    Tables that are replaced are in use: they are not locked, but the room for their locks is taken.
    """
    try:
        with connection.transaction(force_rollback=True):
            connection.execute((MEMBERS + _STAND_INS).encode(), members_of(replaced))
            connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(_TRIAL)))
            move(connection, objects, _TRIAL)
    except psycopg.OperationalError as error:
        if not isinstance(error, psycopg.errors.OutOfMemory):
            raise
        return error
    except psycopg.Error as error:
        return error
    return None


def _versions(connection: Connection, extensions: Sequence[SchemaObject]) -> dict[int, str]:
    query = "SELECT oid::bigint, extversion FROM pg_extension WHERE oid = ANY (%s::oid[])"
    return dict(connection.execute(query, [[o.oid for o in extensions]]).fetchall())
