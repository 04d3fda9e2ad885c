"""Run ``manage.py pg_behaviour``: progress on stderr, what was found on stdout."""

from __future__ import annotations

import argparse
import contextlib
import sys
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.management import console
from migrate_to_pg.management.argument_types import names

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.behaviour.records import Report
    from migrate_to_pg.records import Options


_WAYS = ("tests", "queries", "crawl", "read", "data", "code")
_EXAMPLES = """\
examples:
  %(prog)s
      look at the data, the models and the code; nothing of the project is executed
  %(prog)s --tests "manage.py test" --queries "manage.py test"
      run the tests on both databases, and compare their queries
  %(prog)s --crawl --as-user admin --fail-on different
      ask for every page, and compare the queries of each
"""


class Command(console.ConsoleCommand):
    """Find what the application will do otherwise on PostgreSQL."""

    help = (
        "Puts the verified data on a PostgreSQL of its own, and finds what the application will do otherwise there: by"
        " its tests, by its queries, by its data and models, and by reading its code. Neither the SQLite database nor"
        " the code is changed. Exit status: 0 nothing of --fail-on was found, 1 something was, or the command failed,"
        " 2 usage."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options, a stable public interface."""
        console.disable_abbreviations(parser, assurance="Nothing was changed.")
        parser.usage = "%(prog)s [--tests CMD] [--queries CMD] [--crawl] [--data] [--code] [--fail-on KIND] [...]"
        parser.epilog = _EXAMPLES
        _add_ways(parser.add_argument_group("how it is looked for (without any of these: --data --code)"))
        _add_places(parser.add_argument_group("between which databases"))
        _add_output(parser.add_argument_group("what is written"))
        console.show_groups_first(parser)

    def run(self, options: dict[str, Any]) -> None:
        """Run, print, exit."""
        from migrate_to_pg.errors import MigrateToPgError
        from migrate_to_pg.trial.open_copy import CopyFailedError

        try:
            # What the project prints does not belong to the report.
            with (
                console.exit_on_second_signal(console.print_result, on_a_terminal=sys.stderr.isatty()),
                contextlib.redirect_stdout(sys.stderr),
            ):
                report, page = self._find(options)
        except CopyFailedError as error:
            if error.report.findings or options["json"]:
                # The run could not make the copy: migrate_to_pg prints the same.
                from migrate_to_pg.report.to_json import dumps
                from migrate_to_pg.report.to_text import lines

                text = dumps(error.report) if options["json"] else "\n".join(lines(error.report)) + "\n"
                console.print_text(self, text)
            console.print_error(self, error, _("Nothing was changed."))
            sys.exit(error.exit_status)
        except MigrateToPgError as error:
            console.print_error(self, error, _("Nothing was changed."))
            sys.exit(error.exit_status)
        except KeyboardInterrupt:
            console.print_result(_("Interrupted; the database is unchanged."))
            sys.exit(1)
        with console.report_print_error():
            self._print(report, page, options)
        if report.fails(options["fail_on"]):
            sys.exit(1)

    def _find(self, options: dict[str, Any]) -> tuple[Report, Path]:
        from django.conf import settings

        from migrate_to_pg.behaviour.find import Wanted, find
        from migrate_to_pg.behaviour.report import behaviour_html, behaviour_json
        from migrate_to_pg.management.settings import require_secrets
        from migrate_to_pg.report import write_files
        from migrate_to_pg.system.workdir import WorkDirectory

        _check(options)
        require_secrets(getattr(settings, "MIGRATE_TO_PG", {}))
        directory = WorkDirectory(options["report"]).directory
        with console.show_progress(self, options) as progress:
            ways = {name: options[name] for name in _WAYS}
            if not any(ways.values()):
                ways |= {"data": True, "code": True}
            copied = _options_of_copy(options)
            wanted = Wanted(directory=directory, as_user=options["as_user"], options=copied, **ways)
            report = find(wanted, console.ignore_broken_pipe(progress))
        page = directory / "behaviour.html"
        texts = {
            page: behaviour_html.to_html(report),
            directory / "behaviour.json": behaviour_json.dumps(report, options["fail_on"]),
        }
        write_files(directory, texts)
        return report, page

    def _print(self, report: Report, page: Path, options: dict[str, Any]) -> None:
        from migrate_to_pg.behaviour.report import behaviour_json, behaviour_text
        from migrate_to_pg.report.text_layout import line, named

        if options["json"]:
            console.print_text(self, behaviour_json.dumps(report, options["fail_on"]))
        else:
            blocks = [*behaviour_text.blocks(report), line(), *named(_("Report"), str(page))]
            console.print_blocks(self, blocks, options)


def _add_ways(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--tests", metavar="CMD", default="", help='run the tests on both databases: "manage.py test", "pytest"'
    )
    group.add_argument(
        "--queries",
        metavar="CMD",
        default="",
        help="run this command, and make its queries on the copy as well",
    )
    group.add_argument("--crawl", action="store_true", help="ask for every page (GET), and compare their queries")
    group.add_argument("--as-user", metavar="NAME", default="", help="with --crawl: ask as this user as well")
    group.add_argument("--read", metavar="FILE", type=Path, help="read what the middleware wrote on another server")
    group.add_argument("--data", action="store_true", help="compare orderings, searches and limits with the rows")
    group.add_argument(
        "--code", action="store_true", help="read the project's Python files; PostgreSQL judges their SQL, unexecuted"
    )


def _add_places(group: argparse._ArgumentGroup) -> None:
    group.add_argument("--source", metavar="PATH|URL|ALIAS", help="the SQLite database, as for migrate_to_pg")
    group.add_argument(
        "--target",
        metavar="URL|ALIAS|embedded[:DIR]",
        help="the server for the copy, in a database of its own that is dropped (default: embedded)",
    )
    group.add_argument("--fix", metavar="RULE[,RULE]|lossless|lossy", type=names, help="repair the copy's rows")
    group.add_argument("--quarantine", metavar="RULE[,RULE]|all", type=names, help="leave rows out of the copy")
    group.add_argument("--fresh", action="store_true", help="make the copy anew, even if nothing has changed")


def _add_output(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--fail-on",
        choices=("error", "different", "never"),
        default="error",
        help="what makes the exit status 1; a hint never does (default: error)",
    )
    group.add_argument("--report", metavar="DIR", type=Path, help="where behaviour.html and behaviour.json go")
    group.add_argument("--json", action="store_true", help="the report as JSON on stdout")
    console.add_language(group)


def _check(options: dict[str, Any]) -> None:
    from django.conf import settings

    from migrate_to_pg.errors import UsageError

    if options["as_user"] and not options["crawl"]:
        raise UsageError(
            _("{option} has no effect without {other}.", option="--as-user", other="--crawl"),
            remedy=_("Leave it out; --help says what each option is for."),
        )
    if options["crawl"] and not getattr(settings, "ROOT_URLCONF", None):
        raise UsageError(_("The settings name no ROOT_URLCONF, so there is no page to ask for."))
    if options["read"] and not options["read"].is_file():
        raise UsageError(_("There is no file {path}.", path=options["read"]))

    if (options["code"] or not any(options[way] for way in _WAYS)) and find_spec("sqlglot") is None:
        raise UsageError(
            _("The way code needs the extra behaviour, which is not installed."),
            remedy=_("Run pip install 'django-migrate-to-pg[behaviour]', or look by --data alone."),
        )


def _options_of_copy(options: dict[str, Any]) -> Options:
    """Return how the copy is made: as MIGRATE_TO_PG says that the project is moved, but not to its target."""
    from django.conf import settings

    from migrate_to_pg.management.settings import invocation, with_settings
    from migrate_to_pg.records import Leftovers, Options, Trial

    typed = {name: options[name] for name in ("fix", "quarantine") if options[name]}
    given = with_settings(typed, getattr(settings, "MIGRATE_TO_PG", {}))
    taken = ("fix", "quarantine", "from_models", "as_leftovers", "exclude_data", "schema", "jobs", "exact_decimals")
    values = {name: str(options[name]) for name in ("tests", "queries", "as_user", "read", "fail_on") if options[name]}
    flags = [f"--{name}" for name in ("crawl", "data", "code", "json") if options[name]]
    pairs = ((f"--{name.replace('_', '-')}", value) for name, value in values.items() if value != "error")
    # What is looked for, for the command that goes on after findings.
    words = (*flags, *(word for pair in pairs for word in pair))
    return Options(
        source=options["source"],
        target=options["target"],
        leftovers=Leftovers(given.get("leftovers", "copy")),
        trial=Trial(words=words, fresh=options["fresh"], target=options["target"]),
        invocation=invocation("pg_behaviour", options),
        **{name: given[name] for name in taken if name in given},
    )
