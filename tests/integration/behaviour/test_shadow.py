"""The hook itself: it comes off without a trace, and whatever the copy does, the answers stay what they were."""

from __future__ import annotations

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.db.backends.signals import connection_created
from django.db.models.sql.compiler import SQLCompiler, SQLInsertCompiler
from django.utils.connection import ConnectionProxy

from migrate_to_pg.behaviour.queries.hook import Hook
from migrate_to_pg.behaviour.queries.judge import Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook, Notes, read
from migrate_to_pg.behaviour.queries.shadow import Shadow
from tests.conftest import ROOT, MakeSource

pytestmark = pytest.mark.django_db
Install = Callable[..., Hook]


@pytest.fixture
def install(make_source: MakeSource, tmp_path: Path) -> Iterator[Install]:
    """Hook this process: install(url) -> hook, taken off in the end."""
    installed = []

    def install(url: str, source: Path | None = None) -> Hook:
        judge = Judge(source or make_source(), url, "default", Notebook(tmp_path / "notes.jsonl"))
        hook = Hook(Shadow(judge, waits=True), "default", ROOT)
        hook.install()
        installed.append(hook)
        return hook

    yield install
    for hook in installed:
        if SQLCompiler.execute_sql is not hook._former[SQLCompiler]:
            hook.uninstall()


def seen(hook: Hook) -> Notes:
    hook.uninstall()
    return read(hook.shadow.judge.notebook.path)


def test_an_uninstalled_hook_leaves_nothing_behind(install: Install, postgres_url: str) -> None:
    def state() -> tuple[Any, ...]:
        cursor = connection.cursor().cursor
        return (
            SQLCompiler.execute_sql,
            SQLInsertCompiler.execute_sql,
            type(cursor).lastrowid,
            ConnectionProxy.__getattr__,
            [*connection.execute_wrappers],
        )

    before = state()
    hook = install(postgres_url)
    assert all(one != other for one, other in zip(before, state(), strict=True))
    hook.uninstall()
    assert state() == before


def test_a_query_is_counted_once_and_logged_once(
    install: Install, postgres_url: str, django_assert_num_queries: Any, settings: Any
) -> None:
    settings.DEBUG = True
    install(postgres_url)
    with django_assert_num_queries(1) as queries:
        Permission.objects.count()
    assert len(queries) == 1


def test_a_copy_without_the_tables_is_an_error_that_the_caller_does_not_see(
    install: Install, postgres_url: str
) -> None:
    hook = install(postgres_url)
    assert Permission.objects.count() > 0
    [found] = seen(hook)
    assert (found.rule, found.effect, found.sqlstate) == ("unknown-table", "error", "42P01")
    assert found.place.file == "tests/integration/behaviour/test_shadow.py"


def test_a_receiver_that_fails_with_postgresql_stops_nothing(install: Install, postgres_url: str) -> None:
    def receive(connection: Any, **_others: Any) -> None:
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA synchronous = 1")

    connection_created.connect(receive)
    try:
        hook = install(postgres_url)
        assert Permission.objects.count() > 0
        assert [one.rule for one in seen(hook)] == ["unknown-table"]
    finally:
        connection_created.disconnect(receive)


def test_a_server_that_cannot_be_reached_switches_the_comparison_off_once(install: Install) -> None:
    hook = install("postgres://nobody@127.0.0.1:1/nothing")
    assert Permission.objects.count() == Permission.objects.all().count()
    notes = seen(hook)
    assert (notes.occurrences, len(notes.notes)) == ([], 1)
    assert notes.notes[0].startswith("Queries were compared up to a failure of the copy only.")


def test_a_server_that_never_answers_costs_two_seconds_once(install: Install) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        hook = install(f"postgres://nobody@127.0.0.1:{silent.getsockname()[1]}/nothing")
        began = time.monotonic()
        assert Permission.objects.count() > 0
        assert Permission.objects.filter(codename__contains="add").count() > 0
        assert time.monotonic() - began < 4
    assert seen(hook).occurrences == []


def test_a_lost_connection_switches_the_comparison_off(install: Install, postgres_url: str) -> None:
    hook = install(postgres_url)
    number = Permission.objects.count()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        other.execute(f"{others} AND pid <> pg_backend_pid()")
    assert Permission.objects.filter(pk__gt=0).count() == number
    assert Permission.objects.filter(pk__gt=-1).count() == number
    assert not hook.shadow.is_on
    assert len(seen(hook).notes) == 1


def test_a_server_that_hangs_is_waited_for_two_seconds_and_given_up(install: Install, postgres_url: str) -> None:
    hook = install(postgres_url)
    Permission.objects.count()
    with psycopg.connect(postgres_url, autocommit=True) as other:
        query = "SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
        pids = [row[0] for row in other.execute(query)]
        try:
            for pid in pids:
                os.kill(pid, signal.SIGSTOP)
            began = time.monotonic()
            assert Permission.objects.filter(pk__gt=0).count() > 0
            assert Permission.objects.filter(pk__gt=-1).count() > 0
            assert 1.5 < time.monotonic() - began < 3.5
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)
    assert seen(hook).counts["dropped"] == 1


def test_a_slow_statement_is_dropped_and_not_asked_again(install: Install, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE VIEW auth_permission AS SELECT 1 AS id, 'a' AS codename FROM pg_sleep(60)")
    hook = install(postgres_url)
    for number in range(3):
        assert Permission.objects.filter(pk__gt=number).order_by("pk").values_list("codename")
        time.sleep(0.2)
    notes = seen(hook)
    assert notes.occurrences == []
    assert notes.counts["slow"] == 3


def test_an_error_of_ours_is_noted_and_never_raised(
    install: Install, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_given: object) -> None:
        raise RuntimeError("a value of a row")

    hook = install(postgres_url)
    monkeypatch.setattr(Judge, "judge", fail)
    assert Permission.objects.count() > 0
    assert seen(hook).notes == ["A statement could not be compared. RuntimeError"]


def test_the_copy_cannot_be_written_to(install: Install, postgres_url: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as other:
        other.execute("CREATE TABLE auth_permission (id int); INSERT INTO auth_permission VALUES (-5)")
        hook = install(postgres_url)
        with connection.cursor() as cursor:
            cursor.execute("DELETE FROM auth_permission WHERE id = -5")
            cursor.execute("UPDATE auth_permission SET id = -6 WHERE id = -5")
        notes = seen(hook)
        assert notes.counts["planned"] == 2
        assert other.execute("SELECT id FROM auth_permission").fetchall() == [(-5,)]
