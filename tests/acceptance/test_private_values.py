"""Password hashes, sessions and tokens in a real project: every command, and everything that it prints or writes."""

import re
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import psycopg
import pytest

from tests.conftest import MakeSource, Query, run_python, scalar
from tests.tiers import first_in_ci

NEEDLE = "hunter2"
#: Faults in columns that hold secrets: too long, NUL within, of another type, a key that is a secret itself.
PLANTED = (
    "INSERT INTO auth_user (id, password, last_login, is_superuser, username, last_name, email, is_staff, is_active,"
    " date_joined, first_name) VALUES"
    f" (901, 'pbkdf2${NEEDLE}$' || hex(randomblob(100)), NULL, 0, 'long', '', '', 0, 1, '2024-01-01', ''),"
    f" (902, 'pbkdf2${NEEDLE}' || char(0), NULL, 0, 'nul', '', '', 0, 1, '2024-01-01', ''),"
    f" (903, 'pbkdf2${NEEDLE}', 'no date', 0, 'date', '', '', 0, 1, '2024-01-01', '')",
    f"INSERT INTO django_session VALUES ('{NEEDLE}key', '{NEEDLE}data' || char(0), '2024-01-01'),"
    f" ('{NEEDLE}other', '{NEEDLE}data', 'no date')",
)
HEALTHY = (
    "INSERT INTO auth_user (id, password, last_login, is_superuser, username, last_name, email, is_staff, is_active,"
    " date_joined, first_name) VALUES"
    f" (901, 'pbkdf2${NEEDLE}', NULL, 0, 'one', '', '', 0, 1, '2024-01-01', '')",
    f"INSERT INTO django_session VALUES ('{NEEDLE}key', '{NEEDLE}data', '2024-01-01')",
)
ALL = ("--fix", "all,text-too-long,nul-in-text,malformed-timestamp", "--quarantine", "all")


@pytest.fixture
def run(make_source: MakeSource, sqlite: Query, tmp_path: Path) -> Callable[..., str]:
    """Run a command; nothing that it prints or writes, but databases, holds the secret."""
    source = shutil.copy(make_source("none"), tmp_path / "source.sqlite3")
    runs = iter(range(100))

    def run(*arguments: str, plant: Sequence[str] = (), status: int = 0) -> str:
        for statement in plant:
            sqlite(source, statement)
        folder = tmp_path / str(next(runs))
        folder.mkdir()
        words = [
            {"{source}": source, "{report}": folder / "report", "{new}": folder / "new.sqlite3"}.get(word, word)
            for word in arguments
        ]
        result = run_python("manage.py", *words)
        assert result.returncode == status, result.stdout + result.stderr
        assert "Traceback" not in result.stderr
        places = {"stdout": result.stdout, "stderr": result.stderr}
        for path in folder.rglob("*"):
            if path.is_file() and not path.read_bytes().startswith(b"SQLite format 3"):
                places[str(path)] = path.read_bytes().decode("latin-1")
        for place, text in places.items():
            found = re.search(rf".{{0,200}}{NEEDLE}.{{0,40}}", text)
            assert found is None, (place, found)
        return result.stdout + result.stderr

    return run


MOVE = ("migrate_to_pg", "--source", "{source}", "--report", "{report}")


def test_a_check_names_rows_and_columns_without_the_secret(run: Callable[..., str]) -> None:
    told = run(*MOVE, "--check", plant=PLANTED, status=1)
    assert "auth_user.password" in told
    assert "id = 901: ***" in told
    assert "django_session.session_data" in told
    # The session's own key would open it: its row is named by number.
    assert re.search(r"rowid = \d+: text \*\*\*", told)


@pytest.mark.parametrize("output", [("--json",), pytest.param((), marks=pytest.mark.full)])
def test_a_move_with_repairs_and_quarantine_shows_no_secret_and_keeps_it(
    run: Callable[..., str], postgres_url: str, output: tuple[str, ...]
) -> None:
    run(*MOVE, "--target", postgres_url, "--verify", "orm", *ALL, *output, plant=PLANTED)
    with psycopg.connect(postgres_url) as connection:
        kept = scalar(connection.execute("SELECT count(*) FROM auth_user WHERE password LIKE 'pbkdf2$hunter2%'"))
        query = (
            "SELECT count(*) FROM migrate_to_pg.quarantine WHERE table_name = 'django_session' AND row::text LIKE %s"
        )
        aside = scalar(connection.execute(query, [f"%{NEEDLE}other%"]))
    assert (kept, aside) == (2, 1)


@pytest.mark.parametrize("verify", first_in_ci("orm", "cells"))
def test_differences_in_secret_columns_are_told_without_the_values(
    run: Callable[..., str], postgres_url: str, verify: str
) -> None:
    # A view that no migration makes is carried with its rows.
    view = "CREATE VIEW people AS SELECT id, password AS t, password || '' AS p FROM auth_user"
    run(*MOVE, "--target", postgres_url, plant=(*HEALTHY, view))
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("UPDATE auth_user SET password = password || 'x' WHERE id = 901")
        connection.execute("DELETE FROM django_session")
        connection.execute("INSERT INTO django_session VALUES (%s, %s, now())", [f"{NEEDLE}new", f"{NEEDLE}new"])
        connection.execute("UPDATE sqlite_leftovers.people SET t = t || 'x', p = p || 'x' WHERE id = 901")
        connection.execute("INSERT INTO sqlite_leftovers.people VALUES (999, %s, %s)", [f"{NEEDLE}new", f"{NEEDLE}new"])
    told = run(*MOVE, "--target", postgres_url, "--verify-only", "--verify", verify, status=3)
    assert "sqlite_leftovers.people" in told
    assert "password" in told
    assert "'***'" in told
    assert "session_key = ***" in told


def test_the_doctor_and_its_repair_show_no_secret(run: Callable[..., str]) -> None:
    told = run("sqlite_doctor", "{source}", plant=PLANTED, status=1)
    assert "auth_user.password" in told
    new = ("--rebuild", "{new}", "--fix", "text-too-long,nul-in-text", "--report", "{report}")
    run("sqlite_doctor", "{source}", *new, status=1)
    run("sqlite_doctor", "{source}", "--json", status=1)


def test_a_unique_index_that_does_not_hold_is_told_without_the_key(
    run: Callable[..., str], sqlite: Query, tmp_path: Path, postgres_url: str
) -> None:
    source = tmp_path / "source.sqlite3"
    twice = f"INSERT INTO django_session VALUES ('{NEEDLE}key', '{NEEDLE}data', '2024-01-01')"
    run(
        *MOVE,
        "--target",
        postgres_url,
        plant=(
            "CREATE TABLE s AS SELECT * FROM django_session",
            "DROP TABLE django_session",
            "ALTER TABLE s RENAME TO django_session",
            twice,
            twice,
        ),
        status=1,
    )
    assert sqlite(source, f"SELECT count(*) FROM django_session WHERE session_key = '{NEEDLE}key'") == [(2,)]
