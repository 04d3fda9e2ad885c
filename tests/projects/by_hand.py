"""Tables and views of every kind that somebody made by hand, beside those of the migrations."""

from __future__ import annotations

import math
import sqlite3
from contextlib import closing
from pathlib import Path

LONG = "a table whose name is longer than the 63 bytes that PostgreSQL takes of it"
HOSTILE = 'no "name", is it?; SELECT %s {0} --'

#: Table -> what stands behind its name in CREATE TABLE, the columns that are given, and the rows.
TABLES: dict[str, tuple[str, str, list[tuple[object, ...]]]] = {
    "numbers": ("(id integer PRIMARY KEY, i, r real, n numeric, t text, b blob, none)", "", [
        (1, 2**63 - 1, 0.1, 1, "Thérèse", b"\x00\xff", None),
        (2, -(2**63), -0.0, 1.5, "", b"", None),
        (3, None, math.inf, None, None, None, None),
        (4, 0, 5e-324, 2**53, "日本\n", b"x", None),
    ]),
    "mixed": ("(a, b, c, d)", "", [
        (1, 2**53 + 1, "plain", "1"),
        ("1", 0.5, "nul\0inside", b"1"),
        (1.0, 2, None, "1"),
        (b"1", None, "é", None),
        (None, None, "tab\t", b"\0"),
    ]),
    "loose": ("(a, b)", "", [(1, "x"), (1, "x"), (1, "x"), (None, None), (None, None), (2, "y")]),
    "keyed": ("(code text, year integer, note, PRIMARY KEY (year, code)) WITHOUT ROWID", "", [
        ("b", 2, "x"), ("a", 2, None), ("a", 1, "y"),
    ]),
    "null_key": ("(code text PRIMARY KEY, n)", "", [(None, 1), (None, 2), ("a", 3)]),
    "long_key": ("(code text PRIMARY KEY)", "", [("k" * 5000,), ("l",)]),
    "mixed_key": ("(code PRIMARY KEY)", "", [(1,), ("1",)]),
    "priced": ("(net real, tax AS (net * 2) STORED, gross AS (net || '!'))", "(net)", [(1.5,), (2.25,)]),
    "empty": ('(a integer PRIMARY KEY, "select" varchar(3))', "", []),
    LONG: ("(a)", "", [(1,)]),
    LONG + ", and another": ("(a)", "", [(2,), (3,)]),
    HOSTILE: ('("a ""b"", %s {0}", "SELECT", xmin, ctid, "É", "ü ü")', "", [(1, 2, 3, 4, 5, "x")]),
    "Order": (f'(a__text, "A__integer", a, "{"c" * 70}", "{"c" * 71}")', "", [(1, 2, "x", 3, 4), (5, 6, 7, "y", 8)]),
    "wide": ("(note, body)", "", [(None, "w" * 3_000_000), ("n", "v")]),
    "child": ("(id integer PRIMARY KEY, up REFERENCES numbers (id))", "", [(1, 99)]),
}  # fmt: skip
VIEWS = (
    "CREATE VIEW cheap AS SELECT id, name, length(name) AS long FROM stray_thing",
    "CREATE VIEW chance AS SELECT id, random() AS dice, name FROM stray_thing",
    "CREATE VIEW django_year AS SELECT django_date_extract('year', '2024-05-06') AS year",
    "CREATE VIEW twice AS SELECT id, id FROM stray_thing",
    "CREATE VIEW broken AS SELECT * FROM gone",
    "CREATE VIEW unknown AS SELECT ours(name) AS x FROM stray_thing",
    "CREATE VIEW late AS SELECT abs(-9223372036854775807 - id) AS x FROM stray_thing",
)
OTHERS = (
    "CREATE INDEX loose_a ON loose (a)",
    "CREATE TRIGGER loose_t AFTER INSERT ON loose BEGIN SELECT 1; END",
    "CREATE TABLE badly (t text, plain text)",
    "INSERT INTO badly VALUES (CAST(x'636166e9' AS TEXT), 'a'), ('fine', 'b'), (NULL, NULL)",
    "CREATE TABLE worse (t text)",
    "INSERT INTO worse VALUES (CAST(x'636166e9' AS TEXT)), ('nul' || char(0))",
    "CREATE VIRTUAL TABLE search USING fts5(body)",
    "INSERT INTO search VALUES ('words')",
)


def make(path: Path) -> None:
    """Make them in the database of the project ``stray``."""
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("INSERT INTO stray_thing (name) VALUES ('a'), ('bb')")
        for name, (definition, given, rows) in TABLES.items():
            database.execute(f"CREATE TABLE {quoted(name)} {definition}")
            for row in rows:
                database.execute(f"INSERT INTO {quoted(name)} {given} VALUES ({', '.join('?' * len(row))})", row)
        for statement in (*OTHERS, *VIEWS):
            database.execute(statement)


#: A row: for each column the storage class and the value, a text as its bytes.
Row = tuple[tuple[str, object], ...]


def held(path: Path, name: str) -> tuple[list[str], list[Row]]:
    """The columns of a table, and its rows as SQLite holds them."""
    with closing(sqlite3.connect(path)) as database:
        names = [column[0] for column in database.execute(f"SELECT * FROM {quoted(name)} LIMIT 0").description]
        cells = ", ".join(f"typeof({c}), iif(typeof({c}) = 'text', CAST({c} AS BLOB), {c})" for c in map(quoted, names))
        rows = database.execute(f"SELECT {cells} FROM {quoted(name)}").fetchall()
    return names, [tuple(zip(row[::2], row[1::2], strict=True)) for row in rows]


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
