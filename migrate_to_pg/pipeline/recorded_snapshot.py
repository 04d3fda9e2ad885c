"""Find the snapshot that a publication kept: it tells what SQLite held then, and in which form."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.publish.history import recorded_source
from migrate_to_pg.publish.required_privileges import require_readable
from migrate_to_pg.publish.undo import describe_undone, last_undone
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import recorded_journal


def recorded_snapshot(connection: psycopg.Connection[Any], schema: str, *, with_journal: bool) -> Path:
    """Return the snapshot of the latest publication to a schema.

    Args:
        connection: to the database that was published to.
        schema: the schema of its tables.
        with_journal: whether the journal of the repairs is needed as well, where any were made.

    Raises:
        UsageError: there is none, or it is gone.
    """
    require_readable(connection, "publication")
    found = recorded_source(connection, schema)
    if found is None and (undone := last_undone(connection, schema)):
        raise UsageError(
            describe_undone(undone),
            remedy=_("Publish again (migrate_to_pg) before you compare with a publication or go back from it."),
        )
    if found is None:
        raise UsageError(
            _("No publication to schema {schema} is recorded in this database.", schema=schema),
            remedy=_(
                "Name the database that migrate_to_pg published to with --source, and its schema with --from-schema."
            ),
        )
    kept, is_repaired = Path(found[0]), found[1]
    with usage_error_on_oserror(kept):
        is_gone = not kept.is_file() or (with_journal and is_repaired and recorded_journal(kept) is None)
    if is_gone:
        raise UsageError(
            _("The snapshot of the publication is gone, or the journal of its repairs: {kept}.", kept=kept),
            remedy=_("Bring it back to that place, with its journal; without it nothing tells what was there."),
        )
    return kept
