"""Make a copy of the project's data on PostgreSQL, or use the one that an earlier call kept.

The interface is one function::

    with open_copy(Options(source=None, target=None, trial=Trial()), progress) as copy:
        copy.url                    # postgres://... of a database that nobody else uses, password included
        copy.entry                  # the same as an entry of DATABASES
        copy.source                 # the SQLite snapshot that it equals
        copy.alias                  # the project's alias of the database that was copied
        copy.environment()          # os.environ for a child process whose settings have the copy at that alias

The copy is published by ``migrate_to_pg.run``, so every cell is verified. Without ``--target`` it is on an embedded
server in ``.migrate_to_pg/try``, which is stopped in the end. There it is kept as a template that refuses connections:
each call gets a database of its own that PostgreSQL copies from it, and drops it. So nothing that a command writes is
in the next one's data. With ``--target`` the database is made on that server and dropped in the end.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import dj_database_url

from migrate_to_pg import run
from migrate_to_pg.errors import MigrateToPgError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres import embedded
from migrate_to_pg.project.source_database import SourceChoice, choose_source
from migrate_to_pg.project.target_database import EMBEDDED_DIRECTORY, choose_target, embedded_directory
from migrate_to_pg.records import FINAL, Options, Progress, Report, Trial
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import base_directory
from migrate_to_pg.trial.aliases import aliases_of_target, other_aliases
from migrate_to_pg.trial.child_settings import variables_of
from migrate_to_pg.trial.databases import Databases, database_url, databases_at, server_directory, start_server
from migrate_to_pg.trial.source_state import state_of

#: Snapshots and reports of copies, below the project.
_SNAPSHOTS = EMBEDDED_DIRECTORY.with_name("copies")
_TEMPLATE_PREFIX = "migrate_to_pg_copy_"


class CopyFailedError(MigrateToPgError):
    """The copy could not be made. ``report`` says why, as that of a run does."""

    def __init__(self, report: Report) -> None:
        failure = report.failure
        super().__init__(failure.message if failure else "", remedy=failure.remedy if failure else "")
        self.report = report
        self.exit_status = failure.exit_status if failure else 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Copy:
    """A database on PostgreSQL that holds what the source holds. Nobody else uses it."""

    #: postgres://..., with the password where there is one. Not for people.
    url: str = field(repr=False)
    #: The snapshot that was copied and verified. It lacks what --fix and --quarantine changed in the copy.
    source: Path
    #: The file that the snapshot was made of.
    origin: Path
    #: The alias in DATABASES of the database that was copied.
    alias: str
    #: Other aliases that a command must not reach: those of the database that the project is to be moved to.
    hidden_aliases: tuple[str, ...] = ()
    #: Aliases of the project's other databases, which a command uses as they are.
    other_aliases: tuple[str, ...] = ()
    #: An empty database of which Django copies that of the tests; '' for the server's own template.
    template_of_tests: str = ""
    #: Whether the copy was kept by an earlier call.
    is_reused: bool = False

    @property
    def entry(self) -> dict[str, Any]:
        """The database as an entry of DATABASES."""
        tests = {"TEMPLATE": self.template_of_tests} if self.template_of_tests else {}
        return {**dj_database_url.parse(self.url), "TEST": tests}

    def environment(self, variables: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the environment of a child process in which the project's settings have the copy.

        ``variables`` replace those of this process.
        """
        aliases = (self.alias, *self.hidden_aliases)
        return {**os.environ, **variables_of(aliases, self.entry, self.url, self.origin), **(variables or {})}


@contextmanager
def open_copy(options: Options, progress: Progress) -> Iterator[Copy]:
    """Make the copy, or use the kept one, for as long as this lasts.

    Args:
        options: ``source``, ``target``, ``fix`` and whatever else decides what is copied; ``trial`` says whether the
            copy is made anew.
        progress: is given the events of the run that makes it.

    Yields:
        The copy, in a database that is dropped in the end.

    Raises:
        CopyFailedError: The run that makes the copy was blocked or failed.
        UsageError: The options name no source, or no server.
        TargetError: The server cannot be reached, or lets this role make no database.
    """
    choice = choose_source(options.source)
    with ExitStack() as stack:
        if options.target is None or embedded_directory(options.target) is not None:
            yield _from_kept(options, choice, progress, stack)
        else:
            yield _made_for_once(options, choice, progress, stack)


def _from_kept(options: Options, choice: SourceChoice, progress: Progress, stack: ExitStack) -> Copy:
    """Return a database that is copied from the kept one. Make that first where it is missing or out of date."""
    directory = embedded_directory(options.target) or server_directory()
    server, databases = start_server(directory, stack)
    name = hashlib.sha256(os.fsencode(choice.path)).hexdigest()[:8]
    with (snapshots_directory(options.target) / f"{name}.lock").open("w") as lock:
        # One process at a time makes a copy of a source, so that another one waits and uses it.
        fcntl.flock(lock, fcntl.LOCK_EX)
        kept = _Kept.read(databases, name)
        is_reused = (
            kept is not None
            and kept.state == state_of(options, choice)
            and not (options.trial is not None and options.trial.fresh)
        )
        if kept is None or not is_reused:
            kept = _make_kept(options, choice, progress, databases, server, name, kept)
        database = stack.enter_context(databases.temporary(_TEMPLATE_PREFIX + name))
        _hold(kept.snapshot.parent, stack)
    return Copy(
        url=server.url(database),
        source=kept.snapshot,
        origin=choice.path,
        alias=choice.alias,
        hidden_aliases=aliases_of_target(choice),
        other_aliases=other_aliases(choice),
        is_reused=is_reused,
    )


