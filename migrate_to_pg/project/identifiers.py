"""What a database calls the tables and columns that Django names: asked of that database's own backend.

Django computes the names of tables while it makes a model's class, by the length that the default database takes; the
database itself reads what Django quoted, and PostgreSQL cuts it then. So both are asked: a registry of models is made
with a backend of that kind as the default database, and each name is read as that database reads it.
"""

from __future__ import annotations

import re

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.utils import ConnectionHandler

_IDENTIFIER = re.compile(r'"((?:[^"]|"")*)"')
_QUALIFIED = re.compile(r'"(?:[^"]|"")*"(?:\."(?:[^"]|"")*")*')


def backend(vendor: str) -> BaseDatabaseWrapper:
    """Django's own for "sqlite3" or "postgresql", connected to nothing."""
    return ConnectionHandler({"default": {"ENGINE": f"django.db.backends.{vendor}"}})["default"]


def called(name: str, connection: BaseDatabaseWrapper) -> str:
    """What the database calls what Django knows by that ``db_table`` or ``column``; without its schema, if it has one.

    PostgreSQL cuts any identifier at 63 bytes, between characters.
    """
    quoted = connection.ops.quote_name(name)
    read = name
    if _QUALIFIED.fullmatch(quoted):
        read = _IDENTIFIER.findall(quoted)[-1].replace('""', '"')
    longest = connection.ops.max_name_length()
    return read if longest is None else cut(read, longest)


def cut(name: str, longest: int = 63) -> str:
    """An identifier as PostgreSQL takes it: NAMEDATALEN - 1 bytes at most."""
    return name.encode("utf-8", "surrogateescape")[:longest].decode("utf-8", "ignore")
