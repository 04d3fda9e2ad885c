"""Find out which tables that publishing would replace hold user data.

A table has no user data while its rows are those that a fresh ``migrate`` and Django's post_migrate receivers make.
The staged schema has these rows until it is emptied for loading.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.postgres.objects import SchemaObject, objects_in, replaced_by
from migrate_to_pg.publish import history
from migrate_to_pg.publish.preconditions import check_preconditions
from migrate_to_pg.records import FreshRows

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTable:
    """A table of the final schema that publishing would replace."""

    name: str
    rows: int
    #: Number of rows that no fresh migrate makes.
    user_rows: int
    #: A digest of all its rows, or '' where it holds user data.
    fingerprint: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ExistingTables:
    """The state of all objects that publishing would replace, when the run began."""

    tables: tuple[ExistingTable, ...]
    #: Catalogue and oid of each object, whatever its kind.
    objects: frozenset[tuple[int, int]]


def inspect_existing(connection: Connection, staged: str, final: str, fresh: FreshRows) -> ExistingTables:
    """Return every table that both schemas have, with the number of rows that are user data.

    Raises PublishError if the existing objects prevent publishing, whatever their rows.
    """
    check_preconditions(connection, staged, final)
    old = _replaced(connection, staged, final)
    names = sorted(o.names[0] for o in old if o.type == "table")
    _check_visible(connection, [o.oid for o in old if o.type == "table"])
    return ExistingTables(
        tables=tuple(_inspect_table(connection, staged, final, name, fresh) for name in names),
        objects=frozenset(o.address for o in old),
    )


def certain_user_data(
    connection: Connection, final: str, names: Sequence[str], fresh: FreshRows, made: Mapping[str, int] | None
) -> ExistingTables:
    """Return the tables of the final schema with rows that are certainly user data, before any migration is run.

    ``made`` has the number of rows that the migrations make in each table. A table that it lacks counts only if no
    migration ever makes rows in it. None lacks every table.
    """
    query = """
        SELECT relname, oid::bigint FROM pg_class
        WHERE relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = %s)
          AND relname = ANY (%s) AND relkind IN ('r', 'p') ORDER BY 1
    """
    there = dict(connection.execute(query, [final, list(names)]).fetchall())
    _check_visible(connection, list(there.values()))
    entries = [e for e in history.entries(connection) if e.final_schema == final and not e.undone]
    published = {name for entry in entries for name in entry.rows}
    tables = []
    for name in there:
        rows = _count(connection, final, name)
        if name in _MADE_BY_DJANGO:
            users = _beyond_fresh(connection, final, name, fresh) if rows else 0
        else:
            known = 0 if name in published or name in _MADE_BY_USE else (made or {}).get(name)
            users = 0 if known is None else max(0, rows - known)
        tables.append(ExistingTable(name=name, rows=rows, user_rows=users))
    return ExistingTables(tables=tuple(tables), objects=frozenset())


def _replaced(connection: Connection, staged: str, final: str) -> list[SchemaObject]:
    return replaced_by(objects_in(connection, staged), objects_in(connection, final))


def _check_visible(connection: Connection, tables: Sequence[int]) -> None:
    """Raise PublishError if row security may hide rows from this role, so that user data could be overlooked."""
    query = (
        "SELECT oid::regclass::text FROM pg_class WHERE oid = ANY (%s::oid[]) AND row_security_active(oid) ORDER BY 1"
    )
    hidden = [row[0] for row in connection.execute(query, [list(tables)]).fetchall()]
    if hidden:
        user = connection.info.user
        raise PublishError(
            _(
                "Row security applies to role {user} on table {table}: whether it holds user data cannot be seen.",
                user=user,
                table=hidden[0],
            ),
            detail=hidden,
            remedy=_(
                'Connect as a role that bypasses it, or run as a superuser: ALTER ROLE "{user}" BYPASSRLS;', user=user
            ),
        )


def _inspect_table(connection: Connection, staged: str, final: str, name: str, fresh: FreshRows) -> ExistingTable:
    rows = _count(connection, final, name)
    if not rows:
        user_rows = 0
    elif name in _MADE_BY_DJANGO:
        user_rows = _beyond_fresh(connection, final, name, fresh)
    else:
        # Of a much larger table only the sizes are compared.
        staged_rows = _count(connection, staged, name)
        if rows > staged_rows + 1000:
            user_rows = rows - staged_rows
        else:
            query = sql.SQL(
                "SELECT count(*) FROM (SELECT to_jsonb(f) FROM {} f EXCEPT ALL SELECT to_jsonb(s) FROM {} s) AS beyond"
            ).format(sql.Identifier(final, name), sql.Identifier(staged, name))
            user_rows = int(_first(connection, query))
    digest = fingerprint(connection, final, name) if not user_rows else ""
    return ExistingTable(name=name, rows=rows, user_rows=user_rows, fingerprint=digest)


def _beyond_fresh(connection: Connection, final: str, name: str, fresh: FreshRows) -> int:
    """Count the rows of one of Django's tables that neither migrate nor its receivers make."""
    if name == "django_content_type":
        return _count_unexpected(connection, final, "SELECT app_label, model FROM {}", name, fresh.content_types)
    if name == "auth_permission":
        return _count_unexpected(connection, final, _PERMISSIONS, name, fresh.permissions)
    if name == "django_site":
        return _count_unexpected(
            connection, final, "SELECT domain, name FROM {}", name, {("example.com", "example.com")}
        )
    return 0  # django_migrations records the migrations that were run there.


