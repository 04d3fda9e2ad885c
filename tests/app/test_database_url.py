"""What DATABASE_URL becomes in DATABASES["default"]."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from attribution_project import environment
from tests.conftest import Run


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    def convert(url: str, **variables: str) -> dict[str, Any]:
        for name in ("DATABASE_POOL", "CONN_MAX_AGE"):
            monkeypatch.delenv(name, raising=False)
        monkeypatch.setenv("DATABASE_URL", url)
        for name, value in variables.items():
            monkeypatch.setenv(name, value)
        return environment.database(
            "DATABASE_URL", Path("/srv/app"), pool_name="DATABASE_POOL", max_age_name="CONN_MAX_AGE"
        )

    return convert


def test_nothing_means_sqlite_beside_manage_py(database: Callable[..., dict[str, Any]]) -> None:
    assert database("")["NAME"] == Path("/srv/app/db.sqlite3")


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///data/x.sqlite3", Path("/srv/app/data/x.sqlite3")),
        ("sqlite:////var/lib/x.sqlite3", Path("/var/lib/x.sqlite3")),
        ("sqlite:////srv/caf%C3%A9%20x.sqlite3", Path("/srv/café x.sqlite3")),
        ("sqlite://:memory:", ":memory:"),
    ],
)
def test_sqlite_paths_do_not_depend_on_where_the_command_starts(
    database: Callable[..., dict[str, Any]], url: str, name: Path | str
) -> None:
    assert database(url)["NAME"] == name


def test_sqlite_waits_reads_while_writing_and_keeps_foreign_keys(manage: Run, tmp_path: Path) -> None:
    code = """
from django.db import connection
names = "journal_mode", "synchronous", "foreign_keys", "busy_timeout"
print([connection.cursor().execute(f"PRAGMA {name}").fetchone()[0] for name in names])
print(connection.transaction_mode, connection.settings_dict["CONN_MAX_AGE"])
"""
    result = manage("shell", "--verbosity", "0", "-c", code, DATABASE_URL=f"sqlite:///{tmp_path}/x.sqlite3")
    assert result.stdout.splitlines() == ["['wal', 1, 1, 20000]", "IMMEDIATE 0"]


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://postgres@/app?host=/run/Sockets/PG",
        "postgresql://postgres@%2Frun%2FSockets%2FPG/app",
        "postgres://postgres:@/app?host=%2Frun%2FSockets%2FPG",
    ],
)
def test_a_socket_keeps_its_directory_with_its_capitals(database: Callable[..., dict[str, Any]], url: str) -> None:
    config = database(url)
    assert (config["HOST"], config["NAME"], config["USER"]) == ("/run/Sockets/PG", "app", "postgres")
    assert config["OPTIONS"] == {"connect_timeout": "5"}


def test_libpq_options_pass_through_as_text(database: Callable[..., dict[str, Any]]) -> None:
    config = database("postgres://u@h/app?sslmode=verify-full&sslrootcert=/ca.pem&connect_timeout=3&sslcompression=0")
    assert config["OPTIONS"] == {
        "sslmode": "verify-full",
        "sslrootcert": "/ca.pem",
        "connect_timeout": "3",
        "sslcompression": "0",
    }


def test_an_encoded_password_and_an_ipv6_host_arrive_whole(database: Callable[..., dict[str, Any]]) -> None:
    config = database("postgres://us%40er:p%2Fw%23%25@[::1]:5433/app")
    assert (config["USER"], config["PASSWORD"], config["HOST"], config["PORT"]) == ("us@er", "p/w#%", "::1", 5433)


def test_postgresql_connections_live_a_minute_and_are_checked(database: Callable[..., dict[str, Any]]) -> None:
    config = database("postgres://u@h/app")
    assert (config["CONN_MAX_AGE"], config["CONN_HEALTH_CHECKS"]) == (60, True)
    assert database("postgres://u@h/app", CONN_MAX_AGE="5")["CONN_MAX_AGE"] == 5


def test_a_pool_needs_no_persistent_connections(database: Callable[..., dict[str, Any]]) -> None:
    config = database("postgres://u@h/app", DATABASE_POOL="4")
    assert config["CONN_MAX_AGE"] == 0
    assert config["OPTIONS"]["pool"] == {"min_size": 1, "max_size": 4, "timeout": 10}


@pytest.mark.parametrize("variables", [{}, {"DATABASE_POOL": "2"}], ids=["plain", "pool"])
def test_the_application_reaches_postgresql_through_its_socket(
    manage: Run, postgres_url: str, variables: dict[str, str]
) -> None:
    code = "from django.db import connection as c; print(c.cursor().execute('SELECT 6 * 7').fetchone()[0])"
    result = manage("shell", "--verbosity", "0", "-c", code, DATABASE_URL=postgres_url, **variables)
    assert result.stdout.strip() == "42"
