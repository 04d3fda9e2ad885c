"""A dump and the database that is made of it: the same bits in every cell, the same schema, or no file at all."""

from __future__ import annotations

import resource
import signal
import sqlite3
import stat
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_to_pg.errors import ArchiveError
from migrate_to_pg.records import Event
from tests.integration.dumping import around, contents, dump, integrity, load

INTEGERS = st.integers(-(2**63), 2**63 - 1)
#: SQLite keeps no NaN.
REALS = st.floats(allow_nan=False)
#: Where a number might become another: zero's sign, whole reals, both ends.
EDGES = (-0.0, 1.0, 5e-324, -1.7e308, 2.0**63, float("inf"), float("-inf"), 2**63 - 1, -(2**63), 2**53 + 1, 0)
TEXTS = st.one_of(st.text(st.characters(exclude_categories=("Cs",))), st.just("a\0b"))
CELLS = st.one_of(st.none(), INTEGERS, REALS, TEXTS, st.binary(), st.just(b""), st.just(""))
ROWIDS = st.lists(INTEGERS, unique=True, max_size=12)

HOSTILE = """
PRAGMA user_version = -7; PRAGMA application_id = 1234;
CREATE TABLE parent (id integer NOT NULL PRIMARY KEY AUTOINCREMENT, code varchar(9) NOT NULL UNIQUE COLLATE NOCASE);
INSERT INTO parent VALUES (1, 'A'), (7, 'b'), (900, 'Z'); DELETE FROM parent WHERE id = 900;
CREATE TABLE child (id integer NOT NULL PRIMARY KEY, parent_id bigint NOT NULL REFERENCES gone (id), v real, d decimal,
    g integer GENERATED ALWAYS AS (id * 2) VIRTUAL, s text GENERATED ALWAYS AS (v || '!') STORED, after blob);
INSERT INTO child (id, parent_id, v, d, after) VALUES (-5, 1, 3, 3, 'x'), (2, 99, -0.0, 1.5, x'00ff'),
    (40, 1, 9e999, '12abc', NULL), (9223372036854775807, 1, 'words', 1e300, 2.0);
CREATE INDEX "odd "" name" ON child (v DESC, lower(s)) WHERE parent_id > 0;
CREATE TABLE "quoted "" table" ("a "" b", "select", rowid, _rowid_);
INSERT INTO "quoted "" table" VALUES (1, 2.0, 'x', NULL), (x'', '', 5, 1), (NULL, NULL, NULL, NULL);
CREATE TABLE pairs (v text, b integer, a text COLLATE NOCASE, n UNIQUE, g AS (b + 1),
    PRIMARY KEY (a DESC, b)) WITHOUT ROWID;
INSERT INTO pairs (v, b, a, n) VALUES ('one', 2, 'x', 1.0), (x'00', 1, 'X', 'n'), (7, 'z', 'a', NULL);
CREATE TABLE lonely (id INTEGER PRIMARY KEY); INSERT INTO lonely VALUES (3), (-9);
CREATE TABLE empty (a, b); CREATE TABLE nulls (a, b); INSERT INTO nulls VALUES (NULL, NULL), (NULL, NULL);
CREATE TABLE not_alias (id INTEGER PRIMARY KEY DESC, v); INSERT INTO not_alias VALUES (5, 1), (4, 2);
CREATE TABLE later (a); INSERT INTO later VALUES (1); ALTER TABLE later ADD COLUMN b TEXT NOT NULL DEFAULT 'née';
CREATE TABLE strict_one (a INT, b ANY, c REAL) STRICT; INSERT INTO strict_one VALUES (1, '1', 2), (2, 1, 2.5);
CREATE VIEW broken AS SELECT no_column FROM gone;
CREATE TRIGGER fires AFTER INSERT ON lonely BEGIN DELETE FROM nulls; END;
CREATE TRIGGER never AFTER INSERT ON parent BEGIN INSERT INTO gone VALUES (1); END;
CREATE VIRTUAL TABLE found USING fts5 (body); INSERT INTO found VALUES ('hello world'), ('bonjour');
CREATE VIRTUAL TABLE boxes USING rtree (id, x0, x1); INSERT INTO boxes VALUES (1, 0, 2.5);
ANALYZE;
"""


@pytest.fixture
def database(tmp_path: Path) -> Callable[..., Path]:
    """A new SQLite file that a script fills: database(script, path=...)."""

    def make(script: str, name: str = "db.sqlite3") -> Path:
        path = tmp_path / name
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(script)
        return path

    return make


