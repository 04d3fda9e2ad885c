"""Resolve --source to a SQLite file, by Django's settings, and remember which one the project's runs took.

A wrong guess would publish an old file in place of the rehearsed one. So nothing is guessed where no file is named and
there is a choice: the source of earlier runs counts, then the only SQLite file that the project knows. Otherwise the
candidates are listed. A project with geometry is refused: SpatiaLite stores it in a format that PostGIS does not read.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
import time
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.sqlite.connection import quote_name
from migrate_to_pg.system.redact import may_hold_password
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import base_directory, make_reports_directory, reports_directory

#: Mode of a run -> the source that the last run of that mode took.
_REMEMBERED = "sources.json"
#: Modes whose source is remembered.
_MODES = ("check", "rehearse", "publish")
#: Files with such names are opened whatever their size: a truncated file is a candidate as well.
_SUFFIXES = (".sqlite3", ".sqlite", ".db", ".db3")
#: Directories with files of others.
_FOREIGN = ("node_modules", "site-packages", "__pycache__")
_HEADER = b"SQLite format 3\0"
#: SQLite's smallest page: the size of a complete file is a multiple of it.
_SMALLEST_PAGE = 512
#: The name of a database without a file.
_MEMORY = ":memory:"
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
        target = make_reports_directory() / _REMEMBERED
        unfinished = target.with_name(f"{_REMEMBERED}.{os.getpid()}")
        unfinished.write_text(json.dumps(known, indent=2) + "\n", encoding="utf-8")
        unfinished.replace(target)


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
            return file.read(len(_HEADER)) == _HEADER
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


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceChoice:
    """The SQLite database to move."""

    path: Path
    #: The DATABASES alias under which the project's migrations and routers know it.
    alias: str
    #: The zone of naive text in a datetime column.
    time_zone: str
    #: How it was chosen: "option" or "setting" (named), "alias" (the default database), "last" (by the last run),
    #: "only" (no other file is known), "dump", "published" (the snapshot that a publication kept), "back" (it is the
    #: file that migrate_from_pg makes), "doctor" (sqlite_doctor makes a new file of it).
    chosen: str = "option"

    @property
    def sentence(self) -> str:
        """A sentence on which file is read, and why, for the first line of a run and its verdict."""
        sentences = {
            "option": _("Source: {path} (named with --source).", path=self.path),
            "setting": _("Source: {path} (named by MIGRATE_TO_PG['SOURCE']).", path=self.path),
            "alias": _("Source: {path} (the settings' database {alias!r}).", path=self.path, alias=self.alias),
            "last": _("Source: {path} (as in the last run).", path=self.path),
            "only": _("Source: {path} (the project's only SQLite file).", path=self.path),
            "dump": _("Source: {path} (named with --from-dump).", path=self.path),
            "doctor": _("Source: {path}.", path=self.path),
            "back": _("New file: {path}.", path=self.path),
            "published": _(
                "Source: {path} (the snapshot of the publication, whose journal explains its repairs).", path=self.path
            ),
        }
        return sentences[self.chosen]


def choose_source(name: str | None, *, argument: str = "--source") -> SourceChoice:
    """Resolve --source: an alias of DATABASES, a URL or a path.

    Without a name: MIGRATE_TO_PG["SOURCE"] where it is set, else the default database while that is SQLite, else the
    source of the last run, else db.sqlite3 in BASE_DIR where no other SQLite file is known. ``argument`` is the option
    that messages name. Raise UsageError.
    """
    require_no_geometry()
    if name:
        wanted, chosen = name, "option"
    elif setting := getattr(settings, "MIGRATE_TO_PG", {}).get("SOURCE"):
        wanted, chosen = str(setting), "setting"
    elif _is_sqlite(settings.DATABASES.get(DEFAULT_DB_ALIAS, {})):
        wanted, chosen = DEFAULT_DB_ALIAS, "alias"
    else:
        path, chosen = find_default_source(base_directory(), argument=argument)
        wanted, chosen = str(path), chosen
    if wanted in settings.DATABASES:
        return replace(_source_of_alias(wanted, argument), chosen=chosen)
    with usage_error_on_oserror(wanted):
        _require_no_password(wanted, argument)
        path = _path_of_url(wanted, argument) if "://" in wanted else Path(wanted).expanduser()
        path = _reject_directory(path.absolute(), argument)
    return SourceChoice(path=path, alias=_alias_of(path), time_zone=_time_zone(_alias_of(path)), chosen=chosen)


def choose_new_file(name: str | None, alias: str, *, argument: str = "--target") -> SourceChoice:
    """Resolve the name of a file to make, by default beside the SQLite database that was moved.

    ``alias`` is the database that is moved back, ``argument`` the option that messages name. Raise UsageError.
    """
    require_no_geometry()
    if name is None:
        try:
            old = choose_source(None).path
        except UsageError:
            # Several may be meant, and none is read.
            old = base_directory() / "db.sqlite3"
        path = old.with_name(f"{old.stem}.from-postgresql{old.suffix}")
    else:
        _require_no_password(name, argument)
        _require_no_database(name, argument)
        path = _new_file(name, argument)
    with usage_error_on_oserror(path):
        path = _reject_directory(path.absolute(), argument)
    return SourceChoice(path=path, alias=alias, time_zone=_time_zone(alias), chosen="back")


def _new_file(name: str, argument: str) -> Path:
    with usage_error_on_oserror(name):
        path = _path_of_url(name, argument) if "://" in name else file_of({"NAME": name})
        if path is None or path.name == _MEMORY:
            raise UsageError(
                _(
                    "{argument} {name} is a database in memory, which would be gone with this process.",
                    argument=argument,
                    name=name,
                ),
                remedy=_("Name the SQLite file to make: {argument} path/to/new.sqlite3.", argument=argument),
            )
        return path.expanduser()


def _require_no_database(name: str, argument: str) -> None:
    """Raise UsageError where a database is named that --target of the way there takes, and no file."""
    if name.partition(":")[0] == "embedded" or name in settings.DATABASES:
        raise UsageError(
            _("{argument} is the SQLite file to make, and {name} names a database.", argument=argument, name=name),
            remedy=_(
                "If a file of that name is meant: {argument} {path}; a database to read is named with --source.",
                argument=argument,
                path=f"./{name}",
            )
            if argument == "--target"
            else _("If a file of that name is meant: {argument} {path}", argument=argument, path=f"./{name}"),
        )


def _where_postgresql_goes(argument: str) -> str:
    """Return the remedy where an address was given to the option that names a SQLite file."""
    if argument == "--target":
        return _(
            "This is the SQLite file to make: {argument} path/to/new.sqlite3. PostgreSQL is named with --source.",
            argument=argument,
        )
    return _("PostgreSQL is named with --target.")


def _require_no_password(wanted: str, argument: str) -> None:
    """Reject a path such as user:password@host, which is hardly meant: messages would quote it."""
    path = wanted.removeprefix("sqlite://")
    if may_hold_password(path) and not any(Path(name).exists() for name in (path, path.removeprefix("/"))):
        raise UsageError(
            _("{argument} takes a path, an alias or sqlite:///PATH; this is none of them.", argument=argument),
            remedy=_where_postgresql_goes(argument),
        )


def _source_of_alias(alias: str, argument: str) -> SourceChoice:
    entry = settings.DATABASES[alias]
    if not _is_sqlite(entry):
        raise UsageError(
            _(
                "{argument} {alias} is a {entry} database, not SQLite.",
                argument=argument,
                alias=alias,
                entry=entry["ENGINE"].rsplit(".", 1)[-1],
            ),
            remedy=_("Name the SQLite file itself: {argument} path/to/db.sqlite3.", argument=argument),
        )
    path = file_of(entry)
    if path is None:
        raise UsageError(
            _(
                "The settings' database {alias!r} is in memory, not in a file: there is nothing that another process"
                " could read.",
                alias=alias,
            ),
            remedy=_("Name the SQLite file itself: {argument} path/to/db.sqlite3.", argument=argument),
        )
    with usage_error_on_oserror(path):
        path = _reject_directory(path.absolute(), argument)
    return SourceChoice(path=path, alias=alias, time_zone=_time_zone(alias))


def file_of(entry: Mapping[str, Any]) -> Path | None:
    """Return the file of an entry of DATABASES for SQLite, also where its name is a URI. None: it is in memory."""
    name = str(entry.get("NAME") or "")
    is_uri = name.startswith("file:")
    if name in ("", _MEMORY) or (is_uri and any(words in name for words in (_MEMORY, "mode=memory"))):
        return None
    return Path(unquote(urlsplit(name).path)) if is_uri else Path(name)


def _path_of_url(url: str, argument: str) -> Path:
    if not url.startswith("sqlite:///"):
        raise UsageError(
            _("{argument} takes a path, an alias or sqlite:///PATH; this is none of them.", argument=argument),
            remedy=_where_postgresql_goes(argument),
        )
    path = Path(url.removeprefix("sqlite:///"))
    if not path.is_absolute() and not path.exists() and Path("/", path).exists():
        raise UsageError(
            _(
                "{argument} {url} names {absolute}, and nothing is there: three slashes begin a relative path.",
                argument=argument,
                url=url,
                absolute=path.absolute(),
            ),
            remedy=_("With four it is absolute: {argument} sqlite:////{path}", argument=argument, path=path),
        )
    return path


def _reject_directory(path: Path, argument: str) -> Path:
    if path.is_dir():
        raise UsageError(
            _("{path} is a directory, not an SQLite database.", path=path),
            remedy=_(
                "Name the file itself: {argument} {path}, or whatever it is called.",
                argument=argument,
                path=path / "db.sqlite3",
            ),
        )
    return path


def _alias_of(path: Path) -> str:
    """Return the alias of this file, or 'default' where DATABASES has moved on to PostgreSQL."""
    for alias, entry in settings.DATABASES.items():
        if _is_sqlite(entry):
            file = file_of(entry)
            with usage_error_on_oserror(file or ""):
                if file and file.absolute() == path:
                    return str(alias)
    return DEFAULT_DB_ALIAS


def _time_zone(alias: str) -> str:
    """Return the zone of naive text: UTC (or the entry's TIME_ZONE) with USE_TZ, local time without."""
    if not settings.USE_TZ:
        return str(settings.TIME_ZONE)
    entry = settings.DATABASES.get(alias, {})
    return (_is_sqlite(entry) and entry.get("TIME_ZONE")) or "UTC"


def _is_sqlite(entry: Mapping[str, Any]) -> bool:
    return vendor_of(entry) == "sqlite"


def vendor_of(entry: Mapping[str, Any]) -> str:
    """Return the backend's vendor: spatialite, postgis and third-party backends count as what they build on."""
    engine = str(entry.get("ENGINE") or "")
    if engine == "django.db.backends.sqlite3":
        return "sqlite"
    try:
        backend = import_module(f"{engine}.base")
    except (ImportError, ImproperlyConfigured, ValueError):
        return engine.rsplit(".", 1)[-1]
    return str(backend.DatabaseWrapper.vendor)


#: Fields that a message names.
_SHOWN = 5


def require_no_geometry() -> None:
    """Raise UsageError where an installed model has a GeoDjango field."""
    # The module of the field cannot be imported without GDAL.
    fields = [
        f"{model._meta.label}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.local_fields
        if hasattr(field, "geom_type")
    ]
    if fields:
        raise UsageError(
            _("Geometry is not served: SpatiaLite and PostGIS keep it in different forms."),
            detail=[*fields[:_SHOWN], *(["..."] if len(fields) > _SHOWN else [])],
            remedy=_(
                "Move this project with manage.py dumpdata and loaddata, which write geometry as text, or its layers"
                " with ogr2ogr."
            ),
        )
