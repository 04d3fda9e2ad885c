"""Targets that do not let us work: one clear line each, with a remedy and without a password."""

import socket
import sys
from contextlib import closing
from types import ModuleType

import pytest
from django.db.utils import ConnectionHandler
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from migrate_to_pg import target
from migrate_to_pg.endpoints import choose_target
from migrate_to_pg.errors import MigrateToPgError, UsageError

PASSWORD = "hunter2%40"


def refused(conninfo):
    with pytest.raises(MigrateToPgError) as error:
        target.connect(conninfo, schema="public").close()
    told = "\n".join([str(error.value), *error.value.detail, error.value.remedy])
    assert "hunter2" not in told
    assert error.value.remedy
    assert error.value.exit_status in (1, 2)
    return told


@pytest.fixture
def role(postgres_url, execute):
    """A login role that may do nothing yet, and its URL."""
    name = "worker"
    execute(postgres_url, f"DROP ROLE IF EXISTS {name}")
    execute(postgres_url, f"CREATE ROLE {name} LOGIN PASSWORD 'hunter2@'")
    yield postgres_url.replace("postgres://postgres@", f"postgres://{name}:{PASSWORD}@")
    execute(postgres_url, f"DROP OWNED BY {name} CASCADE; DROP ROLE {name}")


def test_a_server_that_is_gone_without_a_word_is_noticed():
    """As far as it can be tried here: every way to it asks for keepalives, unless the URL says otherwise."""
    choice = choose_target("postgres://u@h/d?keepalives_count=3&tcp_user_timeout=9000")
    expected = {"connect_timeout": 10, "keepalives_idle": 30, "keepalives_interval": 10,
                "keepalives_count": 3, "tcp_user_timeout": 9000}  # fmt: skip
    for options in (
        conninfo_to_dict(choice.conninfo),
        choice.staging(server_version=180000)["OPTIONS"],
        choice.published("public", server_version=180000)["OPTIONS"],
    ):
        assert {name: int(options[name]) for name in expected} == expected


def test_a_role_that_may_not_create_is_told_what_to_grant(postgres_url, role, execute):
    name = postgres_url.rsplit("/", 1)[1]
    told = refused(choose_target(role).conninfo)
    assert f'GRANT CREATE ON DATABASE "{name}" TO "worker";' in told
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker")
    told = refused(choose_target(role).conninfo)
    assert 'GRANT CREATE ON SCHEMA "public" TO "worker";' in told
    execute(
        postgres_url,
        "GRANT CREATE ON SCHEMA public TO worker; ALTER ROLE worker SET default_transaction_read_only = on",
    )
    told = refused(choose_target(role).conninfo)
    assert 'ALTER ROLE "worker" RESET default_transaction_read_only;' in told
    execute(postgres_url, "ALTER ROLE worker RESET ALL")
    execute(postgres_url, f"ALTER ROLE worker IN DATABASE {name} SET default_transaction_read_only = on")
    told = refused(choose_target(role).conninfo)
    assert f'ALTER ROLE "worker" IN DATABASE "{name}" RESET default_transaction_read_only;' in told
    execute(postgres_url, f"ALTER ROLE worker IN DATABASE {name} RESET ALL; DROP SCHEMA public")
    assert "There is no schema public" in refused(choose_target(role).conninfo)


def test_a_password_that_ends_the_address_early_is_not_told():
    """postgres://app:ab@hunter2/x@localhost:5432/a, as the settings of a project may read it."""
    told = refused(make_conninfo(host="hunter2.invalid", user="app", password="ab", dbname="x@localhost:5432/a"))
    assert "%40 for @" in told


def test_an_option_that_libpq_does_not_know_is_named(postgres_url):
    with pytest.raises(UsageError, match="does not know: foo"):
        _ = choose_target(f"{postgres_url}?foo=bar").conninfo


