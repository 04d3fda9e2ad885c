"""Resolve --target to a PostgreSQL database, by Django's settings. The stages do not know them."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import dj_database_url
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import DEFAULT_DB_ALIAS
from django.db.utils import ConnectionHandler
from psycopg import pq, sql

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres import embedded
from migrate_to_pg.postgres.connection_options import require_valid_options
from migrate_to_pg.project.source_database import vendor_of
from migrate_to_pg.records import INCOMING
from migrate_to_pg.system.redact import address, parts_are_safe
from migrate_to_pg.system.usage import usage_error_on_oserror
from migrate_to_pg.system.workdir import base_directory

#: Where --target embedded keeps its server, below the project.
EMBEDDED_DIRECTORY = Path(".migrate_to_pg") / "postgresql"
#: Options of Django's backend that libpq does not know.
_OF_DJANGO = {
    "pool", "assume_role", "isolation_level", "server_side_binding", "prepare_threshold", "context", "row_factory",
    "cursor_factory", "autocommit",
}  # fmt: skip
#: A server that vanishes silently is noticed within two minutes instead of two hours, by libpq's options. While data
#: are sent the system's own limit counts. tcp_user_timeout would be shorter, but would also give up a server that is
#: merely too busy to read.
_KEEPALIVES = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 8}
NOTHING: Mapping[str, str] = {}
#: URL schemes of other databases.
_SCHEMES = ("mysql", "mysql2", "mariadb", "sqlite", "oracle", "mssql", "http", "https")
_EXAMPLE = "postgres://user:password@host:5432/name"


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetChoice:
    """The PostgreSQL database to receive it. ``repr`` shows no password."""

    #: As an entry of DATABASES.
    database: Mapping[str, Any]
    #: The embedded server that this run started or joined, or None.
    server: embedded.EmbeddedServer | None = None

    def __repr__(self) -> str:
        return f"TargetChoice({_shown_entry(self.database)})"

    @property
    def place(self) -> str:
        """The data directory of the embedded server, or '' for any other."""
        return str(self.server.directory) if self.server else ""

    @property
    def conninfo(self) -> str:
        """libpq's connection string, with the password: for drivers only, never for people."""
        connection = ConnectionHandler({DEFAULT_DB_ALIAS: self._connection_entry()})[DEFAULT_DB_ALIAS]
        known = {option.keyword.decode() for option in pq.Conninfo.get_defaults()}
        try:
            parameters = connection.get_connection_params()
        except ImproperlyConfigured as error:
            # The name that Django finds too long may be a complete connection string.
            reason = _("its name is too long") if "longer than" in str(error) else str(error).splitlines()[0]
            raise UsageError(
                _("The target database is not fully named: {error}", error=reason),
                remedy=_("Give a URL such as {example}.", example=_EXAMPLE),
            ) from None
        unknown = set(self.database.get("OPTIONS", {})) - known - _OF_DJANGO
        # A third-party backend may have options of its own.
        if unknown and str(self.database.get("ENGINE")).startswith("django."):
            name = min(map(str, unknown))
            # An unencoded & in a password may have made an option of its rest.
            passwords = {"password", "sslpassword"} & {option.lower() for option in self.database.get("OPTIONS", {})}
            is_hidden = passwords - {name.lower()} or not name.isidentifier()
            raise UsageError(
                _(
                    "The target database has an option that PostgreSQL does not know: {option}.",
                    option="..." if is_hidden else name,
                ),
                remedy=_("Take it out of the URL, or of OPTIONS in the settings."),
            )
        return require_valid_options({name: value for name, value in parameters.items() if name in known})

    def staging(self, shared: Sequence[str] = (), *, session: Mapping[str, str] = NOTHING) -> dict[str, Any]:
        """Return an entry of DATABASES whose connections see the incoming schema alone.

        Args:
            shared: Schemas with extensions that the migrations need. They follow in the search path, and lock waits in
                them end soon.
            session: Settings of the session.

        search_path is one of the connection's options, so that a reconnect keeps it.
        """
        more = ["lock_timeout=5s"] if shared else []
        return self._with_search_path((INCOMING, *shared), *_pairs(session), *more)

    def published(
        self, schema: str, shared: Sequence[str] = (), *, session: Mapping[str, str] = NOTHING
    ) -> dict[str, Any]:
        """Return an entry whose connections see the published tables, and write nothing."""
        return self._with_search_path((schema, *shared), *_pairs(session), "default_transaction_read_only=on")

    def _with_search_path(self, schemas: Sequence[str], *more: str) -> dict[str, Any]:
        entry = self._connection_entry()
        settings_given = [f"search_path={search_path(schemas)}", *more]
        options = entry["OPTIONS"]
        options["options"] = " ".join([options.get("options", ""), *(as_option(s) for s in settings_given)]).strip()
        return entry | {"CONN_MAX_AGE": 0}

    def _connection_entry(self) -> dict[str, Any]:
        """Copy the entry without a pool, with the assumed role as an option, and with keepalives."""
        entry = copy.deepcopy(dict(self.database))
        options = entry.setdefault("OPTIONS", {})
        options.pop("pool", None)
        for name, value in _KEEPALIVES.items():
            options.setdefault(name, value)
        role = options.pop("assume_role", None)
        if role:
            options["options"] = f"{options.get('options', '')} {as_option(f'role={role}')}".strip()
        return entry


