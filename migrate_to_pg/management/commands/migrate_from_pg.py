"""Run ``manage.py migrate_from_pg``: progress on stderr, the report on stdout."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from migrate_to_pg.management import console
from migrate_to_pg.management.back_parser import add_arguments, back_assurance, back_options_of, with_back_settings
from migrate_to_pg.management.run_and_print import run_and_print


class Command(console.ConsoleCommand):
    """Move the project's PostgreSQL database back to a new SQLite file."""

    help = (
        "Makes a new SQLite file that holds what PostgreSQL holds now: the project's migrations make its schema, all"
        " rows are read from one state of PostgreSQL, and every cell is compared. PostgreSQL is only read, and no file"
        " is written over. Exit status: 0 done, 1 blocked or failed, 2 usage, 3 verification failed; there is a new"
        " file only with 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, a stable public interface."""
        add_arguments(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Run, print, exit."""
        from django.conf import settings

        from migrate_to_pg.errors import MigrateToPgError
        from migrate_to_pg.pipeline.failures import failure_of

        mode = "since_publish" if options["since_publish"] else "move_back"
        try:
            if options["explain"]:
                console.explain(self, options["explain"])
                return
            with console.exit_on_second_signal(console.print_result, on_a_terminal=sys.stderr.isatty()):
                from migrate_to_pg.pipeline.move_back import move_back
                from migrate_to_pg.pipeline.since_publish import since_publish

                completed = with_back_settings(options, getattr(settings, "MIGRATE_TO_PG", {}))
                work = since_publish if completed["since_publish"] else move_back
                status = run_and_print(self, completed, back_options_of(completed), work, back_assurance)
        except (MigrateToPgError, KeyboardInterrupt) as error:
            failure = failure_of(error, Path(), mode)
            console.print_error(self, failure, "" if options["explain"] else back_assurance(mode, failure))
            status = failure.exit_status
        if status:
            sys.exit(status)
