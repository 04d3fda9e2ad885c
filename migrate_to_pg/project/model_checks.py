"""Check the models against PostgreSQL: what they need and it may lack, and Django's own system checks.

Collations, functions, types and extensions are found without a server. The system checks are compared with those on
SQLite: every command that checks its database, such as ``migrate``, stops where a check finds an error.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import django.db
from django.core.checks import ERROR, CheckMessage, Tags, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.db import connections, models

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.postgres.missing_objects import SQLITE_COLLATIONS
from migrate_to_pg.project.alias_override import NOWHERE, override_alias
from migrate_to_pg.project.identifiers import backend, called, cut
from migrate_to_pg.project.migration_files import SourceLoader
from migrate_to_pg.project.registry import Registry
from migrate_to_pg.project.schema_recorder import NEWEST, record
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.project.sqlite_connection import sqlite_entry
from migrate_to_pg.records import Need, SystemCheck

#: Functions that SQLite has and PostgreSQL has not. A test checks this on servers.
SQLITE_FUNCTIONS = frozenset(
    (
        "changes", "datetime", "glob", "group_concat", "hex", "ifnull", "iif", "instr", "json_array",
        "json_extract", "json_group_array", "json_group_object", "json_insert", "json_patch", "json_quote",
        "json_remove", "json_replace", "json_set", "json_type", "json_valid", "julianday", "last_insert_rowid",
        "likelihood", "likely", "printf", "randomblob", "strftime", "timediff", "total", "total_changes", "typeof",
        "unhex", "unicode", "unixepoch", "unlikely", "zeroblob",
    )
)  # fmt: skip
#: Types that SQLite accepts, as it accepts any, and PostgreSQL has not.
SQLITE_TYPES = frozenset(
    (
        "blob", "clob", "datetime", "double", "integer unsigned", "longblob", "longtext", "mediumint", "mediumtext",
        "nvarchar", "smallint unsigned", "bigint unsigned", "string", "tinyint", "tinytext", "varbinary",
    )
)  # fmt: skip
#: Type, or class of an index, -> the extension that has it.
EXTENSIONS = {
    "citext": "citext", "cube": "cube", "geography": "postgis", "geometry": "postgis", "gin_trgm_ops": "pg_trgm",
    "gist_trgm_ops": "pg_trgm", "halfvec": "vector", "hstore": "hstore", "ltree": "ltree", "sparsevec": "vector",
    "vector": "vector",
}  # fmt: skip
#: Every PostgreSQL has these.
_COLLATIONS = frozenset(("c", "posix", "default", "ucs_basic"))
#: Kind -> first words of the statements that make one.
_MADE_BY = {
    "collation": ("create collation",),
    "extension": ("create extension",),
    "function": ("create function", "create or replace function"),
    "type": ("create type", "create domain"),
}
_QUOTED = re.compile(r"'(?:[^']|'')*'")
_FUNCTION = re.compile(r'(?<!["\w])([a-z_]\w*)\(')
_COLLATE = re.compile(r'\bCOLLATE "?([^\s",)]+)', re.IGNORECASE)


def find_needs(registry: Registry, registered: Collection[str]) -> tuple[Need, ...]:
    """Return what the models of the applied migrations need and neither PostgreSQL nor a migration provides.

    ``registered`` are the collations and functions that the project gives SQLite, in lower case.
    """
    with override_alias(registry.alias, NOWHERE) as connection:
        connection.__dict__["pg_version"] = NEWEST
        found = {need: None for model in registry.stored_models() for need in _of_model(model, connection, registered)}
        if not found:
            return ()
        noted = record(connection, SourceLoader(None, registry.applied))
    return tuple(need for need in found if not any(noted.speaks_of(made, need.name) for made in _MADE_BY[need.kind]))


def _of_model(model: type[models.Model], connection: Any, registered: Collection[str]) -> Iterator[Need]:
    table = called(model._meta.db_table, connection)
    for field in model._meta.local_concrete_fields:
        place = {"object": f"{model._meta.label}.{field.name}", "table": table, "column": cut(str(field.column))}
        for kind, name in _of_field(field, connection):
            yield from _need(kind, name, registered, place)
    editor = connection.schema_editor()
    for part in (*model._meta.constraints, *model._meta.indexes):
        with suppress(django.db.Error, ImproperlyConfigured):
            statement = str(part.create_sql(model, editor) or "")
            for kind, name in _of_sql(statement):
                yield from _need(kind, name, registered, {"object": part.name, "table": table})


def _of_field(field: Any, connection: Any) -> Iterator[tuple[str, str]]:
    parameters = field.db_parameters(connection)
    if parameters["type"] is None:
        return
    yield "type", re.split(r"[(\[]", parameters["type"].lower())[0].strip()
    if parameters.get("collation"):
        yield "collation", parameters["collation"]
    with suppress(django.db.Error, ImproperlyConfigured):
        if getattr(field, "generated", False):
            yield from _of_sql(field.generated_sql(connection)[0])
        # Since Django 5.0.
        elif getattr(field, "db_default", models.NOT_PROVIDED) is not models.NOT_PROVIDED:
            yield from _of_sql(connection.schema_editor().db_default_sql(field)[0])


def _of_sql(sql: str) -> Iterator[tuple[str, str]]:
    # Single quotes enclose values. Names have double quotes.
    sql = _QUOTED.sub("''", sql)
    yield from (("collation", name) for name in _COLLATE.findall(sql))
    yield from (("function", name.lower()) for name in _FUNCTION.findall(sql.lower()))
    yield from (("type", name) for name in EXTENSIONS if name.endswith("_ops") and name in sql)


def _need(kind: str, name: str, registered: Collection[str], place: Mapping[str, Any]) -> Iterator[Need]:
    folded = name.lower()
    known = {"collation": SQLITE_COLLATIONS, "function": SQLITE_FUNCTIONS, "type": SQLITE_TYPES}[kind]
    is_sqlite = folded in known or (kind != "type" and folded in registered)
    if kind == "type" and folded in EXTENSIONS:
        yield Need(kind="extension", name=EXTENSIONS[folded], **place)
    elif is_sqlite or (kind == "collation" and folded not in _COLLATIONS):
        yield Need(kind=kind, name=name, is_sqlite=is_sqlite, **place)


#: server_version_num of one major version.
_MAJOR = 10000


def failing_on_sqlite(choice: SourceChoice) -> list[CheckMessage]:
    """Return the checks that already fail on SQLite, which the move does not change."""
    with override_alias(choice.alias, sqlite_entry(choice, Path(":memory:"))):
        return _failing(choice.alias)


def checked(choice: SourceChoice, known: list[CheckMessage]) -> tuple[SystemCheck, ...]:
    """Return the checks that newly fail on the server that the source's alias means now."""
    return tuple(_check(message) for message in _failing(choice.alias) if message not in known)


