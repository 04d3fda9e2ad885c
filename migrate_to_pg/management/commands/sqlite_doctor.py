"""Run ``manage.py sqlite_doctor``: progress on stderr, the diagnosis on stdout."""

from __future__ import annotations

import argparse
import contextlib
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.management import console
from migrate_to_pg.management.argument_types import names, path

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.records import Options
    from migrate_to_pg.records.diagnosis import Diagnosis


_EXAMPLES = """\
examples:
  %(prog)s
      look at the project's database
  %(prog)s copies/db.sqlite3 --json
      look at another file; for programs
  %(prog)s db.sqlite3 --repair all
      repair what can be repaired in the file itself, after a backup
  %(prog)s db.sqlite3 --rebuild new.sqlite3 --fix lossless
      make a clean file by the migrations, with the rows repaired and compared
"""


class Command(console.ConsoleCommand):
    """Find every fault of the project's SQLite database."""

    help = (
        "Finds every fault of a SQLite database, tells where it comes from and what to do. The database is only read;"
        " everything is asked of a copy that is thrown away. With --repair it is repaired, after a backup. With"
        " --rebuild a new file is made. Exit status: 0 healthy (warnings are shown), 1 errors were found or a repair"
        " was not made, 2 usage. With --rebuild: 0 made, 1 blocked or failed, 2 usage, 3 verification failed; there is"
        " a new file only with 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, a stable public interface."""
        console.disable_abbreviations(parser, assurance="Nothing was changed.")
        parser.usage = (
            "%(prog)s [DB] [--repair RULES | --rebuild NEW [--fix RULES] [--quarantine RULES]]\n"
            "           [--lang {en,fr}] [--json] [...]"
        )
        parser.epilog = _EXAMPLES
        group = parser.add_argument_group("what is examined, and repaired")
        group.add_argument(
            "database",
            metavar="DB",
            nargs="?",
            help="a path, an alias of DATABASES, or sqlite:///PATH"
            " (default: MIGRATE_TO_PG['SOURCE'], else the default database, the last run's, or the project's only one)",
        )
        group.add_argument(
            "--repair",
            type=console.plain,
            metavar="RULE[,RULE]|lossless",
            help="repair these findings in the database itself, after a backup beside it; lossless, or all: every such"
            " repair. wal: switch to WAL; checkpoint: write the -wal back",
        )
        console.add_explain(group)
        _add_rebuild(parser.add_argument_group("a new file"))
        output = parser.add_argument_group("what is written")
        console.add_language(output)
        output.add_argument("--json", action="store_true", help="the diagnosis, or the report, as JSON on stdout")
        console.show_groups_first(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Run, print, exit."""
        from django.conf import settings

        from migrate_to_pg.errors import MigrateToPgError, RepairError
        from migrate_to_pg.management.settings import require_secrets

        try:
            if options["explain"]:
                console.explain(self, options["explain"])
                return
            from migrate_to_pg.doctor.diagnose import diagnose
            from migrate_to_pg.doctor.repair.repair import repair

            require_secrets(getattr(settings, "MIGRATE_TO_PG", {}))
            _require_effect(options)
            if options["rebuild"]:
                self._rebuild(options)
                return
            # What the project prints when a connection is made does not belong to the diagnosis.
            with contextlib.redirect_stdout(sys.stderr), console.show_progress(self, options) as progress:
                shown = console.ignore_broken_pipe(progress)
                if options["repair"] is None:
                    diagnosis = diagnose(options["database"], shown)
                else:
                    diagnosis = repair(options["database"], options["repair"].split(","), shown)
        except MigrateToPgError as error:
            # The error of a repair states the state of the file.
            unchanged = _("No file was made.") if options["rebuild"] else _("Nothing was changed.")
            unchanged = "" if options["explain"] or isinstance(error, RepairError) else unchanged
            console.print_error(self, error, unchanged)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            console.print_result(_("Interrupted; the database is unchanged."))
            sys.exit(1)
        with console.report_print_error():
            self._print(diagnosis, options)
        if not diagnosis.ok:
            sys.exit(1)

    def _rebuild(self, options: dict[str, Any]) -> None:
        """Make a new file, print the report of it, exit."""
        from migrate_to_pg.management.run_and_print import run_and_print
        from migrate_to_pg.rebuild.rebuild import rebuild

        with console.exit_on_second_signal(console.print_result, on_a_terminal=sys.stderr.isatty()):
            status = run_and_print(
                self, options, _rebuild_options(options), rebuild, lambda *_args: _("No file was made.")
            )
        if status:
            sys.exit(status)

    def _print(self, diagnosis: Diagnosis, options: dict[str, Any]) -> None:
        from migrate_to_pg.management.settings import invocation
        from migrate_to_pg.report.doctor_report import blocks, dumps

        if options["json"]:
            console.print_text(self, dumps(diagnosis))
        else:
            console.print_blocks(self, blocks(diagnosis, invocation("sqlite_doctor", options).program), options)


def _add_rebuild(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--rebuild",
        metavar="NEW",
        type=path,
        help="make a new SQLite file by the project's migrations, and move all rows into it by way of the embedded"
        " PostgreSQL, every cell compared; DB is only read",
    )
    group.add_argument(
        "--fix", metavar="RULE[,RULE]|lossless|lossy", type=names, help="repair the rows of the new file"
    )
    group.add_argument(
        "--quarantine",
        metavar="RULE[,RULE]|all",
        type=names,
        help="leave the rows that these rules find out of it, with the rows that refer to them",
    )
    group.add_argument(
        "--salvage",
        action="store_true",
        help="make the new file of what can be read of a damaged one, and say what cannot",
    )
    group.add_argument(
        "--report",
        metavar="DIR",
        type=path,
        help="where report.html, report.json and the snapshot go (default: migrate_to_pg_report/<timestamp>)",
    )


#: Options that are about a new file.
_OF_REBUILD = ("fix", "quarantine", "salvage", "report")


def _require_effect(options: dict[str, Any]) -> None:
    """Raise UsageError for an option without effect."""
    from migrate_to_pg.errors import UsageError

    if options["rebuild"] and options["repair"] is not None:
        raise UsageError(
            _("--repair repairs the database itself, and --rebuild makes a new file of it."),
            remedy=_("Choose one. With --rebuild, --fix says what is repaired."),
        )
    for name in _OF_REBUILD:
        if options[name] and not options["rebuild"]:
            raise UsageError(
                _("{option} has no effect without {other}.", option=f"--{name}", other="--rebuild"),
                remedy=_("Leave it out; --help says what each option is for."),
            )


def _rebuild_options(options: dict[str, Any]) -> Options:
    """Return what is repaired and left out: as typed, else as MIGRATE_TO_PG says for a move."""
    from django.conf import settings

    from migrate_to_pg.management.settings import invocation, with_settings
    from migrate_to_pg.records import Options

    typed = {name: options[name] for name in ("fix", "quarantine", "report") if options[name]}
    given = with_settings(typed, getattr(settings, "MIGRATE_TO_PG", {}))
    taken = ("fix", "quarantine", "from_models", "schema", "jobs", "exact_decimals")
    return Options(
        source=options["database"],
        target=str(options["rebuild"]),
        mode="rebuild",
        salvage=options["salvage"],
        report=Path(given["report"]) if given.get("report") else None,
        invocation=invocation("sqlite_doctor", options),
        **{name: given[name] for name in taken if name in given},
    )
