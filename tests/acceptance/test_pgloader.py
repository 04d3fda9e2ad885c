"""--engine pgloader: Debian's pgloader sends the rows; whatever it rejects or changes is caught before publishing."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.acceptance.test_export import check_same_rows
from tests.acceptance.test_fields import python
from tests.acceptance.test_projects import SCHEMAS
from tests.acceptance.test_projects_differing import SEARCH
from tests.conftest import ROOT, MakeSource, Run, run_sql
from tests.projects import Project, digest

ENGINE = ("--engine", "pgloader")
PUBLISHED = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
PASSWORD = "s3cr:t\\p %s@w0rd"


@pytest.fixture
def fields(tmp_path: Path) -> Project:
    made = Project("fields", tmp_path)
    made.migrate()
    return made


# --- without pgloader ---


def script(folder: Path, version: str) -> str:
    """A directory for PATH with a pgloader of that version and nothing else."""
    folder.mkdir()
    (folder / "pgloader").write_text(f"#!/bin/sh\necho 'pgloader version \"{version}\"'\n")
    (folder / "pgloader").chmod(0o755)
    return str(folder)


def test_a_missing_pgloader_is_said_before_anything_begins(
    make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path
) -> None:
    options = ("--source", make_source("none"), "--report", tmp_path / "report")
    refused = manage("migrate_to_pg", *options, "--target", postgres_url, *ENGINE, ok=False, PATH="")
    assert refused.returncode == 2
    assert refused.stderr.splitlines() == [
        "Error: --engine pgloader needs pgloader, and it is not installed here.",
        "Nothing was published. Run: apt-get install pgloader. Or leave --engine out: the usual way needs no other"
        " program.",
    ]
    assert list(tmp_path.iterdir()) == []
    # Nothing is loaded by a check.
    manage("migrate_to_pg", *options, "--check", *ENGINE, PATH="")


@pytest.mark.parametrize(("version", "told"), [("3.6.2", "3.6.2"), ("unknown", "?")])
def test_a_pgloader_that_is_too_old_is_said(
    make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path, version: str, told: str
) -> None:
    path = script(tmp_path / "bin", version)
    options = ("--source", make_source("none"), "--report", tmp_path / "report", "--target", postgres_url)
    refused = manage("migrate_to_pg", *options, *ENGINE, ok=False, PATH=path)
    assert refused.returncode == 2
    assert f"is pgloader {told}; 3.6.7 or later is needed." in refused.stderr


@pytest.mark.parametrize("option", ["sslmode=verify-full", "sslmode=verify-ca", "sslcert=/none"])
def test_what_pgloader_would_not_heed_is_refused(
    make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path, option: str
) -> None:
    """Over a Unix socket none of them stops an ordinary connection."""
    path = script(tmp_path / "bin", "3.6.9")
    command = ("migrate_to_pg", "--source", make_source("none"), "--report", tmp_path / "report", *ENGINE)
    refused = manage(*command, "--target", f"{postgres_url}?{option}", ok=False, PATH=path)
    assert refused.returncode == 1
    assert (
        f"pgloader cannot connect to this target: it does not know {option.removesuffix('=/none')}." in refused.stderr
    )
    assert run_sql(postgres_url, PUBLISHED) == [(0,)]


# --- with pgloader ---


@pytest.mark.full
@pytest.mark.parametrize("more", [(), ("--jobs", "1"), ("--verify", "orm")])
def test_the_application_is_moved(
    make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path, more: tuple[str, ...]
) -> None:
    source = make_source("none")
    before = digest(source)
    options = ("--source", source, "--target", postgres_url, "--report", tmp_path / "report")
    manage("migrate_to_pg", *options, *ENGINE, *more)
    told = json.loads((tmp_path / "report" / "report.json").read_text())
    # Counts prove nothing here: cells are compared although nobody asked.
    assert told["verify"] == ("orm" if "orm" in more else "cells")
    assert "--engine pgloader" in told["command"]
    assert digest(source) == before
    check_same_rows(source, postgres_url)
    for identity in told["identities"]:
        sequence = "SELECT nextval(pg_get_serial_sequence(%s, %s))"
        assert run_sql(postgres_url, sequence, [identity["table"], identity["column"]]) == [(identity["next"],)]
    manage("migrate", "--check", DATABASE_URL=postgres_url)
    kept = {"report.html", "report.json", "run.log", "snapshot.sqlite3", "snapshot.sqlite3.sha256"}
    assert {path.name for path in (tmp_path / "report").iterdir()} == kept
    check_same_rows(tmp_path / "report" / "snapshot.sqlite3", postgres_url)
    assert run_sql(postgres_url, "SELECT setconfig FROM pg_db_role_setting") == []


@pytest.mark.full
def test_a_mended_database_is_moved(make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path) -> None:
    options = ("--source", make_source("all"), "--target", postgres_url, "--report", tmp_path / "report")
    done = manage("migrate_to_pg", *options, *ENGINE, "--fix", "lossy,merge-duplicates", "--quarantine", "all")
    assert "Accounted for: " in done.stdout


#: What it is documented not to carry: those rows go first.
NOT_CARRIED = (
    "DELETE FROM fields_duration WHERE value IS NOT NULL",
    "DELETE FROM fields_float WHERE abs(value) = 9e999",
    *(
        f"DELETE FROM {table} WHERE value <> CAST(printf('%.15g', value) AS REAL) OR abs(value) >= 1e15"
        for table in ("fields_decimal10", "fields_decimalwhole", "fields_decimallong", "fields_free")
    ),
)


@pytest.mark.full
def test_a_column_that_postgresql_alone_has_is_filled(tmp_path: Path, postgres_url: str) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('a'), ('b')")
    stray.move(postgres_url, *ENGINE, "--fix", "missing-column", STRAY=SEARCH)
    assert run_sql(postgres_url, "SELECT name, search IS NOT NULL FROM stray_thing ORDER BY 1") == [
        ("a", True), ("b", True),
    ]  # fmt: skip


@pytest.mark.full
def test_what_is_saved_in_the_other_fields_is_read_alike(fields: Project, postgres_url: str) -> None:
    python(fields, "fill", "200")
    for statement in NOT_CARRIED:
        fields.sqlite(statement)
    fields.move(postgres_url, *ENGINE)
    told = json.loads(python(fields, "compare", TARGET_URL=postgres_url))
    assert not told["wrong"], told["wrong"]
    assert sum(told["counts"].values()) > 5000


@pytest.mark.full
def test_what_pgloader_rejects_fails_the_run_with_table_number_and_reason(
    fields: Project, postgres_url: str, tmp_path: Path
) -> None:
    fields.sqlite(
        "INSERT INTO fields_float (value) VALUES (1.5), (9e999), (-9e999)",
        "INSERT INTO fields_text (value) VALUES ('whole')",
    )
    refused = fields.move(postgres_url, *ENGINE, "--report", tmp_path / "report", ok=False)
    assert refused.returncode == 1
    assert "pgloader did not bring every row over: fields_float." in refused.stderr
    assert "fields_float: rejected 2 of 3 rows: Database error 22P02: " in refused.stderr
    assert "INFINITY" not in refused.stdout + refused.stderr
    assert "Leave --engine out" in refused.stderr
    assert run_sql(postgres_url, PUBLISHED) == [(0,)]
    assert run_sql(postgres_url, SCHEMAS) == []
    assert {path.name for path in (tmp_path / "report").iterdir()} == {"report.html", "report.json", "run.log"}
    fields.move(postgres_url)
    assert run_sql(postgres_url, "SELECT count(*) FROM fields_float") == [(3,)]


@pytest.mark.full
@pytest.mark.parametrize("column", ["token", "plain"])
def test_of_a_rejected_row_nothing_is_quoted_where_its_table_holds_a_secret(
    tmp_path: Path, postgres_url: str, column: str
) -> None:
    """PostgreSQL quotes the value that it does not read, and pgloader writes that into its log."""
    stray = Project("stray", tmp_path)
    stray.migrate()
    stray.sqlite(
        f"ALTER TABLE stray_thing ADD COLUMN {column} text NOT NULL DEFAULT '{{}}'",
        f"INSERT INTO stray_thing (name, {column}) VALUES ('a', '{{}}'), ('b', 'hunter2')",
    )
    refused = stray.move(
        postgres_url, *ENGINE, "--report", tmp_path / "report", ok=False,
        STRAY=f"ALTER TABLE stray_thing ADD {column} integer[] NOT NULL",
    )  # fmt: skip
    assert refused.returncode == 1
    assert "stray_thing: rejected 1 of 2 rows" in refused.stderr
    kept = [path for path in tmp_path.rglob("*") if path.is_file() and path.suffix != ".sqlite3"]
    assert {path.name for path in kept if path.parent.name == "report"} == {"report.html", "report.json", "run.log"}
    said = [refused.stdout, refused.stderr, *(path.read_text() for path in kept)]
    # In a table without a secret the reason is told: the value is there to be hidden.
    assert any("hunter2" in text for text in said) == (column == "plain")


@pytest.mark.full
def test_what_pgloader_changes_is_found_by_the_verification(fields: Project, postgres_url: str, tmp_path: Path) -> None:
    """A duration is microseconds in SQLite; pgloader hands the number over, and PostgreSQL takes it for seconds."""
    fields.sqlite("INSERT INTO fields_duration (value) VALUES (3000000)")
    command = ("migrate_to_pg", "--source", fields.source, "--target", postgres_url, *ENGINE)
    refused = fields.run(*command, "--verify", "counts", "--report", tmp_path / "report", ok=False)
    assert refused.returncode == 3
    assert "PostgreSQL does not hold what SQLite holds: fields_duration." in refused.stdout
    assert "pgloader changed these values: leave --engine out." in refused.stdout
    assert run_sql(postgres_url, PUBLISHED) == [(0,)]
    assert run_sql(postgres_url, SCHEMAS) == []


@pytest.mark.full
def test_names_that_it_cannot_say_and_tables_that_are_left_out_are_not_confused(
    tmp_path: Path, postgres_url: str
) -> None:
    shapes = Project("shapes", tmp_path)
    shapes.migrate()
    refused = shapes.move(postgres_url, *ENGINE, ok=False)
    assert refused.returncode == 1
    assert "pgloader cannot load table " in refused.stderr
    assert run_sql(postgres_url, SCHEMAS) == []


@pytest.mark.full
def test_a_table_that_is_left_behind_is_not_loaded_for_its_likeness(tmp_path: Path, postgres_url: str) -> None:
    """An underscore fits any character where pgloader is told the tables."""
    stray = Project("stray", tmp_path)
    stray.migrate()
    stray.sqlite(
        "INSERT INTO stray_thing (name) VALUES ('a')",
        "CREATE TABLE strayXthing (id integer primary key, name text)",
        "INSERT INTO strayXthing VALUES (7, 'left behind')",
    )
    stray.move(postgres_url, *ENGINE, "--leftovers", "skip")
    assert run_sql(postgres_url, "SELECT name FROM stray_thing") == [("a",)]


@pytest.mark.full
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_the_end_of_a_run_ends_pgloader_too(tmp_path: Path, postgres_url: str, number: signal.Signals) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    rows = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000)"
    stray.sqlite(f"INSERT INTO stray_thing (name) {rows} SELECT i FROM n")
    process = stray.start("migrate_to_pg", "--target", postgres_url, *ENGINE)
    assert process.stderr is not None
    with process:
        next(line for line in process.stderr if line.startswith("load"))
        child = wait_for_child(process.pid, "pgloader")
        process.send_signal(number)
        _out, err = process.communicate(timeout=60)
    if number == signal.SIGKILL:
        wait_until_gone(child)
        stray.run("migrate_to_pg", "--target", postgres_url, "--report", tmp_path / "migrate_to_pg_report" / "next")
        assert run_sql(postgres_url, "SELECT count(*) FROM stray_thing") == [(2_000_000,)]
        assert [path for path in tmp_path.rglob("*") if "unfinished" in path.name] == []
        return
    assert process.returncode == 1
    assert "Error: Interrupted." in err
    assert not is_alive(child)
    assert run_sql(postgres_url, SCHEMAS) == []
    assert run_sql(postgres_url, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()") == [(1,)]
    assert [path for path in tmp_path.rglob("*") if "unfinished" in path.name] == []


def wait_until_gone(pid: int) -> None:
    """Or until nothing is left of it but its status, where nobody collects that."""
    deadline = time.monotonic() + 10
    while is_alive(pid) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not is_alive(pid)


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for_child(parent: int, name: str) -> int:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        for path in Path("/proc").glob("[0-9]*"):
            try:
                status = (path / "stat").read_text()
                line = (path / "cmdline").read_bytes()
            except OSError:
                continue
            if int(status.rpartition(")")[2].split()[1]) == parent and name.encode() in line:
                return int(path.name)
        time.sleep(0.02)
    raise AssertionError


@pytest.fixture(scope="module")
def guarded_server() -> Iterator[tuple[str, str]]:
    """A server of Debian's that asks for a password (scram) and for TLS: its URL, less a database, its certificate."""
    programs = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    assert programs, "Debian's PostgreSQL is missing: apt-get install -y postgresql postgresql-contrib"
    as_postgres = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []

    def run(program: str | Path, *arguments: str) -> None:
        subprocess.run([*as_postgres, program, *arguments], check=True, capture_output=True, cwd="/")

    with tempfile.TemporaryDirectory(prefix="pg-guarded-") as folder:
        Path(folder).chmod(0o777)
        data = f"{folder}/data"
        Path(f"{folder}/pw").write_text(PASSWORD, encoding="utf-8")
        Path(f"{folder}/pw").chmod(0o644)
        run(programs[-1] / "initdb", "-D", data, "-U", "postgres", "--auth=scram-sha-256", "--pwfile", f"{folder}/pw",
            "--encoding=UTF8", "--no-sync")  # fmt: skip
        Path(f"{folder}/pw").unlink()
        run("openssl", "req", "-new", "-x509", "-nodes", "-subj", "/CN=localhost", "-days", "2", "-out",
            f"{data}/server.crt", "-keyout", f"{data}/server.key")  # fmt: skip
        run("sed", "-i", "s/^host /hostssl /", f"{data}/pg_hba.conf")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        settings = f"-k {folder} -c listen_addresses=127.0.0.1 -c port={port} -c ssl=on -c fsync=off"
        run(programs[-1] / "pg_ctl", "-D", data, "-w", "-o", settings, "-l", f"{folder}/log", "start")
        try:
            shutil.copy(f"{data}/server.crt", f"{folder}/trusted.crt")
            yield f"postgres://postgres:{quote(PASSWORD, safe='')}@localhost:{port}", f"{folder}/trusted.crt"
        finally:
            run(programs[-1] / "pg_ctl", "-D", data, "-m", "immediate", "stop")


