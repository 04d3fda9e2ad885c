"""Recognise temporary failures of the database: it is away, busy, full or read-only."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError, transaction

#: PostgreSQL refuses to write: default_transaction_read_only, or a standby. Django calls it an InternalError.
_READ_ONLY = "25006"
#: The connection broke or the server was stopped. Whether it executed the statement is not known.
_CONNECTION_LOST = ("08", "57")
#: When a client may ask again after a 503.
RETRY_AFTER_SECONDS = 30


def new_reference() -> str:
    """Return eight characters that name one failure in the log and can be read out on the telephone."""
    return secrets.token_hex(4).upper()


class UnansweredCommitError(OperationalError):
    """A commit was sent and not answered: its changes may be stored."""


def unavailable(error: BaseException | None) -> bool:
    """Return whether the database is away, busy or read-only, rather than refusing this statement.

    SQLite has one class of error for both, so its error code decides.
    """
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, Error) and getattr(cause, "sqlstate", None) == _READ_ONLY
    )


def caused_by_unavailable(error: BaseException | None) -> bool:
    """Return whether this error or one that it wraps means that the database was unavailable."""
    while error is not None:
        if unavailable(error):
            return True
        error = error.__context__
    return False


@contextmanager
def atomic() -> Iterator[None]:
    """Open Django's transaction.atomic, and raise UnansweredCommitError if the commit is not answered."""
    committing = False
    try:
        with transaction.atomic():
            yield
            committing = True
    except (OperationalError, InterfaceError) as error:
        if committing and _unanswered(error):
            raise UnansweredCommitError(*error.args) from error
        raise


def _unanswered(error: Error) -> bool:
    if isinstance(error.__cause__, sqlite3.Error):
        return False  # SQLite runs in this process and always answers
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    return sqlstate is None or sqlstate[:2] in _CONNECTION_LOST
