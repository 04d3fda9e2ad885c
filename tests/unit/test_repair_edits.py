"""The edits of a journal made while a table is made anew: exactly those, and only on what they were decided for."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from migrate_to_pg.doctor.repair.edits import TableEdits, attach, net_edits
from migrate_to_pg.doctor.repair.rebuild import RebuildError, TableRebuild, prepare, rebuild
from migrate_to_pg.doctor.repair.regressions import new_failures, read_integrity
from migrate_to_pg.row_repair.journal import TABLES, rows_table

TABLE, COLUMN = 'a "b"; -- {x} é', 'it\'s {0} "c"'
OWN = "its own, in SQLite"
T, C, P = (f'"{n.replace(chr(34), chr(34) * 2)}"' for n in (OWN, COLUMN, rows_table(TABLE)))
SQL = f"CREATE TABLE {T} (id integer NOT NULL PRIMARY KEY, {C} decimal, note text COLLATE NOCASE)"
ROWS = f"INSERT INTO {T} VALUES (-5, 'x', 'a'), (3, x'ff00', CAST(x'fe41' AS TEXT)), (9, 7, NULL), (12, NULL, 'A');"
#: What the working copy holds: no types, so that nothing is converted.
MENDED = f"""
CREATE TABLE {T} (id INTEGER PRIMARY KEY, {C}, note);
INSERT INTO {T} VALUES (-5, 1.5, 'a'), (3, NULL, CAST(x'41' AS TEXT)), (9, 7, '');
"""


@pytest.fixture
def journal(tmp_path: Path) -> Path:
    """Cells that were changed, one of them twice, and a row that is another's duplicate."""
    path = tmp_path / "journal"
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        database.execute("ATTACH ? AS journal", [str(path)])
        database.executescript(TABLES)
        lines = (
            (COLUMN, -5, "'x'", "2"),
            (COLUMN, -5, "2", "1.5"),
            (COLUMN, 3, "x'ff00'", "NULL"),
            ("text", 3, "CAST(x'fe41' AS TEXT)", "'A'"),
            ("text", 9, "NULL", "''"),
        )
        for column, row, old, new in lines:
            insert = f"INSERT INTO journal.changed VALUES ('rule', ?, ?, ?, '{{}}', {old}, {new})"
            database.execute(insert, [TABLE, column, row])
        database.execute("INSERT INTO journal.aside VALUES ('rule', ?, 12, '{}', 'same', 'merged', -5, 0)", [TABLE])
        database.execute(f'CREATE TABLE journal.{P} ("migrate_to_pg row" INTEGER PRIMARY KEY, id, {C}, note)')
        database.execute(f"INSERT INTO journal.{P} VALUES (12, 12, NULL, 'A')")
    assert net_edits(path) == {TABLE: {COLUMN, "text"}}
    return path


@contextmanager
def opened(tmp_path: Path, journal: Path) -> Iterator[sqlite3.Connection]:
    working = tmp_path / "working"
    with closing(sqlite3.connect(working)) as database:
        database.executescript(MENDED)
    with closing(sqlite3.connect(f"file:{tmp_path / 'own'}", uri=True, isolation_level=None)) as database:
        database.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
        database.executescript(
            f"{SQL}; {ROWS} CREATE TRIGGER no BEFORE DELETE ON {T} BEGIN SELECT RAISE(ABORT, 'no'); END"
        )
        prepare(database)
        attach(database, working, journal)
        database.execute("BEGIN IMMEDIATE")
        yield database


EDITS = TableEdits(table=TABLE, columns={COLUMN: COLUMN, "note": "text"})
WANTED = TableRebuild(table=OWN, sql=SQL, edits=EDITS)


def test_cells_are_changed_rows_leave_and_all_else_stays(tmp_path: Path, journal: Path) -> None:
    with opened(tmp_path, journal) as database:
        rebuild(database, WANTED)
        found = database.execute(f"SELECT id, {C}, typeof({C}), note, typeof(note) FROM {T} ORDER BY 1").fetchall()
        assert found == [(-5, 1.5, "real", "a", "text"), (3, None, "null", "A", "text"), (9, 7, "integer", "", "text")]
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (1,)


@pytest.mark.parametrize(
    "change",
    [
        f"UPDATE {T} SET {C} = 'X' WHERE id = -5",
        f"UPDATE {T} SET {C} = '' WHERE id = 3",
        f"UPDATE {T} SET note = 'a' WHERE id = 12",
        f"UPDATE {T} SET id = 13 WHERE id = 12",
        f"UPDATE {T} SET id = 4 WHERE id = 3",
    ],
)
def test_an_old_value_or_row_that_is_another_now_is_not_overwritten(change: str, tmp_path: Path, journal: Path) -> None:
    with opened(tmp_path, journal) as database:
        database.execute(change)
        with pytest.raises(RebuildError, match="no longer as they were"):
            rebuild(database, WANTED)


def test_a_row_that_nobody_decided_on_is_told(tmp_path: Path, journal: Path) -> None:
    with opened(tmp_path, journal) as database:
        database.execute(f"INSERT INTO {T} VALUES (77, 1, 'new')")
        with pytest.raises(RebuildError, match="would not be the same"):
            rebuild(database, WANTED)


def test_a_type_that_turns_a_value_back_is_told(tmp_path: Path, journal: Path) -> None:
    with opened(tmp_path, journal) as database, pytest.raises(RebuildError, match="would not be the same"):
        rebuild(database, TableRebuild(table=OWN, sql=SQL.replace("decimal", "text"), edits=EDITS,
                                  redefined=frozenset({COLUMN.lower()})))  # fmt: skip


def test_a_key_that_could_not_be_checked_before_is_no_new_fault() -> None:
    """A parent without its primary key: SQLite says nothing about rows, and does once the key is back."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as database:
        child = "CREATE TABLE child (up integer REFERENCES parent (id)); INSERT INTO child VALUES (1)"
        other = "CREATE TABLE other (up integer REFERENCES child (rowid_of)); INSERT INTO other VALUES (1)"
        database.executescript(f"CREATE TABLE parent (id integer); {child}; {other}")
        before = read_integrity(database)
        assert before.unknown == {"child", "other"}
        database.executescript("DROP TABLE parent; CREATE TABLE parent (id integer PRIMARY KEY)")
        after = read_integrity(database)
        assert after.broken_keys == {("child", ("up",)): 1}
        assert new_failures(before, after) == []
        assert new_failures(after, read_integrity(database)) == []
        database.execute("INSERT INTO child VALUES (2)")
        assert new_failures(after, read_integrity(database)) == ["1 row of child would break the foreign key on up"]
