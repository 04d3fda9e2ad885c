"""Check the options --dump and --from-dump, write the dump, and choose a dump as the source."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.dumpfile import Manifest, write
from migrate_to_pg.errors import DumpError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.versions import versions
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.records import DumpFacts, Finding, Options, Progress, Snapshot, SourceCatalog
from migrate_to_pg.system.clock import now
from migrate_to_pg.system.usage import usage_error_on_oserror

#: The rule that says that what is read from the file cannot be trusted.
_DAMAGED = "integrity-check"


def require_usable(options: Options) -> None:
    """Raise UsageError where options contradict each other, or --dump names a path that is taken or nowhere."""
    if options.from_dump is not None:
        _check_options(options)
    if options.dump is None:
        return
    if options.fix or options.quarantine or options.exclude_data:
        raise UsageError(
            _("--dump takes the database as it is: no --fix, --quarantine or --exclude-data."),
            remedy=_("Give them to --from-dump, where the rows are moved."),
        )
    with usage_error_on_oserror(options.dump):
        path = options.dump.absolute()
        if path.exists() or path.is_symlink():
            raise UsageError(
                _("--dump {path}: there is something at that path already.", path=path),
                remedy=_("Name a new file: nothing is overwritten."),
            )
        if not path.parent.is_dir():
            raise UsageError(
                _("--dump {path}: there is no directory {parent}.", path=path, parent=path.parent),
                remedy=_("Make it, or name a file in a directory that is there."),
            )
        if not os.access(path.parent, os.W_OK | os.X_OK):
            raise UsageError(
                _("--dump {path}: no file can be made in {parent}.", path=path, parent=path.parent),
                remedy=_("Name a file in a directory that this user may write to."),
            )


def _check_options(options: Options) -> None:
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
    """Choose the file that --from-dump names as the source; raise UsageError where it cannot be one."""
    with usage_error_on_oserror(path):
        path = path.absolute()
        is_directory = path.is_dir()
    if is_directory:
        raise UsageError(
            _("{path} is a directory, not a dump.", path=path),
            remedy=_("Name the file that --dump wrote: --from-dump FILE."),
        )
    return SourceChoice(path=path, alias=DEFAULT_DB_ALIAS, time_zone="UTC", chosen="dump")


def with_dump_settings(choice: SourceChoice, manifest: Manifest) -> SourceChoice:
    """Take alias and time zone from the dump: what naive times mean was settled where it was made.

    An alias is taken only where the settings of this machine have it, too.
    """
    alias = manifest.alias if manifest.alias in settings.DATABASES else DEFAULT_DB_ALIAS
    return replace(choice, alias=alias, time_zone=manifest.time_zone)


def dump(
    options: Options,
    snapshot: Snapshot,
    catalog: SourceCatalog,
    findings: Sequence[Finding],
    choice: SourceChoice,
    progress: Progress,
) -> DumpFacts:
    """Write the snapshot, with what was found in it, to ``options.dump``.

    Raises DumpError where the file is damaged: whoever loads the dump could not restore a backup in its place.
    """
    if any(finding.rule == _DAMAGED for finding in findings):
        raise DumpError(
            _("The file is damaged: a dump of what can still be read would hide that."),
            remedy=_("Do what the finding {rule} says, then run again.", rule=_DAMAGED),
        )
    manifest = Manifest(
        written=now().isoformat(timespec="seconds"),
        versions=versions(None),
        path=str(snapshot.source),
        sha256=snapshot.source_sha256,
        alias=choice.alias,
        time_zone=choice.time_zone,
        migrations=catalog.applied_migrations,
        findings=tuple(map(asdict, findings)),
        bytes=snapshot.size,
    )
    return write(Path(str(options.dump)).absolute(), snapshot, manifest, progress)
