"""Plan and snapshot in, the rows of every planned table in the incoming schema out: sent by pgloader, a child process.

The tables are made, judged, restored and proven as ever; only the way of the rows is another. pgloader goes on where
PostgreSQL refuses a row and ends with status 0 all the same, so its own summary is compared with the rows of the
snapshot, and whatever it left out fails the load. Its log and the rows that it put aside stay in a private directory,
which goes with the run.
"""

from __future__ import annotations

import csv
import os
import re
import shutil
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

from migrate_to_pg.errors import LoadError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load.pgloader_command import SOURCE, PgloaderTarget, command, pgloader_target
from migrate_to_pg.project.secret_columns import has_secret
from migrate_to_pg.records import Event, LoadedTable, Plan
from migrate_to_pg.sqlite.connection import open_snapshot, quote_name
from migrate_to_pg.system import subprocesses
from migrate_to_pg.system.redact import redacted

#: What this was tried with; earlier ones know other options.
OLDEST = (3, 6, 7)
#: What its log tells of a failure, up to its next line with a time; and the table that is named there.
_TIME = r"^\d{4}-\d\d-\d\dT\S+ "
_FAILURE = re.compile(rf"{_TIME}(?:ERROR|FATAL|CRITICAL) (.*?)(?={_TIME}|\Z)", re.MULTILINE | re.DOTALL)
_OF_TABLE = re.compile(r'^PostgreSQL \["\\"(.*)\\""\] (.*)$')
#: A cell's own text behind the server's words, and in the line of COPY that follows them.
_CELL = re.compile(r"""(input syntax for type [^:]+: |column [^:]+: )["'].*""")
#: Longest reason shown, and the most of them.
_WIDTH = 200
_SHOWN = 5


class Sent(NamedTuple):
    """What pgloader's summary says of one table."""

    imported: int
    errors: int
    seconds: float


def require_pgloader() -> None:
    """UsageError where it is not installed, or older than what this was tried with."""
    program = shutil.which("pgloader")
    if program is None:
        raise UsageError(
            _("--engine pgloader needs pgloader, and it is not installed here."),
            remedy=_("Run: apt-get install pgloader. Or leave --engine out: the usual way needs no other program."),
        )
    version = _version(program)
    if version is None or version < OLDEST:
        raise UsageError(
            _(
                "{program} is pgloader {version}; {oldest} or later is needed.",
                program=program,
                version=".".join(map(str, version or ())) or "?",
                oldest=".".join(map(str, OLDEST)),
            ),
            remedy=_("Install a newer one, or leave --engine out: the usual way needs no other program."),
        )


def _version(program: str) -> tuple[int, ...] | None:
    """The three numbers of it; None where it does not say."""
    told = subprocesses.output_of([program, "--version"])
    found = re.search(r"(\d+)\.(\d+)\.(\d+)", told)
    return tuple(map(int, found.groups())) if found else None


def load_by_pgloader(
    plan: Plan,
    snapshot: Path,
    connection: psycopg.Connection[Any],
    conninfo: str,
    *,
    schema: str,
    directory: Path,
    progress: Callable[[Event], None],
    jobs: int,
) -> tuple[LoadedTable, ...]:
    """Send every row of the snapshot; raises LoadError, naming tables and reasons, where any does not arrive.

    The tables must be empty and bare, as for ``load``. ``connection`` is only asked how the target is reached;
    ``directory`` is a path of the run's own, which is made and removed.
    """
    way = pgloader_target(connection, conninfo)
    with subprocesses.private_directory(directory) as folder:
        _give(folder, snapshot)
        (folder / "command.load").write_text(command(plan, snapshot, way, schema=schema, jobs=jobs), "utf-8")
        finished = _run(folder, way)
        sent = _summary(folder / "summary.csv")
        _require_all(plan, sent, _rows(plan, snapshot), _PgloaderLog(folder, finished, way.password))
    return _loaded(plan, sent, progress)


def _give(folder: Path, snapshot: Path) -> None:
    """The file under a name that its command can say; what SQLite may make beside it is then made in here."""
    try:
        os.link(snapshot, folder / SOURCE)
    except OSError:
        (folder / SOURCE).symlink_to(snapshot)


