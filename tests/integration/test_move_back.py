"""From PostgreSQL to a new SQLite file: what is written in between, by whom, and what may never happen."""

from __future__ import annotations

import json
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from pytest_django import DjangoDbBlocker, Settings

from migrate_to_pg.errors import TargetError, UsageError
from migrate_to_pg.pipeline.move_back import move_back
from migrate_to_pg.pipeline.since_publish import since_publish
from migrate_to_pg.pipeline.undo_and_purge import undo
from migrate_to_pg.postgres.table_reader import TableReader
from migrate_to_pg.records import Event, Leftovers, Options, Report, Verify
from tests.conftest import MakeSource, Query, Server
from tests.integration.conftest import Move

MoveBack = Callable[..., Report]


@pytest.fixture(scope="module")
def published(
    servers: dict[int, Server],
    tmp_path_factory: pytest.TempPathFactory,
    make_source: MakeSource,
    django_db_blocker: DjangoDbBlocker,
) -> Iterator[str]:
    """The application's database, published once; each test gets a copy."""
    from migrate_to_pg.pipeline import move

    url = servers[18].database()
    options = Options(source=str(make_source("none")), target=url, report=tmp_path_factory.mktemp("report"))
    with django_db_blocker.unblock():
        assert move.run(options).ok
    yield url
    servers[18].drop(url)


@pytest.fixture
def url(servers: dict[int, Server], published: str) -> Iterator[str]:
    copy = servers[18].copy(published)
    yield copy
    servers[18].drop(copy)


@pytest.fixture
def back(tmp_path: Path, django_db_blocker: DjangoDbBlocker) -> Iterator[MoveBack]:
    """Run the way back in this process: back(url, on={stage: callback}, ...) -> Report."""
    runs = iter(range(100))

    def run(url: str, *, on: dict[str, Callable[[], object]] | None = None, **options: Any) -> Report:
        def follow(event: Event) -> None:
            if event.kind == "stage" and on and event.stage in on:
                on[event.stage]()

        wanted: dict[str, Any] = {
            "target": str(new(tmp_path)),
            "report": tmp_path / "reports" / str(next(runs)),
        } | options
        return move_back(Options(source=url, **wanted), follow)

    with django_db_blocker.unblock():
        yield run


def new(folder: Path) -> Path:
    return folder / "new.sqlite3"


def unfinished(folder: Path) -> Path:
    (found,) = folder.glob("*.unfinished")
    return found


def rows(path: Path, query: str) -> list[tuple[Any, ...]]:
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query).fetchall()


def change(path: Path, statement: str) -> None:
    with closing(sqlite3.connect(path)) as database, database:
        database.executescript(statement)