def test_how_a_database_writes_values_changes_nothing(postgres_url, execute, django_db_blocker):
    name = postgres_url.rsplit("/", 1)[1]
    ours = {"intervalstyle": "sql_standard", "datestyle": "SQL, DMY", "extra_float_digits": "0"}
    for setting, value in ours.items():
        execute(postgres_url, f"ALTER DATABASE {name} SET {setting} = {value!r}")
    choice = choose_target(postgres_url)
    with target.connect(choice.conninfo, schema="public") as connection:
        shown = [connection.execute(f"SHOW {setting}").fetchone()[0] for setting in ours]
    assert shown == ["postgres", "ISO, MDY", "1"]
    entry = choice.published("public", server_version=180000)
    with (
        django_db_blocker.unblock(),
        closing(ConnectionHandler({"default": entry})["default"]) as django,
        django.cursor() as cursor,
    ):
        for setting, expected in zip(ours, shown, strict=True):
            cursor.execute(f"SHOW {setting}")
            assert cursor.fetchone() == (expected,)


def test_places_where_no_postgresql_answers(postgres_url, monkeypatch):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        nobody = silent.getsockname()[1]
        told = refused(choose_target(f"postgres://u:{PASSWORD}@127.0.0.1:{nobody}/d").conninfo)
        assert f"127.0.0.1:{nobody} cannot be reached as user u" in told
    assert "no-such-host.invalid" in refused(choose_target(f"postgres://u:{PASSWORD}@no-such-host.invalid/d").conninfo)
    missing = postgres_url.rsplit("/", 1)[0] + "/no_such_database"
    assert "createdb no_such_database" in refused(choose_target(missing).conninfo)
    monkeypatch.setattr(target, "OLDEST_VERSION", 99)
    assert "99 or later is needed" in refused(choose_target(postgres_url).conninfo)


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_an_encoding_that_cannot_hold_every_text(postgres_url, execute, encoding):
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
def test_a_url_that_cannot_be_meant_is_refused_without_its_password(url):
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
def test_entries_of_databases_with_options_work(source, postgres_url, execute, move, settings, entry):
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


def test_a_role_with_settings_for_web_requests_works(source, postgres_url, role, execute, move):
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker; GRANT CREATE ON SCHEMA public TO worker")
    settings = ("search_path = nowhere", "statement_timeout = '40ms'", "lock_timeout = '5s'", "row_security = off")
    for setting in (
        *settings,
        "idle_in_transaction_session_timeout = '40ms'",
        "default_transaction_isolation = serializable",
    ):
        execute(postgres_url, f"ALTER ROLE worker SET {setting}")
    execute(
        postgres_url,
        "ALTER ROLE worker SET standard_conforming_strings = off; ALTER ROLE worker SET timezone = 'Asia/Tokyo'",
    )
    report = move(source, role)
    assert report.ok, report.failure


def test_tables_of_another_role_are_refused_and_named(source, postgres_url, role, execute, move):
    name = postgres_url.rsplit("/", 1)[1]
    execute(postgres_url, f"GRANT CREATE ON DATABASE {name} TO worker; GRANT CREATE ON SCHEMA public TO worker")
    execute(postgres_url, "CREATE TABLE courses_course (id int); GRANT SELECT ON courses_course TO worker")
    report = move(source, role)
    assert report.failure.exit_status == 1
    assert "Not all that would be replaced belongs to this role" in report.failure.message
    assert "courses_course" in " ".join(report.failure.detail)


def test_a_backend_built_on_postgresql_counts_as_postgresql(settings, monkeypatch):
    for engine, vendor in (("wrapped_postgis", "postgresql"), ("wrapped_oracle", "oracle")):
        base = ModuleType(f"{engine}.base")
        base.DatabaseWrapper = type("DatabaseWrapper", (), {"vendor": vendor})
        monkeypatch.setitem(sys.modules, engine, ModuleType(engine))
        monkeypatch.setitem(sys.modules, f"{engine}.base", base)
        monkeypatch.setitem(settings.DATABASES, engine, {"ENGINE": engine, "NAME": "x"})
    assert choose_target("wrapped_postgis").database["NAME"] == "x"
    with pytest.raises(UsageError, match="wrapped_oracle, not PostgreSQL"):
        choose_target("wrapped_oracle")
