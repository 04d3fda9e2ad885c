"""Write the sentences of a run besides its findings: the estimate before it, the next steps after it."""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from django.conf import settings

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize, size
from migrate_to_pg.pipeline.after_move_back import back_command_line
from migrate_to_pg.pipeline.subscribers import after_a_rehearsal, bring_up_to_date
from migrate_to_pg.project.settings_entry import how_to_go_back
from migrate_to_pg.project.target_database import (
    as_option,
    default_is_postgresql,
    embedded_directory,
    has_password,
    search_path,
    shown_target,
)
from migrate_to_pg.records import (
    FINAL,
    LEFTOVERS,
    Advice,
    Failure,
    Leftovers,
    LogicalPublication,
    Options,
    Publication,
    Verify,
)
from migrate_to_pg.system.redact import may_hold_password

#: Bytes of SQLite a second from snapshot to publish with every cell verified, on two cores that the server shared.
_BYTES_A_SECOND = 30e6
#: Seconds on that machine: of a run on an empty database, from its start on, and of one table and one migration more.
_EMPTY_SECONDS, _TABLE_SECONDS, _MIGRATION_SECONDS = 2.0, 0.02, 0.02
#: Seconds that a start took there. A machine on which it takes longer is slower in all else as well.
_START_SECONDS = 0.8
#: PostgreSQL's tables and indexes against SQLite's file: 510 MB for the same.
_GROWTH = 1.2
#: In the place of a target that only the person knows.
_ELSEWHERE = "postgres://user@host:5432/name"


def estimate(held: int, tables: int, migrations: int, *, start: float) -> str:
    """Estimate the time and the space that a run takes.

    Args:
        held: bytes of SQLite.
        tables: how many it has.
        migrations: how many are applied.
        start: the seconds that it took this process to start.
    """
    work = _EMPTY_SECONDS + held / _BYTES_A_SECOND + tables * _TABLE_SECONDS + migrations * _MIGRATION_SECONDS
    seconds = round(work * max(1, start / _START_SECONDS))
    return _(
        "{size} of SQLite: about {seconds} s, {snapshot} here for the snapshot and {grown} on the PostgreSQL server.",
        size=size(held),
        seconds=seconds,
        snapshot=size(round(held * 1.1)),
        grown=size(round(held * _GROWTH)),
    )


def continuation(options: Options, advice: Advice | None) -> str:
    """Return the command line that continues after findings, or the same one if no option helps."""
    if advice is None:
        return command_line(options)
    return command_line(replace(options, fix=advice.fix, quarantine=advice.quarantine))


def needed_again(options: Options) -> str:
    """Return a reminder of what a command line copied from a report lacks, or ''."""
    if options.mode in ("check", "dump"):
        return ""
    back = options.mode in ("move_back", "since_publish")
    target, argument = (options.source, "--source") if back else (_typed_target(options), "--target")
    if target and has_password(target):
        return _("The password of {argument} is not repeated here: put it back.", argument=argument)
    if not target and not options.trial and os.environ.get("DATABASE_URL"):
        return _("DATABASE_URL has to be set as it was for this run.")
    return ""


def command_line(options: Options) -> str:
    """Return the command line that asks for these options. It never holds a password."""
    if options.mode in ("move_back", "since_publish"):
        return back_command_line(options)
    mode = {"publish": [], "verify_only": ["--verify-only"], "dump": []}.get(options.mode, [f"--{options.mode}"])
    target = _typed_target(options)
    named = {
        "--dump": options.dump,
        "--from-dump": options.from_dump,
        "--source": options.source,
        "--target": target and shown_target(target),
        "--publish-to": options.publish_to if options.publish_to != FINAL else "",
        "--owner": options.owner,
        "--export": options.export,
        "--export-for": options.export_for,
    }
    words = [*options.invocation.program, *mode]
    words += [word for name, value in named.items() if value for word in (name, _shown(str(value), name))]
    if options.mode not in ("undo", "purge", "check", "dump") and options.verify is not Verify.CELLS:
        words += ["--verify", options.verify.value]
    lists = {
        "--fix": options.fix,
        "--quarantine": options.quarantine,
        "--from-models": options.from_models,
        "--as-leftovers": options.as_leftovers,
        "--exclude-data": options.exclude_data,
    }
    for name, names in lists.items():
        words += [name, ",".join(names)] if names else []
    flags = {
        f"--leftovers {options.leftovers}": options.leftovers is not Leftovers.COPY,
        "--schema models": options.schema == "models",
        "--engine pgloader": options.engine == "pgloader",
        "--replace": options.replace,
        "--exact-decimals": options.exact_decimals,
        "--accept-publications": options.accept_publications,
        "--accept-stale": options.accept_stale,
        "--lock-source": options.lock_source,
        "--keep": options.keep,
        "--fresh": bool(options.trial and options.trial.fresh),
    }
    words += [word for flag, given in flags.items() if given for word in flag.split()]
    words += [word for pair in options.invocation.common for word in pair]
    # Last: all words after --try are the command's.
    words += [_shown(word, "--try") for word in options.trial.words] if options.trial else []
    return shlex.join(words)


