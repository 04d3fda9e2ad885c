"""What was not checked before a repair is no reason to take it back."""

import sqlite3
from contextlib import closing

from migrate_to_pg.doctor.repair.regressions import new_failures, read_integrity


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
