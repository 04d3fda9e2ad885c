"""A table is made anew, and nothing but what was asked for is different; or it is refused."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from migrate_to_pg.doctor.repair.rebuild import RebuildError, TableRebuild, prepare, rebuild
from migrate_to_pg.sqlite.compare_contents import difference


@contextmanager
def opened(script: str, path: str | Path = ":memory:") -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        database.executescript(script)
        prepare(database)
        database.execute("BEGIN IMMEDIATE")
        yield database


def everything(
    database: sqlite3.Connection, *tables: str
) -> tuple[dict[str, list[tuple[Any, ...]]], list[tuple[Any, ...]]]:
    # In whichever order: that of a table without ORDER BY may be another once it has been made anew.
    rows = {table: sorted(database.execute(f"SELECT * FROM {table}").fetchall(), key=repr) for table in tables}
    schema = database.execute("SELECT type, name, tbl_name, sql FROM sqlite_master ORDER BY type, name").fetchall()
    return rows, [row for row in schema if row[:2] != ("table", "child")]


def sql_of(database: sqlite3.Connection, table: str) -> str:
    query = "SELECT sql FROM sqlite_master WHERE type = 'table' AND name = ?"
    return str(database.execute(query, [table]).fetchone()[0])


FAMILY = """
CREATE TABLE parent (id integer PRIMARY KEY);
INSERT INTO parent VALUES (1), (2);
CREATE TABLE child (
    id integer NOT NULL PRIMARY KEY AUTOINCREMENT, up integer REFERENCES "gone" ("id") ON DELETE CASCADE, -- why
    name text COLLATE NOCASE UNIQUE, twice integer AS (id * 2) STORED, CHECK (id < 100));
