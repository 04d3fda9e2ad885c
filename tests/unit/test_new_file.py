"""The pieces of the way back that need no server: spelling of JSON, names of files, what follows a load."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest
from django.core.management.base import CommandError

from migrate_to_pg.errors import StagingError, UsageError, VerificationError
from migrate_to_pg.management.commands.migrate_from_pg import Command
from migrate_to_pg.move_back.check_file import check_file
from migrate_to_pg.move_back.make_schema import make_tables, prepare, restore
from migrate_to_pg.move_back.new_file import new_file
from migrate_to_pg.move_back.spelling import spell_json
from migrate_to_pg.pipeline.after_move_back import after_move_back
from migrate_to_pg.pipeline.failures import failure_of
from migrate_to_pg.planning.scratch_schema import SqliteSchema, Statement
from migrate_to_pg.project.source_database import choose_new_file
from migrate_to_pg.records import Identity, MadeFile, Options


@pytest.mark.parametrize(
    "value", ["é\x00\u2028😀", 1, 1.0, 0.1, 1e-7, 1e300, -0.0, None, True, [], {}, {"b": [1, {"a": "x"}]}, 10**40]
)
def test_json_is_spelled_as_django_writes_it(value: object) -> None:
    written = json.dumps(value)
    assert spell_json(json.dumps(value, ensure_ascii=False, separators=(",", ":"))) == written


@pytest.mark.parametrize(
    "text", ["0.12345678901234567890", "1e400", '{"a": 0.1000000000000000055}', "[" * 5000 + "]" * 5000]
)
def test_json_that_python_would_change_or_not_read_stays_as_it_is(text: str) -> None:
    assert spell_json(text) == text


SCHEMA = SqliteSchema(
    statements=(
        Statement("table", "post", "post", 'CREATE TABLE "post" ("id" integer PRIMARY KEY AUTOINCREMENT, "body" text)'),
        Statement(
            "table", "found", "found", "CREATE VIRTUAL TABLE found USING fts5(body, content='post', content_rowid=id)"
        ),
        Statement("table", "kept", "kept", "CREATE VIRTUAL TABLE kept USING fts5(body, content='')"),
        Statement("table", "log", "log", "CREATE TABLE log (n integer)"),
        Statement(
            "trigger", "t", "post", "CREATE TRIGGER t AFTER INSERT ON post BEGIN INSERT INTO log VALUES (1); END"
        ),
        Statement("index", "i", "post", 'CREATE UNIQUE INDEX "i" ON "post" ("body" COLLATE NOCASE)'),
        Statement("view", "v", "v", "CREATE VIEW v AS SELECT body FROM post"),
    )
)
NEXT = [("post", Identity(table="post", column="id", next=90))]


def filled(path: Path, *bodies: str) -> sqlite3.Connection:
    database = sqlite3.connect(path)
    prepare(database)
    make_tables(database, SCHEMA)
    database.executemany("INSERT INTO post (body) VALUES (?)", [(body,) for body in bodies])
    return database


def test_after_the_load_come_indexes_views_triggers_search_and_the_next_id(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "new.sqlite3", "été chaud", "hiver")) as database:
        restore(database, SCHEMA, NEXT)
        check_file(database, SCHEMA, NEXT)
        assert database.execute("SELECT rowid FROM found WHERE found MATCH 'hiver'").fetchall() == [(2,)]
        # No trigger acted on what was loaded.
        assert database.execute("SELECT * FROM log").fetchall() == []
        assert database.execute("INSERT INTO post (body) VALUES ('x') RETURNING id").fetchall() == [(90,)]
        assert database.execute("SELECT count(*) FROM log").fetchone() == (1,)


def test_rows_that_do_not_fit_an_index_are_an_error_that_names_it(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "new.sqlite3", "a", "A")) as database, pytest.raises(StagingError, match="for i:"):
        restore(database, SCHEMA, NEXT)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("DROP INDEX i", "index i is missing"),
        ("DROP TRIGGER t", "trigger t is missing"),
        ("DROP VIEW v; CREATE VIEW v AS SELECT 1", "view v differs from the statement that makes it"),
        ("UPDATE sqlite_sequence SET seq = 7", "the last id of post is 7, not 89"),
    ],
)
def test_what_is_not_as_the_migrations_make_it_is_named(tmp_path: Path, statement: str, told: str) -> None:
    with closing(filled(tmp_path / "new.sqlite3", "a")) as database:
        restore(database, SCHEMA, NEXT)
        database.executescript(statement)
        with pytest.raises(VerificationError, match=told):
            check_file(database, SCHEMA, NEXT)


def test_a_file_gets_its_name_once_it_is_published_and_no_earlier(tmp_path: Path) -> None:
    path = tmp_path / "a [b]*.sqlite3"
    stale = tmp_path / f"{path.name}.999999999.unfinished"
    stale.touch()
    (tmp_path / "a b.sqlite3.999999999.unfinished").touch()
    with new_file(path) as file:
        file.unfinished.write_text("made")
        assert not path.exists()
        file.publish()
    assert path.read_text() == "made"
    assert path.stat().st_mode & 0o777 == 0o600
    # What a killed run left is gone, and nothing else.
    assert sorted(found.name for found in tmp_path.iterdir()) == sorted([path.name, "a b.sqlite3.999999999.unfinished"])


@pytest.mark.parametrize("taken", ["new.sqlite3", "new.sqlite3-wal", "new.sqlite3-journal"])
def test_a_name_is_refused_where_sqlite_would_find_something_there(tmp_path: Path, taken: str) -> None:
    (tmp_path / taken).touch()
    with pytest.raises(UsageError, match="exists already"), new_file(tmp_path / "new.sqlite3"):
        pass
    assert [found.name for found in tmp_path.iterdir()] == [taken]


@pytest.mark.parametrize("named", ["postgres://user@host/name", "embedded", "embedded:/srv/data", "default"])
def test_a_database_is_no_file_to_make(named: str) -> None:
    with pytest.raises(UsageError) as told:
        choose_new_file(named, "default")
    assert "--source" in told.value.remedy
    assert choose_new_file(f"./{named.partition(':')[0]}", "default").path.name == named.partition(":")[0]


def test_an_address_as_the_file_to_make_is_told_where_it_belongs() -> None:
    parser = Command().create_parser("manage.py", "migrate_from_pg")
    with pytest.raises(CommandError, match="PostgreSQL is named with --source"):
        parser.parse_args(["--target", "postgres://user:secret@host/name"])


def test_who_could_read_the_old_file_is_told_when_it_is_replaced(tmp_path: Path) -> None:
    new, old = tmp_path / "db.from-postgresql.sqlite3", tmp_path / "db.sqlite3"
    for path, mode in ((new, 0o600), (old, 0o664)):
        path.touch()
        path.chmod(mode)
    made = MadeFile(path=str(new), bytes=0, sha256="", tables=0, rows=0, quarantine="", left_behind=())
    assert any(f"chmod 664 {old}" in step for step in after_move_back(Options(), made, 0, "postgres://u@h/n"))
    old.chmod(0o600)
    assert not any("chmod" in step for step in after_move_back(Options(), made, 0, "postgres://u@h/n"))


@pytest.mark.parametrize("error", [psycopg.OperationalError("lost"), OSError(28, "No space left on device")])
def test_counting_what_was_written_publishes_nothing_anyway(error: Exception) -> None:
    assert failure_of(error, Path(), "since_publish").remedy.startswith("Nothing was changed.")