def _run(folder: Path, way: PgloaderTarget) -> subprocesses.ProcessResult:
    """One run of it, at home in that folder: it looks for files of its user."""
    places = {"--root-dir": "rejected/", "--logfile": "log", "--summary": "summary.csv"}
    told = [word for option, name in places.items() for word in (option, f"{folder}/{name}")]
    variables = {**way.variables, **subprocesses.password_file(folder, way.password), "HOME": str(folder)}
    return subprocesses.run(["pgloader", *told, "command.load"], folder, variables)


def _summary(path: Path) -> dict[str, Sent]:
    if not path.exists():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        lines = csv.reader(file, delimiter=";", escapechar="\\", doublequote=False)
        return {
            name.strip('"'): Sent(int(done), int(wrong), _seconds(took)) for name, _read, done, wrong, _b, took in lines
        }


def _seconds(text: str) -> float:
    """1m2.345s -> 62.345."""
    units = {"h": 3600, "m": 60, "s": 1}
    return float(sum(float(number) * units[unit] for number, unit in re.findall(r"([\d.]+)([hms])", text)))


def _rows(plan: Plan, snapshot: Path) -> dict[str, int]:
    """Of the very file that was read: a repair may have taken some out."""
    with closing(open_snapshot(snapshot)) as connection:
        count = "SELECT count(*) FROM {}"
        return {
            table.name: connection.execute(count.format(quote_name(table.source.name))).fetchone()[0]
            for table in plan.tables
        }


class _PgloaderLog:
    """What pgloader said went wrong."""

    def __init__(self, folder: Path, finished: subprocesses.ProcessResult, password: str) -> None:
        log = folder / "log"
        text = log.read_text("utf-8", "replace") if log.exists() else finished.output
        self.status = finished.status
        known = {"password": password}
        self.failures = [_one_line(" ".join(redacted(reason, known))) for reason in _FAILURE.findall(text)]
        self.last = [_one_line(line) for line in redacted(finished.output, known)]

    def of_table(self, name: str) -> str:
        """The first reason it gave for leaving a row of that table out."""
        found = (match for failure in self.failures if (match := _OF_TABLE.match(failure)))
        return next((match[2] for match in found if match[1] == name), "")

    def others(self) -> list[str]:
        """What it said that is about no table's row."""
        general = [failure for failure in self.failures if not _OF_TABLE.match(failure)]
        return (general or (self.last if self.status else []))[:_SHOWN]


def _one_line(text: str) -> str:
    return _CELL.sub(r"\1…", " ".join(text.split()))[:_WIDTH]


def _require_all(plan: Plan, sent: Mapping[str, Sent], rows: Mapping[str, int], told: _PgloaderLog) -> None:
    short = [name for name, count in rows.items() if _is_short(sent.get(name), count)]
    if not short and not told.status:
        return
    # Its messages, and PostgreSQL's within them, quote values of rows.
    secret = {table.name for table in plan.tables if has_secret(table.name, (c.name for c in table.loaded_columns))}
    reasons = {name: "" if name in secret else told.of_table(name) for name in short[:_SHOWN]}
    detail = [_missing(name, sent.get(name), rows[name], reason) for name, reason in reasons.items()]
    raise LoadError(
        _("pgloader did not bring every row over: {tables}.", tables=", ".join(short) or _("it failed at the end")),
        detail=[*detail, *([] if secret.intersection(short) else told.others())],
        remedy=_("Nothing was published. Leave --engine out: the usual way loads what pgloader cannot."),
    )


def _is_short(sent: Sent | None, rows: int) -> bool:
    return sent is None or bool(sent.errors) or sent.imported != rows


def _missing(name: str, sent: Sent | None, rows: int, reason: str) -> str:
    if sent is None:
        return _("{table}: nothing of {rows} was sent", table=name, rows=pluralize(rows, "row", "rows"))
    missing = rows - sent.imported
    rejected = _(
        "{table}: rejected {missing:,} of {rows}", table=name, missing=missing, rows=pluralize(rows, "row", "rows")
    )
    return ": ".join(filter(None, (rejected, reason)))


def _loaded(plan: Plan, sent: Mapping[str, Sent], progress: Callable[[Event], None]) -> tuple[LoadedTable, ...]:
    """It says nothing of its progress on the way: all of it is told at the end."""
    total, done, loaded = sum(each.imported for each in sent.values()), 0, []
    for table in plan.tables:
        each = sent[table.name]
        done += each.imported
        progress(Event(kind="progress", stage="load", message=table.name, done=done, total=total))
        loaded.append(LoadedTable(name=table.name, rows=each.imported, seconds=each.seconds))
    return tuple(loaded)
