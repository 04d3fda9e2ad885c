"""Connect to the target, check the preconditions of a run, and manage the schemas that it works in."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres import schema_digest
from migrate_to_pg.postgres.errors_of_connection import connection_error
from migrate_to_pg.postgres.objects import external_dependents, objects_in, require_noted_contents
from migrate_to_pg.postgres.pooler import require_session
from migrate_to_pg.postgres.session import configure_session
from migrate_to_pg.postgres.standby import require_standby, skip_standby
from migrate_to_pg.postgres.statement_log import open_connection
from migrate_to_pg.records import FINAL, INCOMING, TargetFacts
from migrate_to_pg.system.clock import to_local_time
from migrate_to_pg.system.redact import address

Connection = psycopg.Connection[Any]

#: The oldest version that the PostgreSQL project supported when this was written.
OLDEST_VERSION = 14
#: Advisory lock: two runs against one database would use the same incoming schema. "migrate_" in ASCII.
_RUN_LOCK = int.from_bytes(b"migrate_", "big")
#: The server process of a killed run may still be finishing its last statement.
_RUN_LOCK_TIMEOUT_SECONDS = 15.0


def connect(conninfo: str, *, schema: str) -> Connection:
    """Return an autocommit connection for everything but the bulk data, after checking all preconditions.

    ``schema`` is the final one. Raises TargetError if the server cannot be reached, a pooler is in between, the server
    is older than PostgreSQL 14 or read-only, the encoding is not UTF-8, or this role may not create schemas and tables.
    """
    connection = _connect(conninfo)
    try:
        require_session(connection, conninfo)
        configure_session(connection.cursor())
        _check_server(connection)
        _check_privileges(connection, schema)
        require_standby(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def connect_to_read(conninfo: str, argument: str = "--target") -> Connection:
    """Return a read-only autocommit connection, for which a standby and a role without write privileges suffice.

    ``argument`` is the option that names PostgreSQL, for messages. Raises TargetError if the server cannot be
    reached, or a pooler is in between.
    """
    connection = _connect(conninfo, argument)
    try:
        require_session(connection, conninfo, argument)
        configure_session(connection.cursor())
    except BaseException:
        connection.close()
        raise
    connection.execute("SET default_transaction_read_only = on")
    return connection


def _connect(conninfo: str, argument: str = "--target") -> Connection:
    try:
        return open_connection(conninfo)
    except (psycopg.Error, ValueError) as error:
        # Not only OperationalError: libpq and psycopg reject option values with other classes.
        raise connection_error(conninfo, error, argument) from None


def describe_server(connection: Connection, schema: str, *, embedded: str = "") -> TargetFacts:
    """Return the target for reports, without its password. ``embedded`` is the data directory of such a server."""
    info = connection.info
    return TargetFacts(
        url=address(user=info.user, host=info.host, port=info.port, name=info.dbname),
        version=_scalar(connection, "SHOW server_version"),
        schema=schema,
        embedded=embedded,
    )


def take_run_lock(connection: Connection) -> None:
    """Lock this database against other runs. Raise TargetError that names the run which holds the lock."""
    deadline = time.monotonic() + _RUN_LOCK_TIMEOUT_SECONDS
    while not _scalar(connection, "SELECT pg_try_advisory_lock(%s)", [_RUN_LOCK]):
        if time.monotonic() > deadline:
            raise TargetError(
                _("Another migrate_to_pg is running against this database."),
                detail=_lock_holders(connection),
                remedy=_("Wait until it has ended, or end it with SELECT pg_terminate_backend(pid)."),
            )
        time.sleep(0.5)


def create_schema(connection: Connection, name: str) -> None:
    """Create an empty schema. The remains of a killed run are dropped first."""
    drop_schema(connection, name)
    connection.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))


def _reset_statement(connection: Connection, name: str) -> str:
    """Return the beginning of the statement that resets a setting, by its source."""
    role, database = (sql.Identifier(name).as_string() for name in (connection.info.user, connection.info.dbname))
    source = _scalar(connection, "SELECT source FROM pg_settings WHERE name = %s", [name])
    by_source = {
        "database": f"ALTER DATABASE {database}",
        "database user": f"ALTER ROLE {role} IN DATABASE {database}",
        "configuration file": "ALTER SYSTEM",
    }
    return by_source.get(source, f"ALTER ROLE {role}")


def drop_schema(connection: Connection, name: str) -> None:
    """Drop a schema of ours with everything in it, in batches of tables: each takes a dozen locks until the commit.

    Raises TargetError if external objects depend on it, or objects were added since a run kept it, because they would
    be dropped as well.
    """
    require_noted_contents(connection, name)
    depending = external_dependents(connection, objects_in(connection, name))
    if depending:
        raise TargetError(
            _("Schema {name} is to be dropped, and something outside of it uses what is in it.", name=name),
            detail=depending,
            remedy=_("Drop these, or make them use the published tables, then run again: they would go with it."),
        )
    connection.execute("SET client_min_messages = warning")
    query = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('r', 'p')"
    quoted = sql.Identifier(name).as_string(connection)
    while tables := connection.execute(query + " LIMIT 50", [quoted]).fetchall():
        names = sql.SQL(", ").join(sql.Identifier(name, table) for (table,) in tables)
        connection.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(names))
    connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(name)))


def rename_schema(connection: Connection, name: str, new: str) -> None:
    """Give a schema another name."""
    connection.execute(sql.SQL("ALTER SCHEMA {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(new)))


def drop_on_new_connection(broken: Connection, conninfo: str, *names: str) -> None:
    """Drop schemas on a new connection, after ending the session of a broken one."""
    with open_connection(conninfo) as connection:
        configure_session(connection.cursor())
        skip_standby(connection)
        with suppress(psycopg.OperationalError):
            connection.execute("SELECT pg_terminate_backend(%s, 5000)", [broken.info.backend_pid])
        for name in names:
            drop_schema(connection, name)


@contextmanager
def guard_schemas(connection: Connection, schemas: Iterable[str], shared: Iterable[str]) -> Iterator[None]:
    """Raise TargetError if the catalogue of a schema has changed afterwards: RunSQL may have named that schema.

    The tables of ``shared`` schemas, whose extensions the migrations must see, cannot be dropped or altered meanwhile.
    """
    with connection.cursor() as cursor, ExitStack() as guards:
        before = {schema: schema_digest.read_catalogue(cursor, schema) for schema in schemas}
        for schema in before.keys() & set(shared):
            guards.enter_context(_lock_tables(connection, schema))
        yield
        for schema, state in before.items():
            changed = schema_digest.changed_objects(state, schema_digest.read_catalogue(cursor, schema))
            if changed:
                raise TargetError(
                    _(
                        "Schema {schema} changed while the migrations ran in {incoming}.",
                        schema=schema,
                        incoming=INCOMING,
                    ),
                    detail=changed,
                    remedy=_(
                        "A migration names {schema} itself, in RunSQL or RunPython: let it rely on the search path. If"
                        " it was somebody else, run again.",
                        schema=schema,
                    ),
                )


def extension_schemas(connection: Connection, *, but: str = INCOMING) -> tuple[str, ...]:
    """Return the schemas on this role's search path that have extensions, whose types migrations may need."""
    query = """
        SELECT s.name FROM unnest(current_schemas(false)) WITH ORDINALITY AS s (name, position)
        WHERE s.name <> %s AND EXISTS (SELECT FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
                                       WHERE n.nspname = s.name)
        ORDER BY s.position
    """
    with connection.transaction(force_rollback=True):  # only the search path is set
        connection.execute("SET LOCAL search_path TO DEFAULT")
        return tuple(row[0] for row in connection.execute(query, [but]).fetchall())


