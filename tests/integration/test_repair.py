"""sqlite_doctor --repair on real files: what is repaired, what stays as it was, and what a failure does."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from migrate_to_pg.doctor.repair.lock import require_possible
from migrate_to_pg.doctor.repair.repair import repair
from migrate_to_pg.errors import RepairError, UsageError
from migrate_to_pg.records import Event, Level
from migrate_to_pg.records.diagnosis import Diagnosis
from migrate_to_pg.report.doctor_report import blocks
from migrate_to_pg.report.text_layout import plain
from tests.integration.repairing import DANGLE, ask, backups, change, content, rewritten
from tests.unit.reports import finding

pytestmark = pytest.mark.usefixtures("unblocked")


@pytest.fixture
def dangling_source(source: Path) -> Path:
    """A table that cannot be written to, with everything around it that must survive."""
    change(source, "PRAGMA journal_mode = delete;" + DANGLE)
    return source


def test_nothing_but_the_keys_parent_is_different_afterwards(dangling_source: Path) -> None:
    before, schema = content(dangling_source), dict(ask(dangling_source, "SELECT name, sql FROM sqlite_master"))
    diagnosis = repair(str(dangling_source), ["dangling-foreign-key"])
    assert diagnosis.repair
    assert diagnosis.repair.ok
    children = {"attributions_attribution", "courses_courseyear"}
    assert {(done.rule, done.table) for done in diagnosis.repair.repaired} == {
        ("dangling-foreign-key", table) for table in children
    }
    after = dict(ask(dangling_source, "SELECT name, sql FROM sqlite_master"))
    changed = {name for name in schema.keys() | after.keys() if schema.get(name) != after.get(name)}
    assert changed == children
    for table in children:
        assert after[table] == schema[table].replace('"courses_course_backup"', '"courses_course"')
    assert content(dangling_source) == before
    assert not [f for f in diagnosis.findings if f.rule in ("dangling-foreign-key", "write-probe")]


def test_the_backup_is_the_database_as_it_was_and_private(dangling_source: Path) -> None:
    dangling_source.chmod(0o644)
    before = content(dangling_source, schema=True)
    diagnosis = repair(str(dangling_source), ["lossless"])
    (backup,) = backups(dangling_source)
    assert diagnosis.repair
    assert diagnosis.repair.backup == str(backup)
    assert content(backup, schema=True) == before
    assert backup.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in dangling_source.parent.iterdir() if path.name.startswith("db")) == [
        dangling_source.name,
        backup.name,
    ]


def test_the_application_can_write_again(dangling_source: Path) -> None:
    columns = [
        name for (name,) in ask(dangling_source, "SELECT name FROM pragma_table_info('attributions_attribution')")
    ]
    values = ", ".join("NULL" if c == "id" else "'2026-2027'" if c == "academic_year" else f'"{c}"' for c in columns)
    insert = f"INSERT INTO attributions_attribution SELECT {values} FROM attributions_attribution LIMIT 1"
    with pytest.raises(sqlite3.OperationalError, match="courses_course_backup"):
        change(dangling_source, "PRAGMA foreign_keys = ON; DROP TRIGGER raises;" + insert)
    repair(str(dangling_source), ["dangling-foreign-key"])
    change(
        dangling_source, "PRAGMA foreign_keys = ON; DROP TRIGGER IF EXISTS raises; DELETE FROM django_session;" + insert
    )
    # AUTOINCREMENT went on from where it was.
    assert ask(dangling_source, "SELECT max(id) FROM attributions_attribution") == [(123457,)]


def test_what_the_migrations_do_not_know_is_not_guessed(source: Path) -> None:
    change(source, "CREATE TABLE extra (x integer REFERENCES nowhere (id)); INSERT INTO extra VALUES (1);")
    before = content(source, schema=True)
    named = repair(str(source), ["dangling-foreign-key"])
    assert named.repair
    assert [(left.table, left.column) for left in named.repair.not_repaired] == [("extra", "x")]
    assert "the migrations make no foreign key" in named.repair.not_repaired[0].reason
    assert not named.ok
    # "all" asks for what there is a repair for.
    record = repair(str(source), ["all"]).repair
    assert record
    assert record.ok
    assert content(source, schema=True) == before
    assert backups(source) == []


def test_lost_indexes_are_made_as_django_makes_them(source: Path) -> None:
    table = "attributions_attribution"
    (name, sql), *_ = ask(
        source, f"SELECT name, sql FROM sqlite_master WHERE tbl_name = '{table}' AND sql LIKE '%created_by_id\")'"
    )
    change(source, f'DROP INDEX "{name}"')
    record = repair(str(source), ["schema-drift"]).repair
    assert record
    assert record.repaired, "the lost index was not found"
    assert ask(source, f"SELECT sql FROM sqlite_master WHERE name = '{name}'") == [(sql,)]


def test_lost_indexes_with_a_condition_are_found_and_made_again(source: Path) -> None:
    query = "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql LIKE '% WHERE %' ORDER BY name"
    lost = ask(source, query)
    assert lost
    change(source, "".join(f'DROP INDEX "{name}";' for name, _ in lost))
    diagnosis = repair(str(source), ["all"])
    assert diagnosis.repair
    assert diagnosis.repair.ok, diagnosis.repair
    assert not diagnosis.findings
    assert ask(source, query) == lost
    told = finding(rule="schema-drift", level=Level.WARNING, explanation="It is gone.\nFor PostgreSQL: no.")
    own, _, move = "\n".join(plain(blocks(replace(diagnosis, findings=(told,))))).partition("For a move")
    assert "It is gone." in own
    assert "For PostgreSQL: no." in move


def test_a_lost_unique_constraint_comes_back_as_a_unique_index(source: Path) -> None:
    lost = ', CONSTRAINT "courses_code_once_in_a_department" UNIQUE ("code", "department")'
    rewritten(source, "courses_course", lost, "")
    before = content(source)
    diagnosis = repair(str(source), ["schema-drift"])
    assert diagnosis.repair
    assert diagnosis.repair.ok, diagnosis.repair
    assert not diagnosis.findings
    assert content(source) == before
    with pytest.raises(sqlite3.IntegrityError, match=r"courses_course\.code"):
        change(source, "UPDATE courses_course SET code = 'same', code_unique = 0")


@pytest.mark.parametrize("table", ["courses_course", "django_session"])
def test_a_table_made_from_a_query_gets_its_indexes_and_is_left_to_a_rebuild(table: str, source: Path) -> None:
    change(source, f"PRAGMA foreign_keys = OFF; PRAGMA legacy_alter_table = ON;"
                   f" CREATE TABLE new_one AS SELECT * FROM {table}; DROP TABLE {table};"
                   f" ALTER TABLE new_one RENAME TO {table};")  # fmt: skip
    before = content(source)
    diagnosis = repair(str(source), ["schema-drift"])
    assert diagnosis.repair
    assert not diagnosis.repair.ok
    assert [(done.rule, done.table) for done in diagnosis.repair.repaired] == [("schema-drift", table)]
    assert [left.reason for left in diagnosis.repair.not_repaired if left.table == table] == [
        "the table has to be made anew, in a new file: --rebuild NEW"
    ]
    assert content(source) == before


@pytest.fixture
def on_connection(dangling_source: Path) -> Iterator[Callable[[Callable[[sqlite3.Connection], object]], None]]:
    """Run a function on each connection that is opened to the database itself, as projects do."""
    receivers = []

    def register(function: Callable[[sqlite3.Connection], object]) -> None:
        def receiver(sender: object, connection: BaseDatabaseWrapper, **_: object) -> None:
            if connection.settings_dict["NAME"] == str(dangling_source):
                function(connection.connection)

        receivers.append(receiver)
        connection_created.connect(receiver)

    yield register
    for receiver in receivers:
        connection_created.disconnect(receiver)


def failed(path: Path, before: object, diagnosis: Diagnosis, says: str) -> None:
    record = diagnosis.repair
    assert record
    assert record.failure
    assert not diagnosis.ok
    told = "\n".join([record.failure.message, *record.failure.detail])
    assert says in told, told
    assert record.repaired == ()
    assert content(path, schema=True) == before
    assert content(backups(path)[0], schema=True) == before


def test_a_full_disk_changes_nothing(
    dangling_source: Path, on_connection: Callable[[Callable[[sqlite3.Connection], object]], None]
) -> None:
    (index,) = ask(dangling_source, "SELECT name FROM sqlite_master WHERE sql LIKE 'CREATE INDEX%(\"teacher_id\")'")[0]
    change(dangling_source, f"DROP INDEX {index}; VACUUM;")
    pages = dangling_source.stat().st_size // 4096
    on_connection(lambda database: database.execute(f"PRAGMA max_page_count = {pages}"))
    before = content(dangling_source, schema=True)
    failed(dangling_source, before, repair(str(dangling_source), ["all"]), "database or disk is full")


def test_an_index_that_comes_out_wrong_changes_nothing(
    dangling_source: Path, on_connection: Callable[[Callable[[sqlite3.Connection], object]], None]
) -> None:
    calls = iter(range(10**9))
    wrong: list[bool] = []
    on_connection(
        lambda database: database.create_function(
            "wobbly", 1, lambda value: next(calls) if wrong else value, deterministic=True
        )
    )
    # The copies on which the repair is tried have an honest function of that name.
    connection_created.connect(_honest)
    try:
        with closing(sqlite3.connect(dangling_source)) as database:
            database.create_function("wobbly", 1, lambda value: value, deterministic=True)
            database.execute("CREATE INDEX wobbly_hours ON attributions_attribution (wobbly(hours))")
        before = content(dangling_source, schema=True)

        def progress(event: Event) -> None:
            if (event.kind, event.stage) == ("stage", "repair"):
                wrong.append(True)

        failed(dangling_source, before, repair(str(dangling_source), ["all"], progress), "wobbly_hours")
    finally:
        connection_created.disconnect(_honest)


def _honest(sender: object, connection: BaseDatabaseWrapper, **_: object) -> None:
    if "unfinished" in str(connection.settings_dict["NAME"]):
        connection.connection.create_function("wobbly", 1, lambda value: value, deterministic=True)


def elsewhere(program: str, *arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-c", program, *map(str, arguments)], check=True)


_OVERWRITE = """
import os, sys
with open(sys.argv[1], "r+b") as file:
    for page in range(2, os.path.getsize(sys.argv[1]) // 4096, 3):
        file.seek(page * 4096); file.write(os.urandom(4096))
"""


def once(stage: str, action: Callable[[], object]) -> Callable[[Event], None]:
    """Progress that does something when a stage has ended."""
    left = [action]

    def progress(event: Event) -> None:
        if (event.kind, event.stage) == ("stage_done", stage) and left:
            left.pop()()

    return progress


def test_damage_after_the_commit_puts_the_backup_back(dangling_source: Path) -> None:
    before = content(dangling_source, schema=True)
    progress = once("repair", lambda: elsewhere(_OVERWRITE, dangling_source))
    diagnosis = repair(str(dangling_source), ["all"], progress)
    assert diagnosis.repair
    assert diagnosis.repair.restored
    failed(dangling_source, before, diagnosis, "malformed")


def test_what_others_wrote_meanwhile_is_never_overwritten_by_the_backup(dangling_source: Path) -> None:
    program = (
        "import sqlite3, sys; d = sqlite3.connect(sys.argv[1]); d.execute('DROP TABLE courses_course'); d.commit()"
    )
    diagnosis = repair(str(dangling_source), ["all"], once("repair", lambda: elsewhere(program, dangling_source)))
    assert diagnosis.repair
    assert not diagnosis.repair.restored
    assert diagnosis.repair.failure
    assert "written to by others" in diagnosis.repair.failure.message
    assert not diagnosis.ok
    assert ask(dangling_source, "SELECT count(*) FROM sqlite_master WHERE name = 'courses_course'") == [(0,)]
    assert ask(backups(dangling_source)[0], "SELECT count(*) > 0 FROM courses_course") == [(1,)]


def test_a_damaged_file_is_left_alone(dangling_source: Path) -> None:
    elsewhere(_OVERWRITE, dangling_source)
    before = dangling_source.read_bytes()
    diagnosis = repair(str(dangling_source), ["all"])
    assert not diagnosis.ok
    assert diagnosis.repair
    assert diagnosis.repair.failure
    assert dangling_source.read_bytes() == before


def test_too_little_room_is_told_before_anything_is_tried(tmp_path: Path) -> None:
    (tmp_path / "db").touch()
    with pytest.raises(RepairError, match=r"may need [0-9,.]+ TiB"):
        require_possible(tmp_path / "db", 10**18, tmp_path)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("nonsense", "is no rule"),
        ("missing-table", "has no repair"),
        ("merge-duplicates", "has no repair"),
        ("", "no name"),
        ("wal,", ""),
    ],
)
def test_unknown_names_list_what_can_be_repaired(name: str, says: str, tmp_path: Path, source: Path) -> None:
    if not says:
        assert repair(str(source), name.split(",")).ok
        return
    with pytest.raises(UsageError, match=says) as refused:
        repair(str(source), [name])
    assert "dangling-foreign-key" in refused.value.remedy
    assert "checkpoint" in refused.value.remedy
    assert ("--rebuild NEW --fix" in refused.value.remedy) is (name == "merge-duplicates")


def test_hostile_names_survive(dangling_source: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(dangling_source, tmp_path / "it's 100% ü?#;\" db.sqlite3"))
    hostile = 'a "b"; DROP TABLE x; --\x1b[31m\n{y}'.replace('"', '""')
    change(path, f'CREATE TABLE "{hostile}" ("c ""{{z}}" integer, [d] text); INSERT INTO "{hostile}" VALUES (1, 2);'
        f'CREATE TRIGGER "t {hostile}" AFTER INSERT ON attributions_attribution BEGIN SELECT \'{{}} %s\'; END;'
        f'CREATE INDEX "i {hostile}" ON attributions_attribution (note, hours);')  # fmt: skip
    before = content(path)
    diagnosis = repair(str(path), ["dangling-foreign-key"])
    assert diagnosis.repair
    assert diagnosis.repair.ok, diagnosis.repair
    assert content(path) == before
