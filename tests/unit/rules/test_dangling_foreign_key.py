"""The incident: a RENAME that took the children along, and a backup that was dropped."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.records import Finding, Level
from tests.unit.rules.examined import check_finds, check_healthy, findings, make, table

COURSE = table("courses_course", "id bigint", "code character varying(20)", unique=["code"])
ATTRIBUTION = table(
    "attributions_attribution", "id bigint", "course_id bigint", refers=[("course_id", "courses_course.id")]
)
HEALTHY = """
    CREATE TABLE courses_course (id integer PRIMARY KEY, code varchar(20) NOT NULL UNIQUE);
    CREATE TABLE attributions_attribution (
        id integer PRIMARY KEY, course_id bigint NOT NULL REFERENCES courses_course (id) DEFERRABLE INITIALLY DEFERRED);
    INSERT INTO courses_course VALUES (1, 'AGV211'), (2, 'AGV212');
    INSERT INTO attributions_attribution VALUES (1, 1), (2, 2), (3, 2);
"""
#: As in life: the table renamed, made anew, filled from the backup, the backup dropped.
RENAMED = (
    HEALTHY
    + """
    ALTER TABLE courses_course RENAME TO courses_course_backup;
    CREATE TABLE courses_course (id integer PRIMARY KEY, code varchar(20) NOT NULL UNIQUE);
    INSERT INTO courses_course SELECT * FROM courses_course_backup;
    DROP TABLE courses_course_backup;
"""
)


def test_a_healthy_key_is_not_dangling() -> None:
    check_healthy(HEALTHY, COURSE, ATTRIBUTION)


def test_the_rename_is_found_and_told() -> None:
    finding = check_finds("dangling-foreign-key", RENAMED, COURSE, ATTRIBUTION)
    assert (finding.table, finding.column, finding.count) == ("attributions_attribution", "course_id", 1)
    assert finding.level is Level.ERROR
    assert finding.blocks
    assert 'ALTER TABLE "courses_course" RENAME TO "courses_course_backup"' in finding.explanation
    assert "It should name courses_course" in finding.explanation
    assert "no such table: main.courses_course_backup" in finding.explanation
    assert "integrity_check" in finding.explanation
    assert "3 rows" in finding.explanation


def test_sqlite_says_what_the_explanation_says(tmp_path: Path) -> None:
    make(tmp_path / "db", RENAMED)
    with closing(sqlite3.connect(tmp_path / "db")) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        database.execute("INSERT INTO attributions_attribution VALUES (4, 1)")
        database.rollback()
        database.execute("PRAGMA foreign_keys = ON")
        with pytest.raises(sqlite3.OperationalError, match=r"no such table: main\.courses_course_backup"):
            database.execute("INSERT INTO attributions_attribution VALUES (4, 1)")


def test_the_accepted_repair_no_longer_blocks() -> None:
    finding = check_finds("dangling-foreign-key", RENAMED, COURSE, ATTRIBUTION, accepted=["dangling-foreign-key"])
    assert finding.applied
    assert not finding.blocks
    assert finding.repair == "lossless"


def test_the_sql_of_the_remedy_repairs_sqlite_itself(tmp_path: Path) -> None:
    """Renamed there and back, also where other children, a view and a trigger name the right table already."""
    script = (
        RENAMED
        + """
        CREATE TABLE other (id integer PRIMARY KEY, course_id integer REFERENCES courses_course (id));
        CREATE VIEW codes AS SELECT code FROM courses_course;
        CREATE TRIGGER count_it AFTER INSERT ON other BEGIN UPDATE courses_course SET code = code; END;
    """
    )
    path = tmp_path / "db"
    make(path, script)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.executescript(_sql_of(check_finds("dangling-foreign-key", RENAMED, COURSE, ATTRIBUTION)))
        database.execute("PRAGMA foreign_keys = ON")
        database.execute("INSERT INTO attributions_attribution VALUES (4, 1)")
        database.execute("INSERT INTO other VALUES (1, 1)")
        assert database.execute("SELECT count(*) FROM codes").fetchone() == (2,)
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
        parents = database.execute('SELECT "table" FROM pragma_foreign_key_list(?)', ["attributions_attribution"])
        assert parents.fetchall() == [("courses_course",)]


def _sql_of(finding: Finding) -> str:
    return finding.remedy.splitlines()[-1]


def test_each_child_and_each_key_is_a_finding_of_its_own() -> None:
    script = """
        CREATE TABLE node (id integer PRIMARY KEY);
        CREATE TABLE a (id integer PRIMARY KEY, left_id integer REFERENCES node, right_id integer REFERENCES node (id));
        CREATE TABLE b (id integer PRIMARY KEY, node_id integer REFERENCES node (id));
        ALTER TABLE node RENAME TO node_old;
        CREATE TABLE node (id integer PRIMARY KEY, up_id integer REFERENCES node_old (id));
        DROP TABLE node_old;
    """
    targets = (
        table("a", "id integer", "left_id integer NULL", "right_id integer NULL",
              refers=[("left_id", "node.id"), ("right_id", "node.id")]),
        table("b", "id integer", "node_id integer NULL", refers=[("node_id", "node.id")]),
        table("node", "id integer", "up_id integer NULL", refers=[("up_id", "node.id")]),
    )  # fmt: skip
    found = findings(script, *targets)
    assert [(f.rule, f.table, f.column) for f in found] == [
        ("dangling-foreign-key", "a", "left_id"),
        ("dangling-foreign-key", "a", "right_id"),
        ("dangling-foreign-key", "b", "node_id"),
        ("dangling-foreign-key", "node", "up_id"),
    ]


def test_without_a_key_of_the_migrations_the_right_table_is_not_guessed() -> None:
    target = table("a", "id integer", "b_id integer NULL")
    script = "CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES gone (id));"
    finding = check_finds("dangling-foreign-key", script, target)
    assert finding.level is Level.ERROR
    assert "not known" in finding.explanation


def test_in_a_table_that_is_not_moved_it_is_a_warning() -> None:
    script = "CREATE TABLE a (id integer PRIMARY KEY, b_id integer REFERENCES gone (id));"
    assert [(f.rule, f.level) for f in findings(script)] == [
        ("leftover-table", Level.WARNING),
        ("dangling-foreign-key", Level.WARNING),
    ]


def test_hostile_names_are_quoted() -> None:
    script = """
        CREATE TABLE "co""ur{se}" ("i d" integer PRIMARY KEY);
        CREATE TABLE "ch'ild;--" ("i d" integer PRIMARY KEY, "se""lect" integer REFERENCES "co""ur{se}" ("i d"));
        ALTER TABLE "co""ur{se}" RENAME TO "b k";
        CREATE TABLE "co""ur{se}" ("i d" integer PRIMARY KEY);
        DROP TABLE "b k";
    """
    parent = table('co"ur{se}', "i d integer", key="i d")
    child = table("ch'ild;--", "i d integer", 'se"lect integer NULL', key="i d",
                  refers=[('se"lect', 'co"ur{se}.i d')])  # fmt: skip
    finding = check_finds("dangling-foreign-key", script, parent, child)
    assert 'ALTER TABLE "co""ur{se}" RENAME TO "b k"' in finding.explanation
