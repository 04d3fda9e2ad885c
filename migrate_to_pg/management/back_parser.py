"""Define the options of migrate_from_pg, and make the Options of a run from what was typed or set."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from migrate_to_pg.management.argument_types import address, given, jobs, names, path
from migrate_to_pg.management.console import add_explain, add_language, disable_abbreviations, show_groups_first

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.records import Failure, Options

_Group = argparse._ArgumentGroup

#: PostgreSQL is the source here.
_given, _names, _path = (partial(kind, postgres="--source") for kind in (given, names, path))
#: The end of --help.
EXAMPLES = """\
examples:
  %(prog)s
      make db.from-postgresql.sqlite3 beside db.sqlite3, every cell compared
  %(prog)s --source postgres://user:password@host:5432/name --target copy.sqlite3
      make a file of another database, elsewhere
  %(prog)s --since-publish
      count what was written on PostgreSQL since it was published; no file is made
"""
_USAGE = """\
%(prog)s [--source URL] [--target FILE] [--verify] [--quarantine RULES]
           [--lock-source | --accept-stale] [--since-publish] [...]"""

#: This command's option -> the setting of MIGRATE_TO_PG that is its default. SOURCE and TARGET mean the same
#: databases in both directions.
_SETTINGS = {"source": "target", "from_schema": "publish_to", "verify": "verify", "leftovers": "leftovers"}
_OF_BOTH = ("exact_decimals", "jobs", "report")


def _file(text: str) -> str:
    """Accept a path, or a URL of a SQLite file."""
    return address(text) if os.path.lexists(text) or text.startswith("sqlite:///") else given(text, "--source")


def add_arguments(parser: CommandParser) -> None:
    """Add the options, a stable public interface."""
    disable_abbreviations(parser, assurance="No file was made.")
    parser.usage = _USAGE
    parser.epilog = EXAMPLES
    _add_places(parser.add_argument_group("from where to where"))
    _add_scope(parser.add_argument_group("what is compared, and what may be left out"))
    writers = parser.add_argument_group("what is done about writers").add_mutually_exclusive_group()
    writers.add_argument(
        "--accept-stale", action="store_true", help="make the file although PostgreSQL was written to meanwhile"
    )
    writers.add_argument("--lock-source", action="store_true", help="make PostgreSQL's writers wait until the end")
    parser.add_argument_group("by what means").add_argument(
        "--jobs",
        metavar="N",
        type=jobs,
        help="connections that examine and read at once (default: one a core, at most 8); one writes the file",
    )
    _add_output(parser.add_argument_group("what is written"))
    show_groups_first(parser)


def _add_places(group: _Group) -> None:
    group.add_argument(
        "--source",
        type=address,
        metavar="URL|ALIAS|embedded[:DIR]",
        help="the PostgreSQL database (default: the default database, when DATABASE_URL makes it PostgreSQL)",
    )
    group.add_argument(
        "--from-schema",
        type=_given,
        metavar="SCHEMA",
        help="the schema of it that holds the tables (default: public)",
    )
    group.add_argument(
        "--target",
        type=_file,
        metavar="FILE",
        help="the SQLite file to make; it must not exist (default: db.from-postgresql.sqlite3, beside the SQLite file"
        " that was moved)",
    )


def _add_scope(group: _Group) -> None:
    group.add_argument(
        "--since-publish",
        action="store_true",
        help="only count the rows that were added, changed and removed on PostgreSQL since it was published",
    )
    group.add_argument(
        "--verify",
        nargs="?",
        const="cells",
        choices=("counts", "cells", "orm"),
        help="what is compared: every cell (default), what the ORM reads as well, or the number of rows alone",
    )
    group.add_argument(
        "--quarantine",
        metavar="RULE[,RULE]|all",
        type=_names,
        help="leave the rows that these rules find out of the file, with the rows that refer to them; all: those that"
        " nothing else keeps",
    )
    group.add_argument(
        "--schema",
        choices=("migrations", "snapshot"),
        help="what makes the tables: the migrations (default), or the statements of the snapshot that the publication"
        " kept, such as indexes and triggers made by hand",
    )
    group.add_argument(
        "--leftovers",
        choices=("copy", "skip"),
        help="tables that no migration makes on SQLite: copy them (default), or leave them on PostgreSQL",
    )
    add_explain(group)


def _add_output(group: _Group) -> None:
    group.add_argument(
        "--report",
        metavar="DIR",
        type=_path,
        help="where report.html and report.json go (default: migrate_to_pg_report/<timestamp>)",
    )
    add_language(group)
    group.add_argument("--json", action="store_true", help="the report as JSON on stdout, progress on stderr")


def with_back_settings(options: Mapping[str, Any], configured: object) -> dict[str, Any]:
    """Fill in what the command line left out. Raise UsageError where a setting is invalid."""
    from migrate_to_pg.management.settings import SETTINGS, with_settings

    # Options that this command does not have are given: no setting fills them in.
    shown = {name.lower(): () for name in SETTINGS} | {there: options[here] for here, there in _SETTINGS.items()}
    shown |= {"exact_decimals": None, "jobs": options["jobs"], "report": options["report"]}
    found = with_settings(shown, configured)
    filled = {here: found[there] for here, there in _SETTINGS.items()} | {name: found[name] for name in _OF_BOTH}
    return {**options, **filled}


def back_options_of(options: Mapping[str, Any]) -> Options:
    """Return the Options of the run."""
    from migrate_to_pg.management.settings import invocation
    from migrate_to_pg.records import Leftovers, Options, Verify

    return Options(
        source=options["source"],
        target=options["target"],
        mode="since_publish" if options["since_publish"] else "move_back",
        **({"publish_to": options["from_schema"]} if options["from_schema"] else {}),
        verify=Verify(options["verify"] or "cells"),
        quarantine=tuple(options["quarantine"] or ()),
        exact_decimals=bool(options["exact_decimals"]),
        accept_stale=options["accept_stale"],
        lock_source=options["lock_source"],
        schema=options["schema"] or "migrations",
        **({"jobs": options["jobs"]} if options["jobs"] else {}),
        leftovers=Leftovers.SKIP if options["leftovers"] == "skip" else Leftovers.COPY,
        report=Path(options["report"]) if options["report"] else None,
        invocation=invocation("migrate_from_pg", options),
    )


def back_assurance(mode: str, failure: Failure) -> str:
    """Return a sentence on what was not done, for a run that failed."""
    from migrate_to_pg.i18n import gettext as _

    return _("No file was made.") if mode == "move_back" else ""
