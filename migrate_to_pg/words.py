"""Sentences that a run says besides its findings: the estimate before it, what to do after it."""

from __future__ import annotations

import re
import shlex

from migrate_to_pg.endpoints import embedded_directory
from migrate_to_pg.records import Failure, Options, Publication

#: Bytes of SQLite a second from snapshot to publish with every cell proven: 444 MB, 2,070,068 rows, took 14 to 17 s on
#: two cores that the server shared.
_SPEED = 30e6
#: PostgreSQL's tables and indexes against SQLite's file: 510 MB for the same.
_GROWTH = 1.2


def estimate(size: int) -> str:
    """What a run on so many bytes is going to take."""
    seconds = max(2, round(size / _SPEED))
    return (
        f"{size / 1e6:,.1f} MB of SQLite: about {seconds} s, {size * 1.1 / 1e6:,.1f} MB here for the snapshot and"
        f" {size * _GROWTH / 1e6:,.1f} MB on the PostgreSQL server."
    )


def command_line(options: Options) -> str:
    """What asked for this, as it is typed; never a password."""
    mode = {"publish": [], "verify_only": ["--verify-only"]}.get(options.mode, [f"--{options.mode}"])
    named = {"--source": options.source, "--target": options.target and _without_password(options.target)}
    words = ["manage.py", "migrate_to_pg", *mode]
    words += [word for name, value in named.items() if value for word in (name, value)]
    if options.mode not in ("undo", "check"):
        words += ["--verify", options.verify.value]
    for name, rules in (("--fix", options.fix), ("--quarantine", options.quarantine)):
        words += [name, ",".join(rules)] if rules else []
    flags = {
        "--leftovers skip": options.skip_leftovers,
        "--replace": options.replace,
        "--accept-stale": options.accept_stale,
        "--lock-source": options.lock_source,
        "--keep": options.keep,
    }
    return " ".join([*map(shlex.quote, words), *(flag for flag, given in flags.items() if given)])


def _without_password(target: str) -> str:
    """A URL's password as ***, wherever a URL may have one."""
    hidden = re.sub(r"(//[^/?#]*?:)[^/?#]*@", r"\1***@", target)
    return re.sub(r"([?&]password=)[^&#]*", r"\1***", hidden)


def counted(number: int, one: str, many: str) -> str:
    """1 finding, 2 findings."""
    return f"{number:,} {one if number == 1 else many}"


def next_steps(
    options: Options, publication: Publication | None, failure: Failure | None, unapplied: int, snapshot: str
) -> tuple[str, ...]:
    """What a person should do now, in order."""
    if failure is not None:
        return ()
    if options.mode == "verify_only":
        return server_left(options.target)
    if options.mode == "check":
        return (
            "Rehearse: the same command with --rehearse --verify instead of --check; --target embedded needs no"
            " server.",
        )
    left = server_left(options.target)
    if publication is None:
        move = "Move: the same command without --rehearse, with --target for the server that is to keep the data."
        return (move, *(left if options.keep else ()))
    return (*_after_publication(publication, unapplied, snapshot), *left)


def server_left(target: str | None) -> tuple[str, ...]:
    """That the server of --target embedded goes on, and how to stop it; nothing for any other target."""
    directory = embedded_directory(target)
    if directory is None:
        return ()
    stop = f"python -m migrate_to_pg.embedded --stop {shlex.quote(str(directory))}"
    return (f"The embedded server goes on running until the machine stops; to stop it, its data kept: {stop}",)


def _after_publication(publication: Publication, unapplied: int, snapshot: str) -> list[str]:
    steps = ["Point the application's settings (DATABASE_URL, where they read it) to this database, wherever it runs."]
    if unapplied:
        missing = counted(unapplied, "migration was", "migrations were")
        steps.append(f"Run manage.py migrate there: {missing} not applied on SQLite either.")
    else:
        steps.append("Run manage.py migrate there once: it applies nothing, and lets applications make their own rows.")
    steps.append("Restart every worker: Django caches content types, and old workers still write to SQLite.")
    steps.append(f"Keep the snapshot until you trust the new database: {snapshot}")
    if publication.archive:
        steps.append(f"The replaced tables are in schema {publication.archive}: --undo brings them back.")
    steps.append("When all is well: manage.py migrate_to_pg --purge removes old snapshots and dated schemas.")
    return steps


def after_undo(publication: Publication, target: str | None) -> tuple[str, ...]:
    """What a person should do after --undo."""
    back = counted(len(publication.tables), "table is", "tables are")
    former = f"{back} back in schema {publication.schema}" if publication.tables else "No table had been replaced"
    return (
        f"{former}; what was published is kept in schema {publication.archive}.",
        "Set DATABASE_URL back to SQLite if the application is to go on there, and restart every worker.",
        *server_left(target),
    )