_MADE_BY_DJANGO = ("django_migrations", "django_content_type", "auth_permission", "django_site")
#: No migration makes rows in these tables.
_MADE_BY_USE = ("django_session", "django_admin_log")


_PERMISSIONS = """
SELECT c.app_label, c.model, p.codename
FROM {} p LEFT JOIN django_content_type c ON c.id = p.content_type_id
"""


def _count_unexpected(
    connection: Connection, final: str, query: str, name: str, usual: Iterable[tuple[str, ...]]
) -> int:
    expected = set(usual)
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(final)))
        statement = sql.SQL(query).format(sql.Identifier(final, name))
        rows = connection.execute(statement).fetchall()
    return sum(tuple(row) not in expected for row in rows)


def fingerprint(connection: Connection, schema: str, name: str) -> str:
    """Return a digest of all rows of a table, whatever their order."""
    query = sql.SQL("SELECT count(*) || ':' || coalesce(md5(string_agg(h, '' ORDER BY h)), '')")
    rows = sql.SQL("(SELECT md5(t::text) AS h FROM {} t) AS rows").format(sql.Identifier(schema, name))
    return str(_first(connection, sql.SQL("{} FROM {}").format(query, rows)))


def require_replaceable(connection: Connection, existing: ExistingTables, final: str) -> None:
    """Raise PublishError if the tables hold user data. Not called with --replace."""
    occupied = [table for table in existing.tables if table.user_rows]
    if not occupied:
        return
    published = history.latest(connection, final)
    if published and not published.undone and all(table.name in published.rows for table in occupied):
        raise _published_already(published, existing)
    raise PublishError(
        _(
            "Schema {final} already holds data that no migration made: {rows} in {tables}.",
            final=final,
            rows=pluralize(sum(t.user_rows for t in occupied), "row", "rows"),
            tables=pluralize(len(occupied), "table", "tables"),
        ),
        detail=[
            _(
                "{table}: {user_rows:,} of {rows}",
                table=table.name,
                user_rows=table.user_rows,
                rows=pluralize(table.rows, "row", "rows"),
            )
            for table in occupied
        ],
        remedy=_(
            "Pass --replace to move these tables to a dated schema (--undo brings them back), or name an empty"
            " database."
        ),
    )


def _published_already(published: history.Entry, existing: ExistingTables) -> PublishError:
    there = [table for table in existing.tables if table.rows]
    values = {
        "final": published.final_schema,
        "published_at": published.published_at.astimezone().strftime("%Y-%m-%d %H:%M"),
        "rows": pluralize(sum(table.rows for table in there), "row", "rows"),
        "tables": pluralize(len(there), "table", "tables"),
    }
    if published.source:
        message = _(
            "Schema {final} holds what was published there on {published_at} from {source}: {rows} in {tables}.",
            source=published.source,
            **values,
        )
    else:
        message = _("Schema {final} holds what was published there on {published_at}: {rows} in {tables}.", **values)
    return PublishError(
        message,
        detail=[_describe_rows(table, published) for table in there],
        remedy=_(
            "--undo --target URL takes that publication out again and brings back what it replaced; it refuses where"
            " rows were written since. --replace, added to this command, publishes anew and moves these tables, with"
            " all that was written to them, to a dated schema; --undo brings them back."
        ),
    )


def _describe_rows(table: ExistingTable, published: history.Entry) -> str:
    rows, then = pluralize(table.rows, "row", "rows"), published.rows.get(table.name)
    if then is None or then == table.rows:
        return f"{table.name}: {rows}"
    return _("{table}: {rows}; when it was published, {then:,}", table=table.name, rows=rows, then=then)


def check_unchanged(connection: Connection, existing: ExistingTables, staged: str, final: str) -> None:
    """Raise PublishError if anything was added or written since it was inspected. Call it under the lock."""
    old = _replaced(connection, staged, final)
    _check_visible(connection, [o.oid for o in old if o.type == "table"])
    appeared = [o.label for o in old if o.address not in existing.objects]
    if appeared:
        raise PublishError(
            _(
                "In schema {final} {first} appeared while the run went on: it would be replaced.",
                final=final,
                first=appeared[0],
            ),
            detail=appeared,
            remedy=_(
                "Stop the application that uses PostgreSQL already, then run again; --replace moves what is there to a"
                " dated schema."
            ),
        )
    there = {o.names[0] for o in old if o.type == "table"}
    written = [
        t
        for t in existing.tables
        if t.fingerprint and t.name in there and fingerprint(connection, final, t.name) != t.fingerprint
    ]
    if written:
        raise PublishError(
            _(
                "Rows were written to {written} in schema {final} while the run went on.",
                written=written[0].name,
                final=final,
            ),
            detail=[table.name for table in written],
            remedy=_(
                "Stop the application that uses PostgreSQL already, then run again; --replace keeps those rows in a"
                " dated schema."
            ),
        )


def _count(connection: Connection, schema: str, name: str) -> int:
    return int(_first(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(schema, name))))


def _first(connection: Connection, query: sql.Composed) -> Any:
    row = connection.execute(query).fetchone()
    return row[0] if row else None
