"""``manage.py migrate_to_pg``: arguments in, progress on stderr, the report on stdout, an exit status out."""

from __future__ import annotations

import argparse
import contextlib
import io
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from migrate_to_pg.language import gettext as _
from migrate_to_pg.language import spoken, wanted
from migrate_to_pg.management.manners import add_language, bare_stream, end_on_signals, unfailing

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.errors import MigrateToPgError
    from migrate_to_pg.records import Options, Report

#: A server that stands idle takes a hundred connections, usually.
_MOST_JOBS = 64
_MODES = ("check", "rehearse", "verify_only", "undo", "purge")


class Command(BaseCommand):
    """Move the project's SQLite database to PostgreSQL."""

    help = (
        "Copies the SQLite database, finds every fault in it, applies the project's migrations on PostgreSQL in a"
        " hidden schema, loads the rows, proves them equal and publishes all of it in one transaction."
        " Exit status: 0 done, 1 blocked or failed, 2 usage, 3 the proof failed; nothing is published but with 0."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """The public interface; kept stable."""
        _add_places(parser)
        _add_modes(parser)
        _add_choices(parser)
        parser.add_argument(
            "--report",
            metavar="DIR",
            type=lambda text: Path(_given(text)),
            help="where report.html, report.json and the snapshot go (default: migrate_to_pg_report/<timestamp>)",
        )
        add_language(parser)
        parser.add_argument("--json", action="store_true", help="the report as JSON on stdout, progress on stderr")
        parser.add_argument(
            "--no-input",
            "--noinput",
            action="store_false",
            dest="interactive",
            help="never ask; --purge then removes without asking",
        )

    def handle(self, *args: object, **options: Any) -> None:
        """Run, print, exit."""
        with spoken(options["lang"] or wanted()):
            self._handle(options)

    def _handle(self, options: Mapping[str, Any]) -> None:
        from migrate_to_pg.errors import MigrateToPgError

        _prepare_streams()
        end_on_signals()
        try:
            status = self._run(options)
        except MigrateToPgError as error:
            self._print_error(error)
            status = error.exit_status
        except KeyboardInterrupt:
            self.stderr.write(_("Interrupted; nothing was published."))
            status = 1
        if status:
            sys.exit(status)

    def _run(self, options: Mapping[str, Any]) -> int:
        if options["purge"]:
            return self._purge(options)
        from migrate_to_pg import afterwards, pipeline, verifying
        from migrate_to_pg.progress import display

        wanted = _options(options)
        work = {"undo": afterwards.undo, "verify_only": verifying.verify_only}.get(wanted.mode, pipeline.run)
        with (
            # Migrations of the project may print; stdout is the report's.
            contextlib.redirect_stdout(sys.stderr),
            display(
                bare_stream(self.stderr), verbosity=options["verbosity"], no_color=bool(options["no_color"])
            ) as progress,
        ):
            report = work(wanted, unfailing(progress))
        try:
            self._print(report, as_json=options["json"], no_color=options["no_color"], verbosity=options["verbosity"])
        except OSError as error:
            # What was done stays done, whether it can be told or not.
            _tell(_("The report could not be printed: {strerror}.", strerror=error.strerror))
        return report.failure.exit_status if report.failure else 0

    def _purge(self, options: Mapping[str, Any]) -> int:
        from migrate_to_pg.words import server_left

        status = self._remove(options)
        for line in server_left(options["target"]):
            self.stdout.write(line)
        return status

    def _remove(self, options: Mapping[str, Any]) -> int:
        from migrate_to_pg import afterwards

        doomed = afterwards.purgeable(_options(options))
        if not doomed:
            self.stdout.write(_("There is nothing to remove."))
            return 0
        for name in doomed:
            self.stdout.write(name)
        if options["interactive"] and not self._agrees(_("Remove these for good? Type 'yes': ")):
            self.stdout.write(_("Nothing was removed."))
            return 1
        afterwards.purge(_options(options))
        self.stdout.write(_("Removed {doomed}.", doomed=len(doomed)))
        return 0

    def _agrees(self, question: str) -> bool:
        try:
            return input(question) == "yes"
        except EOFError:
            # Nobody is there to answer; --no-input says so beforehand.
            self.stdout.write("")
            return False

    def _print(self, report: Report, *, as_json: bool, no_color: bool, verbosity: int) -> None:
        stdout = bare_stream(self.stdout)
        if stdout is None:
            return
        if as_json:
            from migrate_to_pg.report.json import dumps

            stdout.write(dumps(report) + "\n")
        elif verbosity or report.failure:
            _print_text(report, stdout, no_color=no_color)
        stdout.flush()

    def _print_error(self, error: MigrateToPgError) -> None:
        for line in (str(error), *(f"  {line}" for line in error.detail), *([error.remedy] if error.remedy else [])):
            self.stderr.write(line)


def _add_places(parser: CommandParser) -> None:
    parser.add_argument(
        "--source",
        type=_given,
        metavar="PATH|URL|ALIAS",
        help="the SQLite database (default: MIGRATE_TO_PG['SOURCE'], else db.sqlite3 in BASE_DIR)",
    )
    parser.add_argument(
        "--target",
        type=_given,
        metavar="URL|ALIAS|embedded[:DIR]",
        help="the PostgreSQL database (default: the default database, when DATABASE_URL makes it PostgreSQL)",
    )


def _add_modes(parser: CommandParser) -> None:
    modes = parser.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="only copy and examine; nothing is written to PostgreSQL")
    modes.add_argument("--rehearse", action="store_true", help="everything but publish")
    modes.add_argument(
        "--verify-only", action="store_true", help="prove what was published, against the source or a kept snapshot"
    )
    modes.add_argument("--undo", action="store_true", help="bring the replaced tables back")
    modes.add_argument("--purge", action="store_true", help="remove old snapshots and dated schemas")


