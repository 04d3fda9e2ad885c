"""The write probe: what SQLite cannot do is a fault, what a constraint refuses is none, and nothing is changed."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from django.db.backends.sqlite3._functions import register  # type: ignore[import-untyped]

from migrate_to_pg.doctor.doctor_checks import probe
from migrate_to_pg.planning import read_source
from migrate_to_pg.records import Finding, Level

Script = str | Callable[[sqlite3.Connection], object]


def probed(folder: Path, script: Script) -> list[Finding]:
    """What the probe finds; the database must be afterwards what it was before."""
    path = folder / "copy 100%?#.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        register(database)
        if callable(script):
            script(database)
        else:
            database.executescript(script)
        before = held(database)
    catalog = read_source(path)
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        register(database)
        database.execute("PRAGMA foreign_keys = ON")
        found = list(probe(database, catalog))
        assert not database.in_transaction
    with closing(sqlite3.connect(path)) as database:
        assert held(database) == before
    return found


def held(database: sqlite3.Connection) -> list[tuple[object, ...]]:
    """Every row of every ordinary table, as bytes and storage classes."""
    database.text_factory = bytes
    tables = database.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'")
    names = ['"' + name.decode().replace('"', '""') + '"' for (name,) in tables.fetchall()]
    rows = [(name, *row) for name in names for row in database.execute(f"SELECT * FROM {name}")]
    database.text_factory = str
    return rows


PARENT = "CREATE TABLE p (id integer PRIMARY KEY, code text UNIQUE NOT NULL); INSERT INTO p VALUES (1, 'AGV211');"
ORPHANED = "CREATE TABLE c (id integer PRIMARY KEY, p integer REFERENCES {0} DEFERRABLE INITIALLY DEFERRED);"


@pytest.mark.parametrize("row", ["", "INSERT INTO c VALUES (1, 1);"], ids=["empty", "with a row"])
def test_a_missing_parent_is_found_with_sqlites_own_words(row: str, tmp_path: Path) -> None:
    (found,) = probed(tmp_path, ORPHANED.format("courses_course_backup (id)") + row)
    assert (found.rule, found.level, found.table, found.column) == ("write-probe", Level.ERROR, "c", "p")
    assert "`no such table: main.courses_course_backup`" in found.explanation
    assert "DELETE, INSERT and UPDATE on c" in found.explanation
    assert "The foreign key on p names it" in found.explanation
    assert "dangling-foreign-key" in found.remedy


#: name -> (script, table, words)
FAULTS = {
    "trigger on insert": (
        "CREATE TRIGGER tr AFTER INSERT ON p BEGIN INSERT INTO gone VALUES (new.id); END;",
        "p",
        ["INSERT on p", "no such table: main.gone", "trigger tr", 'DROP TRIGGER "tr";'],
    ),
    "trigger on update of one column": (
        "CREATE TRIGGER tr BEFORE UPDATE OF code ON p BEGIN UPDATE gone SET x = 1; END;",
        "p",
        ["UPDATE on p", "no such table: main.gone"],
    ),
    "trigger that calls a trigger": (
        "CREATE TABLE log (x); CREATE TRIGGER a AFTER DELETE ON p BEGIN INSERT INTO log VALUES (1); END;"
        "CREATE TRIGGER b AFTER INSERT ON log BEGIN DELETE FROM gone; END;",
        "p",
        ["DELETE on p", "trigger b"],
    ),
    "trigger naming a missing column": (
        "CREATE TRIGGER tr AFTER INSERT ON p BEGIN UPDATE p SET elsewhere = 1; END;",
        "p",
        ["no such column: elsewhere"],
    ),
    "trigger calling a missing function": (
        "CREATE TRIGGER tr AFTER INSERT ON p BEGIN UPDATE p SET code = slug(code); END;",
        "p",
        ["no such function: slug", "trigger tr"],
    ),
    "trigger with a hostile name": (
        'CREATE TRIGGER "t""r; --" AFTER INSERT ON p BEGIN INSERT INTO "go""ne" VALUES (1); END;',
        "p",
        ['DROP TRIGGER "t""r; --";'],
    ),
    "parent without the key": (
        "CREATE TABLE q (x integer); CREATE TABLE c (q integer REFERENCES q (x)); INSERT INTO c VALUES (NULL);",
        "c",
        ["foreign key mismatch"],
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FAULTS)
def test_what_sqlite_cannot_do_is_told(name: str, tmp_path: Path) -> None:
    script, table, words = FAULTS[name]
    found = [finding for finding in probed(tmp_path, PARENT + script) if finding.table == table]
    assert len(found) == 1
    for word in words:
        assert word in found[0].explanation + found[0].remedy


def other_bytes(database: sqlite3.Connection) -> None:
    """Text that is no UTF-8, a text in an integer column, a blob in a text column."""
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, a varchar(9), b integer, c text)")
    database.execute("INSERT INTO t VALUES (1, CAST(x'ff00fe' AS text), 'twelve', x'00ff')")


HEALTHY: dict[str, Script] = {
    "unique, not null, self reference": PARENT
    + "CREATE TABLE s (id integer PRIMARY KEY, up integer REFERENCES s (id), code text UNIQUE);"
    "INSERT INTO s VALUES (1, NULL, 'a'), (2, 1, 'b');",
    "restricted parent": "PRAGMA foreign_keys = ON;"
    + PARENT
    + "CREATE TABLE c (id integer PRIMARY KEY, p integer REFERENCES p ON DELETE RESTRICT);"
    "INSERT INTO c VALUES (1, 1);",
    "cascade": PARENT
    + "CREATE TABLE c (p integer REFERENCES p ON DELETE CASCADE ON UPDATE CASCADE); INSERT INTO c VALUES (1);",
    "orphan at once": PARENT + "CREATE TABLE c (p integer REFERENCES p); INSERT INTO c VALUES (7);",
    "row against its CHECK": "PRAGMA ignore_check_constraints = ON; CREATE TABLE t (a integer CHECK (a > 0));"
    "INSERT INTO t VALUES (-1);",
    "guards": PARENT
    + "CREATE TRIGGER a BEFORE DELETE ON p BEGIN SELECT RAISE(ABORT, 'no'); END;"
    "CREATE TRIGGER r BEFORE UPDATE ON p BEGIN SELECT RAISE(ROLLBACK, 'no'); END;"
    "CREATE TRIGGER i BEFORE INSERT ON p BEGIN SELECT RAISE(IGNORE); END;",
    "guard that rolls back a delete": PARENT
    + "CREATE TRIGGER a BEFORE DELETE ON p BEGIN SELECT RAISE(ROLLBACK, 'no such table: p'); END;",
    "without rowid": "CREATE TABLE t (a text, b text, PRIMARY KEY (a, b)) WITHOUT ROWID; INSERT INTO t VALUES (1, 2);",
    "names of the rowid taken": "CREATE TABLE t (rowid text, _rowid_ text, oid text);"
    "INSERT INTO t VALUES (1, 2, NULL);",
    "generated": "CREATE TABLE t (a integer, b integer AS (a + 1) STORED UNIQUE, c integer AS (a + 2));"
    "INSERT INTO t VALUES (1);",
    "strict": "CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT, a any, b text) STRICT;"
    "INSERT INTO t VALUES (NULL, x'01', 'x');",
    "Django's functions": "CREATE TABLE t (code text CHECK (code REGEXP '^A'), n integer CHECK (MOD(n, 2) = 0));"
    "INSERT INTO t VALUES ('AGV211', 2);",
    "full text": "CREATE VIRTUAL TABLE f USING fts5(title); INSERT INTO f VALUES ('sol');",
    "hostile names": 'CREATE TABLE "a ""b; --" ("c "" d" integer PRIMARY KEY, "select" text, "{x}" text);'
    """INSERT INTO "a ""b; --" VALUES (1, 'x', '{y}'); CREATE VIEW "v "";" AS SELECT * FROM "a ""b; --";""",
    "a table named as the copy": 'CREATE TABLE "migrate_to_pg probe" (c0, c1);'
    'INSERT INTO "migrate_to_pg probe" VALUES (1, 2);',
    "any bytes": other_bytes,
    "no rows": "CREATE TABLE t (id integer PRIMARY KEY, a text NOT NULL UNIQUE CHECK (a <> ''));",
    "nothing": "",
}  # fmt: skip


@pytest.mark.parametrize("name", HEALTHY)
def test_what_a_constraint_refuses_is_no_fault(name: str, tmp_path: Path) -> None:
    assert probed(tmp_path, HEALTHY[name]) == []


def test_an_insert_really_happens_so_that_triggers_fire(tmp_path: Path) -> None:
    """Only at run time does this trigger fail: its function is there, and refuses the value."""
    trigger = "CREATE TRIGGER tr AFTER INSERT ON p BEGIN SELECT json_extract(new.code, '$.x'); END;"
    (found,) = probed(tmp_path, PARENT + trigger)
    assert "INSERT on p" in found.explanation
    assert "malformed JSON" in found.explanation
