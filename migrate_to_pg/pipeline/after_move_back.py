"""Say what to do with the SQLite file that a move back made."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from stat import S_IMODE

from django.conf import settings
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.project.settings_entry import how_to_use_file
from migrate_to_pg.project.target_database import has_password, shown_target
from migrate_to_pg.records import BOOKKEEPING, FINAL, Leftovers, MadeFile, OldFile, Options, Verify
from migrate_to_pg.system.redact import may_hold_password

_MARK = ".from-postgresql"


def after_move_back(options: Options, made: MadeFile, unapplied: int, postgres: str) -> tuple[str, ...]:
    """Return what to do now, in order. A line of its own is to be copied.

    Args:
        options: those of the run.
        made: the file.
        unapplied: how many migrations PostgreSQL has not applied.
        postgres: the address of PostgreSQL, without a password.
    """
    return tuple(_steps(options, made, unapplied, postgres))


def _steps(options: Options, made: MadeFile, unapplied: int, postgres: str) -> Iterator[str]:
    for line in made.left_behind:
        yield _("Written to PostgreSQL meanwhile, and not in the file: {line}", line=line)
    path = Path(made.path)
    if not options.accept_stale:
        yield _("Keep the application stopped: what it writes to PostgreSQL from now on is not in the file.")
    yield from _of_old_file(made.old)
    if _MARK in path.name:
        path = path.with_name(path.name.replace(_MARK, ""))
        yield from put_in_place(Path(made.path), path)
    yield how_to_use_file(str(path))
    if unapplied:
        missing = pluralize(unapplied, "migration was", "migrations were")
        yield _("Migrate there: {missing} not applied on PostgreSQL either.", missing=missing)
    yield _("Restart every worker: Django caches content types, and old workers still write to PostgreSQL.")
    yield _("PostgreSQL is as it was. To move there again, its tables are to be replaced:\n{line}", line=_again(
        options, path, postgres
    ))  # fmt: skip
    if has_password(options.source or "") or settings.DATABASES.get(options.source or DEFAULT_DB_ALIAS, {}).get(
        "PASSWORD"
    ):
        yield _("The password of {argument} is not repeated here: put it back.", argument="--target")


def _of_old_file(old: OldFile | None) -> Iterator[str]:
    """Yield what the file that was moved has, and the new one has not. Said before it is put aside."""
    if old is None:
        return
    if old.quarantined or old.merged:
        kept = [f"{BOOKKEEPING}.quarantine (PostgreSQL)", *([old.journal] if old.journal else [])]
        yield _(
            "Keep the file that was moved: the move left {quarantined} in quarantine and merged {merged} into others,"
            " and the new file has none of these. They are kept in {places} as well.",
            quarantined=pluralize(old.quarantined, "row", "rows"),
            merged=pluralize(old.merged, "row", "rows"),
            places=", ".join(kept),
        )
    if not old.is_kept:
        yield _(
            "Compare the schema with that of the file that was moved: whether it had full-text tables, views, triggers"
            " or indexes that no migration makes cannot be told, as the snapshot of the move is gone: {snapshot}.",
            snapshot=old.snapshot,
        )


def _again(options: Options, path: Path, postgres: str) -> str:
    """Return the command that moves the file to PostgreSQL once more."""
    given = options.source or ""
    # An alias may name the file by then.
    target = postgres if given in settings.DATABASES or not given else shown_target(given)
    words = [*options.invocation.program[:-1], "migrate_to_pg", "--source", str(path), "--target", target]
    words += ["--publish-to", options.publish_to] if options.publish_to != FINAL else []
    common = (pair for pair in options.invocation.common if pair[0] not in ("--report", "--jobs"))
    return shlex.join([*words, "--replace", *(word for pair in common for word in pair)])


def put_in_place(new: Path, path: Path) -> Iterator[str]:
    """Yield how to put the new file into the place of the old one."""
    # No command writes over a file.
    old = path.with_name(f"{path.name}.before")
    # SQLite would take what the old file has beside it for the new one's.
    beside = [suffix for suffix in ("", "-wal", "-shm", "-journal") if path.with_name(path.name + suffix).exists()]
    commands = [["mv", "-n", f"{path}{suffix}", f"{old}{suffix}"] for suffix in beside]
    lines = "\n".join(map(shlex.join, [*commands, ["mv", "-n", str(new), str(path)]]))
    yield _("Put the file in its place; an old one is kept beside it.\n{lines}", lines=lines)
    if access := _access(new, path):
        yield _(
            "The new file is readable by its owner alone, the old one was not. Where the application runs as"
            " another user, give it the old one's owner and mode:\n{lines}",
            lines=access,
        )


def _access(new: Path, path: Path) -> str:
    """Return the commands that give the file in the old one's place its owner and mode. '' where it has both."""
    try:
        now, before = new.stat(), path.stat()
    except OSError:
        return ""
    commands = []
    if (now.st_uid, now.st_gid) != (before.st_uid, before.st_gid):
        commands.append(["chown", f"{before.st_uid}:{before.st_gid}", str(path)])
    if S_IMODE(now.st_mode) != S_IMODE(before.st_mode):
        commands.append(["chmod", f"{S_IMODE(before.st_mode):o}", str(path)])
    return "\n".join(map(shlex.join, commands))


def after_since_publish(options: Options) -> tuple[str, ...]:
    """Return the step that keeps what was written on PostgreSQL. In ``options`` PostgreSQL is the target."""
    line = back_command_line(replace(options, mode="move_back", source=options.target, target=None))
    return (_("To make a SQLite file that has all of it:\n{line}", line=line),)


def back_command_line(options: Options) -> str:
    """Return the command line of migrate_from_pg, in which PostgreSQL is the source."""
    target = options.target or ""
    # It may be an address with a password.
    hidden = may_hold_password(target) and not Path(target).exists()
    named = {
        "--source": options.source and shown_target(options.source),
        "--target": "..." if hidden else target,
        "--from-schema": options.publish_to if options.publish_to != FINAL else "",
        "--verify": options.verify.value if options.verify is not Verify.CELLS else "",
        "--quarantine": ",".join(options.quarantine),
        "--schema": options.schema if options.schema != "migrations" else "",
        "--leftovers": options.leftovers.value if options.leftovers is not Leftovers.COPY else "",
    }
    flags = {
        "--since-publish": options.mode == "since_publish",
        "--accept-stale": options.accept_stale,
        "--lock-source": options.lock_source,
    }
    words = [*options.invocation.program]
    words += [word for name, value in named.items() if value for word in (name, value)]
    words += [flag for flag, given in flags.items() if given]
    return shlex.join([*words, *(word for pair in options.invocation.common for word in pair)])
