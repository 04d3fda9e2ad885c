"""Define the command's options, and make the Options of a run from what was typed or set.

Options that have no effect in the chosen mode are rejected: the user expects one. --check and --rehearse accept the
options of a publication, so that they may be added to its command line.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from django.core.management.base import CommandParser

from migrate_to_pg.management.argument_types import address as _address
from migrate_to_pg.management.argument_types import given as _given
from migrate_to_pg.management.argument_types import jobs as _jobs
from migrate_to_pg.management.argument_types import names as _names
from migrate_to_pg.management.argument_types import path as _path
from migrate_to_pg.management.console import add_explain, add_language, disable_abbreviations, show_groups_first

if TYPE_CHECKING:
    # At run time they come with the functions: this module is imported by every `manage.py help`.
    from migrate_to_pg.records import Failure, Options

MODES = ("check", "dump", "rehearse", "try", "verify_only", "undo", "purge", "explain")
_MOVE = frozenset({"publish", "check", "rehearse"})
_READS = _MOVE | {"dump", "verify_only"}
_SERVER = _MOVE | {"verify_only", "undo", "purge"}
_LOADS = _MOVE | {"try"}
_ALL = frozenset({"publish", *MODES})

#: Option, by its dest -> the modes in which it has an effect. --no-input (interactive) is accepted in all of them, as
#: it is by Django's own commands.
MODES_OF_OPTION: Mapping[str, frozenset[str]] = {
    "source": _READS | {"try"},
    "target": _SERVER | {"try"},
    "publish_to": _SERVER,
    "owner": _MOVE,
    "verify": _LOADS | {"verify_only"},
    "exact_decimals": _LOADS | {"verify_only"},
    "leftovers": _LOADS | {"verify_only"},
    "from_models": _LOADS,
    "as_leftovers": _LOADS | {"verify_only"},
    "schema": _LOADS,
    "replace": _MOVE | {"undo"},
    "accept_publications": _MOVE | {"undo"},
    "accept_stale": _MOVE,
    "lock_source": _MOVE | {"dump"},
    "engine": _LOADS,
    "jobs": _READS | {"try"},
    "keep": _MOVE | {"dump"},
    "report": _READS,
    "json": _ALL - {"purge", "explain", "try"},
    "lang": _ALL,
    "interactive": _ALL,
    # --dump, --from-dump and --export say themselves what they cannot be together with, and why.
    "from_dump": _ALL - {"try"},
    "fix": _LOADS | {"dump"},
    "quarantine": _LOADS | {"dump"},
    "exclude_data": _READS | {"try"},
    "export": _ALL - {"try"},
    "export_for": _ALL - {"try"},
    "fresh": frozenset({"try"}),
}


def mode_of(options: Mapping[str, Any]) -> str:
    """Return the requested mode, or publish."""
    return next((mode for mode in MODES if options[mode]), "publish")


def assurance(mode: str, failure: Failure) -> str:
    """Return a sentence on the state of the data after an error, or '' where a publication is verified or undone."""
    from migrate_to_pg.errors import UsageError
    from migrate_to_pg.i18n import gettext as _

    moves = mode in _READS - {"verify_only"} and not failure.may_be_published
    return _("Nothing was published.") if moves or failure.exit_status == UsageError.exit_status else ""


def check_options_for_mode(options: Mapping[str, Any]) -> None:
    """Raise UsageError for an option without effect in the mode. ``options`` are those typed, without settings."""
    from migrate_to_pg.errors import UsageError
    from migrate_to_pg.i18n import gettext as _

    mode = mode_of(options)
    for name, modes in MODES_OF_OPTION.items():
        if options.get(name) and mode not in modes and mode == "publish":
            named = ", ".join(_typed(other) for other in sorted(modes))
            raise UsageError(
                _("{option} has an effect with {modes} alone.", option=_typed(name), modes=named),
                remedy=_("Leave it out; --help says what each option is for."),
            )
        if options.get(name) and mode not in modes:
            raise UsageError(
                _("{option} has no effect with {mode}.", option=_typed(name), mode=_typed(mode)),
                remedy=_("Leave it out; --help says what each option is for."),
            )


def _typed(name: str) -> str:
    return "--" + name.replace("_", "-")


_TRY = "--try"
_Group = argparse._ArgumentGroup


#: The end of --help.
EXAMPLES = """\
examples:
  %(prog)s --check
      look at the database; no server is needed
  %(prog)s --rehearse --target embedded --verify
      do everything but publish, on a PostgreSQL of its own
  %(prog)s --try test
      run the project's tests on a PostgreSQL of its own
  %(prog)s --source db.sqlite3 --target postgres://user:password@host:5432/name --verify
      move, every cell compared
