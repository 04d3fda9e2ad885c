"""Sentences that a run says besides its findings: the estimate before it, what to do after it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from migrate_to_pg.discretion import may_hold_password
from migrate_to_pg.endpoints import as_option, embedded_directory, search_path, shown_target
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.records import FINAL, LEFTOVERS, Failure, Leftovers, Options, Publication

#: Bytes of SQLite a second from snapshot to publish with every cell proven: 444 MB, 2,070,068 rows, took 14 to 17 s on
#: two cores that the server shared.
_SPEED = 30e6
#: PostgreSQL's tables and indexes against SQLite's file: 510 MB for the same.
_GROWTH = 1.2


def estimate(size: int) -> str:
    """What a run on so many bytes is going to take."""
    seconds = max(2, round(size / _SPEED))
    return _(
        "{size:,.1f} MB of SQLite: about {seconds} s, {snapshot:,.1f} MB here for the snapshot and"
        " {grown:,.1f} MB on the PostgreSQL server.",
        size=size / 1000000.0,
        seconds=seconds,
        snapshot=size * 1.1 / 1000000.0,
        grown=size * _GROWTH / 1000000.0,
    )


def command_line(options: Options) -> str:
    """What asked for this, as it is typed; never a password."""
    mode = {"publish": [], "verify_only": ["--verify-only"], "dump": []}.get(options.mode, [f"--{options.mode}"])
    named = {
        "--dump": options.dump,
        "--from-dump": options.from_dump,
        "--source": options.source,
        "--target": options.target and shown_target(options.target),
        "--publish-to": options.publish_to if options.publish_to != FINAL else "",
        "--owner": options.owner,
        "--export": options.export,
    }
    words = ["manage.py", "migrate_to_pg", *mode]
    words += [word for name, value in named.items() if value for word in (name, _shown(str(value), name))]
    if options.mode not in ("undo", "check", "dump"):
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
        "--accept-stale": options.accept_stale,
        "--lock-source": options.lock_source,
        "--keep": options.keep,
    }
    return " ".join([*map(shlex.quote, words), *(flag for flag, given in flags.items() if given)])


def _shown(value: str, option: str) -> str:
    """A target was rebuilt from its parts; of a value of anything else that may be an address nothing is shown."""
    hidden = option != "--target" and may_hold_password(value.removeprefix("sqlite://"))
    return "..." if hidden and not Path(value).exists() else value


def next_steps(
    options: Options,
    publication: Publication | None,
    failure: Failure | None,
    unapplied: int,
    snapshot: str,
    seen: Sequence[str] = (),
) -> tuple[str, ...]:
    """What a person should do now, in order; ``seen`` are schemas that the application must have on its search path."""
    if failure is not None:
        return ()
    if options.mode == "verify_only":
        return server_left(options.target)
    if options.mode == "dump":
        return _after_dump(options)
    if options.mode == "check":
        return (
            _(
                "Rehearse: the same command with --rehearse --verify instead of --check; --target embedded needs no"
                " server."
            ),
        )
    left = server_left(options.target)
    if publication is None:
        move = _("Move: the same command without --rehearse, with --target for the server that is to keep the data.")
        return (move, *(left if options.keep else ()))
    return (*_after_publication(publication, unapplied, snapshot, seen), *left)


def _after_dump(options: Options) -> tuple[str, ...]:
    load = f"manage.py migrate_to_pg --from-dump {shlex.quote(str(options.dump))} --rehearse --verify"
    return (
        _("Carry the dump to the machine that is to load it; keep it as private as the database: it is not encrypted."),
        _("There, with the same code of the project: {load}", load=load),
    )


def server_left(target: str | None) -> tuple[str, ...]:
    """That the server of --target embedded goes on, and how to stop it; nothing for any other target."""
    directory = embedded_directory(target)
    if directory is None:
        return ()
    stop = f"python -m migrate_to_pg.embedded --stop {shlex.quote(str(directory))}"
    return (
        _("The embedded server goes on running until the machine stops; to stop it, its data kept: {stop}", stop=stop),
    )


def _after_publication(publication: Publication, unapplied: int, snapshot: str, seen: Sequence[str]) -> list[str]:
    steps = [
        _("Point the application's settings (DATABASE_URL, where they read it) to this database, wherever it runs.")
    ]
    if seen:
        steps.append(_sight(seen))
    if unapplied:
        missing = counted(unapplied, "migration was", "migrations were")
        steps.append(_("Run manage.py migrate there: {missing} not applied on SQLite either.", missing=missing))
    else:
        steps.append(
            _("Run manage.py migrate there once: it applies nothing, and lets applications make their own rows.")
        )
    steps.append(_("Restart every worker: Django caches content types, and old workers still write to SQLite."))
    steps.append(_("Keep the snapshot until you trust the new database: {snapshot}", snapshot=snapshot))
    if publication.archive:
        steps.append(
            _("The replaced tables are in schema {archive}: --undo brings them back.", archive=publication.archive)
        )
    if publication.leftovers:
        steps.append(
            _(
                "Look through schema {schema}, which holds what no migration knows: bring what is needed into tables of"
                " the project, and drop the rest.",
                schema=LEFTOVERS,
            )
        )
    steps.append(_("When all is well: manage.py migrate_to_pg --purge removes old snapshots and dated schemas."))
    return steps


def _sight(seen: Sequence[str]) -> str:
    path = search_path(seen)
    return _(
        "Let the application see schema {schema}: ALTER ROLE ... SET search_path = {path}; for the role that it"
        " connects as, or, where no pooler stands between, {option} in the OPTIONS of its database.",
        schema=seen[0],
        path=", ".join(map(search_path, ([name] for name in seen))),
        option=f'"options": {as_option(f"search_path={path}")!r}',
    )


def after_undo(publication: Publication, target: str | None) -> tuple[str, ...]:
    """What a person should do after --undo."""
    back = counted(len(publication.tables), "table is", "tables are")
    former = (
        _("{back} back in schema {schema}", back=back, schema=publication.schema)
        if publication.tables
        else _("No table had been replaced")
    )
    return (
        _("{former}; what was published is kept in schema {archive}.", former=former, archive=publication.archive),
        _("Set DATABASE_URL back to SQLite if the application is to go on there, and restart every worker."),
        *server_left(target),
    )
