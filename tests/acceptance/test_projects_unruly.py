"""Projects whose code must not run while their rows are moved, or whose migrations cannot."""

from contextlib import closing
from pathlib import Path

import dj_database_url
import pytest
from django.db import ProgrammingError
from django.db.utils import ConnectionHandler
from pytest_django import DjangoDbBlocker

from migrate_to_pg.project.migrations import model_refused
from tests.conftest import run_sql
from tests.projects import Project, digest
from tests.tiers import first_in_ci

ROWS = """
INSERT INTO auth_user (id, password, is_superuser, username, first_name, last_name, email, is_staff, is_active,
                       date_joined) VALUES (5, '', 0, 'anna', '', '', '', 0, 1, '2026-01-01');
INSERT INTO unruly_document VALUES (1, 'eno'), (2, 'owt'), (7, 'neves');
INSERT INTO unruly_letter VALUES (2, '2026-02-01'), (7, NULL);
INSERT INTO unruly_reading (id, letter_id, reader_id, seconds) VALUES (3, 7, 5, 0.1);
INSERT INTO unruly_tag (id, name, content_type_id, object_id) VALUES (9, 'first',
    (SELECT id FROM django_content_type WHERE model = 'document'), 1);
INSERT INTO unruly_historicaldocument VALUES
    (1, 'eno', 4, '2026-01-01', '+', 5), (99, 'enog', 5, '2026-01-02', '-', 77);
CREATE TABLE only_here (id integer PRIMARY KEY);
INSERT INTO only_here VALUES (1)
"""


@pytest.fixture
def unruly(tmp_path: Path) -> Project:
    made = Project("unruly", tmp_path)
    made.migrate()
    made.sqlite(*ROWS.split(";\n"))
    return made


def test_no_manager_constructor_signal_or_save_of_the_project_is_called(unruly: Project, postgres_url: str) -> None:
    run_sql(postgres_url, "CREATE TABLE only_there (id int PRIMARY KEY)")
    run_sql(postgres_url, "INSERT INTO only_there VALUES (4)")
    # What a model uses is not left behind by a general choice: it must be named.
    refused = unruly.move(postgres_url, "--leftovers", "skip", ok=False)
    assert "SQLite's table only_here, with 1 row, is that of the installed model unruly.OnlyHere" in " ".join(
        refused.stdout.split()
    )
    moved = unruly.move(postgres_url, "--leftovers", "skip", "--as-leftovers", "unruly.OnlyHere")
    assert "Read by Django's ORM on both sides" in moved.stdout
    for table in ("document", "letter", "reading", "tag", "historicaldocument"):
        query = f"SELECT * FROM unruly_{table} ORDER BY 1"
        names = ", ".join(
            str(name) for (name,) in unruly.sqlite(f"SELECT name FROM pragma_table_info('unruly_{table}')")
        )
        counted = f"SELECT {names} FROM unruly_{table}"
        assert len(run_sql(postgres_url, query)) == len(unruly.sqlite(counted)) > 0
    # What is stored went over as it is: no field of the project's turned it round.
    assert run_sql(postgres_url, "SELECT title FROM unruly_document ORDER BY id") == [("eno",), ("owt",), ("neves",)]
    assert run_sql(postgres_url, "SELECT name FROM unruly_tag ORDER BY id") == unruly.sqlite(
        "SELECT name FROM unruly_tag ORDER BY id"
    )
    # A history may speak of rows and users that are gone.
    history = "SELECT id, history_user_id FROM unruly_historicaldocument ORDER BY history_id"
    assert run_sql(postgres_url, history) == [(1, 5), (99, 77)]
    # An unmanaged model's table is nobody's here, and stays as it was there.
    assert run_sql(postgres_url, "SELECT id FROM only_there") == [(4,)]


@pytest.mark.full
def test_years_of_sqlite_in_the_migrations_are_named_and_have_a_way_out(tmp_path: Path, postgres_url: str) -> None:
    dialect = Project("dialect", tmp_path)
    dialect.migrate()
    dialect.sqlite("INSERT INTO dialect_shop VALUES (3, 'Corner')")
    dialect.sqlite("INSERT INTO dialect_order VALUES (8, '2024-05-01 10:00:00.25', 3, 2024, 'two of them')")
    refused = dialect.move(postgres_url, ok=False)
    assert refused.returncode == 1
    assert "Migration dialect.0002_sqlite_alone does not run on PostgreSQL: function strftime(" in refused.stderr
    assert "Operation: Raw SQL operation" in refused.stderr
    assert "SQL: UPDATE dialect_order SET year" in refused.stderr
    assert "--schema models makes the tables from the models; that was tried." in refused.stderr
    dialect.move(postgres_url, "--schema", "models")
    told = run_sql(postgres_url, "SELECT id, year, note, shop_id, placed AT TIME ZONE 'UTC' FROM dialect_order")
    assert [(*row[:4], str(row[4])) for row in told] == [(8, 2024, "two of them", 3, "2024-05-01 10:00:00.250000")]
    assert run_sql(postgres_url, "SELECT to_regclass('order_year') IS NOT NULL, to_regclass('dialect_search')") == [
        (True, None)
    ]
    dialect.run("migrate", "--check", DATABASE_URL=postgres_url)