"""
_USAGE = """\
%(prog)s [--check | --dump FILE | --rehearse | --verify-only
           | --undo | --purge | --explain RULE] [--source PATH] [--target URL]
           [--verify] [--fix RULES] [--quarantine RULES] [...] [--try COMMAND ...]"""


def add_arguments(parser: CommandParser) -> None:
    """Add the options, a stable public interface."""
    disable_abbreviations(parser, assurance="Nothing was published.")
    parser.usage = _USAGE
    parser.epilog = EXAMPLES
    groups = {
        "what is done (without any of these: move)": _add_modes,
        "from where to where": _add_places,
        "what is compared, repaired and left out": _add_verification_and_repairs,
        "which tables": _add_scope,
        "what may be replaced, and who has to wait": _add_permissions,
        "by what means": _add_means,
        "what is written": _add_output,
    }
    for title, add in groups.items():
        add(parser.add_argument_group(title))
    show_groups_first(parser)
    _join_words_of_command(parser)


def _join_words_of_command(parser: CommandParser) -> None:
    """Make one value of all words after --try. argparse itself would take a -- among them for its own."""
    parse_args = parser.parse_args

    def joined(args: Sequence[str] = (), namespace: Any = None) -> Any:
        words = [*args]
        place = words.index(_TRY) + 1 if _TRY in words else len(words)
        return parse_args([*words[:place], *([json.dumps(words[place:])] if words[place:] else [])], namespace)

    parser.parse_args = joined  # type: ignore[method-assign, assignment]


def _add_places(group: _Group) -> None:
    group.add_argument(
        "--source",
        type=_address,
        metavar="PATH|URL|ALIAS",
        help="the SQLite database (default: MIGRATE_TO_PG['SOURCE'], else the default database, the last run's, or"
        " the project's only one)",
    )
    group.add_argument(
        "--from-dump", type=_path, metavar="FILE", help="a dump in the place of --source: the SQLite file is not needed"
    )
    group.add_argument(
        "--target",
        type=_address,
        metavar="URL|ALIAS|embedded[:DIR]",
        help="the PostgreSQL database (default: the default database, when DATABASE_URL makes it PostgreSQL)",
    )
    group.add_argument(
        "--publish-to",
        type=_given,
        metavar="SCHEMA",
        help="the schema of it that is to hold the tables; it must be there (default: public)",
    )
    group.add_argument(
        "--owner",
        type=_given,
        metavar="ROLE",
        help="the role that is to own what is published (default: whoever owned what it replaces, else this one)",
    )


def _add_modes(group: _Group) -> None:
    modes = group.add_mutually_exclusive_group()
    modes.add_argument("--check", action="store_true", help="only copy and examine; nothing is written to PostgreSQL")
    modes.add_argument(
        "--dump", type=_path, metavar="FILE", help="copy, examine and write all of it to a new file, for --from-dump"
    )
    modes.add_argument("--rehearse", action="store_true", help="everything but publish")
    modes.add_argument(
        _TRY,
        type=json.loads,
        metavar="COMMAND ...",
        help="run a command of manage.py, or after -- a program, on a copy of the data in PostgreSQL; all words after"
        " it are the command's",
    )
    modes.add_argument(
        "--verify-only", action="store_true", help="verify what was published, against the source or a kept snapshot"
    )
    modes.add_argument("--undo", action="store_true", help="bring the replaced tables back")
    modes.add_argument(
        "--purge",
        action="store_true",
        help="remove old snapshots, dated schemas, and reports of runs that published nothing",
    )
    add_explain(modes)


def _add_verification_and_repairs(group: _Group) -> None:
    group.add_argument(
        "--verify",
        nargs="?",
        const="cells",
        choices=("counts", "cells", "orm"),
        help="what is compared: every cell (default), what the ORM reads as well, or the number of rows alone",
    )
    group.add_argument(
        "--fix",
        metavar="RULE[,RULE]|lossless|lossy",
        type=_names,
        help="accept the repair of these rules; lossless: each after which Django reads what it read (all: the same);"
        " lossy: each that keeps the row, lossless or not",
    )
    group.add_argument(
        "--quarantine",
        metavar="RULE[,RULE]|all",
        type=_names,
        help="leave the rows that these rules find out of PostgreSQL, with the rows that refer to them; all: those that"
        " no repair would keep, accepted or not",
    )
    group.add_argument(
        "--exact-decimals",
        action="store_true",
        # None, not False: MIGRATE_TO_PG may say it.
        default=None,
        help="carry whole decimals of 16 digits and more as SQLite holds them, not rounded as Django before 6.1 reads"
        " them",
    )


def _add_scope(group: _Group) -> None:
    group.add_argument(
        "--leftovers",
        choices=("copy", "skip", "stop"),
        help="tables and views that no migration knows: carry what they hold to schema sqlite_leftovers (default),"
        " leave them behind, or stop where there are any rows",
    )
    group.add_argument(
        "--schema",
        choices=("migrations", "models"),
        help="what makes the tables: the migrations (default), or the models where those do not run on PostgreSQL",
    )
    group.add_argument(
        "--from-models",
        metavar="app.Model|TABLE[,...]",
        type=_names,
        help="tables of installed models that no applied migration makes: make them from the models, and move their"
        " rows",
    )
    group.add_argument(
        "--as-leftovers",
        metavar="app.Model|TABLE[,...]",
        type=_names,
        help="such tables that may go among the leftovers all the same, where the models do not find them",
    )
    group.add_argument(
        "--exclude-data",
        metavar="app.Model|TABLE[,...]",
        type=_names,
        help="tables that are made, but whose rows are not moved",
    )


def _add_permissions(group: _Group) -> None:
    group.add_argument(
        "--replace",
        action="store_true",
        help="replace tables that hold user data, kept in a dated"
        " schema; with --undo: undo although rows were written since",
    )
    group.add_argument(
        "--accept-publications",
        action="store_true",
        help="go on although a publication of PostgreSQL's is FOR ALL TABLES or FOR TABLES IN SCHEMA: its subscribers"
        " are to be made anew",
    )
    group.add_argument("--accept-stale", action="store_true", help="publish although SQLite was written to meanwhile")
    group.add_argument("--lock-source", action="store_true", help="make SQLite's writers wait until the end")


def _add_means(group: _Group) -> None:
    group.add_argument(
        "--jobs", metavar="N", type=_jobs, help="connections that work at once (default: one a core, at most 8)"
    )
    group.add_argument(
        "--engine",
        choices=("arrow", "pgloader"),
        help="what sends the rows: this command itself (default), or pgloader, which must be installed",
    )
    group.add_argument(
        "--export",
        metavar="FILE",
        type=_path,
        help="after the verification, a pg_dump archive of what was verified (with --rehearse: --target embedded)",
    )
    group.add_argument(
        "--export-for",
        metavar="N",
        type=int,
        choices=(14, 15, 16, 17, 18),
        help="the PostgreSQL whose pg_restore is to read that archive, 14 to 18 (default: all of them)",
    )
    group.add_argument("--keep", action="store_true", help="keep the snapshot, and a rehearsal's incoming schema")
    group.add_argument(
        "--fresh",
        action="store_true",
        help="with --try: make the copy anew, although source, migrations and models are unchanged",
    )


def _add_output(group: _Group) -> None:
    group.add_argument(
        "--report",
        metavar="DIR",
        type=_path,
        help="where report.html, report.json and the snapshot go (default: migrate_to_pg_report/<timestamp>)",
    )
    add_language(group)
    group.add_argument("--json", action="store_true", help="the report as JSON on stdout, progress on stderr")
    group.add_argument(
        "--no-input",
        "--noinput",
        action="store_false",
        dest="interactive",
        help="never ask; --purge then removes without asking",
    )


def options_of(options: Mapping[str, Any]) -> Options:
    """Return the Options of the run. Raise UsageError where options contradict each other."""
    from migrate_to_pg.management.settings import invocation
    from migrate_to_pg.pipeline.export import require_exportable
    from migrate_to_pg.records import Leftovers, Options, Trial, Verify

    mode, words = mode_of(options), options["try"]
    wanted = Options(
        source=options["source"],
        target=options["target"],
        mode="publish" if words else mode,
        trial=Trial(words=(_TRY, *words), fresh=options["fresh"], target=options["target"]) if words else None,
        **{name: options[name] for name in ("publish_to", "owner", "jobs") if options[name]},
        dump=options["dump"],
        from_dump=options["from_dump"],
        verify=Verify(options["verify"] or "cells"),
        fix=tuple(options["fix"] or ()),
        quarantine=tuple(options["quarantine"] or ()),
        from_models=tuple(options["from_models"] or ()),
        as_leftovers=tuple(options["as_leftovers"] or ()),
        exclude_data=tuple(options["exclude_data"] or ()),
        exact_decimals=bool(options["exact_decimals"]),
        replace=options["replace"],
        accept_publications=options["accept_publications"],
        accept_stale=options["accept_stale"],
        lock_source=options["lock_source"],
        leftovers=Leftovers(options["leftovers"] or "copy"),
        schema=options["schema"] or "migrations",
        keep=options["keep"],
        engine=options["engine"] or "arrow",
        export=options["export"],
        export_for=options["export_for"],
        report=Path(options["report"]) if options["report"] else None,
        invocation=invocation("migrate_to_pg", options),
    )
    require_exportable(wanted)
    return wanted