class Watch(threading.Thread):
    """Everything that other users could see of this machine's processes: their arguments; and the environments of
    the programs that a run starts."""

    def __init__(self, *programs: str) -> None:
        super().__init__()
        self.programs = programs
        self.over = threading.Event()
        self.seen: set[str] = set()
        self.found: set[bytes | tuple[bytes, bytes]] = set()

    def run(self) -> None:
        while not self.over.wait(0.005):
            for path in Path("/proc").glob("[0-9]*"):
                try:
                    line, environment = (path / "cmdline").read_bytes(), (path / "environ").read_bytes()
                except OSError:
                    continue
                self.check(line, environment)

    def check(self, line: bytes, environment: bytes) -> None:
        secret = PASSWORD.encode()
        mine = [name for name in self.programs if Path(line.split(b"\0")[0].decode()).name == name]
        self.seen.update(mine)
        if secret in line:
            self.found.add(line)
        if mine and (secret in environment or b"s3cr" in environment):
            self.found.add((line, b"environment"))


@pytest.mark.full
def test_the_password_is_in_no_argument_log_output_or_file(
    guarded_server: tuple[str, str], make_source: MakeSource, tmp_path: Path
) -> None:
    url, certificate = guarded_server
    run_sql(f"{url}/postgres", "CREATE DATABASE moved")
    report = tmp_path / "report"
    command = [sys.executable, "manage.py", "migrate_to_pg", "--source", make_source("none"), "--report", report]
    command += [*ENGINE, "--export", tmp_path / "all.dump"]
    variables = {"DATABASE_URL": f"{url}/moved?sslmode=require", "PYTHONUTF8": "1", "LANGUAGE": "en"}
    variables["SSL_CERT_FILE"] = certificate
    watch = Watch("pgloader", "pg_dump")
    watch.start()
    done = subprocess.run(
        list(map(str, command)), cwd=ROOT, env=os.environ | variables, capture_output=True, text=True, check=False
    )
    watch.over.set()
    watch.join()
    assert done.returncode == 0, done.stdout + done.stderr
    assert watch.seen == {"pgloader", "pg_dump"}
    assert watch.found == set()
    assert run_sql(f"{url}/moved", "SELECT count(*) > 0 FROM courses_course") == [(True,)]
    assert "s3cr" not in done.stdout + done.stderr
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    kept = {"report.html", "report.json", "run.log", "snapshot.sqlite3", "snapshot.sqlite3.sha256", "all.dump"}
    assert {path.name for path in files} == kept, done.stdout + done.stderr
    assert [path for path in files if b"s3cr" in path.read_bytes()] == []


