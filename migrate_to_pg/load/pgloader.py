"""Load the rows of all planned tables by pgloader, a child process.

All other steps of a run are as usual. pgloader continues if PostgreSQL refuses a row, and still exits with status 0. So
its summary is compared with the rows of the snapshot, and the load fails if any row is missing. Its log and the rows
that it rejected are in a private directory, which is removed with the run.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from migrate_to_pg.errors import LoadError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load.pgloader_command import SOURCE, PgloaderTarget, command, pgloader_target
from migrate_to_pg.project.secret_columns import has_secret
from migrate_to_pg.records import Event, LoadedTable, Plan, Progress
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name
from migrate_to_pg.system import subprocesses
from migrate_to_pg.system.redact import redacted

#: The oldest version that was tested. Earlier ones have other options.
OLDEST_VERSION = (3, 6, 7)
#: A failure in its log up to the next line with a time, and the table in it.
_TIME = r"^\d{4}-\d\d-\d\dT\S+ "
_FAILURE = re.compile(rf"{_TIME}(?:ERROR|FATAL|CRITICAL) (.*?)(?={_TIME}|\Z)", re.MULTILINE | re.DOTALL)
_OF_TABLE = re.compile(r'^PostgreSQL \["\\"(.*)\\""\] (.*)$')
#: A cell's text after the server's message, and in the line of COPY that follows it.
_CELL = re.compile(r"""(input syntax for type [^:]+: |column [^:]+: )["'].*""")
#: Limits of a reason's length, and of the number of reasons.
_WIDTH = 200
_SHOWN = 5


class PgloaderTableResult(NamedTuple):
    """One table in pgloader's summary."""

    imported: int
    errors: int
    seconds: float


def require_pgloader() -> None:
    """Raise UsageError if pgloader is not installed, or older than the oldest tested version."""
    program = shutil.which("pgloader")
    if program is None:
        raise UsageError(
            _("--engine pgloader needs pgloader, and it is not installed here."),
            remedy=_("Run: apt-get install pgloader. Or leave --engine out: the usual way needs no other program."),
        )
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", subprocesses.output_of([program, "--version"]))
    version = tuple(map(int, found.groups())) if found else ()
    if version < OLDEST_VERSION:
        raise UsageError(
            _(
                "{program} is pgloader {version}; {oldest} or later is needed.",
                program=program,
                version=".".join(map(str, version)) or "?",
                oldest=".".join(map(str, OLDEST_VERSION)),
            ),
            remedy=_("Install a newer one, or leave --engine out: the usual way needs no other program."),
        )


def load_by_pgloader(
    plan: Plan,
    snapshot: Path,
    connection: psycopg.Connection[Any],
    conninfo: str,
    *,
    schema: str,
    directory: Path,
    progress: Progress,
    jobs: int,
) -> tuple[LoadedTable, ...]:
    """Load every row of the snapshot. The tables must be as for ``load``.

    Args:
        plan: the tables to load.
        snapshot: the SQLite file.
        connection: is only read to find out how to connect to the target.
        conninfo: the target.
        schema: the incoming schema.
        directory: a path of this run, which is created and removed.
        progress: is called when pgloader has finished.
        jobs: number of connections.

    Raises:
        LoadError: rows are missing. It names tables and reasons.
    """
    target = pgloader_target(connection, conninfo)
    with subprocesses.private_directory(directory) as folder:
        _link_snapshot(folder, snapshot)
        (folder / "command.load").write_text(command(plan, snapshot, target, schema=schema, jobs=jobs), "utf-8")
        finished = _run(folder, target)
        sent = _summary(folder / "summary.csv")
        _check_complete(plan, sent, _rows(plan, snapshot), _PgloaderLog(folder, finished, target.password))
    return _loaded(plan, sent, progress)


def _link_snapshot(folder: Path, snapshot: Path) -> None:
    """Link the snapshot under a plain name in this directory, where SQLite may then create files beside it."""
    try:
        os.link(snapshot, folder / SOURCE)
    except OSError:
        (folder / SOURCE).symlink_to(snapshot)


def _run(folder: Path, target: PgloaderTarget) -> subprocesses.ProcessResult:
    """Run pgloader with that folder as home directory, because it reads files of its user."""
    places = {"--root-dir": "rejected/", "--logfile": "log", "--summary": "summary.csv"}
    options = [word for option, name in places.items() for word in (option, f"{folder}/{name}")]
    variables = {**target.variables, **subprocesses.password_file(folder, target.password), "HOME": str(folder)}
    return subprocesses.run(["pgloader", *options, "command.load"], folder, variables)


