"""Remember which SQLite file the project's runs took, and find the one that is meant where none is named.

A wrong guess would publish an old file in place of the rehearsed one. So nothing is guessed where there is a choice:
the source of earlier runs counts, then the only SQLite file that the project knows. Else the candidates are listed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.conf import settings

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.sqlite.connection import quote_name
from migrate_to_pg.sqlite.source_files import HEADER
from migrate_to_pg.system.workdir import make_reports_directory, reports_directory
from migrate_to_pg.system.write_file import write_file

#: Mode of a run -> the source that the last run of that mode took.
_REMEMBERED = "sources.json"
#: Modes whose source is remembered.
_MODES = ("check", "rehearse", "publish")
#: Files with such names are opened whatever their size: a truncated file is a candidate as well.
_SUFFIXES = (".sqlite3", ".sqlite", ".db", ".db3")
#: Directories with files of others.
_FOREIGN = ("node_modules", "site-packages", "__pycache__")
#: SQLite's smallest page: the size of a complete file is a multiple of it.
_SMALLEST_PAGE = 512
#: The name of a database without a file.
MEMORY = ":memory:"
#: For counting the rows of one candidate.
_COUNT_TIMEOUT_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class RememberedSource:
    """The source of a run."""

    path: str
    #: ISO 8601 with offset.
    started: str
    #: How it was chosen: see ``SourceChoice.chosen``.
    chosen: str


def remember_source(mode: str, path: Path, chosen: str, started: datetime) -> None:
    """Note beside the project's reports which source this run takes. A failure to write is ignored."""
    if mode not in _MODES:
        return
    note = RememberedSource(path=str(path), started=started.isoformat(timespec="seconds"), chosen=chosen)
    known = {name: asdict(found) for name, found in remembered_sources().items()} | {mode: asdict(note)}
    # Where it cannot be written, the next run asks for --source instead of relying on it.
    with contextlib.suppress(OSError):
        write_file(make_reports_directory() / _REMEMBERED, json.dumps(known, indent=2) + "\n")


def remembered_sources() -> dict[str, RememberedSource]:
    """Return mode -> source of the last run of that mode, or nothing where the note cannot be read."""
    try:
        found = json.loads((reports_directory() / _REMEMBERED).read_text(encoding="utf-8"))
        return {mode: RememberedSource(**found[mode]) for mode in _MODES if mode in found}
    except (OSError, ValueError, TypeError):
        return {}


def find_default_source(base: Path, *, argument: str) -> tuple[Path, str]:
    """Find the SQLite database of a project whose default database is no longer SQLite.

    Args:
        base: BASE_DIR, or the working directory.
        argument: The option or command that messages name.

    Returns:
        The path, and how it was chosen: "last" (by the last run) or "only" (no other one is known).

    Raises:
        UsageError: There is a choice. The candidates are listed.
    """
    runs = sorted(remembered_sources().values(), key=lambda run: datetime.fromisoformat(run.started))
    if runs and Path(runs[-1].path).is_file():
        return Path(runs[-1].path), "last"
    usual = base / "db.sqlite3"
    # The SQLite files that settings, earlier runs and the project's folder know, each once.
    configured = [
        file
        for entry in settings.DATABASES.values()
        if "sqlite" in str(entry.get("ENGINE")) and (file := file_of(entry))
    ]
    found = [*configured, *(Path(run.path) for run in runs), *_files_below(base)]
    known = sorted({path.resolve() for path in found if _is_database_file(path)})
    # The last run's file was meant, even if it no longer exists. Another file in its place is a guess.
    if not runs and known in ([], [usual.resolve()]):
        return usual, "only"
    raise UsageError(
        _("No SQLite database was named, and more than one file may be meant."),
        detail=[_described(path) for path in known]
        or [_("The last run took {path}, which no longer exists.", path=runs[-1].path)],
        remedy=_("Name the one that the application uses: {argument} PATH.", argument=argument),
    )


def require_rehearsed(path: Path, chosen: str) -> None:
    """Raise UsageError where the last rehearsal took another file, and this one was not named.

    A name in the settings counts, unless the rehearsal took a file that was not named: then the settings have changed.
    """
    rehearsed = remembered_sources().get("rehearse")
    if rehearsed is None or Path(rehearsed.path) == path or chosen in ("option", "dump"):
        return
    if chosen == "setting" and rehearsed.chosen in ("option", "setting"):
        return
    raise UsageError(
        _(
            "The last rehearsal, {started}, took {rehearsed}; this run would move {path}.",
            started=rehearsed.started.replace("T", " "),
            rehearsed=rehearsed.path,
            path=path,
        ),
        detail=[_described(found) for found in (Path(rehearsed.path), path) if found.is_file()],
        remedy=_("Name the one that is meant: --source PATH."),
    )


def _files_below(base: Path) -> Iterator[Path]:
    """Yield files that may be SQLite's, without hidden directories, environments and reports."""
    reports = reports_directory().name
    for folder, directories, files in os.walk(base):
        directories[:] = [
            name
            for name in directories
            if not name.startswith(".")
            and name not in (*_FOREIGN, reports)
            and not Path(folder, name, "pyvenv.cfg").exists()
        ]
        yield from (Path(folder, name) for name in files)


def _is_database_file(path: Path) -> bool:
    try:
        size = path.stat().st_size
        may_be = path.is_file() and (path.suffix in _SUFFIXES or (size and size % _SMALLEST_PAGE == 0))
        if not may_be:
            return False
        with path.open("rb") as file:
            return file.read(len(HEADER)) == HEADER
    except OSError:
        return False


def _described(path: Path) -> str:
    """Describe a candidate by path, rows and last change."""
    changed = datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
    return _("{path}: {rows}, last changed {changed}", path=path, rows=_rows(path), changed=changed)


def _rows(path: Path) -> str:
    deadline = time.monotonic() + _COUNT_TIMEOUT_SECONDS
    try:
        uri = f"{path.absolute().as_uri()}?mode=ro"
        with contextlib.closing(sqlite3.connect(uri, uri=True, timeout=_COUNT_TIMEOUT_SECONDS)) as connection:
            connection.set_progress_handler(lambda: time.monotonic() > deadline, 10_000)
            # As a run counts them: SourceCatalog.counted.
            names = connection.execute(
                "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table'"
                " AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'"
            ).fetchall()
            count = sum(
                connection.execute(f"SELECT count(*) FROM {quote_name(name)} NOT INDEXED").fetchone()[0]  # noqa: S608 - the name is quoted
                for (name,) in names
            )
    except sqlite3.Error:
        return _("rows not counted")
    return pluralize(count, "row", "rows")


def file_of(entry: Mapping[str, Any]) -> Path | None:
    """Return the file of an entry of DATABASES for SQLite, also where its name is a URI. None: it is in memory."""
    name = str(entry.get("NAME") or "")
    is_uri = name.startswith("file:")
    if name in ("", MEMORY) or (is_uri and any(words in name for words in (MEMORY, "mode=memory"))):
        return None
    return Path(unquote(urlsplit(name).path)) if is_uri else Path(name)
