"""The secrets of a deployment: made once, private, never a default, and never shown."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from deploy import make_env, make_secrets
from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import ROOT
from tests.deploy.conftest import Database

FILES = ("pgpass", "postgres_password", "secret_key", "userlist.txt")
HOSTILE = r"""pl4nted:"quoted" \back 'é$"""


@pytest.fixture
def volume(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("SECRET_KEY", "POSTGRES_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    return tmp_path


def make(volume: Path, *more: str) -> int:
    return make_secrets.main([str(volume), *more])


def content(volume: Path) -> dict[str, str]:
    return {path.name: path.read_text() for path in volume.iterdir()}


def test_they_are_made_once_random_and_private(volume: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert make(volume) == 0
    first = content(volume)
    assert sorted(first) == sorted(FILES)
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in volume.iterdir())
    assert len(first["secret_key"]) >= 50
    assert len(first["postgres_password"]) >= 50
    assert first["secret_key"] != first["postgres_password"]
    assert make(volume) == 0
    assert content(volume) == first
    told = capsys.readouterr().out
    assert told == "Secrets: SECRET_KEY, POSTGRES_PASSWORD made.\nSecrets: as they were.\n"


def test_what_env_says_goes_first_and_is_not_shown(
    volume: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SECRET_KEY", "pl4nted-key")
    monkeypatch.setenv("POSTGRES_PASSWORD", HOSTILE)
    assert make(volume) == 0
    assert (volume / "secret_key").read_text() == "pl4nted-key"
    assert (volume / "postgres_password").read_text() == HOSTILE
    assert "pl4nted" not in "".join(capsys.readouterr())


def test_another_password_than_the_databases_has_no_effect_before_rotation(
    volume: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    make(volume)
    before = content(volume)
    monkeypatch.setenv("POSTGRES_PASSWORD", "pl4nted")
    assert make(volume) == 0
    told = capsys.readouterr().err
    assert "make rotate" in told
    assert "pl4nted" not in told
    assert content(volume) == before
    assert make(volume, "--rotate") == 0
    assert (volume / "pgpass").read_text() == "*:*:*:attribution:pl4nted\n"
    assert (volume / "secret_key").read_text() != before["secret_key"]


def test_a_line_break_in_a_password_is_refused(volume: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POSTGRES_PASSWORD", "pl4nted\nsecond")
    with pytest.raises(SystemExit, match="line break"):
        make(volume)


def test_a_rotated_password_is_taken_by_postgresql_and_is_in_no_log(server: Database, programs: Path) -> None:
    """What `make rotate` does; and any character may be in a password."""
    role = {"PGDATABASE": "attribution", "POSTGRES_PASSWORD_FILE": f"{server.secrets}/postgres_password"}
    server.execute("postgres", "ALTER SYSTEM SET log_statement = 'all'")
    server.execute("postgres", "SELECT pg_reload_conf()")
    for given in (HOSTILE, ""):
        rotated = server.make_secrets(programs, "--rotate", **({"POSTGRES_PASSWORD": given} if given else {}))
        assert rotated.returncode == 0, rotated.stderr
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            server.connect("attribution")
        done = subprocess.run(
            ["sh", "-s"],
            input=(ROOT / "deploy/set_password.sh").read_text(),
            env=server.inside | role,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
        assert server.execute("attribution", "SELECT 1") == [(1,)]
    password = (server.secrets / "postgres_password").read_text()
    log = (server.folder / "data" / "log").read_text(errors="replace")
    assert "SET LOCAL log_statement" in log
    assert "pl4nted" not in log
    assert password not in log
    assert quote(password) not in log


def test_the_role_of_the_application_owns_its_database_and_nothing_more(server: Database) -> None:
    roles = "SELECT rolname, rolsuper, rolcreatedb, rolcreaterole, rolreplication FROM pg_roles WHERE rolcanlogin"
    assert sorted(server.execute("postgres", roles)) == [
        ("attribution", False, False, False, False),
        ("postgres", True, True, True, True),
    ]
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'attribution'"
    assert server.execute("attribution", owner) == [("attribution",)]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(
            server.url("postgres").replace("attribution", "postgres"),
            password=(server.secrets / "postgres_password").read_text(),
        )
    log = (server.folder / "data" / "log").read_text(errors="replace")
    assert (server.secrets / "postgres_password").read_text() not in log


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    (tmp_path / "deploy").mkdir()
    shutil.copy(ROOT / "deploy/make_env.py", tmp_path / "deploy")
    shutil.copy(ROOT / ".env.example", tmp_path)
    return tmp_path


def test_make_env_writes_secrets_of_its_own_and_keeps_what_is_there(checkout: Path) -> None:
    command = [sys.executable, "-S", f"{checkout}/deploy/make_env.py"]
    made = subprocess.run(command, capture_output=True, text=True, check=True)
    path = checkout / ".env"
    assert path.stat().st_mode & 0o777 == 0o600
    values = dict(re.findall(r"^([A-Z_]+)=(.*)$", path.read_text(), re.MULTILINE))
    assert len(values["SECRET_KEY"]) >= 50
    assert len(values["POSTGRES_PASSWORD"]) >= 50
    assert values["SECRET_KEY"] not in made.stdout
    before = file_sha256(path)
    assert "kept as it is" in subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert file_sha256(path) == before


def test_two_environments_have_nothing_in_common(checkout: Path) -> None:
    found = []
    for _ in range(2):
        make_env.main(checkout)
        found.append((checkout / ".env").read_text())
        (checkout / ".env").unlink()
    secrets = [set(re.findall(r"^(?:SECRET_KEY|POSTGRES_PASSWORD)=(.+)$", text, re.MULTILINE)) for text in found]
    assert len(secrets[0] | secrets[1]) == 4
