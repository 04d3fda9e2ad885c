"""--dump and --from-dump: a snapshot and what was found in it in, the dump out; and what a dump says its source was."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, replace
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.dumpfile import Circumstances, require_absent, write
from migrate_to_pg.errors import ArchiveError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.versions import versions
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.records import DumpFacts, Event, Finding, Options, Snapshot, SourceCatalog
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.paths import looked_at

#: The rule that says that what is read from the file cannot be trusted.
_DAMAGED = "integrity-check"


def require_usable(options: Options) -> None:
    """UsageError where options contradict each other, or a dump cannot be made where it was asked for."""
    if options.from_dump is not None:
        _require_alone(options)
    if options.dump is None:
        return
    if options.fix or options.quarantine or options.exclude_data:
        raise UsageError(
            _("--dump takes the database as it is: no --fix, --quarantine or --exclude-data."),
            remedy=_("Give them to --from-dump, where the rows are moved."),
        )
    with looked_at(options.dump):
        require_absent(options.dump.absolute())


def _require_alone(options: Options) -> None:
    given = {
        f"--{options.mode}": options.mode in ("undo", "purge"),
        "--source": options.source is not None,
        "--dump": options.dump is not None,
        "--lock-source": options.lock_source,
    }
    for option, is_given in given.items():
        if is_given:
            raise UsageError(
                _("--from-dump and {option} exclude each other: a dump is the source.", option=option),
                remedy=_("Leave one of them out."),
            )


def choose_dump(path: Path) -> SourceChoice:
    """The file that --from-dump names; of what database it is, it has to be asked. Raises UsageError."""
    with looked_at(path):
        path = path.absolute()
        is_directory = path.is_dir()
    if is_directory:
        raise UsageError(
            _("{path} is a directory, not a dump.", path=path),
            remedy=_("Name the file that --dump wrote: --from-dump FILE."),
        )
    return SourceChoice(path=path, alias=DEFAULT_DB_ALIAS, time_zone="UTC", chosen="dump")


def as_told(choice: SourceChoice, *, alias: str, time_zone: str) -> SourceChoice:
    """The same with what the dump tells of its source; an alias only where these settings have it, too."""
    known = alias in settings.DATABASES
    return replace(choice, alias=alias if known else DEFAULT_DB_ALIAS, time_zone=time_zone)


def dump(
    options: Options,
    snapshot: Snapshot,
    catalog: SourceCatalog,
    findings: Sequence[Finding],
    choice: SourceChoice,
    *,
    opened: Callable[[Path], AbstractContextManager[sqlite3.Connection]],
    progress: Callable[[Event], None],
) -> DumpFacts:
    """Write the snapshot to ``options.dump``.

    Raises ArchiveError where it is damaged: of pages that contradict each other a dump would hide what they were.
    """
    if any(finding.rule == _DAMAGED for finding in findings):
        raise ArchiveError(
            _("The file is damaged: a dump of what can still be read would hide that."),
            remedy=_("Do what the finding {rule} says, then run again.", rule=_DAMAGED),
        )
    circumstances = Circumstances(
        written=now().isoformat(timespec="seconds"),
        versions=versions(None),
        alias=choice.alias,
        time_zone=choice.time_zone,
        findings=[asdict(finding) for finding in findings],
    )
    destination = Path(str(options.dump)).absolute()
    return write(destination, snapshot, catalog, circumstances, opened=opened, progress=progress)
