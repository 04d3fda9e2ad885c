"""Turn the errors of the driver that reads PostgreSQL's rows as Arrow batches into ours."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import adbc_driver_manager
import pyarrow as pa

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _


@contextlib.contextmanager
def translate_errors(what: str) -> Iterator[None]:
    """Raise TargetError in place of the driver's errors. ``what`` was to be read."""
    try:
        yield
    except (adbc_driver_manager.Error, pa.ArrowException, OSError) as error:
        forbidden = getattr(error, "sqlstate", None) == "42501"
        raise TargetError(
            # The lines after the first are the query.
            _("{what} could not be read on PostgreSQL: {error}", what=what, error=str(error).split("\n")[0]),
            remedy=_(
                "Connect as the tables' owner, or as a role that may read every row: where row security hides some of"
                " them, that is one with BYPASSRLS."
            )
            if forbidden
            else _("See the server's log, then run again."),
        ) from error
