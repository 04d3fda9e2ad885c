"""Two databases are compared byte for byte."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.sqlite.compare_contents import difference


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