def watched_schemas(connection: Connection, final: str) -> tuple[str, ...]:
    """Return the schemas that migrations may write to by mistake: final, public, and others that they see."""
    query = """
        SELECT DISTINCT n.nspname FROM pg_namespace n JOIN pg_class c ON c.relnamespace = n.oid
        WHERE n.nspname = ANY (%s) AND c.relkind IN ('r', 'p')
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
    """
    seen = connection.execute(query, [list(extension_schemas(connection))]).fetchall()
    return tuple(sorted({final, FINAL, *(name for (name,) in seen)}))


_READABLE = """
SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %s AND c.relkind IN ('r', 'p') AND has_table_privilege(c.oid, 'SELECT') ORDER BY c.oid
"""


@contextmanager
def _lock_tables(connection: Connection, schema: str) -> Iterator[None]:
    """Lock a schema's tables in ACCESS SHARE mode: DROP and ALTER wait, readers and writers do not."""
    names = [sql.Identifier(schema, row[0]) for row in connection.execute(_READABLE, [schema]).fetchall()]
    info = connection.info
    with closing(psycopg.connect(info.dsn, password=info.password)) as guard:
        configure_session(guard.cursor())
        guard.execute("SET lock_timeout = '10s'")
        if names:
            guard.execute(sql.SQL("LOCK TABLE {} IN ACCESS SHARE MODE").format(sql.SQL(", ").join(names)))
        yield


