"""The snapshot with the repairs of its publication, from the journal that lies beside it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

from migrate_to_pg.behaviour.repaired_snapshot import as_published
from migrate_to_pg.row_repair.journal import TABLES

SNAPSHOT = """
CREATE TABLE kept (id INTEGER PRIMARY KEY, rowid TEXT, n INTEGER CHECK (n < 9));
INSERT INTO kept VALUES (1, 'a', 1), (2, 'b', 2), (3, 'c', 3);
CREATE TRIGGER refuses BEFORE DELETE ON kept BEGIN SELECT RAISE(ABORT, 'no'); END;
CREATE TABLE keyed (code TEXT PRIMARY KEY) WITHOUT ROWID;
INSERT INTO keyed VALUES ('x');
"""
JOURNAL = """
INSERT INTO journal.changed VALUES ('r', 'kept', 'n', 1, '{}', 1, 7, 0), ('r', 'kept', 'n', 1, '{}', 7, 10, 0);
INSERT INTO journal.aside VALUES ('r', 'kept', 2, '{}', 'why', 'quarantined', NULL, 0);
INSERT INTO journal.aside VALUES ('r', 'keyed', 1, '{}', 'why', 'quarantined', NULL, 0);
INSERT INTO journal.aside VALUES ('r', 'renamed', 1, '{}', 'why', 'quarantined', NULL, 0);
"""


def test_rows_are_as_they_were_published_and_what_cannot_be_is_noted(tmp_path: Path) -> None:
    snapshot, notes = tmp_path / "snapshot.sqlite3", list[str]()
    with closing(sqlite3.connect(snapshot)) as database:
        database.executescript(SNAPSHOT)
        with as_published(snapshot, notes) as path:
            assert path == snapshot
        database.execute("ATTACH ? AS journal", [str(tmp_path / "journal.sqlite3")])
        database.executescript(TABLES + JOURNAL)
    before = snapshot.read_bytes()
    with as_published(snapshot, notes) as path, closing(sqlite3.connect(path)) as database:
        assert database.execute("SELECT * FROM kept").fetchall() == [(1, "a", 10), (3, "c", 3)]
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE type = 'trigger'").fetchone() == (1,)
    (note,) = notes
    assert "keyed, renamed." in note
    assert snapshot.read_bytes() == before
    assert not path.exists()
