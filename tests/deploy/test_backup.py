"""Backup and restore: the scripts behind `make backup` and `make restore`, on a server without Docker."""

import shutil
import subprocess
import uuid
from pathlib import Path

import pytest

from tests.conftest import ROOT, Run
from tests.deploy.conftest import PG_BIN, Database


@pytest.fixture
def run_script(server: Database, tmp_path: Path) -> Run:
    """Run a script on a database as the container of PostgreSQL has it: as the superuser, by the socket."""

    def script(name: str, url: str, *arguments: str | Path, **more: str) -> subprocess.CompletedProcess[str]:
        environment = server.inside | {"PGDATABASE": url.rpartition("/")[2]}
        command = ["sh", str(ROOT / "deploy" / name), *map(str, arguments)]
        return subprocess.run(
            command,
            cwd=tmp_path,
            env=environment | more,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )

    return script


@pytest.fixture
def filled_url(server: Database) -> str:
    """A database with rows, a sequence in the middle of its life, and a foreign key."""
    url = server.fresh("TEMPLATE template0 ENCODING latin1 LOCALE 'C'")
    server.execute(
        url,
        "CREATE TABLE course (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, code text UNIQUE);"
        "CREATE TABLE part (course_id int REFERENCES course);"
        "INSERT INTO course (code) SELECT 'AGV' || n FROM generate_series(1, 1000) n;"
        "INSERT INTO part SELECT id FROM course;"
        "CREATE SCHEMA kept; CREATE TABLE kept.old AS SELECT 1 AS x",
    )
    return url


EVERYTHING = (
    "SELECT (SELECT md5(string_agg(id || code, ',' ORDER BY id)) FROM course), (SELECT count(*) FROM part),"
    " (SELECT last_value FROM course_id_seq), (SELECT count(*) FROM kept.old),"
    " (SELECT count(*) FROM pg_constraint WHERE connamespace = 'public'::regnamespace)"
)


@pytest.fixture
def backup(run_script: Run, filled_url: str, tmp_path: Path) -> Path:
    path = tmp_path / "backups" / "one.dump"
    done = run_script("backup.sh", filled_url, path)
    assert done.returncode == 0, done.stderr
    return path


def test_a_backup_is_private_and_restores_into_an_empty_database_as_it_was(
    run_script: Run, backup: Path, filled_url: str, server: Database, url: str
) -> None:
    assert backup.stat().st_mode & 0o777 == 0o600
    assert [path.name for path in backup.parent.iterdir()] == ["one.dump"]
    done = run_script("restore.sh", url, backup)
    assert done.returncode == 0, done.stderr
    assert server.execute(url, EVERYTHING) == server.execute(filled_url, EVERYTHING)


def test_a_database_that_holds_anything_is_refused_and_left_alone(
    run_script: Run, backup: Path, filled_url: str, server: Database
) -> None:
    server.execute(filled_url, "DELETE FROM part")
    done = run_script("restore.sh", filled_url, backup)
    assert done.returncode == 1
    assert "is not empty" in done.stderr
    assert "--replace" in done.stderr
    assert server.execute(filled_url, "SELECT count(*) FROM part") == [(0,)]


def test_replace_puts_the_backup_in_its_place_and_keeps_what_was_there(
    run_script: Run, backup: Path, filled_url: str, server: Database
) -> None:
    wanted = server.execute(filled_url, EVERYTHING)
    server.execute(filled_url, "DELETE FROM part; INSERT INTO course (code) VALUES ('later')")
    done = run_script("restore.sh", filled_url, "--replace", backup)
    assert done.returncode == 0, done.stderr
    assert server.execute(filled_url, EVERYTHING) == wanted
    kept_like = (
        "SELECT encoding, datcollate, datctype, pg_get_userbyid(datdba) FROM pg_database"
        " WHERE datname = current_database()"
    )
    kept = done.stderr.strip().rpartition(" ")[2].rstrip(".")
    assert (
        server.execute(kept, kept_like)
        == server.execute(filled_url, kept_like)
        != server.execute("postgres", kept_like)
    )
    assert server.execute(kept, "SELECT count(*) FROM course WHERE code = 'later'") == [(1,)]
    server.execute("postgres", f'DROP DATABASE "{kept}"')


@pytest.mark.full
def test_replace_of_a_database_in_use_changes_nothing_and_says_what_to_stop(
    run_script: Run, backup: Path, filled_url: str, server: Database
) -> None:
    databases = "SELECT datname FROM pg_database ORDER BY 1"
    before = server.execute("postgres", databases)
    with server.connect(filled_url):
        done = run_script("restore.sh", filled_url, "--replace", backup)
    assert done.returncode == 1
    assert "in use and unchanged: stop" in done.stderr
    assert server.execute("postgres", databases) == before


@pytest.mark.parametrize("replace", [[], ["--replace"]])
def test_a_backup_that_breaks_off_restores_nothing(
    run_script: Run, backup: Path, filled_url: str, server: Database, url: str, replace: list[str]
) -> None:
    backup.write_bytes(backup.read_bytes()[:-6000])
    target = filled_url if replace else url
    before = server.execute(target, "SELECT count(*) FROM pg_class")
    databases = server.execute("postgres", "SELECT count(*) FROM pg_database")
    done = run_script("restore.sh", target, *replace, backup)
    assert done.returncode != 0
    assert "was restored" not in done.stderr
    assert server.execute(target, "SELECT count(*) FROM pg_class") == before
    assert server.execute("postgres", "SELECT count(*) FROM pg_database") == databases


