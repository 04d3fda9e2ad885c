"""--export: what was verified as a pg_dump archive, which pg_restore brings into any other database."""

import json
import sqlite3
import subprocess
import uuid
from contextlib import closing
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest
from psycopg import sql

from migrate_to_pg.errors import TargetError
from migrate_to_pg.pipeline import export
from migrate_to_pg.postgres.embedded_directory import installed
from tests.acceptance.test_projects import VECTORS
from tests.conftest import MakeSource, Run, Server, run_sql
from tests.debian import cluster
from tests.projects import Project


def program(version: int, name: str) -> Path:
    return installed(version) / "bin" / name


def restored(file: Path, server: Server) -> str:
    """The URL of another, empty database that the archive was brought into, without a word of complaint."""
    url = server.database()
    bring(file, program(server.version, "pg_restore"), url)
    return url


def bring(file: Path, pg_restore: Path, url: str) -> None:
    command = [str(pg_restore), "--no-owner", "--exit-on-error", "-d", url, str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def plain(value: object) -> object:
    """This test's own opinion of how SQLite writes what PostgreSQL holds."""
    if isinstance(value, (Decimal, int, float)):
        return Decimal(str(int(value) if isinstance(value, bool) else value)).normalize()
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ")
    if isinstance(value, (date, time)):
        return value.isoformat()
    if isinstance(value, uuid.UUID):
        return value.hex
    if isinstance(value, (dict, list)):
        return json.dumps(value)
    return value


def check_same_rows(source: Path, url: str) -> None:
    with closing(sqlite3.connect(source)) as here, psycopg.connect(url) as there:
        tables = here.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        rows = 0
        for (table,) in tables.fetchall():
            names = [row[1] for row in here.execute(f'PRAGMA table_info("{table}")')]
            columns = sql.SQL(", ").join(map(sql.Identifier, names))
            query = sql.SQL("SELECT {} FROM {}.{}").format(columns, sql.Identifier("public"), sql.Identifier(table))
            bare = query.as_string(there).replace(' FROM "public".', " FROM ")
            left = sorted(repr(list(map(plain, row))) for row in here.execute(bare))
            right = sorted(repr(list(map(plain, row))) for row in there.execute(query))
            assert left == right, table
            rows += len(left)
    assert rows > 500


def check_handed_on(source: Path, url: str, report: Path, manage: Run) -> None:
    check_same_rows(source, url)
    for identity in json.loads((report / "report.json").read_text())["identities"]:
        sequence = "SELECT nextval(pg_get_serial_sequence(%s, %s))"
        assert run_sql(url, sequence, [identity["table"], identity["column"]]) == [(identity["next"],)]
    manage("migrate", "--check", DATABASE_URL=url)
    assert run_sql(url, "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'migrate_to_pg%'") == []


@pytest.mark.full
def test_a_rehearsal_on_the_embedded_server_is_handed_on(
    make_source: MakeSource, servers: dict[int, Server], manage: Run, tmp_path: Path
) -> None:
    source, file, report = make_source("none"), tmp_path / "all.dump", tmp_path / "report"
    # Where the server may write, when the tests run as root.
    directory = Path(servers[18].directory, f"rehearsed-{uuid.uuid4().hex[:8]}")
    target = ("--target", f"embedded:{directory}")
    done = manage(
        "migrate_to_pg", "--rehearse", "--source", source, *target, "--export", file, "--keep", "--report", report
    )
    try:
        assert f"Exported: {file}; " in done.stdout
        assert file.stat().st_mode & 0o777 == 0o600
        told = json.loads((report / "report.json").read_text())
        assert told["export"] == {"path": str(file), "bytes": file.stat().st_size}
        assert f"--export {file}" in told["command"]
        assert sorted(path.name for path in report.iterdir()) == [
            "report.html", "report.json", "run.log", "snapshot.sqlite3", "snapshot.sqlite3.sha256",
        ]  # fmt: skip
        assert [path.name for path in tmp_path.iterdir() if "unfinished" in path.name] == []
        kept = told["target"]["url"]
        assert run_sql(kept, "SELECT count(*) FROM pg_database WHERE datname = 'migrate_to_pg_export'") == [(0,)]
        check_handed_on(source, restored(file, servers[18]), report, manage)
        # Made by pg_dump 18, whose own format only 17 and 18 read.
        check_handed_on(source, restored(file, servers[16]), report, manage)
    finally:
        from migrate_to_pg.postgres import embedded

        embedded.stop(directory)


@pytest.mark.full
@pytest.mark.parametrize("asked", [(), ("--export-for", "15")], ids=" ".join)
def test_an_archive_of_a_newer_server_is_restored_by_debians_programs(
    make_source: MakeSource, servers: dict[int, Server], manage: Run, tmp_path: Path, asked: tuple[str, ...]
) -> None:
    source, file, report = make_source("none"), tmp_path / "all.dump", tmp_path / "report"
    options = ("--source", source, "--target", servers[18].database(), "--report", report)
    manage("migrate_to_pg", *options, "--export", file, *asked)
    (programs,) = Path("/usr/lib/postgresql").glob("*/bin")
    with cluster() as folder:
        url = f"postgres://postgres@{quote(str(folder), safe='')}/postgres"
        bring(file, programs / "pg_restore", url)
        check_handed_on(source, url, report, manage)


def formats(file: Path) -> list[int]:
    """Which of the programs at hand list what the archive holds."""
    commands = {version: [str(program(version, "pg_restore")), "--list", str(file)] for version in (16, 18)}
    return [v for v, command in commands.items() if not subprocess.run(command, capture_output=True).returncode]


@pytest.mark.full
def test_an_archive_is_for_the_programs_that_were_asked_for(
    servers: dict[int, Server], manage: Run, tmp_path: Path
) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('a'), ('b')")
    url = servers[18].database()
    for asked, read in (((), [16, 18]), (("--export-for", "16"), [16, 18]), (("--export-for", "17"), [18])):
        file = tmp_path / f"{'-'.join(asked)}.dump"
        stray.move(url, "--replace", "--export", file, *asked)
        assert formats(file) == read
        assert file.stat().st_mode & 0o777 == 0o600
        assert run_sql(restored(file, servers[read[0]]), "SELECT name FROM stray_thing ORDER BY 1") == [("a",), ("b",)]
    # An older format has no place for them.
    run_sql(url, "SELECT lo_create(4711)")
    told = stray.move(url, "--replace", "--export", tmp_path / "large.dump")
    assert "The archive cannot be made for pg_restore 14: it holds large objects." in " ".join(told.stdout.split())
    assert not [path for path in tmp_path.iterdir() if path.name.startswith("large.dump")]
    stray.move(url, "--replace", "--export", tmp_path / "large.dump", "--export-for", "18")


@pytest.mark.parametrize("version", [18, pytest.param(16, marks=pytest.mark.full)])
def test_a_publication_is_handed_on_without_what_is_not_the_projects(
    make_source: MakeSource, servers: dict[int, Server], manage: Run, tmp_path: Path, version: int
) -> None:
    url = servers[version].database()
    run_sql(url, """CREATE TABLE "their's" (a int); CREATE VIEW theirs AS SELECT 1 AS a; CREATE SCHEMA theirs""")
    run_sql(url, "CREATE TABLE theirs.course (a int)")
    source, file, report = make_source("none"), tmp_path / "all.dump", tmp_path / "report"
    options = ("--source", source, "--target", url, "--report", report)
    manage("migrate_to_pg", *options, "--export", file)
    there = restored(file, servers[version])
    assert run_sql(there, "SELECT 1 FROM pg_class WHERE relname IN ('their''s', 'theirs', 'course')") == []
    check_handed_on(source, there, report, manage)
    # What was replaced is in a dated schema, and none of it in the archive.
    again = tmp_path / "again"
    manage("migrate_to_pg", *options, "--replace", "--export", tmp_path / "again.dump", "--report", again)
    check_handed_on(source, restored(tmp_path / "again.dump", servers[version]), again, manage)


@pytest.mark.full
def test_extensions_are_in_the_archive(servers: dict[int, Server], tmp_path: Path) -> None:
    documents = Project("extension", tmp_path)
    documents.migrate(INDEX="")
    documents.sqlite("INSERT INTO extension_document (embedding) VALUES ('[1,2,3]')")
    url = servers[18].database()
    documents.move(url, "--export", tmp_path / "all.dump", EXTENSION="vector", INDEX=VECTORS)
    there = restored(tmp_path / "all.dump", servers[18])
    assert run_sql(there, "SELECT embedding::text FROM extension_document") == [("[1,2,3]",)]
    assert run_sql(there, "SELECT extnamespace::regnamespace::text FROM pg_extension WHERE extname = 'vector'") == [
        ("public",)
    ]


def test_what_cannot_be_exported_is_refused_before_anything_begins(
    make_source: MakeSource, postgres_url: str, manage: Run, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("precious")
    report = tmp_path / "report"
    embedded = ("--rehearse", "--target", f"embedded:{tmp_path / 'pg'}")
    for arguments, told in (
        ((*embedded, "--export", tmp_path / "there"), "the file is there already"),
        ((*embedded, "--export", tmp_path / "no" / "file"), "cannot be written there"),
        (("--target", postgres_url, "--rehearse", "--export", tmp_path / "new"), "from the embedded server only"),
        (("--check", "--export-for", "15"), "--export-for says whose pg_restore"),
        (("--check", "--export", tmp_path / "new"), "--export is for what was verified"),
        (("--verify-only", "--export", tmp_path / "new"), "--export is for what was verified"),
        (("--dump", tmp_path / "d", "--export", tmp_path / "new"), "--export is for what was verified"),
    ):
        refused = manage("migrate_to_pg", "--source", make_source("none"), "--report", report, *arguments, ok=False)
        assert refused.returncode == 2
        assert told in refused.stderr
    assert (tmp_path / "there").read_text() == "precious"
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


@pytest.mark.full
def test_a_failed_rehearsal_leaves_no_file(
    make_source: MakeSource, tmp_path: Path, manage: Run, servers: dict[int, Server]
) -> None:
    directory = Path(servers[18].directory, f"rehearsed-{uuid.uuid4().hex[:8]}")
    arguments = ("--rehearse", "--target", f"embedded:{directory}", "--export", tmp_path / "all.dump")
    refused = manage(
        "migrate_to_pg", "--source", make_source("all"), "--report", tmp_path / "report", *arguments, ok=False
    )
    assert refused.returncode == 1
    assert [path.name for path in tmp_path.iterdir()] == ["report"]


@pytest.mark.full
def test_a_publication_stays_although_it_cannot_be_exported(postgres_url: str, tmp_path: Path) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    stray.sqlite("INSERT INTO stray_thing (name) VALUES ('a'), ('b')")
    place = tmp_path / "place"
    place.mkdir()
    process = stray.start("migrate_to_pg", "--target", postgres_url, "--export", place / "all.dump")
    assert process.stderr is not None
    with process:
        next(line for line in process.stderr if line.startswith("stage"))
        place.rmdir()
        out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "The export was not made: " in out
    assert run_sql(postgres_url, "SELECT name FROM stray_thing ORDER BY 1") == [("a",), ("b",)]


@pytest.mark.parametrize(("versions", "told"), [(["15.3", "17.1"], "here is: 15, 17."), ([], "here is: none.")])
def test_a_pg_dump_that_is_too_old_is_said_before_the_long_work(
    postgres_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, versions: list[str], told: str
) -> None:
    for version in versions:
        (tmp_path / version).mkdir()
        for name in ("pg_dump", "pg_restore"):
            script = tmp_path / version / name
            script.write_text(f"#!/bin/sh\necho '{name} (PostgreSQL) {version}'\n")
            script.chmod(0o755)
    monkeypatch.setattr(export, "_directories", lambda: [tmp_path / version for version in versions])
    with psycopg.connect(postgres_url) as connection, pytest.raises(TargetError) as raised:
        export.find_programs(connection)
    assert str(raised.value) == f"--export needs pg_dump of PostgreSQL 18 or later; {told}"


def test_the_oldest_programs_that_will_do_are_taken(servers: dict[int, Server]) -> None:
    for version in (16, 18):
        with psycopg.connect(servers[version].url()) as connection:
            assert export.find_programs(connection).version == version