def _pairs(session: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in session.items()]


def search_path(schemas: Sequence[str]) -> str:
    """Return the quoted schemas as a value of search_path."""
    return ",".join(sql.Identifier(name).as_string(None) for name in schemas)


def as_option(setting: str) -> str:
    """Return a setting as one -c of libpq's options, in which spaces and backslashes are escaped."""
    return "-c " + setting.replace("\\", "\\\\").replace(" ", "\\ ")


def choose_target(
    name: str | None,
    *,
    published: bool = False,
    argument: str = "--target",
) -> TargetChoice:
    """Resolve --target: an alias of DATABASES, a URL, or embedded[:DIR], which is started.

    Without a name: the default database, where that is PostgreSQL. With ``published`` an embedded server must have data
    already, since a new one holds no publication. ``argument`` is the option that messages name. Raise UsageError,
    TargetError.
    """
    directory = embedded_directory(name)
    if directory is not None:
        server = embedded.resume(directory) if published else embedded.start(directory)
        return TargetChoice(database=_parse(server.url()), server=server)
    if name is not None and "://" in name:
        return TargetChoice(database=_parse(name, argument))
    alias = name or DEFAULT_DB_ALIAS
    entry = settings.DATABASES.get(alias)
    if entry is None:
        raise UsageError(
            _(
                # What it is instead may be a password, or a URL without its scheme.
                "{argument} is no alias of DATABASES ({DATABASES}), no URL, and not 'embedded'.",
                argument=argument,
                DATABASES=", ".join(settings.DATABASES),
            ),
            remedy=_("Give a URL such as {example}, or try {argument} embedded.", example=_EXAMPLE, argument=argument),
        )
    if vendor_of(entry) != "postgresql":
        engine = entry["ENGINE"].rsplit(".", 1)[-1]
        raise UsageError(
            _(
                "No {argument} was given, and the default database is {engine}, not PostgreSQL.",
                argument=argument,
                engine=engine,
            )
            if name is None
            else _("The database {alias!r} is {engine}, not PostgreSQL.", alias=alias, engine=engine),
            remedy=_(
                "Pass {argument} {example}, or set DATABASE_URL where the settings read it; {argument} embedded"
                " needs no server at all.",
                argument=argument,
                example=_EXAMPLE,
            ),
        )
    return TargetChoice(database=entry)


def embedded_directory(name: str | None) -> Path | None:
    """Return the data directory of --target embedded[:DIR], or None for any other target."""
    kind, _, directory = (name or "").partition(":")
    if kind != "embedded":
        return None
    path = Path(directory or base_directory() / EMBEDDED_DIRECTORY)
    with usage_error_on_oserror(path):
        return path.absolute()