def _scalar(connection: Connection, query: str, parameters: list[Any] | None = None) -> Any:
    row = connection.execute(query, parameters).fetchone()
    return row[0] if row else None


def _lock_holders(connection: Connection) -> list[str]:
    query = """
        SELECT a.pid, a.usename, a.client_addr, a.backend_start
        FROM pg_locks l JOIN pg_stat_activity a USING (pid)
        WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
          AND (l.classid::bigint << 32) | l.objid::bigint = %s
    """
    rows = connection.execute(query, [_RUN_LOCK]).fetchall()
    return [
        _(
            "pid {pid}, user {user}, from {address}, since {start}",
            pid=pid,
            user=user,
            address=address or _("this machine"),
            start=f"{to_local_time(start):%Y-%m-%d %H:%M:%S}",
        )
        for pid, user, address, start in rows
    ]


def _check_server(connection: Connection) -> None:
    version = connection.info.server_version
    if version < OLDEST_VERSION * 10_000:
        raise TargetError(
            _(
                "The server is PostgreSQL {version}; {oldest_version} or later is needed.",
                version=version // 10000,
                oldest_version=OLDEST_VERSION,
            ),
            remedy=_("Upgrade the server, or name another one with --target."),
        )
    if _scalar(connection, "SELECT pg_is_in_recovery()"):
        raise TargetError(_("The server is a standby and takes no writes."), remedy=_("Name the primary server."))
    role = connection.info.user
    if _scalar(connection, "SHOW default_transaction_read_only") == "on":
        raise TargetError(
            _("Role {role} or the database is set to take no writes: default_transaction_read_only is on.", role=role),
            remedy=_(
                "Connect as another role, or run: {statement} RESET default_transaction_read_only;",
                statement=_reset_statement(connection, "default_transaction_read_only"),
            ),
        )
    if _scalar(connection, "SHOW session_replication_role") != "origin":
        raise TargetError(
            _(
                "Role {role} or the database has a session_replication_role with which foreign keys and triggers do not"
                " act, and this role may not change it.",
                role=role,
            ),
            remedy=_(
                "As a superuser, run: {statement} RESET session_replication_role;",
                statement=_reset_statement(connection, "session_replication_role"),
            ),
        )
    encoding = _scalar(connection, "SHOW server_encoding")
    if encoding != "UTF8":
        raise TargetError(
            _("The database's encoding is {encoding}; SQLite's text needs UTF8.", encoding=encoding),
            remedy=_("Create a database with: createdb -T template0 -E UTF8 NAME."),
        )


def _check_privileges(connection: Connection, schema: str) -> None:
    """Require CREATE on the database, for our schemas, and on the final schema. Since PostgreSQL 15 they differ."""
    user, database = connection.info.user, connection.info.dbname
    if not _scalar(connection, "SELECT has_database_privilege(current_database(), 'CREATE')"):
        raise TargetError(
            _("Role {user} may not create a schema in database {database}.", user=user, database=database),
            remedy=_(
                'As its owner, run: GRANT CREATE ON DATABASE "{database}" TO "{user}";', database=database, user=user
            ),
        )
    if not _scalar(connection, "SELECT count(*) FROM pg_namespace WHERE nspname = %s", [schema]):
        raise TargetError(
            _("There is no schema {schema} in {database}.", schema=schema, database=database),
            remedy=_('Run: CREATE SCHEMA "{schema}";', schema=schema.replace('"', '""')),
        )
    if not _scalar(connection, "SELECT has_schema_privilege(%s, 'CREATE')", [schema]):
        raise TargetError(
            _(
                "Role {user} may not create tables in schema {schema} of database {database}.",
                user=user,
                schema=schema,
                database=database,
            ),
            remedy=_(
                'As the schema\'s owner, run: GRANT CREATE ON SCHEMA "{schema}" TO "{user}";',
                schema=schema.replace('"', '""'),
                user=user,
            ),
        )
