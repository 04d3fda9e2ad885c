"""The clock for everything that people read: names of reports, backups and schemas, and times in messages."""

from __future__ import annotations

from datetime import datetime


def now() -> datetime:
    """Return the present in the time zone of the project's settings, which Django makes that of this process."""
    return datetime.now().astimezone()


def to_local_time(moment: datetime) -> datetime:
    """Convert a moment to the same time zone."""
    return moment.astimezone()