def _typed_target(options: Options) -> str | None:
    return options.trial.target if options.trial else options.target


def _shown(value: str, option: str) -> str:
    """Hide a value that may be an address with a password. A target was rebuilt from its parts without it."""
    hidden = option != "--target" and may_hold_password(value.removeprefix("sqlite://"))
    return "..." if hidden and not Path(value).exists() else value


@dataclass(frozen=True, slots=True, kw_only=True)
class Published:
    """The facts of a publication that the next steps name."""

    publication: Publication
    #: How the application comes to the target.
    switch: str
    #: Whether the settings have the target already.
    in_force: bool = False
    #: Migrations that the source has not applied.
    unapplied: int
    snapshot: str
    #: Schemas that the application must have on its search path.
    seen: Sequence[str] = ()


def next_steps(
    options: Options,
    published: Published | None,
    failure: Failure | None,
    publications: Sequence[LogicalPublication] = (),
) -> tuple[str, ...]:
    """Return what to do now, in order. A line of its own is to be copied."""
    if failure is not None:
        return ()
    if options.mode == "verify_only":
        return server_left(options)
    if options.mode == "dump":
        program = shlex.join(options.invocation.program)
        load = f"{program} --from-dump {shlex.quote(str(options.dump))} --rehearse --target embedded"
        return (
            _(
                "Carry the dump to the machine that is to load it; keep it as private as the database: it is not"
                " encrypted."
            ),
            _("There, with the same code of the project:\n{load}", load=load),
        )
    if options.mode == "check":
        # The server that the settings name is the one that the move will meet.
        target = options.target or (None if default_is_postgresql() else "embedded")
        line = command_line(replace(options, mode="rehearse", target=target))
        return (_("Rehearse, which publishes nothing:\n{line}", line=line),)
    left = server_left(options)
    if published is None:
        return (*after_a_rehearsal(publications), _move(options), *(left if options.keep else ()))
    return (*_after_publication(options, published, publications), *left)


def _move(options: Options) -> str:
    moved = replace(options, mode="publish", export=None, export_for=None)
    if embedded_directory(options.target) is None:
        return _("Move:\n{line}", line=command_line(moved))
    line = command_line(replace(moved, target=_ELSEWHERE))
    return _("Move, with the server that is to keep the data and its password in --target:\n{line}", line=line)


def server_left(options: Options) -> tuple[str, ...]:
    """Explain how to stop the server of --target embedded, which keeps running. Return () for any other target."""
    directory = embedded_directory(options.target)
    if directory is None:
        return ()
    program = of_server(options)
    where = shlex.quote(str(directory))
    return (
        _(
            "The embedded server goes on running until the machine stops; to stop it, its data kept:\n{stop}",
            stop=f"{program} --stop {where}",
        ),
        _(
            "To start it again, and see its address; its programs come with the extra embedded, which has to stay"
            " installed:\n{start}",
            start=f"{program} --url {where}",
        ),
    )


def of_server(options: Options) -> str:
    """Return the beginning of a command about the embedded server, with the interpreter of this process."""
    first = options.invocation.program[0]
    python = first if Path(first).name.startswith("python") else "python"
    return f"{shlex.quote(python)} -m migrate_to_pg.postgres.embedded"


