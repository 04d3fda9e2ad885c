"""The whole way, in this process, against real servers: what a user is promised, one test a promise."""

import json
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from psycopg.pq import TransactionStatus
from pytest_django import DjangoDbBlocker

from migrate_to_pg.errors import PublishError
from migrate_to_pg.pipeline import undo_and_purge
from migrate_to_pg.records import INCOMING, Options, Report, Verify
from migrate_to_pg.report.verdict import tone, verdict
from migrate_to_pg.sqlite.checksums import file_sha256
from tests.conftest import Query, Run, Server
from tests.integration.conftest import Move
from tests.tiers import first_in_ci

TABLES_IN_PUBLIC = "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
INCOMING_THERE = f"SELECT count(*) FROM pg_namespace WHERE nspname = '{INCOMING}'"


def rows_of(path: Path, table: str) -> int:
    with closing(sqlite3.connect(path)) as connection:
        return int(connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0])


def test_a_healthy_database_is_published_with_every_cell_verified(
    source: Path, each_postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(source, each_postgres_url)
    assert report.ok, report.failure
    assert report.publication
    assert report.publication.schema == "public"
    assert execute(each_postgres_url, "SELECT count(*) FROM attributions_attribution") == [
        (rows_of(source, "attributions_attribution"),)
    ]
    assert report.verification
    assert sum(t.cells_compared for t in report.verification.tables) > 5000
    assert execute(each_postgres_url, INCOMING_THERE) == [(0,)]


def test_the_source_is_byte_identical_afterwards(source: Path, postgres_url: str, move: Move) -> None:
    before = file_sha256(source)
    report = move(source, postgres_url)
    assert report.source
    assert file_sha256(source) == before == report.source.sha256 == report.source.sha256_after


def test_nothing_is_visible_before_publish(source: Path, postgres_url: str, move: Move, execute: Query) -> None:
    seen = {}
    stages = ("stage", "examine", "load", "restore", "prove", "publish")
    on = {stage: lambda s=stage: seen.update({s: execute(postgres_url, TABLES_IN_PUBLIC)[0][0]}) for stage in stages}
    report = move(source, postgres_url, on=on)
    assert report.ok
    assert seen == dict.fromkeys(stages, 0)
    assert report.verification
    assert execute(postgres_url, TABLES_IN_PUBLIC)[0][0] == len(report.verification.tables)


def test_a_rehearsal_leaves_nothing_behind(
    source: Path, postgres_url: str, move: Move, execute: Query, tmp_path: Path
) -> None:
    report = move(source, postgres_url, mode="rehearse")
    assert report.ok
    assert report.verification
    assert report.verification.holds
    assert report.publication is None
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]
    assert execute(postgres_url, INCOMING_THERE) == [(0,)]
    assert not list(tmp_path.rglob("snapshot*"))


