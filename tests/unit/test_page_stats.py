"""The largest row of each table, and the entries of each index, as SQLite's pages have them."""

from __future__ import annotations

from pathlib import Path

import pytest

from migrate_to_pg.sqlite import schema
from migrate_to_pg.sqlite.schema import index_entries, largest_rows
from tests.unit.rules.examined import make

TABLES = """
    CREATE TABLE stats (id integer PRIMARY KEY, aggregate text, n integer);
    CREATE INDEX by_n ON stats (n);
    CREATE INDEX some ON stats (n) WHERE n > 1;
    CREATE TABLE pair (a text, b text, PRIMARY KEY (a, b)) WITHOUT ROWID;
    CREATE VIRTUAL TABLE found USING fts5 (text);
    INSERT INTO stats (aggregate, n) VALUES ('x', 1), (hex(zeroblob(500)), 2), ('y', 3);
    INSERT INTO pair VALUES ('a', 'b'), ('a', 'c');
"""


@pytest.mark.parametrize("many", [0, 200], ids=["all pages", "by name"])
def test_pages_are_read_alike_for_few_tables_and_for_many(
    many: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(schema, "_MANY_TABLES", many)
    make(tmp_path / "db.sqlite3", TABLES)
    rows, entries = largest_rows(tmp_path / "db.sqlite3"), index_entries(tmp_path / "db.sqlite3")
    assert 1000 < rows["stats"] < 1100
    assert 0 < rows["pair"] < 10
    assert entries["stats"] == {"by_n": 3}
    assert "pair" not in entries
