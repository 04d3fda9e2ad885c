"""Compute the checksums of the source and of its snapshot, and require later that the snapshot has its own."""

from __future__ import annotations

import hashlib
from pathlib import Path

from migrate_to_pg.errors import SourceError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Snapshot
from migrate_to_pg.system import subprocesses
from migrate_to_pg.system.threads import run_all
from migrate_to_pg.system.workdir import sync_to_disk


def require_unmodified_snapshot(snapshot: Snapshot) -> None:
    """Raise SourceError where the copy is not byte for byte what it was when it was made."""
    if not snapshot.path.is_file() or file_sha256(snapshot.path) != snapshot.sha256:
        raise SourceError(
            _(
                "The snapshot {path} was changed after it was made: nothing that was read of it counts.",
                path=snapshot.path,
            ),
            remedy=_("Nothing was published. Look for what writes to that directory, and at its disk; then run again."),
        )


def sync_and_hash(copy: Path, original: Path) -> tuple[str, str]:
    """Wait until the disk has the copy, and meanwhile compute the SHA-256 of both files."""
    found: dict[str, str] = {}
    run_all(
        "snapshot",
        [
            lambda: sync_to_disk(copy),
            lambda: found.update(copy=file_sha256(copy)),
            lambda: found.update(original=_sha256_in_subprocess(original)),
        ],
        stop=lambda: None,
    )
    return found["copy"], found["original"]


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes, hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _sha256_in_subprocess(path: Path) -> str:
    """Hash a file in another process. Return '' where it no longer exists.

    Closing any descriptor of a file drops every POSIX lock that this process has on it, SQLite's own included: the
    write lock of --lock-source would be lost without notice.
    """
    try:
        return subprocesses.sha256(path)
    except OSError as error:
        if not path.exists():
            # Deleted since it was copied: that is reported before anything is published.
            return ""
        if isinstance(error, BlockingIOError):
            raise SourceError(
                _("{path} is hashed by another process, and the system starts no more for this user.", path=path),
                remedy=_("Raise the limit (ulimit -u, or the one of the container's processes), then run again."),
            ) from error
        raise SourceError(
            _("{path} cannot be read: {error}.", path=path, error=error), remedy=_("Run as a user who may read it.")
        ) from error