def _summary(path: Path) -> dict[str, PgloaderTableResult]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter=";", escapechar="\\", doublequote=False)
        return {
            name.strip('"'): PgloaderTableResult(int(done), int(wrong), _seconds(took))
            for name, _read, done, wrong, _b, took in lines
        }


def _seconds(text: str) -> float:
    """Return the seconds of a duration such as 1m2.345s."""
    units = {"h": 3600, "m": 60, "s": 1}
    return float(sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text)))


def _rows(plan: Plan, snapshot: Path) -> dict[str, int]:
    """Count the rows of the file that was read, because a repair may have removed some."""
    with closing(open_snapshot(snapshot)) as connection:
        count = "SELECT count(*) FROM {}"
        return {
            table.name: connection.execute(count.format(quote_name(table.source.name))).fetchone()[0]
            for table in plan.tables
        }


class _PgloaderLog:
    """The errors in pgloader's log."""

    def __init__(self, folder: Path, finished: subprocesses.ProcessResult, password: str) -> None:
        log = folder / "log"
        text = log.read_text("utf-8", "replace") if log.exists() else finished.output
        self.status = finished.status
        known = {"password": password}
        self.failures = [_one_line(" ".join(redacted(reason, known))) for reason in _FAILURE.findall(text)]
        self.last = [_one_line(line) for line in redacted(finished.output, known)]

    def of_table(self, name: str) -> str:
        """Return the first reason for which a row of that table was rejected, or ''."""
        found = (match for failure in self.failures if (match := _OF_TABLE.match(failure)))
        return next((match[2] for match in found if match[1] == name), "")

    def general_messages(self) -> list[str]:
        """Return the messages that are not about a table's row."""
        general = [failure for failure in self.failures if not _OF_TABLE.match(failure)]
        return (general or (self.last if self.status else []))[:_SHOWN]


def _one_line(text: str) -> str:
    return _CELL.sub(r"\1…", " ".join(text.split()))[:_WIDTH]


def _check_complete(
    plan: Plan, sent: Mapping[str, PgloaderTableResult], rows: Mapping[str, int], log: _PgloaderLog
) -> None:
    complete = {name for name, found in sent.items() if not found.errors and found.imported == rows.get(name)}
    short = [name for name in rows if name not in complete]
    if not short and not log.status:
        return
    # Its messages, and PostgreSQL's in them, quote values.
    secret = {table.name for table in plan.tables if has_secret(table.name, (c.name for c in table.loaded_columns))}
    reasons = {name: "" if name in secret else log.of_table(name) for name in short[:_SHOWN]}
    detail = [_describe_missing(name, sent.get(name), rows[name], reason) for name, reason in reasons.items()]
    raise LoadError(
        _("pgloader did not bring every row over: {tables}.", tables=", ".join(short) or _("it failed at the end")),
        detail=[*detail, *([] if secret.intersection(short) else log.general_messages())],
        remedy=_("Nothing was published. Leave --engine out: the usual way loads what pgloader cannot."),
    )


def _describe_missing(name: str, sent: PgloaderTableResult | None, rows: int, reason: str) -> str:
    if sent is None:
        return _("{table}: nothing of {rows} was sent", table=name, rows=pluralize(rows, "row", "rows"))
    missing = rows - sent.imported
    rejected = _(
        "{table}: rejected {missing:,} of {rows}", table=name, missing=missing, rows=pluralize(rows, "row", "rows")
    )
    return ": ".join(filter(None, (rejected, reason)))


def _loaded(plan: Plan, sent: Mapping[str, PgloaderTableResult], progress: Progress) -> tuple[LoadedTable, ...]:
    """Return the loaded tables, and report them to ``progress``, because pgloader reports nothing meanwhile."""
    total, done, loaded = sum(each.imported for each in sent.values()), 0, []
    for table in plan.tables:
        each = sent[table.name]
        done += each.imported
        progress(Event(kind="progress", stage="load", message=table.name, done=done, total=total))
        loaded.append(LoadedTable(name=table.name, rows=each.imported, seconds=each.seconds))
    return tuple(loaded)
