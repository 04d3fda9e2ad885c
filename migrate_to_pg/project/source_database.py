"""Resolve --source to a SQLite file, by Django's settings. Where nothing is named, ``default_source`` finds one.

A project with geometry is refused: SpatiaLite stores it in a format that PostGIS does not read.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.default_source import MEMORY, file_of, find_default_source
from migrate_to_pg.system.redact import may_hold_password
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import base_directory


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
        if path is None or path.name == MEMORY:
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