def test_what_was_written_on_postgresql_is_in_the_file_and_ids_go_on(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    execute(url, "INSERT INTO auth_group (name) VALUES ('été'), ('gone')")
    execute(url, "DELETE FROM auth_group WHERE name = 'gone'")
    execute(url, "UPDATE auth_user SET first_name = 'Zoé' WHERE id = 1")
    report = back(url)
    assert report.ok, report.failure
    assert report.made
    assert report.made.path == str(new(tmp_path))
    assert new(tmp_path).stat().st_mode & 0o777 == 0o600
    assert rows(new(tmp_path), "SELECT first_name FROM auth_user WHERE id = 1") == [("Zoé",)]
    ((last,),) = execute(url, "SELECT max(id) FROM auth_group")
    # The id of the row that was deleted is never given again.
    insert = "INSERT INTO auth_group (name) VALUES ('next') RETURNING id"
    assert rows(new(tmp_path), insert) == execute(url, insert) == [(last + 2,)]
    assert list(tmp_path.glob("*.unfinished*")) == []


def test_nothing_is_ever_written_over_a_file(url: str, back: MoveBack, tmp_path: Path) -> None:
    new(tmp_path).write_text("mine")
    with pytest.raises(UsageError, match="exists already"):
        back(url)
    new(tmp_path).unlink()
    # Nor over one that somebody makes while the run goes on.
    report = back(url, on={"publish": lambda: new(tmp_path).write_text("mine")})
    assert report.failure
    assert report.made is None
    assert new(tmp_path).read_text() == "mine"
    assert list(tmp_path.glob("*.unfinished*")) == []


def test_a_setting_that_names_no_column_is_refused(url: str, back: MoveBack, settings: Settings) -> None:
    settings.MIGRATE_TO_PG = {"SECRETS": ["courses_course.title", "courses_course.nothing"]}
    failure = back(url).failure
    assert failure is not None
    assert failure.exit_status == 2
    assert "courses_course.nothing" in failure.message


def test_of_a_server_that_does_not_answer_the_source_is_named(back: MoveBack, tmp_path: Path) -> None:
    report = back("postgres://nobody@127.0.0.1:1/x")
    assert report.failure
    assert "host and port" in report.failure.remedy
    assert "--target" not in report.failure.remedy
    # The data directory of an embedded server that was stopped.
    (tmp_path / "PG_VERSION").write_text("18")
    report = back(f"postgres://postgres@{quote(str(tmp_path), safe='')}/x")
    assert report.failure
    assert f"--source embedded:{tmp_path}" in report.failure.remedy
    assert f"-m migrate_to_pg.postgres.embedded --url {tmp_path}" in report.failure.remedy


MUTATIONS = {
    "a cell": ("UPDATE auth_user SET first_name = first_name || ' ' WHERE id = 1", "auth_user"),
    "a storage class": ("UPDATE auth_user SET username = CAST(username AS BLOB) WHERE id = 1", "auth_user"),
    "a row less": ("DELETE FROM auth_group_permissions WHERE id = 1", "auth_group_permissions"),
    "a row more": ("INSERT INTO auth_group VALUES (99, 'x')", "auth_group"),
    "an index": ("DROP INDEX auth_permission_content_type_id_2f476e4b", "auth_permission_content_type_id_2f476e4b"),
    "a sequence": ("UPDATE sqlite_sequence SET seq = seq + 1 WHERE name = 'auth_user'", "auth_user"),
}


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_change_of_the_new_file_is_found_before_it_gets_its_name(
    url: str, back: MoveBack, tmp_path: Path, mutation: str
) -> None:
    statement, named = MUTATIONS[mutation]
    report = back(url, on={"prove": lambda: change(unfinished(tmp_path), statement)})
    assert report.failure
    assert report.failure.exit_status == 3
    assert named in " ".join([report.failure.message, *report.failure.detail])
    assert list(tmp_path.glob("new*")) == []


def test_what_is_committed_meanwhile_stops_the_run_unless_that_is_accepted(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    with psycopg.connect(url) as slow:
        # It began before the snapshot, in a subtransaction, and commits after it.
        slow.execute("SAVEPOINT one")
        slow.execute("INSERT INTO auth_group (name) VALUES ('slow')")

        def write() -> None:
            if slow.info.transaction_status:
                slow.commit()
                execute(url, "UPDATE auth_user SET first_name = 'x' WHERE id < 3")
                execute(url, "DELETE FROM auth_group_permissions WHERE id = 1")

        report = back(url, on={"restore": write})
    assert report.failure
    assert report.failure.exit_status == 1
    assert set(report.failure.detail) == {
        "auth_group: 1 row inserted, 0 changed, 0 deleted",
        "auth_user: 0 rows inserted, 2 changed, 0 deleted",
        "auth_group_permissions: 0 rows inserted, 0 changed, 1 deleted",
    }
    assert not new(tmp_path).exists()
    writing = {"load": lambda: execute(url, "INSERT INTO auth_group (name) VALUES ('late')")}
    report = back(url, on=writing, accept_stale=True)
    assert report.made
    assert report.made.left_behind == ("auth_group: 1 row inserted, 0 changed, 0 deleted",)
    assert rows(new(tmp_path), "SELECT count(*) FROM auth_group WHERE name = 'slow'") == [(1,)]
    assert rows(new(tmp_path), "SELECT count(*) FROM auth_group WHERE name = 'late'") == [(0,)]


def test_a_table_that_is_truncated_meanwhile_stops_the_run_in_any_case(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    """To whoever reads the snapshot it is empty, and so it is to the verification."""
    emptied = {"catalog": lambda: execute(url, "TRUNCATE auth_group_permissions")}
    report = back(url, on=emptied, accept_stale=True)
    assert report.failure
    assert report.failure.detail == ("public.auth_group_permissions",)
    assert not new(tmp_path).exists()


@pytest.mark.full
def test_tables_that_sqlite_cannot_have_are_named_together(url: str, back: MoveBack, execute: Query) -> None:
    execute(url, 'CREATE TABLE "AUTH_group" (a int)')
    execute(url, 'CREATE TABLE both_cases (a int, "A" int)')
    execute(url, "CREATE TABLE sqlite_own (a int)")
    execute(url, "CREATE SCHEMA sqlite_leftovers CREATE TABLE auth_user (a int)")
    failure = back(url).failure
    assert failure
    assert [line.split(":")[0] for line in failure.detail] == [
        "AUTH_group", "both_cases", "sqlite_own", "sqlite_leftovers.auth_user",
    ]  # fmt: skip
    assert "--leftovers skip" in failure.remedy
    assert back(url, leftovers=Leftovers.SKIP).ok


@pytest.fixture
def reader(url: str, execute: Query) -> Iterator[str]:
    """A role that may connect, and read nothing yet; its name."""
    name = f"reader_{os.getpid()}"
    execute(url, f"CREATE ROLE {name} LOGIN")
    yield name
    execute(url, f"DROP OWNED BY {name}")
    execute(url, f"DROP ROLE {name}")


def test_a_role_that_may_read_every_row_will_do_and_what_it_lacks_is_told(
    url: str, back: MoveBack, tmp_path: Path, execute: Query, reader: str
) -> None:
    theirs = url.replace("postgres://postgres@", f"postgres://{reader}@")
    refused = back(theirs).failure
    assert refused
    assert "public.attributions_attribution" in refused.detail
    for line in refused.remedy.splitlines()[-1].rstrip(";").split("; "):
        execute(url, line)
    execute(url, "ALTER TABLE auth_group ENABLE ROW LEVEL SECURITY")
    hidden = back(theirs).failure
    assert hidden
    assert (hidden.detail, "BYPASSRLS" in hidden.remedy) == (("public.auth_group",), True)
    execute(url, "ALTER TABLE auth_group DISABLE ROW LEVEL SECURITY")
    assert back(theirs).ok
    locked = back(theirs, lock_source=True, target=str(tmp_path / "other.sqlite3")).failure
    assert locked
    assert "cannot be locked" in locked.message


@pytest.mark.full
def test_as_many_connections_read_as_the_role_has_and_the_file_is_the_same(
    url: str, back: MoveBack, tmp_path: Path, execute: Query, reader: str
) -> None:
    execute(url, f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {reader}")
    execute(url, f"GRANT SELECT ON ALL SEQUENCES IN SCHEMA public TO {reader}")
    seen: set[int] = set()
    asked = f"SELECT count(*) FROM pg_stat_activity WHERE usename = '{reader}'"

    def count(event: Event) -> None:
        if (event.stage, event.kind) == ("load", "progress"):
            seen.add(execute(url, asked)[0][0])

    theirs = url.replace("postgres://postgres@", f"postgres://{reader}@")
    files = [tmp_path / name for name in ("one.sqlite3", "many.sqlite3", "few.sqlite3")]
    for path, jobs, limit in zip(files, (1, 5, 5), (-1, -1, 3), strict=True):
        execute(url, f"ALTER ROLE {reader} CONNECTION LIMIT {limit}")
        seen.clear()
        report = move_back(
            Options(source=theirs, target=str(path), report=tmp_path / path.stem, jobs=jobs), progress=count
        )
        assert report.ok, report.failure
        # A reader may have ended before the last one begins, or be seen once more while another takes its place.
        assert max(seen) >= min(jobs + 1, 3)
        assert limit < 0 or max(seen) <= limit
    dumps = [list(sqlite3.connect(path).iterdump()) for path in files]
    assert dumps[0] == dumps[1] == dumps[2]


def test_a_connection_that_is_just_given_back_is_waited_for(url: str, execute: Query, reader: str) -> None:
    execute(url, f"ALTER ROLE {reader} CONNECTION LIMIT 1")
    theirs = url.replace("postgres://postgres@", f"postgres://{reader}@")
    other = psycopg.connect(theirs)
    ending = threading.Timer(0.3, other.close)
    with pytest.raises(TargetError), TableReader(theirs, "", patient=False):
        pass
    ending.start()
    with TableReader(theirs, ""):
        ending.join()


def test_writers_wait_for_a_locked_source_and_go_on_afterwards(url: str, back: MoveBack, execute: Query) -> None:
    done: list[bool] = []
    started: list[threading.Thread] = []

    def write() -> None:
        execute(url, "INSERT INTO auth_group (name) VALUES ('waits')")
        done.append(True)

    def begin() -> None:
        started.append(threading.Thread(target=write))
        started[0].start()

    seen: list[list[bool]] = []
    report = back(url, on={"load": begin, "publish": lambda: seen.append([*done])}, lock_source=True)
    started[0].join(10)
    assert report.ok, report.failure
    assert (seen, done) == ([[]], [True])


def test_leftovers_that_stay_behind_are_neither_locked_nor_watched(url: str, back: MoveBack, execute: Query) -> None:
    execute(url, "CREATE SCHEMA sqlite_leftovers CREATE TABLE old (a int) CREATE TABLE gone (a int)")
    drop = {"load": lambda: execute(url, "DROP TABLE sqlite_leftovers.gone")}
    with psycopg.connect(url) as writer:
        writer.execute("INSERT INTO sqlite_leftovers.old VALUES (1)")
        report = back(url, on=drop, leftovers=Leftovers.SKIP, lock_source=True)
    assert report.ok, report.failure


# Ten seconds of waiting.
@pytest.mark.full
def test_a_writer_that_does_not_end_is_named_where_the_source_is_to_be_locked(url: str, back: MoveBack) -> None:
    with psycopg.connect(url, application_name="theirs") as writer, psycopg.connect(url) as other:
        writer.execute("UPDATE auth_group SET name = name")
        other.execute("SELECT 1 FROM auth_group")
        failure = back(url, lock_source=True).failure
        assert failure
        assert {line.split(" ")[1] for line in failure.detail} == {str(writer.info.backend_pid)}
        assert "theirs" in failure.detail[0]


def test_rows_that_sqlite_cannot_take_block_the_run_or_are_kept_aside(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    execute(url, "UPDATE auth_user SET date_joined = 'infinity' WHERE id = 1")
    execute(url, "UPDATE attributions_attribution SET created_at = '0044-03-15 BC' WHERE id = 7")
    report = back(url)
    assert [(f.rule, f.table, f.column, f.count) for f in report.findings] == [
        ("date-out-of-range", "attributions_attribution", "created_at", 1),
        ("date-out-of-range", "auth_user", "date_joined", 1),
    ]
    assert not new(tmp_path).exists()
    assert report.failure
    assert "--fix" not in report.failure.remedy
    assert report.continue_with.endswith("--quarantine date-out-of-range")
    report = back(url, quarantine=("date-out-of-range",))
    assert report.ok, report.failure
    assert report.made
    kept = rows(Path(report.made.quarantine), 'SELECT "table", "key", rule, row FROM quarantine')
    referring = execute(url, "SELECT count(*) FROM attributions_attribution WHERE created_by_id = 1 OR id = 7")[0][0]
    in_table = [row for row in kept if row[0] == "attributions_attribution"]
    assert len(in_table) == referring > 1
    assert json.loads(next(row[3] for row in kept if row[0] == "auth_user"))["date_joined"] == "infinity"
    assert rows(new(tmp_path), "PRAGMA foreign_key_check") == []
    total = execute(url, "SELECT count(*) FROM attributions_attribution")[0][0]
    assert rows(new(tmp_path), "SELECT count(*) FROM attributions_attribution") == [(total - referring,)]
    assert sum(removed.count for removed in report.removed) == len(kept)


def test_values_without_a_place_in_the_file_are_kept_aside_and_their_rows_stay(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    execute(url, "ALTER TABLE auth_group ADD colour text, ADD words tsvector")
    execute(url, "UPDATE auth_group SET words = to_tsvector(name), colour = CASE id WHEN 2 THEN 'red' END")
    report = back(url)
    assert [(f.rule, f.table, f.column, f.count) for f in report.findings] == [
        ("column-not-on-sqlite", "auth_group", "colour", 1)
    ]
    # As on the way there: what keeps the row, and loses something else, has to be named.
    assert back(url, quarantine=("all",)).made is None
    report = back(url, quarantine=("all", "column-not-on-sqlite"))
    assert report.ok, report.failure
    assert report.made
    kept = rows(Path(report.made.quarantine), 'SELECT "table", "key", rule, row FROM quarantine')
    assert kept == [("auth_group", "2", "column-not-on-sqlite", '{"colour": "red"}')]
    assert rows(new(tmp_path), "SELECT count(*) FROM auth_group") == execute(url, "SELECT count(*) FROM auth_group")


def test_a_row_for_which_a_check_of_sqlite_does_not_hold_is_named(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    execute(url, "ALTER TABLE attributions_attribution DROP CONSTRAINT attributions_hours_positive")
    execute(url, "UPDATE attributions_attribution SET hours = -1 WHERE id IN (7, 300)")
    report = back(url)
    assert report.failure
    assert report.failure.exit_status == 1
    assert "attributions_hours_positive" in report.failure.message
    assert report.failure.detail == ("id = 7",)
    assert list(tmp_path.glob("new*")) == []


def test_tables_that_no_migration_makes_are_copied(url: str, back: MoveBack, tmp_path: Path, execute: Query) -> None:
    execute(
        url, "CREATE TABLE notes (id bigint PRIMARY KEY, at timestamptz, what jsonb, n numeric(6,2), b bool, c char(4))"
    )
    execute(url, "INSERT INTO notes VALUES (1, '2025-01-01 10:00:00.5+01', '{\"é\": 1}', 1.50, true, 'ab')")
    execute(url, "CREATE SCHEMA sqlite_leftovers CREATE TABLE old (a text, b bytea)")
    execute(url, "INSERT INTO sqlite_leftovers.old VALUES ('x', '\\x00ff'), (NULL, NULL)")
    report = back(url)
    assert report.ok, report.failure
    note = (1, "2025-01-01 09:00:00.500000", '{"\\u00e9": 1}', 1.5, 1, "ab")
    assert rows(new(tmp_path), "SELECT * FROM notes") == [note]
    assert rows(new(tmp_path), "SELECT * FROM old ORDER BY a") == [(None, None), ("x", b"\0\xff")]
    assert report.verification
    assert {"notes", "sqlite_leftovers.old"} <= {table.name for table in report.verification.tables}


@pytest.mark.full
def test_the_orm_reads_the_file_as_it_reads_the_state_that_was_moved(
    url: str, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    late = {"prove": lambda: execute(url, "INSERT INTO auth_group (name) VALUES ('late')")}
    report = back(url, on=late, verify=Verify.ORM, accept_stale=True)
    assert report.ok, report.failure
    assert report.verification
    read = {table.name: table for table in report.verification.orm}
    assert read["auth_group"].rows == rows(new(tmp_path), "SELECT count(*) FROM auth_group")[0][0]
    assert read["attributions_attribution"].keys_followed > 100
    # Rows that stay behind are no differences: their tables are named as not read.
    execute(url, "UPDATE auth_user SET date_joined = 'infinity' WHERE id = 1")
    new(tmp_path).unlink()
    report = back(url, verify=Verify.ORM, quarantine=("all",))
    assert report.ok, report.failure
    assert report.verification
    assert "auth_user" in {one.table for one in report.verification.unread}
    assert "courses_course" in {table.name for table in report.verification.orm}


BY_HAND = """
    CREATE INDEX by_hand ON auth_user (last_name COLLATE NOCASE DESC);
    CREATE TRIGGER no_empty_group BEFORE DELETE ON auth_group BEGIN SELECT raise(ABORT, 'kept'); END;
    CREATE TRIGGER twice AFTER INSERT ON auth_group BEGIN UPDATE auth_group SET name = name || '!'; END;
    CREATE VIEW groups AS SELECT name FROM auth_group;
    CREATE VIRTUAL TABLE words USING fts5 (name, content = 'auth_group', content_rowid = 'id');
    PRAGMA foreign_keys = OFF;
    INSERT INTO auth_user_groups (id, user_id, group_id) VALUES (900, 900, 1);
    CREATE TABLE notes (id INTEGER PRIMARY KEY, n);
    INSERT INTO notes VALUES (1, 2), (2, 'two');
"""


def test_the_kept_snapshot_may_give_the_schema_with_all_that_was_made_by_hand(
    source: Path, postgres_url: str, move: Move, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    url, held = postgres_url, "SELECT name, sql FROM sqlite_master ORDER BY name"
    change(source, BY_HAND)
    assert move(source, url, quarantine=("foreign-key-orphan",)).ok
    report = back(url)
    assert rows(new(tmp_path), "SELECT 1 FROM sqlite_master WHERE name = 'by_hand'") == []
    lacking = {(f.table, " ".join(f.explanation.split()[:-10])) for f in report.findings if f.rule == "not-in-new-file"}
    assert lacking == {
        ("auth_user", "INDEX by_hand"), ("auth_group", "TRIGGER no_empty_group"), ("auth_group", "TRIGGER twice"),
        ("words", "VIRTUAL TABLE words"),
    }  # fmt: skip
    # Before that file is put aside.
    kept = next(place for place, step in enumerate(report.next_steps) if "1 row in quarantine" in step)
    (journal,) = tmp_path.glob("reports/*/journal.sqlite3")
    assert str(journal) in report.next_steps[kept]
    assert kept < next(place for place, step in enumerate(report.next_steps) if str(new(tmp_path)) in step)
    new(tmp_path).unlink()
    for lost in ("INDEX by_hand", "TRIGGER no_empty_group", "VIEW groups"):
        changed = {"prove": lambda lost=lost: change(unfinished(tmp_path), f"DROP {lost}")}
        report = back(url, on=changed, schema="snapshot")
        assert report.failure
        assert (report.failure.exit_status, lost.split()[1] in report.failure.message) == (3, True)
    report = back(url, schema="snapshot")
    assert report.ok, report.failure
    assert "not-in-new-file" not in {finding.rule for finding in report.findings}
    assert rows(new(tmp_path), held) == rows(source, held)
    assert rows(new(tmp_path), "SELECT * FROM notes") == [(1, 2), (2, "two")]
    # Triggers do nothing once more.
    assert rows(new(tmp_path), "SELECT name FROM auth_group ORDER BY id") == execute(
        url, "SELECT name FROM auth_group ORDER BY id"
    )
    new(tmp_path).unlink()
    # A later migration has other tables than the snapshot.
    execute(url, "INSERT INTO django_migrations (app, name, applied) VALUES ('auth', '9999_later', now())")
    report = back(url, schema="snapshot")
    assert report.failure
    assert report.failure.detail == ("auth.9999_later",)
    for snapshot in tmp_path.glob("reports/*/snapshot.sqlite3"):
        snapshot.unlink()
    refused = back(url, schema="snapshot").failure
    assert refused
    assert (refused.exit_status, refused.message[:36]) == (2, "The snapshot of the publication is g")


def test_what_was_written_since_the_move_is_counted_without_a_file(
    source: Path, postgres_url: str, move: Move, execute: Query, tmp_path: Path
) -> None:
    url = postgres_url
    move(source, url)
    execute(url, "INSERT INTO auth_group (name) VALUES ('new')")
    execute(url, "UPDATE auth_user SET first_name = 'x', last_name = 'y' WHERE id < 3")
    execute(url, "DELETE FROM auth_group_permissions WHERE id = 1")
    execute(url, "ALTER TABLE auth_group ADD colour text, ADD lower_name text GENERATED ALWAYS AS (lower(name)) STORED")
    execute(url, "UPDATE auth_group SET colour = 'red' WHERE id < 3")
    execute(url, "CREATE TABLE later AS SELECT 1 AS a")
    report = since_publish(Options(source=url, report=tmp_path / "report"))
    assert report.ok, report.failure
    not_counted = [(f.table, f.column, f.count) for f in report.findings if f.rule == "not-counted"]
    assert not_counted == [("auth_group", "colour", 2), ("later", "", 1)]
    assert report.verification
    changed = {
        table.name: (table.rows_added, table.rows_changed, table.rows_removed)
        for table in report.verification.tables
        if table.differences
    }
    assert changed == {"auth_group": (1, 0, 0), "auth_user": (0, 2, 0), "auth_group_permissions": (0, 0, 1)}
    assert report.made is None
    undo(Options(target=url, mode="undo", replace=True, report=tmp_path / "undone"))
    with pytest.raises(UsageError, match=r"was undone on .* its tables are kept in schema"):
        since_publish(Options(source=url, report=tmp_path / "report"))


LEFTOVERS_BY_HAND = """
    CREATE TABLE counted (id INTEGER PRIMARY KEY AUTOINCREMENT, amount NUMERIC, "of what" varchar(9) NOT NULL);
    INSERT INTO counted VALUES (1, 7, 'a'), (2, 1.5, 'b'), (3, 'many', 'c'), (4, NULL, 'd'), (90, 0, 'e');
    DELETE FROM counted WHERE id = 90;
    CREATE INDEX counted_what ON counted ("of what");
    CREATE TABLE mixed (a, b BLOB, PRIMARY KEY (a, b)) WITHOUT ROWID;
    INSERT INTO mixed VALUES (1, x'00'), ('1', x'00'), (1.5, 'text'), (x'31', 2);
    CREATE TABLE changed (a, n DECIMAL);
    INSERT INTO changed VALUES (1, 1.5), ('x', 2.5);
    CREATE TABLE widened (a);
    CREATE TABLE folded (a TEXT COLLATE NOCASE UNIQUE);
    INSERT INTO folded VALUES ('a'), ('b');
    CREATE TABLE child (a INTEGER REFERENCES counted (id));
    CREATE VIEW sums AS SELECT count(*) AS n FROM counted;
"""


def test_leftovers_come_back_as_they_were_where_the_snapshot_explains_them(
    source: Path, postgres_url: str, move: Move, back: MoveBack, tmp_path: Path, execute: Query
) -> None:
    change(source, LEFTOVERS_BY_HAND)
    assert move(source, postgres_url).ok
    # As the columns are split on PostgreSQL.
    execute(postgres_url, """INSERT INTO sqlite_leftovers.counted VALUES (5, NULL, 2.5, NULL, 'f')""")
    execute(postgres_url, "UPDATE sqlite_leftovers.counted SET amount__integer = 8 WHERE id = 1")
    execute(postgres_url, "INSERT INTO sqlite_leftovers.changed (n) VALUES (3)")
    execute(postgres_url, "ALTER TABLE sqlite_leftovers.widened ADD b text")
    damage = "UPDATE counted SET amount = 9 WHERE id = 2"
    failed = back(postgres_url, on={"prove": lambda: change(unfinished(tmp_path), damage)})
    assert failed.failure
    assert failed.failure.exit_status == 3
    assert "sqlite_leftovers.counted" in failed.failure.message
    report = back(postgres_url)
    assert report.ok, report.failure
    # Twice the same for SQLite's collation.
    execute(postgres_url, "INSERT INTO sqlite_leftovers.folded VALUES ('A')")
    again = back(postgres_url, target=str(tmp_path / "folded.sqlite3"))
    assert [(f.rule, f.table, f.count) for f in again.findings if f.blocks] == [
        ("one-key-on-sqlite", "sqlite_leftovers.folded", 1)
    ]
    execute(postgres_url, "DELETE FROM sqlite_leftovers.folded WHERE a = 'A'")
    form = "SELECT sql FROM sqlite_master WHERE name IN ('counted', 'counted_what', 'mixed', 'sums') ORDER BY name"
    assert rows(new(tmp_path), form) == rows(source, form)
    counted = [(1, 8, "a"), (2, 1.5, "b"), (3, "many", "c"), (4, None, "d"), (5, 2.5, "f")]
    assert rows(new(tmp_path), "SELECT * FROM counted") == counted
    held = "SELECT a, typeof(a), b, typeof(b) FROM mixed"
    assert rows(new(tmp_path), held) == rows(source, held)
    # The id that was deleted before the move is never given again.
    assert rows(new(tmp_path), 'INSERT INTO counted ("of what") VALUES (9) RETURNING id') == [(91,)]
    # 3 was written as a real number, which SQLite would store as an integer.
    assert sorted(rows(new(tmp_path), "SELECT * FROM changed"), key=repr) == [
        (1, None, 1.5), (None, "x", 2.5), (None, None, 3.0),
    ]  # fmt: skip
    told = {(f.table, f.column, f.level.value) for f in report.findings if f.rule == "leftover-form"}
    assert told == {
        ("sqlite_leftovers.changed", "n", "warning"),
        ("sqlite_leftovers.widened", "b", "warning"),
        ("sqlite_leftovers.child", "", "warning"),
        ("sqlite_leftovers.sums", "", "warning"),
    }
    assert report.verification
    assert {"sqlite_leftovers.counted", "sqlite_leftovers.mixed"} <= {t.name for t in report.verification.tables}
    # Nothing tells the form any more.
    for snapshot in tmp_path.glob("reports/*/snapshot.sqlite3"):
        snapshot.chmod(0o600)
        snapshot.write_bytes(b"no database, but long enough to be read as one" * 100)
    report = back(postgres_url, target=str(tmp_path / "again.sqlite3"))
    assert report.ok, report.failure
    assert any("cannot be told, as the snapshot of the move is gone" in step for step in report.next_steps)
    assert "sqlite_leftovers.counted" in {f.table for f in report.findings if f.rule == "leftover-form"}
    columns = "SELECT group_concat(name) FROM pragma_table_info('counted')"
    assert rows(tmp_path / "again.sqlite3", columns) == [("id,amount__integer,amount__real,amount__text,of what",)]
