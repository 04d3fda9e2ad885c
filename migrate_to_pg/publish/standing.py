"""What stands in the final schema under the names of the staged tables: untouched since ``migrate``, or user data?

In: the staged schema before it is emptied, the rows that Django's post_migrate makes. Out: a StandingTable for each.
A table counts as untouched while its rows are those that a fresh ``migrate`` makes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import sql

from migrate_to_pg.errors import PublishError
from migrate_to_pg.language import counted
from migrate_to_pg.language import gettext as _
from migrate_to_pg.publish.room import require_room
from migrate_to_pg.records import FreshRows

Connection = psycopg.Connection[Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingTable:
    """A table of the final schema that publishing would replace."""

    name: str
    rows: int
    #: Rows that no fresh migrate makes; at least 1 where there is user data.
    user_rows: int
    #: A digest of all its rows, '' where it is not needed.
    fingerprint: str = ""


def survey(connection: Connection, staged: str, final: str, fresh: FreshRows) -> tuple[StandingTable, ...]:
    """Every table that both schemas have, with the number of its rows that are user data.

    Raises PublishError where publishing would be refused for what is there, whatever the rows.
    """
    require_room(connection, staged, final)
    query = """
        SELECT s.relname FROM pg_class s JOIN pg_class f USING (relname)
        WHERE s.relnamespace = %s::regnamespace AND f.relnamespace = %s::regnamespace
          AND s.relkind IN ('r', 'p') AND f.relkind IN ('r', 'p') ORDER BY 1
    """
    names = [row[0] for row in connection.execute(query, [_quoted(staged), _quoted(final)]).fetchall()]
    return tuple(_survey_table(connection, staged, final, name, fresh) for name in names)


def _survey_table(connection: Connection, staged: str, final: str, name: str, fresh: FreshRows) -> StandingTable:
    rows = _count(connection, final, name)
    user_rows = _user_rows(connection, staged, final, name, rows, fresh) if rows else 0
    digest = fingerprint(connection, final, name) if not user_rows else ""
    return StandingTable(name=name, rows=rows, user_rows=user_rows, fingerprint=digest)


def _user_rows(connection: Connection, staged: str, final: str, name: str, rows: int, fresh: FreshRows) -> int:
    if name == "django_migrations":
        return 0  # Django's own record, of the migrations that were run there
    if name == "django_content_type":
        made = _surplus(connection, final, "SELECT app_label, model FROM {}", name, fresh.content_types)
    elif name == "auth_permission":
        made = _surplus(connection, final, _PERMISSIONS, name, fresh.permissions)
    elif name == "django_site":
        made = _surplus(connection, final, "SELECT domain, name FROM {}", name, {("example.com", "example.com")})
    else:
        made = _beyond_staged(connection, staged, final, name, rows)
    return made


_PERMISSIONS = """
SELECT c.app_label, c.model, p.codename
FROM {} p LEFT JOIN django_content_type c ON c.id = p.content_type_id
"""


def _surplus(connection: Connection, final: str, query: str, name: str, usual: Iterable[tuple[str, ...]]) -> int:
    expected = set(usual)
    with connection.transaction():
        connection.execute(sql.SQL("SET LOCAL search_path = {}").format(sql.Identifier(final)))
        statement = sql.SQL(query).format(sql.Identifier(final, name))
        rows = connection.execute(statement).fetchall()
    return sum(tuple(row) not in expected for row in rows)


def _beyond_staged(connection: Connection, staged: str, final: str, name: str, rows: int) -> int:
    """Rows that the migrations themselves did not make; a much larger table is told by its size alone."""
    staged_rows = _count(connection, staged, name)
    if rows > staged_rows + 1000:
        return rows - staged_rows
    query = sql.SQL(
        "SELECT count(*) FROM (SELECT to_jsonb(f) FROM {} f EXCEPT ALL SELECT to_jsonb(s) FROM {} s) AS beyond"
    ).format(sql.Identifier(final, name), sql.Identifier(staged, name))
    return int(_first(connection, query))


def fingerprint(connection: Connection, schema: str, name: str) -> str:
    """A digest of all rows of a table, in any order."""
    query = sql.SQL("SELECT count(*) || ':' || coalesce(md5(string_agg(h, '' ORDER BY h)), '')")
    rows = sql.SQL("(SELECT md5(t::text) AS h FROM {} t) AS rows").format(sql.Identifier(schema, name))
    return str(_first(connection, sql.SQL("{} FROM {}").format(query, rows)))


def require_replaceable(standing: Sequence[StandingTable], final: str, *, replace: bool) -> None:
    """PublishError where user data stands in the way and nobody said that it may be replaced."""
    occupied = [table for table in standing if table.user_rows]
    if not occupied or replace:
        return
    raise PublishError(
        _(
            "Schema {final} already holds data that no migration made: {rows} in {tables}.",
            final=final,
            rows=counted(sum(t.user_rows for t in occupied), "row", "rows"),
            tables=counted(len(occupied), "table", "tables"),
        ),
        detail=[
            _(
                "{table}: {user_rows:,} of {rows}",
                table=table.name,
                user_rows=table.user_rows,
                rows=counted(table.rows, "row", "rows"),
            )
            for table in occupied
        ],
        remedy=_(
            "Pass --replace to move these tables to a dated schema (--undo brings them back), or name an empty"
            " database."
        ),
    )


def require_as_surveyed(connection: Connection, standing: Sequence[StandingTable], final: str) -> None:
    """PublishError where somebody wrote to a table that was untouched when the run began. Call it under the lock."""
    written = [t for t in standing if t.fingerprint and fingerprint(connection, final, t.name) != t.fingerprint]
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


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