def _made_for_once(options: Options, choice: SourceChoice, progress: Progress, stack: ExitStack) -> Copy:
    """Return a database that is made on the server of --target."""
    conninfo = choose_target(options.target).conninfo
    databases = stack.enter_context(databases_at(conninfo))
    folder = _new_folder(snapshots_directory(None), "once", stack)
    url = database_url(conninfo, stack.enter_context(databases.temporary()))
    # Tests need the collation of the named database as well, which the server's own template may lack.
    empty = stack.enter_context(databases.temporary())
    snapshot = _publish(options, url, folder, progress)
    stack.callback(shutil.rmtree, folder, ignore_errors=True)
    return Copy(
        url=url,
        source=snapshot,
        origin=choice.path,
        alias=choice.alias,
        hidden_aliases=aliases_of_target(choice, options.target),
        other_aliases=other_aliases(choice, options.target),
        template_of_tests=empty,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    """The note on the kept copy, as the comment on its database."""

    #: By ``state_of``.
    state: str
    snapshot: Path

    @classmethod
    def read(cls, databases: Databases, name: str) -> _Kept | None:
        """Return what is noted, or None where there is no finished copy, or its snapshot is gone."""
        comment = databases.comment(_TEMPLATE_PREFIX + name)
        if not comment:
            return None
        noted = json.loads(comment)
        kept = cls(state=noted["state"], snapshot=Path(noted["snapshot"]))
        return kept if kept.snapshot.is_file() else None


def _make_kept(
    options: Options,
    choice: SourceChoice,
    progress: Progress,
    databases: Databases,
    server: embedded.EmbeddedServer,
    name: str,
    kept: _Kept | None,
) -> _Kept:
    """Make the copy in a new database, and keep it in the place of the former one."""
    # Before the copy: what is written to the source meanwhile is not in it.
    state = state_of(options, choice)
    with ExitStack() as making:
        folder = _new_folder(snapshots_directory(options.target), name, making, kept)
        with databases.temporary() as unfinished:
            snapshot = _publish(options, server.url(unfinished), folder, progress)
            comment = json.dumps({"state": state, "snapshot": str(snapshot)})
            databases.keep(unfinished, _TEMPLATE_PREFIX + name, comment)
    made = _Kept(state=state, snapshot=snapshot)
    _remove_former(folder.parent, name, made)
    return made


def _publish(options: Options, url: str, folder: Path, progress: Progress) -> Path:
    """Publish the source into the database of ``url``, and return the snapshot. Raises CopyFailedError."""
    trial = replace(options.trial or Trial(), target=options.target)
    wanted = replace(options, mode="publish", target=url, publish_to=FINAL, owner="", report=folder, trial=trial)
    report = run(wanted, progress)
    if report.publication is None or report.source is None:
        raise CopyFailedError(report)
    return folder / report.source.snapshot


def snapshots_directory(target: str | None) -> Path:
    """Make the directory of snapshots: below the project, ignored by version control, else beside embedded:DIR.

    Raises UsageError where neither can be written to.
    """
    folder = base_directory() / _SNAPSHOTS
    directory = embedded_directory(target)
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        (folder.parent / ".gitignore").write_text("*\n")
    except OSError as error:
        if directory is None or directory.parent == folder.parent:
            raise UsageError(
                _("Cannot access {path}: {strerror}.", path=folder, strerror=error.strerror or error),
                remedy=_("Name a directory that can be made, and written to: --target embedded:DIR."),
            ) from error
        folder = directory.with_name(f"{directory.name}.copies")
        with usage_error_on_oserror(folder):
            folder.mkdir(mode=0o700, exist_ok=True)
    return folder


def _new_folder(place: Path, name: str, stack: ExitStack, kept: _Kept | None = None) -> Path:
    """Make a directory for a run's report and snapshot.

    The report of a run that was blocked is there until the next run.
    """
    _remove_former(place, name, kept)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}-", dir=place))
    _hold(folder, stack)
    return folder


def _remove_former(place: Path, name: str, kept: _Kept | None) -> None:
    """Remove the directories of earlier runs that nobody uses."""
    for former in place.glob(f"{name}-*"):
        if kept is None or former != kept.snapshot.parent:
            _remove_unused(former)


def _hold(folder: Path, stack: ExitStack) -> None:
    """Keep ``_remove_unused`` from removing a directory."""
    descriptor = os.open(folder, os.O_RDONLY)
    stack.callback(os.close, descriptor)
    fcntl.flock(descriptor, fcntl.LOCK_SH)


def _remove_unused(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    finally:
        os.close(descriptor)
    shutil.rmtree(folder, ignore_errors=True)