def test_findings_stop_the_run_before_anything_is_loaded(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(make_damaged("dangling-fk,orphans"), postgres_url)
    assert report.failure
    assert report.failure.exit_status == 1
    assert {f.rule for f in report.findings} == {"dangling-foreign-key", "foreign-key-orphan"}
    assert report.loaded == ()
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


def test_check_finds_what_a_run_with_a_target_finds(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move
) -> None:
    source = make_damaged("all")
    checked = move(source, None, mode="check")
    run = move(source, postgres_url)
    assert checked.failure
    assert run.failure
    assert checked.failure.exit_status == run.failure.exit_status == 1
    assert checked.target is None
    key = [(f.rule, f.table, f.column, f.count, f.samples) for f in checked.findings]
    assert key == [(f.rule, f.table, f.column, f.count, f.samples) for f in run.findings]
    assert len(key) >= 9


def test_the_repair_of_a_dangling_key_publishes_the_key_that_the_migrations_mean(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(make_damaged("dangling-fk"), postgres_url, fix=("dangling-foreign-key",))
    assert report.ok, report.failure
    assert {(f.table, f.column): f.applied for f in report.findings} == {
        ("attributions_attribution", "course_id"): True,
        ("courses_courseyear", "course_id"): True,
    }
    query = """
        SELECT confrelid::regclass::text FROM pg_constraint
        WHERE conrelid = 'attributions_attribution'::regclass AND contype = 'f' ORDER BY 1
    """
    assert ("courses_course",) in execute(postgres_url, query)


@pytest.mark.parametrize("verify", first_in_ci(Verify.CELLS, Verify.COUNTS))
def test_an_index_that_contradicts_its_table_loses_no_row_and_is_named(
    source: Path, postgres_url: str, move: Move, execute: Query, sqlite: Query, verify: Verify
) -> None:
    """Its number of entries is right: only what reads in its order can tell."""
    sqlite(source, "INSERT INTO django_session SELECT 'key ' || value, 'd', '2030-01-01' FROM json_each('[1,2,3,4,5]')")
    (page,) = sqlite(source, "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_django_session_1'")[0]
    (size,) = sqlite(source, "PRAGMA page_size")[0]
    with source.open("r+b") as stream:
        stream.seek((page - 1) * size)
        contents = stream.read(size)
        stream.seek((page - 1) * size)
        stream.write(contents.replace(b"key 2", b"key 9"))
    report = move(source, postgres_url, verify=verify)
    if verify is Verify.COUNTS:
        assert execute(postgres_url, "SELECT count(*) FROM django_session WHERE session_key LIKE 'key %'") == [(5,)]
    else:
        assert report.failure
        assert report.failure.exit_status == 3
        assert "REINDEX; in the sqlite3 shell repairs them" in report.failure.remedy


def test_nothing_is_mended_by_what_a_damaged_index_says(
    make_damaged: Callable[[str], Path], postgres_url: str, move: Move, sqlite: Query
) -> None:
    source = make_damaged("orphans")
    (page,) = sqlite(source, "SELECT rootpage FROM sqlite_master WHERE name = 'sqlite_autoindex_courses_course_1'")[0]
    (size,) = sqlite(source, "PRAGMA page_size")[0]
    (code,) = sqlite(source, "SELECT code FROM courses_course ORDER BY code LIMIT 1")[0]
    with source.open("r+b") as stream:
        pages = stream.read()
        place = pages.index(code.encode(), (page - 1) * size)
        stream.seek(place)
        stream.write(b"~" * len(code))
    report = move(source, postgres_url, fix=("all",), quarantine=("all",))
    assert report.failure
    assert report.failure.exit_status == 1
    assert "integrity-check" in {finding.rule for finding in report.findings if finding.blocks}
    assert report.loaded == ()


# --- identities, indexes, constraints ---


def test_ids_of_deleted_rows_are_never_given_again(
    source: Path, postgres_url: str, move: Move, execute: Query, sqlite: Query
) -> None:
    (last,) = sqlite(source, "SELECT max(id) FROM attributions_attribution")[0]
    sqlite(source, "DELETE FROM attributions_attribution WHERE id = ?", [last])
    report = move(source, postgres_url)
    identity = next(i for i in report.identities if i.table == "attributions_attribution")
    assert identity.next == last + 1
    sequence = "pg_get_serial_sequence('attributions_attribution', 'id')"
    assert execute(postgres_url, f"SELECT nextval({sequence})") == [(last + 1,)]


SCHEMA = """
SELECT 'constraint', c.relname, k.conname, pg_get_constraintdef(k.oid), k.convalidated::text
FROM pg_constraint k JOIN pg_class c ON c.oid = k.conrelid WHERE k.connamespace = 'public'::regnamespace
UNION ALL
SELECT 'index', tablename, indexname, indexdef, '' FROM pg_indexes WHERE schemaname = 'public'
UNION ALL
SELECT 'column', c.relname, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull::text || a.attidentity::text
       || coalesce(pg_get_expr(d.adbin, d.adrelid), '')
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = attnum
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r' AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY 1, 2, 3
"""


def test_the_published_schema_is_the_one_that_migrate_makes(
    source: Path, servers: dict[int, Server], each_postgres_url: str, move: Move, execute: Query
) -> None:
    major = execute(each_postgres_url, "SELECT current_setting('server_version_num')::int / 10000")[0][0]
    reference = servers[major].migrated()
    assert move(source, each_postgres_url).ok
    published = execute(each_postgres_url, SCHEMA)
    assert published == execute(reference, SCHEMA)
    assert len(published) > 100


# --- the verification ---


def corrupt(url: str, statement: str) -> Callable[[], None]:
    def change() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"SET search_path = {INCOMING}")
            assert connection.execute(statement).rowcount == 1

    return change


@pytest.mark.parametrize(
    ("kind", "statement", "column"),
    [
        ("changed", "UPDATE courses_course SET title = title || ' ' WHERE id = 7", "title"),
        ("missing", "DELETE FROM attributions_attribution WHERE id = 7", ""),
        (
            "extra",
            "INSERT INTO attributions_teacher SELECT 999, 'X' || matricule, last_name, first_name, grade, department,"
            " 'x' || email, max_hours FROM attributions_teacher WHERE id = 7",
            "",
        ),
    ],
)
def test_one_wrong_row_in_staging_fails_the_verification_by_name(
    kind: str, statement: str, column: str, source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(source, postgres_url, on={"prove": corrupt(postgres_url, statement)})
    assert report.failure
    assert report.failure.exit_status == 3
    assert report.verification
    differences = [d for t in report.verification.tables for d in t.samples]
    assert [(d.kind, d.column) for d in differences] == [(kind, column)]
    assert differences[0].key == {"id": "999" if kind == "extra" else "7"}
    assert report.publication is None
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


@pytest.mark.parametrize("stage", first_in_ci("publish", "load", "prove"))
def test_a_snapshot_that_was_written_to_is_not_verified_against(
    stage: str, source: Path, postgres_url: str, move: Move, execute: Query, tmp_path: Path
) -> None:
    """What was loaded of it, and what it is compared with, would be alike."""

    def write() -> None:
        (snapshot,) = (tmp_path / "report").glob("snapshot.sqlite3*")
        with closing(sqlite3.connect(snapshot)) as connection, connection:
            connection.execute("UPDATE auth_user SET is_superuser = 1")

    report = move(source, postgres_url, report=tmp_path / "report", on={stage: write})
    assert report.failure
    assert "was changed after it was made: nothing that was read of it counts." in report.failure.message
    assert report.publication is None
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


def test_a_missing_row_fails_even_where_only_rows_are_counted(source: Path, postgres_url: str, move: Move) -> None:
    change = corrupt(postgres_url, "DELETE FROM attributions_attribution WHERE id = 7")
    report = move(source, postgres_url, verify=Verify.COUNTS, on={"prove": change})
    assert report.failure
    assert report.failure.exit_status == 3


@pytest.mark.parametrize("mode", first_in_ci("publish", "rehearse"))
def test_a_changed_cell_fails_where_nobody_said_what_to_compare(
    source: Path, postgres_url: str, move: Move, mode: str
) -> None:
    change = corrupt(postgres_url, "UPDATE courses_course SET title = 'Autre' WHERE id = 7")
    report = move(source, postgres_url, mode=mode, verify=Options().verify, on={"prove": change})
    assert report.failure
    assert report.failure.exit_status == 3


def test_a_sequence_one_short_fails_the_verification(source: Path, postgres_url: str, move: Move) -> None:
    change = corrupt(
        postgres_url,
        "SELECT setval(pg_get_serial_sequence('courses_course', 'id'), (SELECT max(id) - 1 FROM courses_course))",
    )
    report = move(source, postgres_url, on={"prove": change})
    assert report.failure
    assert report.failure.exit_status == 3
    assert "courses_course.id" in report.failure.message


# --- a source that moves on ---


def write(path: Path) -> Callable[[], None]:
    def change() -> None:
        with closing(sqlite3.connect(path)) as connection, connection:
            connection.execute("UPDATE courses_course SET credits = credits + 1 WHERE id IN (1, 2, 3)")

    return change


def test_a_source_written_to_after_the_snapshot_stops_before_publish(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    report = move(source, postgres_url, on={"load": write(source)})
    assert report.failure
    assert report.failure.exit_status == 1
    assert "courses_course: 3 rows added or changed" in " ".join(report.failure.detail)
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


def test_accept_stale_publishes_the_snapshot_all_the_same(
    source: Path, postgres_url: str, move: Move, execute: Query, sqlite: Query
) -> None:
    before = sqlite(source, "SELECT credits FROM courses_course WHERE id = 1")
    report = move(source, postgres_url, accept_stale=True, on={"load": write(source)})
    assert report.ok
    assert report.source
    assert report.source.changed
    assert report.source.left_behind == (
        "courses_course: 3 rows added or changed, 3 removed or with their former values",
    )
    assert "not moved: courses_course: 3 rows" in report.next_steps[0]
    assert execute(postgres_url, "SELECT credits FROM courses_course WHERE id = 1") == before


@pytest.mark.parametrize("journal_mode", first_in_ci("delete", "wal"))
def test_lock_source_makes_writers_wait_and_changes_no_byte(
    journal_mode: str, source: Path, postgres_url: str, move: Move, sqlite: Query
) -> None:
    sqlite(source, f"PRAGMA journal_mode = {journal_mode}")
    before = file_sha256(source)
    refused = []

    def try_to_write() -> None:
        # Another process: within one, SQLite itself would know of the lock even if the system did not.
        statement = "UPDATE courses_course SET credits = 1"
        program = f"import sqlite3, sys; sqlite3.connect(sys.argv[1], timeout=0.1).execute({statement!r})"
        result = subprocess.run([sys.executable, "-c", program, source], capture_output=True, text=True)
        refused.append("database is locked" in result.stderr)

    report = move(source, postgres_url, lock_source=True, on={"load": try_to_write, "publish": try_to_write})
    assert report.ok, report.failure
    assert refused == [True, True]
    assert file_sha256(source) == before
    sqlite(source, "UPDATE courses_course SET credits = credits")  # free again


def test_what_a_writer_that_waited_for_the_lock_writes_afterwards_is_told(
    source: Path, postgres_url: str, move: Move, sqlite: Query
) -> None:
    statement = "UPDATE courses_course SET credits = 1 WHERE id = 1"
    program = (
        "import sqlite3, sys; c = sqlite3.connect(sys.argv[1], timeout=60, isolation_level=None);"
        f"c.execute({statement!r})"
    )
    waiting = []
    start = lambda: waiting.append(subprocess.Popen([sys.executable, "-c", program, source]))  # noqa: E731
    report = move(source, postgres_url, lock_source=True, on={"load": start})
    (writer,) = waiting
    assert writer.wait(timeout=60) == 0
    assert report.ok
    assert report.source
    assert report.source.changed
    assert report.next_steps[0].startswith("Written to SQLite after the snapshot, and not moved: courses_course: 1 row")
    assert "go back (--undo) and move again" in report.next_steps[1]
    assert verdict(report).startswith("1 table of SQLite was written to after the snapshot, and that is not moved:")
    assert tone(report) == "warning"


def test_rows_still_in_the_wal_are_moved(source: Path, postgres_url: str, move: Move, execute: Query) -> None:
    with closing(sqlite3.connect(source, isolation_level=None)) as writer:
        writer.execute("PRAGMA journal_mode = wal")
        writer.execute("PRAGMA wal_autocheckpoint = 0")
        writer.execute("UPDATE courses_course SET title = 'Dans le journal' WHERE id = 1")
        assert move(source, postgres_url).ok
    assert execute(postgres_url, "SELECT title FROM courses_course WHERE id = 1") == [("Dans le journal",)]


# --- a target that is not empty ---


def test_tables_untouched_since_migrate_are_replaced(
    source: Path, each_migrated_url: str, move: Move, execute: Query, manage: Run
) -> None:
    report = move(source, each_migrated_url)
    assert report.ok, report.failure
    assert report.publication
    assert set(report.publication.replaced) == set(report.publication.tables)
    manage("migrate", "--check", DATABASE_URL=each_migrated_url)


def test_user_data_in_the_target_is_refused_and_named(
    source: Path, migrated_url: str, move: Move, execute: Query, manage: Run
) -> None:
    superuser = {"DJANGO_SUPERUSER_PASSWORD": "x", "DATABASE_URL": migrated_url}
    manage("createsuperuser", "--no-input", "--username", "chef", "--email", "a@b.fr", **superuser)
    report = move(source, migrated_url)
    assert report.failure
    assert report.failure.exit_status == 1
    assert report.failure.detail == ("auth_user: 1 of 1 row",)
    assert "--replace" in report.failure.remedy
    assert execute(migrated_url, "SELECT username FROM auth_user") == [("chef",)]


def test_replace_keeps_the_old_tables_and_undo_brings_them_back(
    source: Path, each_migrated_url: str, move: Move, execute: Query, manage: Run, django_db_blocker: DjangoDbBlocker
) -> None:
    url = each_migrated_url
    execute(url, "INSERT INTO auth_group (name) VALUES ('ancien')")
    execute(url, "CREATE TABLE unrelated (id int); INSERT INTO unrelated VALUES (1)")
    report = move(source, url, replace=True)
    assert report.ok, report.failure
    assert report.publication
    assert execute(url, f"SELECT name FROM {report.publication.archive}.auth_group WHERE name = 'ancien'") == [
        ("ancien",)
    ]
    assert execute(url, "SELECT count(*) FROM auth_group WHERE name = 'ancien'") == [(0,)]
    assert execute(url, "SELECT id FROM unrelated") == [(1,)]

    back = undo_and_purge.undo(Options(target=url))
    assert execute(url, "SELECT name FROM auth_group WHERE name = 'ancien'") == [("ancien",)]
    assert back.publication
    assert execute(url, f"SELECT count(*) > 0 FROM {back.publication.archive}.courses_course") == [(True,)]
    assert execute(url, "SELECT id FROM unrelated") == [(1,)]
    manage("migrate", "--check", DATABASE_URL=url)


def test_undo_refuses_where_rows_were_written_since(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    move(source, postgres_url)
    execute(postgres_url, "UPDATE courses_course SET credits = credits + 1 WHERE id <= 2")
    execute(postgres_url, "DELETE FROM django_admin_log; DELETE FROM attributions_attribution WHERE id = 1")
    with pytest.raises(PublishError) as refused:
        undo_and_purge.undo(Options(target=postgres_url))
    told = {
        "courses_course: 0 rows inserted, 2 changed, 0 deleted",
        "attributions_attribution: 0 rows inserted, 0 changed, 1 deleted",
    }
    assert told <= set(refused.value.detail)
    assert undo_and_purge.undo(Options(target=postgres_url, replace=True)).ok
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


def test_a_row_written_to_the_target_meanwhile_stops_publish(
    source: Path, migrated_url: str, move: Move, execute: Query
) -> None:
    intruder = lambda: execute(migrated_url, "INSERT INTO auth_group (name) VALUES ('tard')")  # noqa: E731
    report = move(source, migrated_url, on={"prove": intruder})
    assert report.failure
    assert "auth_group" in report.failure.message
    assert execute(migrated_url, "SELECT name FROM auth_group WHERE name = 'tard'") == [("tard",)]
    assert execute(migrated_url, "SELECT count(*) FROM courses_course") == [(0,)]


def test_a_foreign_key_from_a_table_of_somebody_else_is_refused(
    source: Path, migrated_url: str, move: Move, execute: Query
) -> None:
    execute(migrated_url, "CREATE TABLE other (course_id bigint REFERENCES courses_course (id))")
    report = move(source, migrated_url)
    assert report.failure
    assert report.failure.exit_status == 1
    assert "other" in " ".join(report.failure.detail)


def test_a_lock_on_a_replaced_table_ends_the_run_in_time_and_its_holder_is_named(
    source: Path, migrated_url: str, move: Move, execute: Query, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate_to_pg.publish.transaction.LOCK_TIMEOUT_SECONDS", 1)
    with psycopg.connect(migrated_url, application_name="the reporting job") as holder:
        holder.execute("SELECT count(*) FROM courses_course")
        pid = holder.info.backend_pid
        report = move(source, migrated_url)
        # Its lock was not waited for to the end.
        assert holder.info.transaction_status == TransactionStatus.INTRANS
    assert report.failure
    assert "could not lock the tables within 1 s" in report.failure.message
    assert report.failure.exit_status == 1
    assert any(f"pid {pid} (user postgres, the reporting job" in line for line in report.failure.detail)
    assert execute(migrated_url, "SELECT count(*) FROM courses_course") == [(0,)]


def test_grants_owner_and_comments_are_as_on_the_replaced_table(
    source: Path, migrated_url: str, move: Move, execute: Query
) -> None:
    execute(
        migrated_url,
        "DROP ROLE IF EXISTS lecteur; CREATE ROLE lecteur; GRANT SELECT ON courses_course TO lecteur;"
        " COMMENT ON TABLE courses_course IS 'les cours'; ALTER TABLE courses_course ENABLE ROW LEVEL SECURITY;"
        " CREATE POLICY tous ON courses_course FOR SELECT TO lecteur USING (true)",
    )
    assert move(source, migrated_url).ok
    assert execute(
        migrated_url,
        "SELECT has_table_privilege('lecteur', 'courses_course', 'SELECT'),"
        " has_table_privilege('lecteur', 'auth_user', 'SELECT'),"
        " obj_description('courses_course'::regclass), relrowsecurity,"
        " (SELECT polname FROM pg_policy WHERE polrelid = 'courses_course'::regclass)"
        " FROM pg_class WHERE oid = 'courses_course'::regclass",
    ) == [(True, False, "les cours", True, "tous")]


@pytest.mark.full
def test_default_privileges_of_the_schema_reach_published_tables(
    source: Path, postgres_url: str, move: Move, execute: Query
) -> None:
    execute(
        postgres_url,
        "DROP ROLE IF EXISTS auditeur; CREATE ROLE auditeur;"
        " ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO auditeur",
    )
    assert move(source, postgres_url).ok
    assert execute(postgres_url, "SELECT has_table_privilege('auditeur', 'courses_course', 'SELECT')") == [(True,)]


def test_two_runs_at_once_the_second_is_refused(
    source: Path, postgres_url: str, move: Move, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("migrate_to_pg.postgres.target._RUN_LOCK_TIMEOUT_SECONDS", 0.2)
    second: list[Report] = []
    first = move(source, postgres_url, on={"load": lambda: second.append(move(source, postgres_url))})
    assert first.ok
    refused = second[0].failure
    assert refused
    assert "Another migrate_to_pg" in refused.message
    assert "pid" in refused.detail[0]


@pytest.mark.parametrize("stage", first_in_ci("stage", "publish", "prove"))
def test_an_interrupt_that_python_drops_stops_the_run_all_the_same(
    source: Path, postgres_url: str, move: Move, execute: Query, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    class Finalized:
        def __del__(self) -> None:
            # What is raised here is printed, and dropped.
            signal.raise_signal(signal.SIGINT)

    dropped: list[object] = []
    monkeypatch.setattr("sys.unraisablehook", dropped.append)
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        report = move(source, postgres_url, on={stage: lambda: Finalized() and None})
    finally:
        signal.signal(signal.SIGINT, before)
    assert dropped
    assert report.failure
    assert report.failure.message == "Interrupted."
    assert not report.publication
    assert execute(postgres_url, INCOMING_THERE) == [(0,)]
    assert execute(postgres_url, TABLES_IN_PUBLIC) == [(0,)]


# --- the report ---


def test_the_report_is_private_and_tells_what_happened(
    source: Path, postgres_url: str, move: Move, tmp_path: Path
) -> None:
    report = move(source, postgres_url)
    assert report.source
    folder = Path(report.source.snapshot).parent
    assert {p.name: oct(p.stat().st_mode)[-3:] for p in folder.iterdir()} == dict.fromkeys(
        ("report.html", "report.json", "run.log", "snapshot.sqlite3", "snapshot.sqlite3.sha256"), "600"
    )
    told = json.loads((folder / "report.json").read_text())
    assert told["ok"]
    assert [s["name"] for s in told["stages"]] == [
        "snapshot", "catalog", "stage", "examine", "load", "restore", "prove", "publish",
    ]  # fmt: skip
    assert all(t["differences"] == 0 and t["rows_source"] == t["rows_target"] for t in told["tables"])
