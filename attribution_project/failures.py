"""Failures of the database that pass: it is away, busy, full or read-only, and the same may be asked again later."""

import secrets
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import Error, InterfaceError, OperationalError, transaction

#: PostgreSQL refuses to write: default_transaction_read_only, or a standby. Django calls it an InternalError.
_READ_ONLY = "25006"
#: The connection broke, or the server was stopped: whether it did what was asked is not known.
_CONNECTION_LOST = ("08", "57")
#: When a client may ask again after a 503.
RETRY_AFTER_SECONDS = 30


def new_reference() -> str:
    """Return eight characters that name one failure in the log and can be read out on the telephone."""
    return secrets.token_hex(4).upper()


class UnansweredCommitError(OperationalError):
    """A commit was sent, and nobody answered: what it was about may have been stored."""


def unavailable(error: BaseException | None) -> bool:
    """Tell a database that is away, busy or takes no changes from one that refuses what it was asked.

    SQLite has one class for both: a table that is missing does not come back by waiting.
    """
    cause = getattr(error, "__cause__", None)
    if isinstance(cause, sqlite3.OperationalError):
        return getattr(cause, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF != sqlite3.SQLITE_ERROR
    return isinstance(error, OperationalError | InterfaceError) or (
        isinstance(error, Error) and getattr(cause, "sqlstate", None) == _READ_ONLY
    )


def caused_by_unavailable(error: BaseException | None) -> bool:
    """Whether the database was unavailable when this was raised; Django wraps some of its errors into others."""
    while error is not None:
        if unavailable(error):
            return True
        error = error.__context__
    return False


@contextmanager
def atomic() -> Iterator[None]:
    """Django's transaction.atomic; a commit that nobody answered is an UnansweredCommitError."""
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
        return False  # it is in this process: it has said that it did not commit
    sqlstate = getattr(error.__cause__, "sqlstate", None)
    return sqlstate is None or sqlstate[:2] in _CONNECTION_LOST