def asked_of_tables(choice: SourceChoice) -> tuple[SystemCheck, ...]:
    """Return the failing checks that read the database, once its tables are made."""
    return tuple(_check(message) for message in _messages(Tags.database, choice.alias) if _stops(message))


@contextmanager
def explained_by(checks: tuple[SystemCheck, ...]) -> Iterator[None]:
    """Add failed system checks to the error where a table cannot be made."""
    try:
        yield
    except StagingError as error:
        reasons = (
            _(
                "Django's system check {id}, {object}: {message}",
                id=check.id,
                object=check.object,
                message=check.message,
            )
            for check in checks
        )
        error.detail = (*error.detail, *reasons)
        raise


def checked_offline(choice: SourceChoice, known: list[CheckMessage]) -> tuple[SystemCheck, ...]:
    """Return checks that fail on the newest PostgreSQL, and on the oldest that Django supports, without a server."""
    newest = _failing_on(choice, NEWEST)
    with override_alias(choice.alias, NOWHERE) as connection:
        (oldest,) = connection.features.minimum_database_version or (NEWEST // _MAJOR,)
    older = _failing_on(choice, oldest * _MAJOR)
    found = [replace(_check(message), assumed=NEWEST // _MAJOR) for message in newest if message not in known]
    late = [
        replace(_check(message), assumed=NEWEST // _MAJOR, until=oldest)
        for message in older
        if message not in known and message not in newest
    ]
    return (*found, *late)


def _failing_on(choice: SourceChoice, version: int) -> list[CheckMessage]:
    with override_alias(choice.alias, NOWHERE) as connection:
        connection.__dict__["pg_version"] = version
        return _failing(choice.alias)


def _failing(alias: str) -> list[CheckMessage]:
    return [message for message in _messages(Tags.models, alias) if _stops(message)]


def _messages(tag: str, alias: str) -> Iterator[Any]:
    """Run the checks. A check of the project that cannot query this database yields nothing."""
    try:
        yield from run_checks(tags=[tag], databases=[alias])
    except django.db.Error:
        connections[alias].close()


def _stops(message: CheckMessage) -> bool:
    return message.is_serious(ERROR) and not message.is_silenced()


def _check(message: CheckMessage) -> SystemCheck:
    subject: Any = message.obj
    column = str(getattr(subject, "column", None) or "") if isinstance(subject, models.Field) else ""
    model = subject.model if column else subject
    is_model = isinstance(model, type) and issubclass(model, models.Model)
    label = str(subject) if isinstance(subject, models.Field) or not is_model else model._meta.label
    return SystemCheck(
        id=str(message.id),
        object=label,
        message=str(message.msg),
        hint=str(message.hint or ""),
        table=called(model._meta.db_table, backend("postgresql")) if is_model else "",
        column=column,
    )
