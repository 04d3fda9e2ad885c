"""Turn the exception that stopped a run into a Failure for the report."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import psycopg

from migrate_to_pg.errors import MigrateToPgError, UnknownOutcomeError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import server_detail, server_message
from migrate_to_pg.records import Failure
from migrate_to_pg.report.verdict import not_done

#: What ends a run without being a defect of this program.
STOPS = (MigrateToPgError, KeyboardInterrupt, psycopg.Error, sqlite3.Error, OSError)


def failure_of(error: BaseException, directory: Path, mode: str = "publish") -> Failure:
    """Return the message and the remedy for an exception of STOPS.

    ``directory`` is the directory of the working files.
    """
    if isinstance(error, MigrateToPgError):
        return Failure(
            message=str(error),
            detail=error.detail,
            remedy=error.remedy,
            exit_status=error.exit_status,
            may_be_published=isinstance(error, UnknownOutcomeError),
        )
    if isinstance(error, KeyboardInterrupt):
        return Failure(message=_("Interrupted."), detail=(), remedy=_("Run again."), exit_status=1)
    if isinstance(error, psycopg.Error):
        # libpq's own go on for lines with what it probably means.
        return Failure(
            message=_("PostgreSQL stopped answering or refused: {message}", message=server_message(error)).strip(),
            detail=tuple(server_detail(error)),
            remedy=_(
                "{undone} Look at the server's log, then run again; the next run cleans up.", undone=not_done(mode)
            ),
            exit_status=1,
        )
    if isinstance(error, (sqlite3.Error, OSError)):
        return _lost_disk(error, directory, mode)
    raise error


def _lost_disk(error: sqlite3.Error | OSError, directory: Path, mode: str) -> Failure:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else error
    room = _("{undone} Make room there, or name a directory on a larger disk: --report DIR.", undone=not_done(mode))
    if mode == "move_back":
        room = _("No file was made. Make room there, or name a file on a larger disk: --target FILE.")
    return Failure(
        message=_(
            "A working file in {directory} could not be written or read: {reason}.", directory=directory, reason=reason
        ),
        detail=(),
        remedy=room,
        exit_status=1,
    )