def check_survives(path: Path) -> Path:
    back = around(path)
    assert contents(back) == contents(path)
    assert sorted(integrity(back)) == sorted(integrity(path))
    return back


def test_a_hostile_database_is_the_same_afterwards(database: Callable[..., Path]) -> None:
    path = database(HOSTILE)
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO empty VALUES (CAST(x'fffe41' AS TEXT), CAST(x'610062' AS TEXT))")
    back = check_survives(path)
    assert stat.S_IMODE(back.stat().st_mode) == 0o600
    with closing(sqlite3.connect(back)) as connection:
        assert connection.execute("SELECT rowid FROM found WHERE found MATCH 'bonjour'").fetchall() == [(2,)]
        assert connection.execute("SELECT * FROM sqlite_sequence").fetchall() == [("parent", 900)]
        assert connection.execute("SELECT id FROM boxes WHERE x1 > 2").fetchall() == [(1,)]


@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16le", "UTF-16be"])
@pytest.mark.parametrize("page_size", [512, 65536])
def test_encoding_and_page_size_are_kept(database: Callable[..., Path], encoding: str, page_size: int) -> None:
    path = database(
        f"PRAGMA page_size = {page_size}; PRAGMA encoding = '{encoding}'; CREATE TABLE é (a UNIQUE, b);"
        " INSERT INTO é VALUES ('née', x'c3a9'), ('𝄞', ''), (NULL, 'a' || char(0) || 'b')"
    )
    check_survives(path)


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_every_cell_keeps_its_storage_class_and_its_bits(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    path = tmp_path_factory.mktemp("cells") / "db.sqlite3"
    affinities = data.draw(st.lists(st.sampled_from(["", "integer", "real", "numeric", "text", "blob"]), min_size=1))
    names = [f"c{n}" for n in range(len(affinities))]
    columns = ", ".join(f"{name} {affinity}" for name, affinity in zip(names, affinities, strict=True))
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute(f"CREATE TABLE t ({columns})")
        marks = ", ".join("?" * (len(names) + 1))
        for rowid in data.draw(ROWIDS):
            row = [rowid, *(data.draw(CELLS) for _ in names)]
            connection.execute(f"INSERT INTO t (rowid, {', '.join(names)}) VALUES ({marks})", row)
    check_survives(path)


@pytest.mark.parametrize("others", [(), (None,), ("text", b"blob", b"", "")], ids=["alone", "NULL", "mixed"])
def test_numbers_at_the_edges_keep_their_bits(database: Callable[..., Path], others: tuple[object, ...]) -> None:
    path = database("CREATE TABLE whole (v); CREATE TABLE broken (v); CREATE TABLE both (v)")
    with closing(sqlite3.connect(path)) as connection, connection:
        for table, kinds in (("whole", int), ("broken", float), ("both", (int, float))):
            values = [value for value in EDGES if isinstance(value, kinds)]
            connection.executemany(f"INSERT INTO {table} VALUES (?)", [[value] for value in (*values, *others)])
    check_survives(path)


@pytest.mark.full
def test_many_rows_and_large_ones_cross_in_several_batches(database: Callable[..., Path]) -> None:
    path = database(
        "CREATE TABLE t (id integer PRIMARY KEY, v, w); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
        " WHERE i < 100000) INSERT INTO t SELECT i * 3, CASE i % 3 WHEN 0 THEN i WHEN 1 THEN 't' || i END, i / 7.0"
        " FROM n; INSERT INTO t VALUES (1, randomblob(20000000), NULL), (2, randomblob(20000000), zeroblob(9))"
    )
    check_survives(path)


def _as_if_unique(connection: sqlite3.Connection, sql: str, name: str) -> None:
    connection.execute("PRAGMA writable_schema = ON")
    connection.execute("UPDATE sqlite_master SET sql = ? WHERE name = ?", [sql, name])


def test_rows_that_a_constraint_forbids_are_there_again(database: Callable[..., Path]) -> None:
    """A schema that was edited by hand: NULL in NOT NULL, a CHECK that fails, duplicates under unique keys."""
    path = database(
        "CREATE TABLE t (id integer PRIMARY KEY, a, b, c); CREATE INDEX i ON t (a);"
        " INSERT INTO t VALUES (1, 'x', NULL, 5), (2, 'x', 1, 5);"
        " CREATE TABLE u (id integer PRIMARY KEY, a, b); INSERT INTO u VALUES (1, 'y', 1), (2, 'y', 2);"
        " CREATE INDEX later ON u (a);"
        " CREATE TABLE w (k PRIMARY KEY, a, b) WITHOUT ROWID; INSERT INTO w VALUES (1, 2, 2), (2, 2, 2);"
        " CREATE INDEX wi ON w (a)"
    )
    with closing(sqlite3.connect(path)) as connection:
        _as_if_unique(connection, "CREATE UNIQUE INDEX i ON t (a)", "i")
        _as_if_unique(connection, "CREATE UNIQUE INDEX wi ON w (a)", "wi")
        table = "CREATE TABLE t (id integer PRIMARY KEY, a, b integer NOT NULL, c CHECK (c < 5))"
        _as_if_unique(connection, table, "t")
        connection.execute("UPDATE sqlite_master SET sql = NULL, name = 'sqlite_autoindex_u_1' WHERE name = 'later'")
        _as_if_unique(connection, "CREATE TABLE u (id integer PRIMARY KEY, a UNIQUE, b)", "u")
        connection.commit()
    assert len([line for line in integrity(path) if "non-unique" in line]) == 3
    check_survives(path)


def test_what_could_not_be_made_again_is_told_before_anything_is_written(database: Callable[..., Path]) -> None:
    path = database("CREATE TABLE t (a)")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("own", 1, lambda a: a, deterministic=True)
        connection.execute("CREATE INDEX i ON t (own(a))")
    with pytest.raises(ArchiveError, match=r"could not be made again: unknown function: own\(\)"):
        dump(path, path.with_suffix(".dump"))
    assert not list(path.parent.glob("*.dump*"))


def test_columns_may_take_all_names_of_the_rowid(database: Callable[..., Path], tmp_path: Path) -> None:
    path = database("CREATE TABLE t (rowid, _rowid_, oid); INSERT INTO t VALUES (3, 2, 'x'), (1, NULL, x'00')")
    dump(path, tmp_path / "dump")
    load(tmp_path / "dump", tmp_path / "loaded")
    with closing(sqlite3.connect(tmp_path / "loaded")) as connection:
        assert connection.execute("SELECT * FROM t").fetchall() == [(3, 2, "x"), (1, None, b"\0")]


def test_an_index_by_a_collation_that_nobody_has_stands_in_nobodys_way(
    database: Callable[..., Path], tmp_path: Path
) -> None:
    path = database("CREATE TABLE t (a)")
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.create_collation("OWN", lambda a, b: (a < b) - (a > b))
        connection.execute("CREATE UNIQUE INDEX i ON t (a COLLATE OWN)")
        connection.executemany("INSERT INTO t VALUES (?)", [("b",), ("A",), ("c",)])
    dump(path, tmp_path / "dump")
    load(tmp_path / "dump", tmp_path / "loaded")
    with closing(sqlite3.connect(tmp_path / "loaded")) as connection:
        assert connection.execute("SELECT a FROM t NOT INDEXED").fetchall() == [("b",), ("A",), ("c",)]
        assert connection.execute("SELECT sql FROM sqlite_master WHERE name = 'i'").fetchone()


def test_two_dumps_of_the_same_rows_are_the_same_and_so_is_what_is_made_of_them(
    database: Callable[..., Path], tmp_path: Path
) -> None:
    path = database(HOSTILE)
    first, second = tmp_path / "1", tmp_path / "2"
    assert dump(path, first).sha256 == dump(path, second).sha256
    assert load(first, tmp_path / "a").sha256 == load(second, tmp_path / "b").sha256


def test_an_interrupted_dump_and_an_interrupted_load_leave_nothing_behind(
    database: Callable[..., Path], tmp_path: Path
) -> None:
    def interrupt(event: Event) -> None:
        if event.stage in ("dump", "rebuild"):
            raise KeyboardInterrupt

    path, file = database(HOSTILE), tmp_path / "a.dump"
    with pytest.raises(KeyboardInterrupt):
        dump(path, file, interrupt)
    assert list(tmp_path.glob("a.dump*")) == []
    assert list(tmp_path.glob("*-trial*")) == []
    dump(path, file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    with pytest.raises(KeyboardInterrupt):
        load(file, tmp_path / "never", interrupt)
    assert list(tmp_path.glob("never*")) == []


def test_a_disk_that_is_full_is_told_and_nothing_is_left(database: Callable[..., Path], tmp_path: Path) -> None:
    path = database("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(5000000))")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # The snapshot is made before; a file may not grow beyond what the dump would need.
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    snapshot = tmp_path / "small.snapshot"
    try:
        with pytest.raises(ArchiveError, match="cannot be written: File too large"):
            dump(path, tmp_path / "small.dump", lambda event: None, limit=1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert snapshot.exists()
    assert list(tmp_path.glob("small.dump*")) == []
