"""Reject connection options that libpq cannot use, before connecting to any server."""

from __future__ import annotations

import re
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from psycopg import pq
from psycopg.conninfo import make_conninfo

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.system.redact import parts_are_safe

#: libpq parses these numbers only when it connects.
_NUMBERS = frozenset(
    (
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    )
)  # fmt: skip
#: No directory, so it has no socket. libpq parses all other options before it looks for one.
_NO_SOCKET = "/dev/null"


def require_valid_options(parameters: Mapping[str, Any]) -> str:
    """Return libpq's connection string of ``parameters``.

    Raises UsageError, which names the option, if libpq or Python's resolver of host names cannot parse a value.
    """
    for name, value in parameters.items():
        if value is not None and not _is_valid(name, str(value)):
            raise _option_error(name, parameters)
    conninfo = make_conninfo(**parameters)
    probe = make_conninfo(conninfo, host=_NO_SOCKET, hostaddr="", port="1")
    connection = pq.PGconn.connect_start(probe.encode())
    message = connection.get_error_message()
    connection.finish()
    # Its complaint about the socket means that it takes the options, and would connect.
    if message and f"{_NO_SOCKET}/.s.PGSQL.1" not in message:
        # A quoted value could equal the name of an option, so quotes are removed first.
        named = re.findall(r"\w+", re.sub(r'"[^"]*"', "", message))
        raise _option_error(next((name for name in named if name in parameters), ""), parameters)
    return conninfo


def _is_valid(name: str, value: str) -> bool:
    # libpq's strings end at a NUL, so the rest would be dropped silently. Bytes of the command line that are no UTF-8
    # arrive as surrogates.
    if "\0" in value or re.search("[\ud800-\udfff]", value):
        return False
    if name in _NUMBERS:
        return value.removeprefix("-").isdecimal()
    if name in ("host", "hostaddr"):
        return all(map(_is_host if name == "host" else _is_address, value.split(",")))
    return True


def _is_host(host: str) -> bool:
    if host.startswith(("/", "@")):
        return True
    try:
        host.encode("idna")
    except UnicodeError:
        return False
    return not re.search(r"[\s\x00-\x1f]", host)


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return not host
    return True


def _option_error(name: str, parameters: Mapping[str, Any]) -> UsageError:
    if name == "host" and parts_are_safe(parameters):
        message = _("The target's host {host!r} is not the name of a host.", host=str(parameters["host"]))
    else:
        option = name or _("one of its options")
        message = _("The target's address has a value that PostgreSQL does not take: {option}.", option=option)
    return UsageError(message, remedy=_("Correct it in the URL, or in DATABASES of the settings."))
