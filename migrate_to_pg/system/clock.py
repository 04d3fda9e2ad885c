"""The one clock of all that a person reads: names of reports, backups and schemas, and moments in messages."""

from __future__ import annotations

from datetime import datetime


def now() -> datetime:
    """The present moment, in the time zone of the project's settings, which Django makes that of this process."""
    return datetime.now().astimezone()


def here(moment: datetime) -> datetime:
    """The same moment, whatever clock told it, as this one shows it."""
    return moment.astimezone()
