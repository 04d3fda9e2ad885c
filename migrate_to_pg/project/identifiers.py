"""Ask each database's backend for the names of the tables and columns that Django defines.

Django computes table names while it makes a model's class, by the length that the default database takes. The database
then reads what Django quoted, and PostgreSQL truncates it. So both are asked: a registry of models is made with a
backend of that kind as the default database, and each name is read as that database reads it.
"""

from __future__ import annotations

import re

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

_IDENTIFIER = re.compile(r'"((?:[^"]|"")*)"')
_QUALIFIED = re.compile(r'"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*')


def backend(vendor: str) -> BaseDatabaseWrapper:
    """Return Django's own backend for "sqlite3" or "postgresql", without a connection."""
    return ConnectionHandler({"default": {"ENGINE": f"django.db.backends.{vendor}"}})["default"]


def called(name: str, connection: BaseDatabaseWrapper) -> str:
    """Return the database's name for a ``db_table`` or ``column`` of Django, without its schema.

    PostgreSQL truncates an identifier to 63 bytes, between characters.
    """
    quoted = connection.ops.quote_name(name)
    read = name
    if _QUALIFIED.fullmatch(quoted):
        read = _IDENTIFIER.findall(quoted)[-1].replace('""', '"')
    longest = connection.ops.max_name_length()
    return read if longest is None else cut(read, longest)


def cut(name: str, longest: int = 63) -> str:
    """Truncate an identifier as PostgreSQL does, to NAMEDATALEN - 1 bytes."""
    return name.encode("utf-8", "surrogateescape")[:longest].decode("utf-8", "ignore")