def _parse(url: str, argument: str = "--target") -> dict[str, Any]:
    scheme = url.split("://", 1)[0]
    if scheme not in ("postgres", "postgresql", "postgis"):
        raise UsageError(
            _(
                "{argument} {scheme} is not PostgreSQL.",
                argument=argument,
                scheme=f"{scheme}://..." if scheme in _SCHEMES else "...",
            ),
            remedy=_("Give a URL such as {example}.", example=_EXAMPLE),
        )
    try:
        # Geometry is refused elsewhere. Without it PostGIS is PostgreSQL and needs no GDAL.
        entry: dict[str, Any] = dict(dj_database_url.parse(_reject_misread(url).replace("postgis:", "postgres:", 1)))
        _check_read_as_typed(entry)
    except (ValueError, dj_database_url.ParseError):
        # The parser's own message would quote the URL, password included.
        raise UsageError(
            _("The URL of {argument} cannot be read.", argument=argument),
            remedy=_(
                "Give one such as {example}; percent-encode special characters in the password.", example=_EXAMPLE
            ),
        ) from None
    if not entry.get("NAME") and "service" not in entry.get("OPTIONS", {}):
        raise UsageError(
            _("The URL of {argument} names no database.", argument=argument),
            remedy=_("Give one such as {example}.", example=_EXAMPLE),
        )
    return entry


def _reject_misread(url: str) -> str:
    """Return the URL. Raise ValueError where the parser would read another address than was typed.

    A bare /, ? or # in the password ends the address early. A port 0 and an option without a value are dropped, and
    ``[::1`` and ``[::1]x`` are read as ``::1``.
    """
    behind = re.split(r"[/?#]", url.split("://", 1)[1], maxsplit=1)
    if len(behind) > 1 and ("@" in behind[1] or "#" in behind[1]):
        raise ValueError
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    if re.search(r"[][]", host) and not re.fullmatch(r"\[[^][]+\](:\d*)?", host):
        raise ValueError
    if parts.port == 0 or not all(value for _, value in parse_qsl(parts.query, keep_blank_values=True)):
        raise ValueError
    return url


def _check_read_as_typed(entry: Mapping[str, Any]) -> None:
    """Raise ValueError where a part of the address looks like another, such as a name with ;password=.

    Also raise it where something is given twice, or is an option of Django's that has no text form.
    """
    if not parts_are_safe({"host": entry.get("HOST"), "user": entry.get("USER"), "dbname": entry.get("NAME")}):
        raise ValueError
    options = entry.get("OPTIONS", {})
    names = {"HOST": "host", "PORT": "port", "USER": "user", "PASSWORD": "password", "NAME": "dbname"}
    if any(entry.get(key) and name in options for key, name in names.items()):
        raise ValueError
    if any(isinstance(value, list) for value in options.values()) or {*options} & _OF_DJANGO - {"assume_role", "pool"}:
        raise ValueError


def shown_target(name: str) -> str:
    """Return --target as a report repeats it: an alias, embedded[:DIR], or the URL rebuilt from its parts."""
    if name in settings.DATABASES or embedded_directory(name) is not None:
        return name
    try:
        return _shown_entry(_parse(name)) if "://" in name else "..."
    except UsageError:
        return "..."


def has_password(name: str) -> bool:
    """Report whether --target contains a password, which ``shown_target`` leaves out."""
    try:
        return "://" in name and bool(_parse(name).get("PASSWORD"))
    except UsageError:
        return False


def _shown_entry(entry: Mapping[str, Any]) -> str:
    options = entry.get("OPTIONS") or {}
    user, host, port, name = (
        str(entry.get(key) or options.get(option) or "")
        for key, option in (("USER", "user"), ("HOST", "host"), ("PORT", "port"), ("NAME", "dbname"))
    )
    return address(user=user, host=host, port=port if port.isdecimal() else "", name=name)


def default_is_postgresql() -> bool:
    """Report whether a run needs no --target."""
    return vendor_of(settings.DATABASES[DEFAULT_DB_ALIAS]) == "postgresql"
