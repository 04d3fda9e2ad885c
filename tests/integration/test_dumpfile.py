"""A dump and the database that comes out of it: the same pages, or no file at all."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import sqlite3
import stat
import struct
import subprocess
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.errors import DumpError, SourceError, UsageError
from migrate_to_pg.pipeline.dump import require_usable
from migrate_to_pg.records import Event, Options
from migrate_to_pg.sqlite.snapshot import Source
from tests.integration.dumping import around, contents, dump, integrity, load

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
    assert back.read_bytes() == path.with_suffix(".snapshot").read_bytes()
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


@pytest.mark.parametrize("reserved", [0, 8, 255])
def test_reserved_bytes_are_kept(database: Callable[..., Path], reserved: int) -> None:
    path = database("PRAGMA page_size = 4096; PRAGMA user_version = 1")
    raw = bytearray(path.read_bytes())
    raw[20] = reserved
    # Where the cells of the empty schema begin: before these bytes.
    struct.pack_into(">H", raw, 105, 4096 - reserved)
    path.write_bytes(raw)
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE t (a); WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 999)"
            " INSERT INTO t SELECT i FROM n"
        )
    assert path.read_bytes()[20] == reserved
    assert check_survives(path).read_bytes()[20] == reserved


def test_what_is_in_the_wal_alone_goes_along(database: Callable[..., Path]) -> None:
    path = database("PRAGMA journal_mode = WAL; CREATE TABLE t (a); INSERT INTO t VALUES (1)")
    with closing(sqlite3.connect(path)) as writer:
        writer.executescript("PRAGMA wal_autocheckpoint = 0; INSERT INTO t VALUES (2)")
        assert path.with_name("db.sqlite3-wal").stat().st_size > 0
        back = check_survives(path)
        with closing(sqlite3.connect(back)) as connection:
            assert connection.execute("SELECT a FROM t").fetchall() == [(1,), (2,)]


#: Rows of which most are deleted again by an SQLite that leaves their bytes where they were.
DELETED = """
CREATE TABLE kept (a); INSERT INTO kept VALUES ('kept'); CREATE TABLE t (a);
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 9000)
    INSERT INTO t SELECT i || ' deleted ' || hex(randomblob(500)) FROM n;
