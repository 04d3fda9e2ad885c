"""Refuse values that no connection can be made with, before any server is asked."""

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

#: libpq reads these as numbers only once it is connected.
_NUMBERS = frozenset(
    (
        "connect_timeout", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
        "tcp_user_timeout",
    )
)  # fmt: skip
#: A directory in which no socket can be: libpq reads all other options before it looks there.
_NO_SOCKET = "/dev/null"


def require_valid_options(parameters: Mapping[str, Any]) -> str:
    """Return libpq's connection string of ``parameters``.

    Raises UsageError that names the option that libpq, or Python's resolver of host names, cannot read.
    """
    for name, value in parameters.items():
        if value is not None and not _is_valid(name, str(value)):
            raise _refused(name, parameters)
    conninfo = make_conninfo(**parameters)
    words = _libpq_refusal(conninfo)
    if words:
        # What it quotes is a value, which may be an option's name as well.
        named = re.findall(r"\w+", re.sub(r'"[^"]*"', "", words))
        raise _refused(next((name for name in named if name in parameters), ""), parameters)
    return conninfo


def _is_valid(name: str, value: str) -> bool:
    # libpq's strings end at a NUL: the rest of the address would be dropped silently. Bytes that are no UTF-8 come
    # from the command line as surrogates.
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


def _libpq_refusal(conninfo: str) -> str:
    """What libpq says against the options, in its own words; empty where it would connect."""
    probe = make_conninfo(conninfo, host=_NO_SOCKET, hostaddr="", port="1")
    connection = pq.PGconn.connect_start(probe.encode())
    words = connection.get_error_message()
    connection.finish()
    return "" if f"{_NO_SOCKET}/.s.PGSQL.1" in words else words


def _refused(name: str, parameters: Mapping[str, Any]) -> UsageError:
    if name == "host" and parts_are_safe(parameters):
        message = _("The target's host {host!r} is not the name of a host.", host=str(parameters["host"]))
    else:
        option = name or _("one of its options")
        message = _("The target's address has a value that PostgreSQL does not take: {option}.", option=option)
    return UsageError(message, remedy=_("Correct it in the URL, or in DATABASES of the settings."))
