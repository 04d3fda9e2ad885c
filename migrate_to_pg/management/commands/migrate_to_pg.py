"""Run ``manage.py migrate_to_pg``: progress on stderr, the report on stdout."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.core.management.base import CommandParser

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.management import console
from migrate_to_pg.management.parser import add_arguments, assurance, check_options_for_mode, mode_of, options_of
from migrate_to_pg.management.run_and_print import run_and_print, show


class Command(console.ConsoleCommand):
    """Move the project's SQLite database to PostgreSQL."""

    help = (
        "Copies the SQLite database, finds every fault in it, applies the project's migrations on PostgreSQL in a"
        " hidden schema, loads the rows, verifies that they are equal and publishes all of it in one transaction."
        " Exit status: 0 done, 1 blocked or failed, 2 usage, 3 verification failed; nothing is published but with 0."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, a stable public interface."""
        add_arguments(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Run, print, exit."""
        from django.conf import settings

        from migrate_to_pg.errors import MigrateToPgError
        from migrate_to_pg.management.settings import with_settings
        from migrate_to_pg.pipeline.failures import failure_of

        try:
            check_options_for_mode(options)
            if options["explain"]:
                console.explain(self, options["explain"])
                return
            completed = with_settings(options, getattr(settings, "MIGRATE_TO_PG", {}))
            if options["try"]:
                status = self._try(completed)
            else:
                with console.exit_on_second_signal(console.print_result, on_a_terminal=sys.stderr.isatty()):
                    status = self._run(completed)
        except (MigrateToPgError, KeyboardInterrupt) as error:
            failure = failure_of(error, Path())
            console.print_error(self, failure, "" if options["explain"] else assurance(mode_of(options), failure))
            status = failure.exit_status
        if status:
            sys.exit(status)

    def _run(self, options: Mapping[str, Any]) -> int:
        if options["purge"]:
            from migrate_to_pg.pipeline.next_steps import server_left

            status = self._remove(options)
            for line in server_left(options_of(options)):
                self.stdout.write(line)
            return status
        from migrate_to_pg.pipeline import move, undo_and_purge, verify

        wanted = options_of(options)
        work = {"undo": undo_and_purge.undo, "verify_only": verify.verify_published}.get(wanted.mode, move.run)
        return run_and_print(self, options, wanted, work, assurance)

    def _try(self, options: Mapping[str, Any]) -> int:
        """Run a command on a copy of the data, and return its exit status."""
        from migrate_to_pg.trial.command import require_command, run_command
        from migrate_to_pg.trial.open_copy import CopyFailedError, open_copy

        wanted = options_of(options)
        require_command(options["try"])
        on_a_terminal = sys.stderr.isatty()
        with contextlib.ExitStack() as stack:
            with (
                console.exit_on_second_signal(console.print_result, on_a_terminal=on_a_terminal),
                contextlib.redirect_stdout(sys.stderr),
                console.show_progress(self, options) as progress,
            ):
                try:
                    copy = stack.enter_context(open_copy(wanted, console.ignore_broken_pipe(progress)))
                except CopyFailedError as error:
                    return show(self, error.report, "try", options, assurance)
            if options["verbosity"]:
                console.print_result(
                    _(
                        "This runs on PostgreSQL, on a copy of {source} that is dropped at the end. Mail, background"
                        " tasks and uploaded files are the project's own.",
                        source=copy.origin,
                    )
                )
                if copy.other_aliases:
                    aliases = ", ".join(copy.other_aliases)
                    console.print_result(
                        _("It uses these databases of the project as they are: {aliases}.", aliases=aliases)
                    )
            # A Ctrl-C is the command's: a shell goes on after it.
            status = run_command(options["try"], copy)
            with console.exit_on_second_signal(console.print_result, on_a_terminal=on_a_terminal):
                stack.close()
        return status

    def _remove(self, options: Mapping[str, Any]) -> int:
        from migrate_to_pg.pipeline import undo_and_purge

        doomed = undo_and_purge.list_purgeable(options_of(options))
        for name in doomed.unknown:
            self.stdout.write(_("Schema {name} is left alone: no record of this database names it.", name=name))
        if not doomed.labels:
            self.stdout.write(_("There is nothing to remove."))
            return 0
        for label in doomed.labels:
            self.stdout.write(label)
        if options["interactive"] and not self._agrees(_("Remove these for good? Type 'yes': ")):
            self.stdout.write(_("Nothing was removed."))
            return 1
        removed = undo_and_purge.purge(options_of(options), doomed, console.print_result)
        for label in doomed.labels:
            if label not in removed:
                self.stdout.write(_("Not removed, because it no longer exists or was replaced: {label}", label=label))
        self.stdout.write(
            _(
                "Removed {things}.",
                things=pluralize(len(removed), "thing that is listed above", "things that are listed above"),
            )
        )
        return 0

    def _agrees(self, question: str) -> bool:
        try:
            return input(question) == "yes"
        except (EOFError, KeyboardInterrupt):
            # Nobody can answer. --no-input avoids the question.
            self.stdout.write("")
            return False