def _after_publication(options: Options, published: Published, publications: Sequence[LogicalPublication]) -> list[str]:
    steps = [published.switch]
    if not (published.in_force and options.invocation.is_configured):
        steps.append(
            _("Django needs psycopg for PostgreSQL: put psycopg[binary]>=3.2 into the application's requirements.")
        )
    if published.seen:
        steps.append(_search_path_step(published.seen))
    # Django's commands are called as this one was: manage.py, or python -m.
    manage = options.invocation.program[:-1]
    migrate = shlex.join([*manage, *(["django"] if manage[-1:] == ("-m",) else []), "migrate"])
    if published.unapplied:
        missing = pluralize(published.unapplied, "migration was", "migrations were")
        steps.append(_("Migrate there: {missing} not applied on SQLite either.\n{line}", missing=missing, line=migrate))
    else:
        steps.append(
            _(
                "Migrate there once: it applies nothing, and lets applications make their own rows.\n{line}",
                line=migrate,
            )
        )
    steps += [
        _("Restart every worker: Django caches content types, and old workers still write to SQLite."),
        *bring_up_to_date(publications),
        _(
            "Uploaded files are not in the database: leave them where they are{media}. Every row has the id that it"
            " had, and new ids go on after the highest ever given.",
            media=f" ({settings.MEDIA_ROOT})" if settings.MEDIA_ROOT else "",
        ),
        _("Keep the snapshot until you trust the new database: {snapshot}", snapshot=published.snapshot),
    ]
    if published.publication.leftovers:
        steps.append(
            _(
                "Look through schema {schema}, which holds what no migration knows: bring what is needed into tables of"
                " the project, and drop the rest.",
                schema=LEFTOVERS,
            )
        )
    return [*steps, *_later(options, published)]


def _later(options: Options, published: Published) -> Iterator[str]:
    """Yield steps for any later day. Each command names its target, because the settings may change until then."""
    # Neither has to do with another run, nor does every mode take them.
    common = tuple(pair for pair in options.invocation.common if pair[0] not in ("--report", "--jobs"))
    again = Options(
        target=options.target,
        publish_to=options.publish_to,
        invocation=replace(options.invocation, common=common),
    )
    if options.target and has_password(options.target):
        yield _("The password of {argument} is not repeated here: put it back.", argument="--target")
    verification = replace(again, mode="verify_only", source=published.snapshot)
    yield _("To compare PostgreSQL with the snapshot, any day:\n{line}", line=command_line(verification))
    undo = command_line(replace(again, mode="undo", accept_publications=options.accept_publications))
    archive = published.publication.archive
    if archive:
        yield _("To go back to the replaced tables, which are in schema {archive}:\n{line}", archive=archive, line=undo)
    else:
        yield _("To take the published tables away again, as long as nothing is written to them:\n{line}", line=undo)
    purge = command_line(replace(again, mode="purge"))
    yield _("When all is well, to remove old snapshots and dated schemas:\n{line}", line=purge)
    if embedded_directory(options.target) is None:
        yield _(
            "After that migrate_to_pg may leave INSTALLED_APPS and the requirements: nothing in the application uses"
            " it."
        )


def _search_path_step(seen: Sequence[str]) -> str:
    path = search_path(seen)
    return _(
        "Let the application see schema {schema}: ALTER ROLE ... SET search_path = {path}; for the role that it"
        " connects as, or, where no pooler stands between, {option} in the OPTIONS of its database.",
        schema=seen[0],
        path=", ".join(map(search_path, ([name] for name in seen))),
        option=f'"options": {as_option(f"search_path={path}")!r}',
    )


def after_undo(
    options: Options, undone: Publication, entry: Mapping[str, Any], publications: Sequence[LogicalPublication] = ()
) -> tuple[str, ...]:
    """Return what to do after --undo. ``entry`` is the target as an entry of DATABASES."""
    steps = []
    if undone.tables:
        steps.append(
            _(
                "An application that used the tables which are back goes on with PostgreSQL as before; one that used"
                " SQLite goes back to it, as follows."
            )
        )
    steps.append(_back_to_sqlite(undone, entry))
    steps.append(_("Restart every worker: old ones still use the tables that were taken out."))
    return (*steps, *bring_up_to_date(publications), *server_left(options))


def _is_here(path: str) -> bool:
    """Return whether this user finds a file. A record may hold any path."""
    try:
        return Path(path).is_file()
    except OSError:
        return False


def _back_to_sqlite(undone: Publication, entry: Mapping[str, Any]) -> str:
    if not undone.source:
        return _("Set the application's database back to the SQLite database that was moved.")
    if not _is_here(undone.source):
        return _(
            "Set the application's database back to SQLite: {source} was published, which is not on this machine, or"
            " not there any more.",
            source=undone.source,
        )
    return how_to_go_back(entry, undone.source)
