"""Run a move, there or back, and print its report: progress on stderr, the report on stdout."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from migrate_to_pg.management import console
from migrate_to_pg.system.threads import ignore_stop_signals

if TYPE_CHECKING:
    from django.core.management.base import BaseCommand

    # At run time they come with the functions: the commands are imported by every `manage.py help`.
    from migrate_to_pg.records import Failure, Options, Progress, Report


def run_and_print(
    command: BaseCommand,
    options: Mapping[str, Any],
    wanted: Options,
    work: Callable[[Options, Progress], Report],
    assurance: Callable[[str, Failure], str],
) -> int:
    """Return the exit status.

    Args:
        command: the command that prints.
        options: as they were typed, or set.
        wanted: what is to be done.
        work: does it.
        assurance: says, of a mode and a failure, in what state the data are.
    """
    with (
        # Migrations of the project may print; stdout is the report's.
        contextlib.redirect_stdout(sys.stderr),
        console.show_progress(command, options) as progress,
    ):
        report = work(wanted, console.ignore_broken_pipe(progress))
    return show(command, report, wanted.mode, options, assurance)


def show(
    command: BaseCommand,
    report: Report,
    mode: str,
    options: Mapping[str, Any],
    assurance: Callable[[str, Failure], str],
) -> int:
    """Print the report of a run, and return its exit status. The parameters are those of ``run_and_print``."""
    from migrate_to_pg.errors import VerificationError

    # Blocking findings and differences are results, which the report has.
    found = any(finding.blocks for finding in report.findings)
    found = found or report.failure is None or report.failure.exit_status == VerificationError.exit_status
    with console.report_print_error(), ignore_stop_signals():
        if report.failure and not found:
            console.print_error(command, report.failure, assurance(mode, report.failure))
            console.print_results(command, report.next_steps)
        if found or options["json"]:
            _print(command, report, options)
    return report.failure.exit_status if report.failure else 0


def _print(command: BaseCommand, report: Report, options: Mapping[str, Any]) -> None:
    if options["json"]:
        from migrate_to_pg.report.to_json import dumps

        console.print_text(command, dumps(report) + "\n")
    elif options["verbosity"] or report.failure:
        from migrate_to_pg.report.to_text import blocks

        console.print_blocks(command, blocks(report), options)