INSERT INTO child (id, up, name) VALUES (7, 1, 'a'), (3, 2, 'Ä'), (50, NULL, CAST(x'ff00fe' AS text));
PRAGMA ignore_check_constraints = ON;
INSERT INTO child (id, up, name) VALUES (200, 77, x'00'), (300, 1, NULL);
DELETE FROM child WHERE id = 300;
CREATE TABLE log (what);
CREATE INDEX "some ""index" ON child (up DESC) WHERE name IS NOT NULL;
CREATE INDEX by_expression ON child (lower(name), id + 1);
CREATE TRIGGER noted AFTER INSERT ON Child BEGIN SELECT RAISE(ABORT, 'fired'); END;
CREATE TRIGGER before_delete BEFORE DELETE ON child BEGIN INSERT INTO log VALUES (old.id); END;
CREATE TRIGGER elsewhere AFTER INSERT ON parent BEGIN UPDATE child SET up = new.id; END;
CREATE VIEW seen AS SELECT name, up FROM child JOIN parent ON up = parent.id;
CREATE TABLE grandchild (id integer PRIMARY KEY, up REFERENCES child (id));
ANALYZE;
"""


def test_rows_indexes_triggers_views_counters_and_statistics_stay_as_they_are() -> None:
    with opened(FAMILY) as database:
        tables = ("child", "parent", "log", "seen", "grandchild", "sqlite_sequence", "sqlite_stat1")
        before, sql = everything(database, *tables), sql_of(database, "child")
        new = sql.replace('REFERENCES "gone"', "REFERENCES parent")
        rebuild(database, TableRebuild(table="child", sql=new, parents={0: "parent"}))
        assert everything(database, *tables) == before
        assert dict(before[0]["sqlite_sequence"])["child"] == 300
        assert sql_of(database, "child") == new.replace("TABLE child", 'TABLE "child"')
        database.execute("COMMIT")
        assert database.execute("PRAGMA integrity_check").fetchall() == [("CHECK constraint failed in child",)]


@pytest.mark.parametrize(
    "table",
    [
        "CREATE TABLE child (up integer REFERENCES gone, x)",
        "CREATE TABLE child (rowid, _rowid_, up REFERENCES gone)",
        "CREATE TABLE child (rowid text, _rowid_ text, oid text, up REFERENCES gone)",
        "CREATE TABLE child (a text, up integer REFERENCES gone, PRIMARY KEY (a COLLATE NOCASE, up)) WITHOUT ROWID",
        "CREATE TABLE child (id integer PRIMARY KEY DESC, up integer REFERENCES gone)",
        "CREATE TABLE child (Id INTEGER PRIMARY KEY, up integer REFERENCES gone) STRICT",
        'CREATE TABLE child ("select" integer PRIMARY KEY, [a b"] integer, `up` integer REFERENCES \'gone\')',
    ],
)
def test_tables_of_every_shape_keep_rows_and_rowids(table: str) -> None:
    with opened("CREATE TABLE parent (id integer PRIMARY KEY);" + table) as database:
        columns = [name for (name,) in database.execute("SELECT name FROM pragma_table_xinfo('child')")]
        marks = ", ".join("?" * len(columns))
        for n in (5, 3, 9, 4):
            database.execute(f"INSERT INTO child VALUES ({marks})", [n] * len(columns))
        database.execute("DELETE FROM child WHERE up = 9")
        has_rowid = "WITHOUT" not in table and "oid text" not in table
        query = f"SELECT {'oid, ' if has_rowid else ''}* FROM child ORDER BY up"
        before = database.execute(query).fetchall()
        new = sql_of(database, "child").replace("gone", "parent")
        rebuild(database, TableRebuild(table="child", sql=new, parents={0: "parent"}))
        assert database.execute(query).fetchall() == before
        assert database.execute("PRAGMA foreign_key_list(child)").fetchone()[2] == "parent"


def test_a_self_reference_names_its_own_table() -> None:
    script = (
        "CREATE TABLE child (id integer PRIMARY KEY, up integer REFERENCES gone (id)); INSERT INTO child VALUES (1, 1)"
    )
    with opened(script) as database:
        new = sql_of(database, "child").replace("gone", "child")
        rebuild(database, TableRebuild(table="child", sql=new, parents={0: "child"}))
        assert database.execute("PRAGMA foreign_key_list(child)").fetchone()[2] == "child"
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


REFUSED = {
    "a value that an affinity would change": ("x text", "x integer", "'12'", "values of child would not be the same"),
    "a default that would be lost": ("x integer DEFAULT 5", "x integer", "1", "its columns"),
    "a constraint that would be lost": ("x integer UNIQUE", "x integer", "1", "its unique constraints"),
    "a foreign key that would be lost": ("x integer REFERENCES p", "x integer", "1", "its foreign keys"),
    "another foreign key": ("x integer REFERENCES p", "x integer REFERENCES q", "1", "its foreign keys"),
    "a column that would be lost": ("x integer, y", "x integer", "1, 2", "its columns"),
}  # fmt: skip


@pytest.mark.parametrize("what", REFUSED)
def test_what_would_lose_something_is_refused(what: str) -> None:
    old, new, values, says = REFUSED[what]
    with opened(f"CREATE TABLE child ({old}); INSERT INTO child VALUES ({values})") as database:
        redefined = frozenset("x") if "value" in what else frozenset()
        with pytest.raises(RebuildError, match=says):
            rebuild(database, TableRebuild(table="child", sql=f"CREATE TABLE child ({new})", redefined=redefined))


def test_null_where_null_may_not_be_is_refused_by_sqlite() -> None:
    with opened("CREATE TABLE child (x text); INSERT INTO child VALUES (NULL)") as database:
        wanted = TableRebuild(table="child", sql="CREATE TABLE child (x text NOT NULL)", redefined=frozenset("x"))
        with pytest.raises(RebuildError, match=r"NOT NULL constraint failed: child\.x"):
            rebuild(database, wanted)


def test_a_key_that_was_lost_comes_back_with_its_counter() -> None:
    script = "CREATE TABLE child AS SELECT 5 AS id, 'a' AS x UNION ALL SELECT 2, 'b'"
    with opened(script) as database:
        sql = "CREATE TABLE child (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, x text)"
        rebuild(database, TableRebuild(table="child", sql=sql, redefined=frozenset({"id", "x"})))
        assert database.execute("SELECT rowid, id, x FROM child").fetchall() == [(2, 2, "b"), (5, 5, "a")]
        database.execute("INSERT INTO child (x) VALUES ('c')")
        assert database.execute("SELECT max(id) FROM child").fetchone() == (6,)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE t SET x = 1.0",
        "UPDATE t SET x = '1'",
        "UPDATE t SET y = 'A'",
        "DELETE FROM t",
        "UPDATE t SET rowid = 9",
        "INSERT INTO t VALUES (1, 'a', 3)",
        "UPDATE u SET b = CAST(x'61' AS text)",
        "UPDATE u SET a = 'X'",
        "DELETE FROM u",
        "UPDATE no_rowid SET oid = 2",
        "CREATE INDEX i ON t (x)",
        "PRAGMA user_version = 7",
        "UPDATE sqlite_sequence SET seq = 4",
    ],
)
def test_every_difference_between_two_databases_is_seen(change: str, tmp_path: Path) -> None:
    script = """
        CREATE TABLE t (x, y text COLLATE NOCASE, z); INSERT INTO t VALUES (1, 'a', NULL);
        CREATE TABLE u (a text COLLATE NOCASE PRIMARY KEY, b) WITHOUT ROWID; INSERT INTO u VALUES ('x', x'61');
        CREATE TABLE no_rowid (rowid, _rowid_, oid); INSERT INTO no_rowid VALUES (1, 1, 1);
        CREATE TABLE c (id integer PRIMARY KEY AUTOINCREMENT); INSERT INTO c VALUES (3);
    """
    for name in ("one", "two"):
        with closing(sqlite3.connect(tmp_path / name)) as database:
            database.executescript(script)
    with closing(sqlite3.connect(tmp_path / "one", isolation_level=None)) as database:
        database.execute("ATTACH ? AS other", [str(tmp_path / "two")])
        assert difference(database, "other") == ""
        database.execute(change)
        assert difference(database, "other") != ""
