"""Dangling keys are corrected by renaming a table twice: nothing else becomes another."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest

from migrate_to_pg.doctor.repair.steps import FixForeignKeys, prepare

AROUND = """
CREATE TABLE parent (id integer PRIMARY KEY AUTOINCREMENT, up integer REFERENCES gone (id));
CREATE TABLE child (
    id integer NOT NULL PRIMARY KEY, up integer REFERENCES {spelled} ("id") ON DELETE CASCADE, -- REFERENCES gone
    name text COLLATE NOCASE UNIQUE, twice integer AS (id * 2) STORED, other REFERENCES nowhere, CHECK (id < 100));
INSERT INTO parent VALUES (7, NULL);
DELETE FROM parent;
INSERT INTO parent VALUES (2, 2);
INSERT INTO child (id, up, name) VALUES (7, 1, 'a'), (3, 2, CAST(x'ff00fe' AS text));
CREATE INDEX "some ""index" ON child (up DESC) WHERE name IS NOT NULL;
CREATE INDEX by_up ON parent (up);
CREATE TRIGGER noted AFTER INSERT ON Child BEGIN SELECT RAISE(ABORT, 'fired'); END;
CREATE TRIGGER broken AFTER UPDATE ON child BEGIN INSERT INTO absent VALUES (1); END;
CREATE TRIGGER elsewhere AFTER INSERT ON parent BEGIN UPDATE child SET up = new.id; END;
CREATE VIEW seen AS SELECT name, up FROM child JOIN parent ON up = parent.id;
CREATE VIEW broken_view AS SELECT x FROM nowhere;
ANALYZE;
"""
STEP = FixForeignKeys(rule="r", missing="gone", parent="parent", keys=(("child", ("up",)), ("parent", ("up",))))


@contextmanager
def opened(script: str) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        database.executescript(script)
        prepare(database)
        database.execute("BEGIN IMMEDIATE")
        yield database


def everything(database: sqlite3.Connection) -> dict[str, list[object]]:
    tables = ("child", "parent", "sqlite_sequence", "sqlite_stat1")
    return {table: database.execute(f"SELECT * FROM {table}").fetchall() for table in tables}


def statements(database: sqlite3.Connection) -> dict[str, str]:
    return dict(database.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL"))


@pytest.mark.parametrize("spelled", ["gone", '"gone"', "`gone`", "[gone]", "'gone'", "GONE"])
def test_every_key_that_names_the_missing_table_is_right_and_all_else_stays(spelled: str) -> None:
    with opened(AROUND.format(spelled=spelled)) as database:
        before, old = everything(database), statements(database)
        STEP.apply(database)
        assert everything(database) == before
        new = statements(database)
        assert {row[2] for row in database.execute("PRAGMA foreign_key_list(child)")} == {"parent", "nowhere"}
        assert {row[2] for row in database.execute("PRAGMA foreign_key_list(parent)")} == {"parent"}
        # SQLite quotes the name wherever it wrote it again.
        plain = {name: sql.replace(f"REFERENCES {spelled} (", "REFERENCES parent (") for name, sql in old.items()}
        plain["parent"] = plain["parent"].replace("REFERENCES gone", "REFERENCES parent")
        assert {name: sql.replace('"parent"', "parent") for name, sql in new.items()} == plain
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


def test_a_name_that_a_view_has_cannot_be_given() -> None:
    with (
        opened("CREATE TABLE parent (id); CREATE VIEW gone AS SELECT 1") as database,
        pytest.raises(sqlite3.OperationalError, match="already another table or index with this name: gone"),
    ):
        STEP.apply(database)
