"""Make, copy and drop databases on a server, and recognise those that a killed process left there."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres import embedded
from migrate_to_pg.postgres.errors_of_connection import connection_error
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.project.target_database import EMBEDDED_DIRECTORY
from migrate_to_pg.system.redact import is_ipv6
from migrate_to_pg.system.workdir import base_directory

#: Databases that live as long as the process that made them.
_PREFIX = "migrate_to_pg_try_"
#: First part of the advisory lock that such a process holds. "try_" in ASCII.
_LOCK = int.from_bytes(b"try_", "big")
_LIKE_THIS = """
SELECT datcollate, datctype, to_jsonb(d) ->> 'datlocprovider',
       coalesce(to_jsonb(d) ->> 'datlocale', to_jsonb(d) ->> 'daticulocale')
FROM pg_database AS d WHERE datname = current_database()
"""
#: Django calls the database of the tests test_NAME, and those of parallel processes test_NAME_1 or test_NAME_gw0.
_OF_TESTS = "SELECT datname FROM pg_database WHERE datname = %(name)s OR starts_with(datname, 'test_' || %(name)s)"


class Databases:
    """The databases of one server, as a connection to one of them sees them. That one is not touched."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self._connection = connection
        #: Those that this session holds a lock for, which it would get again.
        self._own: set[str] = set()

    @contextmanager
    def temporary(self, template: str = "") -> Iterator[str]:
        """Make a database for as long as this lasts, and drop it with those that Django made for tests of it."""
        query = "SELECT datname FROM pg_database WHERE starts_with(datname, %s)"
        for (name,) in self._connection.execute(query, [_PREFIX]).fetchall():
            if name not in self._own and self._row("SELECT pg_try_advisory_lock(%s, hashtext(%s))", [_LOCK, name])[0]:
                self.drop(name)
                self._connection.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", [_LOCK, name])
        name = f"{_PREFIX}{secrets.token_hex(4)}"
        # Held by this session, so that another process does not take the database for an abandoned one.
        self._connection.execute("SELECT pg_advisory_lock(%s, hashtext(%s))", [_LOCK, name])
        self._own.add(name)
        try:
            if template:
                statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
                self._connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
            else:
                self.create(name)
            yield name
        finally:
            with suppress(psycopg.Error):
                self.drop(name)

    def create(self, name: str) -> None:
        """Make an empty database with the collation of the one that is connected to. Raises TargetError."""
        collate, ctype, provider, locale = self._row(_LIKE_THIS)
        options = sql.SQL("ENCODING 'UTF8' LC_COLLATE {} LC_CTYPE {}").format(collate, ctype)
        kinds = {"i": "LOCALE_PROVIDER icu ICU_LOCALE {}", "b": "LOCALE_PROVIDER builtin BUILTIN_LOCALE {}"}
        if provider in kinds:
            options += sql.SQL(" " + kinds[provider]).format(locale)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE template0 ").format(sql.Identifier(name))
        try:
            self._connection.execute(statement + options)
        except psycopg.errors.InsufficientPrivilege as error:
            user = self._connection.info.user
            raise TargetError(
                _("Role {user} may not create databases, and a command is tried in one of its own.", user=user),
                remedy=_(
                    'As a superuser, run: ALTER ROLE "{user}" CREATEDB; or leave out --target: the embedded server'
                    " needs nothing.",
                    user=user.replace('"', '""'),
                ),
            ) from error

    def keep(self, name: str, final: str, comment: str) -> None:
        """Give a finished database its name, and refuse connections to it: it is a template from now on."""
        before, after = sql.Identifier(name), sql.Identifier(final)
        self.drop(final)
        self._connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(before, after))
        self._connection.execute(sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS false").format(after))
        # Last: a database without a comment is unfinished.
        self._connection.execute(sql.SQL("COMMENT ON DATABASE {} IS {}").format(after, comment))

    def comment(self, name: str) -> str:
        """Return what ``keep`` noted, or '' where there is no such database."""
        query = "SELECT max(shobj_description(oid, 'pg_database')) FROM pg_database WHERE datname = %s"
        return self._row(query, [name])[0] or ""

    def drop(self, name: str) -> None:
        """Drop a database and those of its tests, if they exist, with whoever is connected."""
        for (found,) in self._connection.execute(_OF_TESTS, {"name": name}).fetchall():
            self._connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(found)))

    def _row(self, query: str, parameters: list[object] | None = None) -> tuple[Any, ...]:
        rows: list[tuple[Any, ...]] = self._connection.execute(query, parameters).fetchall()
        return rows[0]


@contextmanager
def databases_at(conninfo: str) -> Iterator[Databases]:
    """Connect to a server for as long as its databases are used. Raises TargetError."""
    try:
        connection = open_connection(conninfo)
    except (psycopg.Error, ValueError) as error:
        raise connection_error(conninfo, error) from None
    with connection:
        connection.autocommit = True
        configure_session(connection.cursor())
        yield Databases(connection)


def server_directory() -> Path:
    """Return where the embedded server of such databases keeps its data, below the project."""
    return base_directory() / EMBEDDED_DIRECTORY.with_name("try")


def start_server(directory: Path, stack: ExitStack) -> tuple[embedded.EmbeddedServer, Databases]:
    """Start the server, or join it, and connect. When ``stack`` is left it is stopped, unless somebody uses it."""
    server = embedded.start(directory)
    stack.callback(server.stop_unless_used)
    try:
        return server, stack.enter_context(databases_at(server.url()))
    except TargetError:
        if not server.joined:
            raise
    # Another command has stopped it since.
    server = embedded.start(directory)
    return server, stack.enter_context(databases_at(server.url()))


def database_url(conninfo: str, name: str) -> str:
    """Return the postgres:// URL of another database at the same server, with the password."""
    given = {key: str(value) for key, value in conninfo_to_dict(conninfo).items() if key != "dbname" and value != ""}
    user, password, host, port = (given.pop(key, "") for key in ("user", "password", "host", "port"))
    place = f"[{host}]" if is_ipv6(host) else quote(host, safe="")
    secret = f":{quote(password, safe='')}" if password else ""
    owner = f"{quote(user, safe='')}{secret}@" if user else ""
    options = f"?{urlencode(given, quote_via=quote)}" if given else ""
    return f"postgres://{owner}{place}{f':{port}' if port else ''}/{quote(name, safe='')}{options}"