@pytest.mark.full
def test_a_certificate_that_is_not_trusted_is_said(
    guarded_server: tuple[str, str], make_source: MakeSource, manage: Run
) -> None:
    """pgloader verifies it whenever it speaks TLS, whatever sslmode says."""
    url, certificate = guarded_server
    run_sql(f"{url}/postgres", "CREATE DATABASE verified")
    command = ("migrate_to_pg", "--source", make_source("none"), "--rehearse", *ENGINE)
    refused = manage(*command, ok=False, DATABASE_URL=f"{url}/verified")
    assert refused.returncode == 1
    assert "SSL verify error" in refused.stderr
    assert "s3cr" not in refused.stdout + refused.stderr
    manage(*command, DATABASE_URL=f"{url}/verified?sslmode=require&sslrootcert={certificate}")


@pytest.mark.full
def test_a_password_that_pgloader_could_not_read_is_refused(
    guarded_server: tuple[str, str], make_source: MakeSource, manage: Run
) -> None:
    place = guarded_server[0]
    run_sql(f"{place}/postgres", "CREATE DATABASE odd")
    run_sql(f"{place}/postgres", "CREATE ROLE odd LOGIN SUPERUSER PASSWORD '*star'")
    url = f"postgres://odd:*star@{place.split('@')[-1]}/odd"
    refused = manage("migrate_to_pg", "--source", make_source("none"), *ENGINE, ok=False, DATABASE_URL=url)
    assert refused.returncode == 1
    assert "it cannot take this password." in refused.stderr
    assert "star" not in refused.stdout + refused.stderr