PRAGMA secure_delete = OFF; DELETE FROM t;
"""


@pytest.mark.parametrize("more", ["page_size = 4096", "page_size = 512", "auto_vacuum = INCREMENTAL"])
def test_rows_that_were_deleted_stay_behind(database: Callable[..., Path], more: str) -> None:
    path = database(f"PRAGMA {more};{DELETED}")
    raw = path.read_bytes()
    assert raw.count(b" deleted ") > 9000 * 0.9
    back = around(path)
    found = back.read_bytes()
    # What is left is in the pages that list the free ones, which SQLite reads.
    assert (len(found), found.count(b" deleted ") < 100) == (len(raw), True)
    assert path.with_suffix(".dump").stat().st_size < 100_000
    assert contents(back) == contents(path)
    with closing(sqlite3.connect(path)) as before, closing(sqlite3.connect(back)) as after:
        count = "PRAGMA freelist_count"
        assert after.execute(count).fetchone() == before.execute(count).fetchone() > (1000,)
        # The free pages are taken for new rows as ever.
        after.executescript("INSERT INTO t SELECT hex(randomblob(400000)); INSERT INTO kept SELECT * FROM kept")
    assert integrity(back) == ["ok"]


def test_a_page_in_use_is_never_taken_for_a_free_one(database: Callable[..., Path]) -> None:
    path = database(DELETED)
    raw = bytearray(path.read_bytes())
    trunk = (int.from_bytes(raw[32:36]) - 1) * 4096
    # The first of the free pages that are listed there is now the one of table "kept".
    struct.pack_into(">I", raw, trunk + 8, 2)
    path.write_bytes(raw)
    with closing(sqlite3.connect(around(path))) as connection:
        assert connection.execute("SELECT a FROM kept").fetchall() == [("kept",)]


@pytest.mark.parametrize("first", [2**32 - 1, 2], ids=["nowhere", "no list"])
def test_a_list_of_free_pages_that_is_none_does_no_harm(database: Callable[..., Path], first: int) -> None:
    path = database(DELETED)
    raw = bytearray(path.read_bytes())
    struct.pack_into(">I", raw, 32, first)
    path.write_bytes(raw)
    around(path)
    assert path.with_suffix(".back").read_bytes() == path.with_suffix(".snapshot").read_bytes()


def test_a_list_of_free_pages_without_an_end_is_read_once(database: Callable[..., Path]) -> None:
    path = database(DELETED)
    raw = bytearray(path.read_bytes())
    trunk = int.from_bytes(raw[32:36])
    struct.pack_into(">I", raw, (trunk - 1) * 4096, trunk)
    path.write_bytes(raw)
    assert b"kept" in around(path).read_bytes()


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


def test_functions_and_names_that_nobody_knows_are_dumped_as_they_are(database: Callable[..., Path]) -> None:
    path = database("CREATE TABLE t (a); CREATE TABLE odd (a); INSERT INTO odd VALUES (1)")
    with closing(sqlite3.connect(path)) as connection:
        connection.create_function("own", 1, lambda a: a, deterministic=True)
        connection.execute("CREATE INDEX i ON t (own(a))")
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(
            "UPDATE sqlite_master SET name = CAST(x'6fff' AS TEXT), tbl_name = CAST(x'6fff' AS TEXT),"
            " sql = CAST(x'435245415445205441424c4520226fff2220286129' AS TEXT) WHERE name = 'odd'"
        )
        connection.commit()
    back = around(path)
    assert back.read_bytes() == path.with_suffix(".snapshot").read_bytes()


def test_rows_without_a_number_of_their_own_keep_the_one_that_they_have(database: Callable[..., Path]) -> None:
    path = database("CREATE TABLE t (a); INSERT INTO t (rowid, a) VALUES (7, 'x'), (900, 'y'); DELETE FROM t WHERE 0")
    with closing(sqlite3.connect(check_survives(path))) as connection:
        assert connection.execute("SELECT rowid, a FROM t").fetchall() == [(7, "x"), (900, "y")]


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
        if event.stage in ("dump", "snapshot"):
            raise KeyboardInterrupt

    path, file = database(HOSTILE), tmp_path / "a.dump"
    with pytest.raises(KeyboardInterrupt):
        dump(path, file, interrupt)
    assert list(tmp_path.glob("a.dump*")) == []
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
        with pytest.raises(DumpError, match="cannot be written: File too large"):
            dump(path, tmp_path / "small.dump", lambda event: None, limit=1_000_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert snapshot.exists()
    assert list(tmp_path.glob("small.dump*")) == []


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a directory")
def test_a_directory_that_takes_no_files_is_named_before_and_when_it_is_written(
    database: Callable[..., Path], tmp_path: Path
) -> None:
    place = tmp_path / "closed"
    place.mkdir()
    path = database(HOSTILE)
    subprocess.run(["mount", "--bind", place, place], check=True)
    try:
        subprocess.run(["mount", "-o", "remount,ro,bind", place], check=True)
        with pytest.raises(UsageError, match="no file can be made in"):
            require_usable(Options(mode="dump", dump=place / "a.dump"))
        with pytest.raises(DumpError, match=re.escape(f"{place / 'a.dump'} cannot be written")):
            dump(path, place / "a.dump", copy=tmp_path / "a.snapshot")
    finally:
        subprocess.run(["umount", place], check=True)


def test_a_snapshot_that_was_changed_after_it_was_made_is_not_dumped(
    database: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path, copy = database(HOSTILE), Source.copy

    def changed(source: Source, destination: Path) -> object:
        made = copy(source, destination)
        with destination.open("ab") as file:
            file.write(b"x")
        return made

    monkeypatch.setattr(Source, "copy", changed)
    with pytest.raises(SourceError, match="was changed after it was made"):
        dump(path, tmp_path / "a.dump")
    assert list(tmp_path.glob("a.dump*")) == []


def test_a_file_that_is_there_is_not_touched_by_a_load(database: Callable[..., Path], tmp_path: Path) -> None:
    dump(database(HOSTILE), tmp_path / "a.dump")
    shutil.copy(__file__, tmp_path / "there")
    with pytest.raises(FileExistsError):
        load(tmp_path / "a.dump", tmp_path / "there")
    assert (tmp_path / "there").read_bytes() == Path(__file__).read_bytes()


def test_a_disk_that_becomes_full_during_a_load_leaves_nothing(database: Callable[..., Path], tmp_path: Path) -> None:
    dump(database("CREATE TABLE t (a); INSERT INTO t VALUES (randomblob(5000000))"), tmp_path / "a.dump")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, hard))
        with pytest.raises(OSError, match="File too large"):
            load(tmp_path / "a.dump", tmp_path / "never")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, handler)
    assert not (tmp_path / "never").exists()
