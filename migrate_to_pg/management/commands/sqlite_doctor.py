"""Run ``manage.py sqlite_doctor``: progress on stderr, the diagnosis on stdout."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TYPE_CHECKING, Any

from django.core.management.base import BaseCommand, CommandParser

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.management import console

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.records.diagnosis import Diagnosis


_EXAMPLES = """\
examples:
  %(prog)s
      look at the project's database
  %(prog)s copies/db.sqlite3 --json
      look at another file; for programs
  %(prog)s db.sqlite3 --repair all
      repair what can be repaired without loss, after a backup
"""


class Command(BaseCommand):
    """Find every fault of the project's SQLite database."""

    help = (
        "Finds every fault of a SQLite database, tells where it comes from and what to do. The database is only read;"
        " everything is asked of a copy that is thrown away. With --repair it is repaired, after a backup. Exit status:"
        " 0 healthy (warnings are shown), 1 errors were found or a repair was not made, 2 usage."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, a stable public interface."""
        console.disable_abbreviations(parser, assurance="Nothing was changed.")
        parser.usage = "%(prog)s [DB] [--repair RULES] [--lang {en,fr}] [--json] [...]"
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
        output = parser.add_argument_group("what is written")
        console.add_language(output)
        output.add_argument("--json", action="store_true", help="the diagnosis as JSON on stdout")
        console.show_groups_first(parser)

    def handle(self, *args: object, **options: Any) -> None:
        """Diagnose, print, exit."""
        with console.prepared_output(self, options["lang"]):
            self._handle(options)

    def _handle(self, options: dict[str, Any]) -> None:
        from django.conf import settings

        from migrate_to_pg.errors import MigrateToPgError, RepairError
        from migrate_to_pg.management.settings import require_secrets

        console.end_on_signals()
        try:
            if options["explain"]:
                console.explain(self, options["explain"])
                return
            from migrate_to_pg.doctor.diagnose import diagnose
            from migrate_to_pg.doctor.repair.repair import repair

            require_secrets(getattr(settings, "MIGRATE_TO_PG", {}))
            # What the project prints when a connection is made does not belong to the diagnosis.
            with contextlib.redirect_stdout(sys.stderr), console.show_progress(self, options) as progress:
                shown = console.ignore_broken_pipe(progress)
                if options["repair"] is None:
                    diagnosis = diagnose(options["database"], shown)
                else:
                    diagnosis = repair(options["database"], options["repair"].split(","), shown)
        except MigrateToPgError as error:
            # The error of a repair states the state of the file.
            unchanged = "" if options["explain"] or isinstance(error, RepairError) else _("Nothing was changed.")
            console.print_error(self, error, unchanged)
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            console.print_result(_("Interrupted; the database is unchanged."))
            sys.exit(1)
        with console.report_print_error():
            self._print(diagnosis, options)
        if not diagnosis.ok:
            sys.exit(1)

    def _print(self, diagnosis: Diagnosis, options: dict[str, Any]) -> None:
        from migrate_to_pg.management.settings import invocation
        from migrate_to_pg.report.doctor_report import blocks, dumps
        from migrate_to_pg.report.text_layout import plain, show

        stdout = console.raw_stream(self.stdout)
        program = invocation("sqlite_doctor", options).program
        if options["json"]:
            stdout.write(dumps(diagnosis))
        elif stdout.isatty():
            from rich.console import Console

            no_color = options["no_color"] or bool(os.environ.get("NO_COLOR"))
            show(blocks(diagnosis, program), Console(file=stdout, no_color=no_color, highlight=False))
        else:
            stdout.write("\n".join(plain(blocks(diagnosis, program))) + "\n")
        stdout.flush()
