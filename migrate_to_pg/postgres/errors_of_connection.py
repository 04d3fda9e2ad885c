"""Turn a failed connection into a TargetError with advice."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

from psycopg.conninfo import conninfo_to_dict

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.redact import is_ipv6, parts_are_safe, redacted

_NO_ROLE = re.compile(r'role ".*" does not exist')


def pooler_advice(argument: str) -> str:
    """Return what to do if a connection pooler is in use. ``argument`` is the option that names PostgreSQL."""
    return _(
        'Name PostgreSQL itself with {argument} or MIGRATE_TO_PG["TARGET"], usually at port 5432 (Neon: the host'
        " without -pooler; Supabase: the direct connection; DigitalOcean: the database, not the pool). DATABASE_URL,"
        " which the application uses, may remain the pooled one.",
        argument=argument,
    )


def connection_error(conninfo: str, error: Exception, argument: str = "--target") -> TargetError:
    """Return an error with host and user, the server's message and the likeliest remedy. It shows no password.

    ``argument`` is the option that names PostgreSQL.
    """
    parameters = conninfo_to_dict(conninfo)
    host = str(parameters.get("host") or "") or (
        _("its service") if parameters.get("service") else _("the local socket")
    )
    port = str(parameters.get("port") or 5432)
    host = f"[{host}]" if is_ipv6(host) else host
    where = f"{host}:{port}" if port.isdecimal() else host
    text = str(error)
    if not parts_are_safe(parameters):
        # Host, port and the driver's message may contain parts of a password.
        return TargetError(
            _("PostgreSQL cannot be reached: the URL is not read as it was meant."),
            remedy=_("Percent-encode special characters in the password of the URL: %40 for @, %2F for /."),
        )
    return TargetError(
        _(
            "PostgreSQL at {where} cannot be reached as user {user}.",
            where=where,
            user=parameters.get("user") or _("(none given)"),
        ),
        detail=redacted(text, parameters),
        remedy=_advice(text, parameters, argument),
    )


def _advice(text: str, parameters: dict[str, Any], argument: str) -> str:
    name = parameters.get("dbname", "")
    if "unsupported startup parameter" in text:
        return pooler_advice(argument)
    if "no encryption" in text and "SSL encryption" not in text:
        return _("The server takes encrypted connections only: put sslmode=require into the URL.")
    if "certificate" in text:
        return _("Check sslmode and sslrootcert in the URL against the server's certificate.")
    if "password" in text or "authentication" in text:
        return _("Check user and password in the URL; special characters must be percent-encoded.")
    if _NO_ROLE.search(text):
        user = str(parameters.get("user", ""))
        return _(
            "The server has no user {user}. Name one that it has in the URL, or create this one: createuser {typed}.",
            user=user,
            typed=shlex.quote(user),
        )
    if "does not exist" in text and "database" in text:
        return _("Create it first: createdb {name}.", name=name)
    if "SSL" in text:
        return _("Check sslmode in the URL against what the server asks for.")
    if "FATAL" in text:
        return _("The server runs, and refuses the connection for the reason above. Try again once that is settled.")
    if is_embedded_data(str(parameters.get("host") or "")):
        return _(
            "This embedded server was stopped. Start it, or name its directory, which starts it: {argument}"
            " embedded:{directory}\n{start}",
            argument=argument,
            directory=parameters["host"],
            start=f"python -m migrate_to_pg.postgres.embedded --url {shlex.quote(parameters['host'])}",
        )
    if argument == "--target":
        return _(
            "Check that the server runs and that host and port in the URL are right; --target embedded needs no server."
        )
    return _("Check that the server runs and that host and port in the URL are right.")


def is_embedded_data(host: str) -> bool:
    """Return whether the host is the data directory of a server that --target embedded made."""
    # Only it keeps its socket among its data.
    try:
        return Path(host).is_absolute() and (Path(host) / "PG_VERSION").exists()
    except OSError:
        return False