def test_a_file_that_is_no_backup_is_refused(run_script: Run, url: str, tmp_path: Path) -> None:
    (tmp_path / "db.sqlite3").write_bytes(b"SQLite format 3\0")
    done = run_script("restore.sh", url, tmp_path / "db.sqlite3")
    assert done.returncode == 1
    assert "is no backup that can be restored: nothing was changed" in done.stderr


def test_a_file_that_is_there_is_not_written_over(run_script: Run, backup: Path, filled_url: str) -> None:
    before = backup.read_bytes()
    done = run_script("backup.sh", filled_url, backup)
    assert done.returncode == 1
    assert "is there already" in done.stderr
    assert backup.read_bytes() == before


def test_a_backup_that_fails_leaves_no_file(run_script: Run, server: Database, tmp_path: Path) -> None:
    done = run_script("backup.sh", server.url(f"gone_{uuid.uuid4().hex}"), tmp_path / "backups" / "one.dump")
    assert done.returncode != 0
    assert list((tmp_path / "backups").iterdir()) == []


def test_the_programs_may_run_elsewhere(run_script: Run, filled_url: str, tmp_path: Path) -> None:
    """RUN="docker compose exec -T db" for make backup: a command with its arguments."""
    done = run_script("backup.sh", filled_url, "one.dump", RUN="env LC_ALL=C")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.dump").stat().st_size > 1000


def test_a_dump_that_cannot_be_read_to_its_end_is_no_backup(run_script: Run, filled_url: str, tmp_path: Path) -> None:
    """The disk was full, or the connection to the container broke: pg_dump's own status may not tell."""
    cut = tmp_path / "pg_dump"
    cut.write_text(f'#!/bin/sh\n{PG_BIN}/pg_dump "$@" | head -c 6000\n')
    cut.chmod(0o755)
    done = run_script("backup.sh", filled_url, "one.dump", PATH=f"{tmp_path}:{PG_BIN}:/usr/bin:/bin")
    assert done.returncode != 0
    assert not (tmp_path / "one.dump").exists()


def test_a_backup_is_tried_beside_the_database_and_leaves_nothing(
    run_script: Run, backup: Path, filled_url: str, server: Database
) -> None:
    server.execute(filled_url, "DELETE FROM part")
    databases = server.execute("postgres", "SELECT datname FROM pg_database ORDER BY 1")
    done = run_script("restore.sh", filled_url, "--try", backup)
    assert done.returncode == 0, done.stderr
    assert "can be restored: 3 tables, 2001 rows" in done.stderr
    assert server.execute(filled_url, "SELECT count(*) FROM part") == [(0,)]
    assert server.execute("postgres", "SELECT datname FROM pg_database ORDER BY 1") == databases


def test_the_daily_backup_keeps_the_last_ones_and_whatever_has_a_name(
    run_script: Run, filled_url: str, tmp_path: Path
) -> None:
    folder = tmp_path / "daily"
    folder.mkdir()
    for name in ("20200101-030000.dump", "20200102-030000.dump", "20200103-030000.dump", "before the exam.dump"):
        (folder / name).touch()
    done = run_script("daily_backup.sh", filled_url, folder, KEEP="2")
    assert done.returncode == 0, done.stderr
    assert "can be restored" in done.stderr
    old, *new = sorted(path.name for path in folder.iterdir())
    assert (old, new[1:]) == ("20200103-030000.dump", ["before the exam.dump"])
    assert new[0] > "2021"


#: pg_restore fills `a` first, whose check then finds nothing in `z`.
ROWS_OF_ANOTHER_TABLE = (
    "CREATE TABLE z (id int); INSERT INTO z VALUES (1);"
    "CREATE FUNCTION known(int) RETURNS bool LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM public.z WHERE id = $1)';"
    "CREATE TABLE a (id int CHECK (known(id))); INSERT INTO a VALUES (1)"
)


@pytest.mark.parametrize("how", ["no backup", "a backup that cannot be restored", "a number that is none"])
def test_a_daily_backup_that_fails_removes_nothing_and_says_so(
    run_script: Run, filled_url: str, server: Database, tmp_path: Path, how: str
) -> None:
    folder = tmp_path / "daily"
    folder.mkdir()
    (folder / "20200101-030000.dump").touch()
    more = {"KEEP": "none" if how == "a number that is none" else "1"}
    if how == "a backup that cannot be restored":
        server.execute(filled_url, ROWS_OF_ANOTHER_TABLE)
    if how == "no backup":
        filled_url = server.url(f"gone_{uuid.uuid4().hex}")
    done = run_script("daily_backup.sh", filled_url, folder, **more)
    assert done.returncode != 0
    assert (folder / "20200101-030000.dump").exists()


@pytest.mark.full
def test_the_scripts_are_what_a_shell_everywhere_understands() -> None:
    assert shutil.which("shellcheck"), "shellcheck is missing: make test-full installs it when it runs as root"
    scripts = sorted((ROOT / "deploy").glob("*.sh"))
    done = subprocess.run(["shellcheck", "--shell=sh", *scripts], capture_output=True, text=True, check=False)
    assert (len(scripts), done.returncode) == (6, 0), done.stdout