def _add_choices(parser: CommandParser) -> None:
    parser.add_argument(
        "--verify",
        nargs="?",
        const="cells",
        choices=("counts", "cells", "orm"),
        help="what is compared: rows, every cell, or what the ORM reads as well (bare --verify: cells; default: counts,"
        " with --verify-only cells)",
    )
    parser.add_argument(
        "--fix",
        metavar="RULE[,RULE]|all",
        type=_names,
        default=(),
        help="accept the repair of these rules; all: every lossless one",
    )
    parser.add_argument(
        "--quarantine",
        metavar="RULE[,RULE]|all",
        type=_names,
        default=(),
        help="set aside the rows that these rules find, and the rows that refer to them",
    )
    parser.add_argument(
        "--leftovers",
        choices=("stop", "skip"),
        default="stop",
        help="tables with rows that no migration knows: stop, or leave them behind",
    )
    parser.add_argument(
        "--replace",
        action="store_true",
        help="replace tables that hold user data, kept in a dated"
        " schema; with --undo: undo although rows were written since",
    )
    parser.add_argument("--accept-stale", action="store_true", help="publish although SQLite was written to meanwhile")
    parser.add_argument("--lock-source", action="store_true", help="make SQLite's writers wait until the end")
    parser.add_argument(
        "--jobs", metavar="N", type=_jobs, help="connections that work at once (default: one a core, at most 8)"
    )
    parser.add_argument("--keep", action="store_true", help="keep the snapshot, and a rehearsal's incoming schema")


def _given(text: str) -> str:
    if not text.strip():
        raise argparse.ArgumentTypeError("an empty value names nothing")
    return text


def _jobs(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= _MOST_JOBS:
        raise argparse.ArgumentTypeError(f"a number from 1 to {_MOST_JOBS} is needed, not {text!r}")
    return int(text)


def _names(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(",") if name.strip())
    if not names:
        raise argparse.ArgumentTypeError("name a rule, or 'all'")
    return names


def _options(options: Mapping[str, Any]) -> Options:
    from migrate_to_pg.records import Options, Verify

    mode = next((name for name in _MODES if options[name]), "publish")
    return Options(
        source=options["source"],
        target=options["target"],
        mode=mode,
        verify=Verify(options["verify"] or ("cells" if mode == "verify_only" else "counts")),
        fix=tuple(options["fix"]),
        quarantine=tuple(options["quarantine"]),
        replace=options["replace"],
        accept_stale=options["accept_stale"],
        lock_source=options["lock_source"],
        skip_leftovers=options["leftovers"] == "skip",
        keep=options["keep"],
        report=options["report"],
        **({"jobs": options["jobs"]} if options["jobs"] else {}),
    )


def _print_text(report: Report, stream: Any, *, no_color: bool) -> None:
    if not stream.isatty():
        from migrate_to_pg.report.text import lines

        stream.write("\n".join(lines(report)) + "\n")
        return
    from rich.console import Console

    from migrate_to_pg.report.text import print_report

    print_report(report, Console(file=stream, no_color=no_color or bool(os.environ.get("NO_COLOR")), highlight=False))


def _prepare_streams() -> None:
    """A value from the database must not end the run because the terminal cannot write it."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _tell(line: str) -> None:
    with contextlib.suppress(OSError, AttributeError):
        sys.stderr.write(line + "\n")
