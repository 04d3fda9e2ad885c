"""Targets that do not let us work: one clear line each, with a remedy and without a password."""

import re
import socket
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import quote, unquote

import psycopg
import pytest
from django.db.backends.utils import CursorWrapper
from django.db.utils import ConnectionHandler
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from pytest_django import DjangoDbBlocker, Settings

from migrate_to_pg.errors import MigrateToPgError, UsageError
from migrate_to_pg.load import arrow_connection
from migrate_to_pg.pipeline import undo_and_purge
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.errors_of_connection import connection_error
from migrate_to_pg.postgres.session import SETTINGS, settings_for_others
from migrate_to_pg.project.target_database import choose_target
from migrate_to_pg.records import Options, Verify
from migrate_to_pg.verify.postgres_reader import Target
from tests.conftest import Query, scalar
from tests.integration.conftest import Move

PASSWORD = "hunter2%40"


def refused(conninfo: str) -> str:
    with pytest.raises(MigrateToPgError) as error:
        target.connect(conninfo, schema="public").close()
    told = "\n".join([str(error.value), *error.value.detail, error.value.remedy])
    assert "hunter2" not in told
    assert error.value.remedy
    assert error.value.exit_status in (1, 2)
    return told


@pytest.fixture
def role_url(postgres_url: str, execute: Query) -> Iterator[str]:
    """A login role that may do nothing yet, and its URL."""
    name = "worker"
    execute(postgres_url, f"DROP ROLE IF EXISTS {name}")
    execute(postgres_url, f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2@'")
    yield postgres_url.replace("postgres://postgres@", f"postgres://{name}:{PASSWORD}@")
    execute(postgres_url, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_a_server_that_is_gone_without_a_word_is_noticed() -> None:
    """As far as it can be tried here: every way to it asks for keepalives, unless the URL says otherwise."""
    choice = choose_target("postgres://u@h/d?keepalives_count=3&tcp_user_timeout=9000")
    expected = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10,
                "keepalives_count": 3, "tcp_user_timeout": 9000}  # fmt: skip
    ways: list[Mapping[str, Any]]
    ways = [conninfo_to_dict(choice.conninfo), choice.staging()["OPTIONS"], choice.published("public")["OPTIONS"]]
    for options in ways:
        assert {name: int(options[name]) for name in expected} == expected


def test_a_role_that_may_not_create_is_told_what_to_grant(postgres_url: str, role_url: str, execute: Query) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    told = refused(choose_target(role_url).conninfo)
    assert f'GRANT CREATE ON DATABASE "{name}" TO "worker";' in told
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker")
    told = refused(choose_target(role_url).conninfo)
    assert 'GRANT CREATE ON SCHEMA "public" TO "worker";' in told
    execute(
        postgres_url,
        "GRANT CREATE ON SCHEMA public TO worker; ALTER ROLE worker SET default_transaction_read_only = on",
    )
    told = refused(choose_target(role_url).conninfo)
    assert 'ALTER ROLE "worker" RESET default_transaction_read_only;' in told
    execute(postgres_url, "ALTER ROLE worker RESET ALL")
    execute(postgres_url, f"ALTER ROLE worker IN DATABASE {name} SET default_transaction_read_only = on")
    told = refused(choose_target(role_url).conninfo)
    assert f'ALTER ROLE "worker" IN DATABASE "{name}" RESET default_transaction_read_only;' in told
    execute(postgres_url, f"ALTER ROLE worker IN DATABASE {name} RESET ALL; DROP SCHEMA public")
    assert "There is no schema public" in refused(choose_target(role_url).conninfo)


def test_a_password_that_ends_the_address_early_is_not_told() -> None:
    """postgres://app:ab@hunter2/x@localhost:5432/a, as the settings of a project may read it."""
    told = refused(make_conninfo(host="hunter2.invalid", user="app", password="ab", dbname="x@localhost:5432/a"))
    assert "%40 for @" in told


def test_an_option_that_libpq_does_not_know_is_named(postgres_url: str) -> None:
    with pytest.raises(UsageError, match="does not know: foo"):
        _ = choose_target(f"{postgres_url}?foo=bar").conninfo


@pytest.mark.parametrize(
    ("url", "named"),
    [
        ("postgres://u@a..b/db", "host 'a..b'"),
        ("postgres://u@127.0.0.1:1/db?sslmode=maybe", "take: sslmode."),
        ("postgres://u@127.0.0.1:1/db?connect_timeout=soon", "take: connect_timeout."),
        ("postgres://u@127.0.0.1:1/db?hostaddr=nowhere", "take: hostaddr."),
        ("postgres://u@127.0.0.1:1/db?service=none", "take: service."),
        # libpq's own parser would drop what is behind the NUL, and connect to another server.
        ("postgres://u%00@127.0.0.1:1/db", "take: user."),
        ("postgres://u:\udce9@127.0.0.1:1/db", "take: password."),
        # The parser of URLs would drop these without a word.
        ("postgres://u@127.0.0.1:0/db", "cannot be read"),
        ("postgres://u:]@[::1/db", "cannot be read"),
        ("postgres://u@[::1]x:5432/db", "cannot be read"),
        ("postgres://u@x[::1]/db", "cannot be read"),
        ("postgres://u@127.0.0.1:1/db?sslmode=", "cannot be read"),
        ("postgres://u@127.0.0.1:1/db?port=2", "cannot be read"),
        ("postgres://u@127.0.0.1:1/db?sslmode=require&sslmode=disable", "cannot be read"),
        ("postgres://u@127.0.0.1:1/db?cursor_factory=x", "cannot be read"),
    ],
)
def test_a_value_that_no_connection_takes_is_named_before_any_server_is_asked(url: str, named: str) -> None:
    with pytest.raises(UsageError, match=re.escape(named)):
        _ = choose_target(url).conninfo


@pytest.mark.parametrize("host", ["[::1]", "[fe80::1%25lo]"])
def test_an_address_of_ipv6_is_shown_as_it_can_be_typed(host: str) -> None:
    choice = choose_target(f"postgres://u@{host}:1/db")
    assert f"postgres://u@{host}:1/db" in repr(choice)
    assert conninfo_to_dict(choice.conninfo)["host"] == unquote(host.strip("[]"))
    told = refused(choice.conninfo)
    assert f"PostgreSQL at {unquote(host)}:1 cannot be reached" in told


def test_postgis_is_reached_as_postgresql_without_gdal(postgres_url: str) -> None:
    choice = choose_target(postgres_url.replace("postgres", "postgis", 1))
    with target.connect(choice.conninfo, schema="public") as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_password_of_three_hundred_characters_is_taken_whole(postgres_url: str, execute: Query) -> None:
    password = "p@/" * 100
    execute(postgres_url, f"CREATE ROLE long_password LOGIN PASSWORD '{password}'")
    try:
        url = postgres_url.replace("postgres@", f"long_password:{quote(password, safe='')}@", 1)
        choice = choose_target(url)
        assert conninfo_to_dict(choice.conninfo)["password"] == password
        target.connect_to_read(choice.conninfo).close()
    finally:
        execute(postgres_url, "DROP ROLE long_password")


def test_how_a_database_writes_values_changes_nothing(
    postgres_url: str, execute: Query, django_db_blocker: DjangoDbBlocker
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    ours = {"intervalstyle": "sql_standard", "datestyle": "SQL, DMY", "extra_float_digits": "0"}
    for setting, value in ours.items():
        execute(postgres_url, f"ALTER DATABASE {name} SET {setting} = {value!r}")
    choice = choose_target(postgres_url)
    with target.connect(choice.conninfo, schema="public") as connection:
        shown = [scalar(connection.execute(f"SHOW {setting}")) for setting in ours]
        entry = choice.published("public", session=settings_for_others(connection.cursor()))
    assert shown == ["postgres", "ISO, MDY", "1"]
    with (
        django_db_blocker.unblock(),
        closing(ConnectionHandler({"default": entry})["default"]) as django,
        django.cursor() as cursor,
    ):
        for setting, expected in zip(ours, shown, strict=True):
            cursor.execute(f"SHOW {setting}")
            assert cursor.fetchone() == (expected,)


def test_places_where_no_postgresql_answers(postgres_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = silent.getsockname()[1]
        told = refused(choose_target(f"postgres://u:{PASSWORD}@127.0.0.1:{nobody}/d").conninfo)
        assert f"127.0.0.1:{nobody} cannot be reached as user u" in told
    assert "no-such-host.invalid" in refused(choose_target(f"postgres://u:{PASSWORD}@no-such-host.invalid/d").conninfo)
    missing = postgres_url.rsplit("/", 1)[0] + "/no_such_database"
    assert "createdb no_such_database" in refused(choose_target(missing).conninfo)
    stranger = postgres_url.replace("postgres://postgres@", "postgres://no%20one@")
    assert "create this one: createuser 'no one'" in refused(choose_target(stranger).conninfo)
    monkeypatch.setattr(target, "OLDEST_VERSION", 99)
    assert "99 or later is needed" in refused(choose_target(postgres_url).conninfo)


def test_an_embedded_server_that_answers_is_not_to_be_started(tmp_path: Path) -> None:
    (tmp_path / "PG_VERSION").touch()
    for reason, told in (
        ('FATAL:  role "u" does not exist', "createuser u"),
        ("FATAL:  sorry, too many clients already", "Try again"),
        ("No such file or directory", "Start it"),
    ):
        error = connection_error(make_conninfo(host=str(tmp_path), user="u"), psycopg.OperationalError(reason))
        assert told in error.remedy
        assert ("Start it" in error.remedy) == (told == "Start it")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_an_encoding_that_cannot_hold_every_text(postgres_url: str, execute: Query, encoding: str) -> None:
    name = f"in_{encoding.lower()}"
    execute(postgres_url, f"DROP DATABASE IF EXISTS {name}")
    execute(postgres_url, f"CREATE DATABASE {name} ENCODING '{encoding}' TEMPLATE template0 LOCALE 'C'")
    told = refused(choose_target(postgres_url.rsplit("/", 1)[0] + f"/{name}").conninfo)
    assert f"The database's encoding is {encoding}" in told


@pytest.mark.parametrize(
    "url",
    [
        f"postgres://u:{PASSWORD}@host:port/d",
        f"postgres://u:{PASSWORD}#@[::1/d",
        f"mysql://u:{PASSWORD}@host/d",
        f"postgres://u:{PASSWORD}@host",
        f"postgres://u:{PASSWORD}@host/d?no_such_option=1",
        f"postgres://u:begun@{PASSWORD}/w@host/d",
    ],
)
def test_a_url_that_cannot_be_meant_is_refused_without_its_password(url: str) -> None:
    with pytest.raises(MigrateToPgError) as error:
        target.connect(choose_target(url).conninfo, schema="public").close()
    told = "\n".join([str(error.value), *error.value.detail, error.value.remedy])
    assert "hunter2" not in told
    assert error.value.remedy


@pytest.mark.parametrize(
    "entry",
    [
        {"OPTIONS": {"options": "-c search_path=nowhere", "pool": {"min_size": 1}}, "CONN_HEALTH_CHECKS": True},
        {"OPTIONS": {"assume_role": "manager"}, "CONN_MAX_AGE": 600, "ATOMIC_REQUESTS": True},
    ],
    ids=lambda entry: "+".join(str(key) for key in (entry.get("OPTIONS") or entry)),
)
def test_entries_of_databases_with_options_work(
    source: Path, postgres_url: str, execute: Query, move: Move, settings: Settings, entry: dict[str, Any]
) -> None:
    execute(postgres_url, "DO $$ BEGIN CREATE ROLE manager; EXCEPTION WHEN duplicate_object THEN NULL; END $$")
    execute(postgres_url, f"GRANT CREATE ON DATABASE {postgres_url.rsplit('/', 1)[1]} TO manager")
    execute(postgres_url, "GRANT CREATE ON SCHEMA public TO manager")
    settings.DATABASES["new"] = dict(choose_target(postgres_url).database) | entry
    try:
        report = move(source, "new")
    finally:
        del settings.DATABASES["new"]
    assert report.ok, report.failure
    owner = execute(
        postgres_url, "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = 'courses_course'::regclass"
    )
    assert owner == [("manager" if "assume_role" in entry.get("OPTIONS", {}) else "postgres",)]


#: What a role may have set, to its worst.
WORST = {
    "statement_timeout": "40ms",
    "transaction_timeout": "40ms",
    "idle_in_transaction_session_timeout": "40ms",
    "idle_session_timeout": "400ms",
    "lock_timeout": "1ms",
    "jit": "on",
    "client_encoding": "LATIN1",
    "timezone": "Asia/Tokyo",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "extra_float_digits": "-15",
    "bytea_output": "escape",
    "xmlbinary": "hex",
    "xmloption": "document",
    "array_nulls": "off",
    "standard_conforming_strings": "off",
    "backslash_quote": "off",
    "transform_null_equals": "on",
    "quote_all_identifiers": "on",
    "row_security": "off",
    "default_transaction_isolation": "serializable",
    "default_transaction_deferrable": "on",
    "session_replication_role": "replica",
    "track_counts": "off",
    "exit_on_error": "on",
    "restrict_nonsystem_relation_kind": "view",
}
#: What is left to an administrator, and must not stand in the way either.
HEEDED = {
    "search_path": "nowhere",
    "default_table_access_method": "heap",
    "default_toast_compression": "pglz",
    "default_statistics_target": "1",
    "default_text_search_config": "simple",
    "check_function_bodies": "off",
    "jit_above_cost": "0",
    "enable_seqscan": "off",
    "client_min_messages": "debug1",
    "work_mem": "64kB",
    "synchronous_commit": "off",
}


def of_this_server(url: str, execute: Query, settings: dict[str, str]) -> dict[str, str]:
    known = {name.lower() for (name,) in execute(url, "SELECT name FROM pg_settings")}
    return {name: value for name, value in settings.items() if name in known}


def test_every_setting_that_a_run_resets_is_tried_at_its_worst() -> None:
    assert WORST.keys() == SETTINGS.keys()


@pytest.fixture
def superuser_urls(each_postgres_url: str, execute: Query) -> Iterator[tuple[str, str]]:
    """A role that may do all, with every setting at its worst; the URL of a database as this role, and as postgres."""
    name = "set_at_worst"
    execute(each_postgres_url, f"DROP ROLE IF EXISTS {name}; CREATE ROLE {name} LOGIN SUPERUSER")
    for setting, value in of_this_server(each_postgres_url, execute, WORST | HEEDED).items():
        execute(each_postgres_url, f"ALTER ROLE {name} SET {setting} = '{value}'")
    yield each_postgres_url.replace("postgres://postgres@", f"postgres://{name}@"), each_postgres_url
    execute(each_postgres_url, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_what_a_role_has_set_changes_nothing_on_any_of_our_connections(
    superuser_urls: tuple[str, str], execute: Query, django_db_blocker: DjangoDbBlocker
) -> None:
    url, admin = superuser_urls
    choice = choose_target(url)
    wanted = of_this_server(admin, execute, {name: value for name, (value, _) in SETTINGS.items()})

    def shown(cursor: psycopg.Cursor | CursorWrapper) -> dict[str, str]:
        cursor.execute("SELECT lower(name), setting FROM pg_settings")
        return {name: setting for name, setting in cursor.fetchall() if name in wanted}

    with target.connect(choice.conninfo, schema="public") as connection:
        assert shown(connection.cursor()) == wanted
        entry = choice.staging(session=settings_for_others(connection.cursor()))
    with closing(target.connect_to_read(choice.conninfo)) as connection:
        assert shown(connection.cursor()) == wanted
    with arrow_connection.connect(choice.conninfo) as connection, connection.cursor() as cursor:
        assert shown(cursor) == wanted
    with Target(choice.conninfo, "public") as verification, verification._connection.cursor() as cursor:
        assert shown(cursor) == wanted
    with (
        django_db_blocker.unblock(),
        closing(ConnectionHandler({"default": entry})["default"]) as django,
        django.cursor() as cursor,
    ):
        assert shown(cursor) == wanted


def test_a_role_with_every_setting_at_its_worst_moves_undoes_and_cleans_up(
    source: Path, superuser_urls: tuple[str, str], move: Move, tmp_path: Path
) -> None:
    url, _ = superuser_urls
    runs: list[dict[str, Any]] = [{"mode": "rehearse"}, {"verify": Verify.ORM}, {"replace": True}]
    for given in runs:
        report = move(source, url, **given)
        assert report.ok, report.failure
    options = Options(source=str(source), target=url, report=tmp_path)
    assert undo_and_purge.undo(options).ok
    doomed = undo_and_purge.list_purgeable(options)
    assert doomed.schemas
    undo_and_purge.purge(options, doomed)
    assert not undo_and_purge.list_purgeable(options).schemas


def test_a_role_that_is_no_superuser_moves_with_its_settings_too(
    source: Path, postgres_url: str, role_url: str, execute: Query, move: Move
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker; GRANT CREATE ON SCHEMA public TO worker")
    for setting, value in (WORST | HEEDED).items():
        if setting not in ("session_replication_role", "track_counts"):
            execute(postgres_url, f"ALTER ROLE worker SET {setting} = '{value}'")
    report = move(source, role_url, verify=Verify.ORM)
    assert report.ok, report.failure
    execute(postgres_url, "ALTER ROLE worker SET session_replication_role = replica")
    report = move(source, role_url)
    assert report.failure
    assert "session_replication_role" in report.failure.message
    assert 'run: ALTER ROLE "worker" RESET session_replication_role;' in report.failure.remedy


def test_tables_of_another_role_are_refused_and_named(
    source: Path, postgres_url: str, role_url: str, execute: Query, move: Move
) -> None:
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker; GRANT CREATE ON SCHEMA public TO worker")
    execute(postgres_url, "CREATE TABLE courses_course (id int); GRANT SELECT ON courses_course TO worker")
    report = move(source, role_url)
    assert report.failure
    assert report.failure.exit_status == 1
    assert "Not all that would be replaced belongs to this role" in report.failure.message
    assert "courses_course" in " ".join(report.failure.detail)


def test_a_backend_built_on_postgresql_counts_as_postgresql(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for engine, vendor in (("wrapped_postgis", "postgresql"), ("wrapped_oracle", "oracle")):
        base = ModuleType(f"{engine}.base")
        vars(base)["DatabaseWrapper"] = type("DatabaseWrapper", (), {"vendor": vendor})
        monkeypatch.setitem(sys.modules, engine, ModuleType(engine))
        monkeypatch.setitem(sys.modules, f"{engine}.base", base)
        monkeypatch.setitem(settings.DATABASES, engine, {"ENGINE": engine, "NAME": "x"})
    assert choose_target("wrapped_postgis").database["NAME"] == "x"
    with pytest.raises(UsageError, match="wrapped_oracle, not PostgreSQL"):
        choose_target("wrapped_oracle")