@pytest.mark.full
def test_settings_that_go_elsewhere_import_themselves_and_need_the_environment(
    tmp_path: Path, postgres_url: str
) -> None:
    """The database has a name that means it only from the directory that the settings go to."""
    roaming, needed = Project("roaming", tmp_path), {"ROAMING_SECRET": "of theirs"}
    roaming.migrate(**needed)
    roaming.sqlite("INSERT INTO roaming_place VALUES (4, 'Fès')")
    before = digest(roaming.source)
    aim = ("--target", postgres_url)
    roaming.run("migrate_to_pg", "--check", *aim, ok=True, **needed)
    roaming.run("migrate_to_pg", *aim, "--verify", "orm", ok=True, **needed)
    assert run_sql(postgres_url, "SELECT id, name FROM roaming_place") == [(4, "Fès")]
    roaming.run("migrate", "--check", DATABASE_URL=postgres_url, ok=True, **needed)
    roaming.run("migrate_to_pg", "--verify-only", *aim, ok=True, **needed)
    roaming.run("migrate_to_pg", "--undo", *aim, "--no-input", ok=True, **needed)
    assert run_sql(postgres_url, "SELECT to_regclass('roaming_place')") == [(None,)]
    assert digest(roaming.source) == before
    # A path that somebody types is one from there, and the whole of it is told.
    lost = roaming.run("migrate_to_pg", "--check", "--source", "db.sqlite3", ok=False, **needed)
    assert lost.returncode == 1
    assert f"no SQLite database at {tmp_path / 'elsewhere' / 'db.sqlite3'}" in lost.stdout + lost.stderr
    # And a rehearsal on the embedded server, which is kept in BASE_DIR.
    there = ("--source", str(roaming.source), "--target", "embedded", "--leftovers", "skip")
    roaming.run("migrate_to_pg", "--rehearse", *there, ok=True, **needed)
    assert (tmp_path / ".migrate_to_pg").is_dir()


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        ({"STRAY_IMPORT": "not_there"}, "cannot be imported: ModuleNotFoundError: No module named 'not_there'"),
        ({"STRAY_AFTER": "0000_gone"}, "do not make one graph: NodeNotFoundError"),
    ],
    ids=["import", "graph"],
)
@pytest.mark.parametrize("command", first_in_ci("--rehearse", "--check", "sqlite_doctor"))
def test_migrations_that_django_cannot_load_are_a_line_and_no_traceback(
    tmp_path: Path, postgres_url: str, broken: dict[str, str], told: str, command: str
) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    mode = (command,) if command == "sqlite_doctor" else ("migrate_to_pg", command, "--target", postgres_url)
    refused = stray.run(*mode, ok=False, **broken)
    assert refused.returncode == 1
    assert told in " ".join((refused.stdout + refused.stderr).split())


def test_a_migration_that_ends_the_process_ends_the_run_with_its_own_status(tmp_path: Path, postgres_url: str) -> None:
    stray = Project("stray", tmp_path)
    stray.migrate()
    refused = stray.move(postgres_url, ok=False, STRAY_EXIT="3")
    assert refused.returncode == 1
    assert "Migration stray.0002_stray does not run on PostgreSQL: SystemExit: 3" in refused.stderr


@pytest.mark.full
def test_a_database_that_was_just_migrated_holds_nothing_of_anybody_s(tmp_path: Path, postgres_url: str) -> None:
    """Models without a table of Django's have permissions all the same."""
    shapes = Project("shapes", tmp_path)
    shapes.migrate()
    shapes.migrate(DATABASE_URL=postgres_url)
    shapes.move(postgres_url, "--leftovers", "skip")


def test_a_collation_that_this_server_cannot_have_is_no_fault_of_the_projects(
    tmp_path: Path, postgres_url: str, django_db_blocker: DjangoDbBlocker
) -> None:
    documents = Project("extension", tmp_path)
    collation = "CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)"
    documents.migrate(INDEX="")
    told = documents.move(postgres_url, "--rehearse", ok=False, INDEX=collation)
    said = " ".join(told.stderr.split())
    assert told.returncode == 1
    assert "this server's PostgreSQL was built without it, as that of --target embedded is" in said
    assert "rehearse on a server that has ICU" in said
    assert "--schema models" not in said
    # The same by the models, whose columns name it.
    connection = ConnectionHandler({"default": dj_database_url.parse(postgres_url)})["default"]
    with django_db_blocker.unblock(), closing(connection), connection.cursor() as cursor:
        for statement in ('CREATE TABLE t (a text COLLATE "folded")', "CREATE TABLE t (a missing_type)"):
            with pytest.raises(ProgrammingError) as refused:
                cursor.execute(statement)
            advice = model_refused(connection, "app.Model", refused.value).remedy
            assert ("rehearse on a server that has ICU" in advice) == ("COLLATE" in statement)
