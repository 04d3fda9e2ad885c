"""Run Django's system checks on PostgreSQL, and compare them with those on SQLite.

Every command that checks its database, such as ``migrate``, stops where a check finds an error.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import django.db
from django.core.checks import ERROR, CheckMessage, Tags, run_checks
from django.db import connections, models

from migrate_to_pg.errors import StagingError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.alias_override import NOWHERE, override_alias
from migrate_to_pg.project.databases import SourceChoice
from migrate_to_pg.project.identifiers import backend, called
from migrate_to_pg.project.schema_recorder import NEWEST
from migrate_to_pg.project.sqlite_connection import sqlite_entry
from migrate_to_pg.records import SystemCheck

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
