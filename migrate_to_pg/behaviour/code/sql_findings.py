"""Find what PostgreSQL refuses, or answers otherwise, of the SQL in the code."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg.behaviour.code.compile_statement import Verdict, judge, numbered, uses_secret_column
from migrate_to_pg.behaviour.code.dialect import doubts, is_pragma
from migrate_to_pg.behaviour.code.sources import Source
from migrate_to_pg.behaviour.code.statements import Statement, statements_of
from migrate_to_pg.behaviour.code.texts import HOLE
from migrate_to_pg.behaviour.explain_error import rule_of_error
from migrate_to_pg.behaviour.project_errors import guarded
from migrate_to_pg.behaviour.queries.shown_sql import names_secret, shown_sql
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way
from migrate_to_pg.behaviour.sides import Sides
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import without_quoted

#: Type of PostgreSQL -> the Python types that the two drivers give.
_TYPES = {
    "numeric": ("float, int", "Decimal"),
    "date": ("str", "date"),
    "timestamp": ("str", "datetime"),
    "timestamptz": ("str", "datetime"),
    "time": ("str", "time"),
    "timetz": ("str", "time"),
    "interval": ("int", "timedelta"),
    "uuid": ("str", "UUID"),
}
#: What a migration, written for an older schema, may get wrong today: names alone.
_OF_NAMES = frozenset({"42P01", "42703", "3F000"})
_LONGEST_SHOWN = 200


def find_in_sql(
    sources: Iterable[Source], sides: Sides, unjudged: list[Place], notes: list[str]
) -> Iterator[Occurrence]:
    """Yield what differs of each statement. Add the places of incomplete ones to ``unjudged``."""
    for statement in statements_of(sources):
        sql = numbered(statement.text.text, has_parameters=statement.has_parameters)
        for part in [part for part in sides.sqlite.ops.prepare_sql_script(sql) if part.strip()] or [sql]:
            place = str(statement.source.place(statement.node))
            yield from guarded(place, _of_statement(statement, part, sides, unjudged), notes)


def _of_statement(statement: Statement, sql: str, sides: Sides, unjudged: list[Place]) -> Iterator[Occurrence]:
    place = statement.source.place(statement.node)
    if is_pragma(sql):
        yield _occurrence("sqlite-catalogue", place, sql, Verdict("42601", ""), Certainty.CONFIRMED, names_secret(sql))
        return
    if not statement.text.is_complete and not statement.source.is_migration and not statement.source.is_test:
        unjudged.append(place)
    verdict = judge(sides, sql)
    if verdict is None:
        return
    is_secret = uses_secret_column(sides.sqlite, sql)
    if verdict.sqlstate:
        if statement.source.is_migration and verdict.sqlstate in _OF_NAMES:
            return
        certainty = Certainty.CONFIRMED if statement.text.is_complete else Certainty.HINT
        rule = rule_of_error(verdict.sqlstate, verdict.message, sql)
        yield _occurrence(rule, place, sql, verdict, certainty, is_secret)
        return
    text = shown(sql, is_secret=is_secret)
    yield from _other_types(place, text, verdict, sides)
    for rule, certainty, sqlite, postgresql, explanation in doubts(sql, sides):
        yield Occurrence(
            rule=rule,
            place=place,
            way=Way.CODE,
            certainty=certainty,
            effect=Effect.DIFFERENT,
            sqlite=sqlite,
            postgresql=postgresql,
            sql=text,
            explanation=explanation,
        )


def _occurrence(
    rule: str, place: Place, sql: str, verdict: Verdict, certainty: Certainty, is_secret: bool
) -> Occurrence:
    return Occurrence(
        rule=rule,
        place=place,
        way=Way.CODE,
        certainty=certainty,
        effect=Effect.ERROR,
        postgresql=without_quoted(verdict.message) if is_secret else verdict.message,
        sqlstate=verdict.sqlstate,
        sql=shown(sql, is_secret=is_secret),
    )


def _other_types(place: Place, text: str, verdict: Verdict, sides: Sides) -> Iterator[Occurrence]:
    names = type_names(sides.postgresql)
    found = [(column, names.get(oid, "")) for column, oid in verdict.columns]
    for column, kind in found:
        if kind in _TYPES:
            sqlite, postgresql = _TYPES[kind]
            yield Occurrence(
                rule="raw-value-type",
                place=place,
                way=Way.CODE,
                certainty=Certainty.CONFIRMED,
                effect=Effect.DIFFERENT,
                sqlite=sqlite,
                postgresql=postgresql,
                sql=text,
                explanation=_("Column {column} is {type} on PostgreSQL.", column=column, type=kind),
            )


def type_names(connection: BaseDatabaseWrapper) -> dict[int, str]:
    """Map the oid of each type to its name."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT oid, typname FROM pg_type WHERE typnamespace = 'pg_catalog'::regnamespace")
        return dict(cursor.fetchall())


def shown(sql: str, *, is_secret: bool) -> str:
    """Return SQL on one line, shortened. Literals are masked where it uses a secret column."""
    line = shown_sql(sql.replace(HOLE, "..."), is_secret=is_secret)
    return line if len(line) <= _LONGEST_SHOWN else f"{line[:_LONGEST_SHOWN]} ..."
