"""What a dated schema must hold, for --undo to bring it back: nothing less, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import psycopg

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, objects_in
from migrate_to_pg.publish.archive_names import dated_schemas, is_being_purged

Connection = psycopg.Connection[Any]


def check_archive(
    connection: Connection, schema: str, kept: Sequence[SchemaObject] | None, final: str
) -> list[SchemaObject]:
    """The objects that are kept there. Raises PublishError where any lacks, or others came in.

    ``kept`` are those that the record names; None where an earlier version did not say.
    """
    there = {(o.class_oid, o.oid): o for o in objects_in(connection, schema)}
    lacking = [o.label for o in kept or () if (o.class_oid, o.oid) not in there]
    if is_being_purged(connection, schema):
        raise PublishError(
            _(
                "--purge has begun to remove schema {schema}, and was interrupted: it is no longer complete.",
                schema=schema,
            ),
            detail=lacking,
            remedy=_("Nothing was changed. Run --purge again, which goes on; restore the tables from a backup."),
        )
    if schema not in dated_schemas(connection):
        raise PublishError(
            _("The replaced tables are gone: schema {archive} is not there any more.", archive=schema),
            detail=lacking,
            remedy=_("Restore them from a backup of the PostgreSQL database."),
        )
    if lacking:
        raise PublishError(
            _(
                "Schema {schema} does not hold all that was in schema {final} before: {lacking} of {objects} lack.",
                schema=schema,
                final=final,
                lacking=len(lacking),
                objects=pluralize(len(kept or ()), "object", "objects"),
            ),
            detail=lacking,
            remedy=_("Nothing was changed. Bring these back into that schema from a backup, then run --undo again."),
        )
    known = {(o.class_oid, o.oid) for o in kept} if kept is not None else there.keys()
    others = [o.label for identity, o in there.items() if identity not in known]
    if others:
        raise PublishError(
            _("Schema {schema} holds what no publication put there: {first}.", schema=schema, first=others[0]),
            detail=others,
            remedy=_(
                "Nothing was changed. Move these to another schema (ALTER ... SET SCHEMA), then run --undo again."
            ),
        )
    return list(there.values())
