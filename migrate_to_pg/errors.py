"""Define one family of errors, each with its exit status.

``str(error)`` is the one line a person reads first; ``error.detail`` holds the rest. None of them ever contains a
password. ``error.exit_status`` is the exit status of the command: 1 blocked or failed, 2 usage, 3 verification failed.
Without an error it is 0: done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence


class MigrateToPgError(Exception):
    """A run was stopped. Nothing was published."""

    exit_status = 1

    def __init__(self, message: str, *, detail: Sequence[str] = (), remedy: str = "") -> None:
        super().__init__(message)
        #: Further lines: which rows, which objects, the server's message.
        self.detail = tuple(detail)
        #: What to do next, one sentence.
        self.remedy = remedy


class UsageError(MigrateToPgError):
    """Options contradict each other, or name something that does not exist."""

    exit_status = 2


class SourceError(MigrateToPgError):
    """The SQLite database cannot be read, copied or trusted."""


class SourceChangedError(SourceError):
    """The application wrote to the source after the snapshot. Publishing would lose those rows."""


class DumpError(SourceError):
    """A dump cannot be written, or a file is damaged or no dump."""


class TargetError(MigrateToPgError):
    """PostgreSQL cannot be reached, is too old, or does not let us do what a migration needs."""


class MigrationStateError(MigrateToPgError):
    """The source's django_migrations and the project's migration files contradict each other."""


class StagingError(MigrateToPgError):
    """The project's migrations, indexes or constraints could not be made in the incoming schema."""


class MigrationRefusedError(StagingError):
    """A migration of the project does not run on PostgreSQL, and nothing on the server would help."""


class UnmetDefinitionError(StagingError):
    """A key, an index or a constraint does not hold for the rows of its table."""

    def __init__(self, message: str, *, place: tuple[str, ...], detail: Sequence[str] = (), remedy: str = "") -> None:
        super().__init__(message, detail=detail, remedy=remedy)
        #: Table, kind and name of it.
        self.place = place


class BlockedError(MigrateToPgError):
    """Examine found faults that PostgreSQL would refuse, and no repair was accepted for them."""


class LoadError(MigrateToPgError):
    """PostgreSQL refused a row, or a value could not be converted without changing it."""


class RefusedRowError(LoadError):
    """PostgreSQL refused a row for its values. It may refuse others as well."""

    def __init__(self, message: str, *, table: str, detail: Sequence[str] = (), remedy: str = "") -> None:
        super().__init__(message, detail=detail, remedy=remedy)
        #: By PostgreSQL's name.
        self.table = table


class RefusedRowsError(LoadError):
    """PostgreSQL refused rows of one or more tables. The message is that of the first."""

    def __init__(self, tables: Mapping[str, RefusedRowError]) -> None:
        first = next(iter(tables.values()))
        super().__init__(str(first), detail=first.detail, remedy=first.remedy)
        #: The tables with refused rows, by PostgreSQL's names.
        self.tables = tuple(tables)


class VerificationError(MigrateToPgError):
    """Staging does not hold what the snapshot holds."""

    exit_status = 3


class RepairError(MigrateToPgError):
    """A repair in place failed or was undone. The message says whether the database changed."""


class PublishError(MigrateToPgError):
    """The finished tables could not be moved into the final schema. The transaction was rolled back."""


class UnknownOutcomeError(PublishError):
    """The connection was lost during the commit, so that its outcome is unknown."""
