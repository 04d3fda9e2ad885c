"""What no migration knows, made, loaded and verified without a project around it: each corruption must be found."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from migrate_to_pg import leftovers
from migrate_to_pg.errors import SourceError
from migrate_to_pg.leftovers import staging_file
from migrate_to_pg.load import load
from migrate_to_pg.planning import make_plan, read_source, read_target
from migrate_to_pg.records import Difference, Holds, LeftoverTable, Verification, Verify
from migrate_to_pg.verify.verify_leftovers import verify_leftover_tables
from tests.conftest import Query
from tests.integration.conftest import Move
from tests.tiers import first_in_ci

SCRIPT = """
    CREATE TABLE keyed (id integer PRIMARY KEY, i, r, n, t, b, m, bad, nothing_yet);
    INSERT INTO keyed VALUES
        (1, 7, 0.5, 1, 'a', x'00', 1, CAST(x'636166e9' AS TEXT), NULL),
        (2, 8, 1.5, 1.5, 'b', x'01', '1', 'fine', NULL),
        (3, NULL, NULL, NULL, NULL, NULL, x'31', NULL, NULL),
        (4, 9, -0.0, 2, '', x'', 1.0, 'nul' || char(0), NULL);
    CREATE TABLE loose (a, b);
    INSERT INTO loose VALUES (1, 'x'), (1, 'x'), (2, 'y'), (NULL, NULL);
    CREATE VIEW dice AS SELECT id, random() AS r FROM keyed;
"""


class Crossing:
    """A SQLite file whose tables all are leftovers, and the schema that they are carried to."""

    def __init__(self, folder: Path, url: str, script: str | Callable[[sqlite3.Connection], None]) -> None:
        self.snapshot, self.working, self.url = folder / "snapshot.sqlite3", folder / "working.sqlite3", url
        with closing(sqlite3.connect(self.snapshot)) as database:
            database.executescript(script) if isinstance(script, str) else script(database)
        catalog = read_source(self.snapshot)
        plan = make_plan(catalog, (), source_time_zone="UTC")
        self.read = leftovers.extract(plan, catalog, self.snapshot, self.working)
        self.tables = self.read.tables

    def carry(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("DROP SCHEMA IF EXISTS carried CASCADE; CREATE SCHEMA carried")
            leftovers.make_tables(connection, "carried", self.tables)
            self.plan = leftovers.plan_for(self.tables, read_target(connection, "carried"), source_time_zone="UTC")
        load(self.plan, self.working, self.url, schema="carried", progress=lambda _: None, jobs=2)

    def run(self, statement: str) -> int:
        with psycopg.connect(self.url, autocommit=True, options="-c search_path=carried") as connection:
            return connection.execute(statement.encode()).rowcount

    def verify(self, depth: Verify) -> Verification:
        return verify_leftover_tables(
            self.plan,
            self.tables,
            self.snapshot,
            self.url,
            schema="carried",
            verify=depth,
            progress=lambda _: None,
            views=(self.working, leftovers.view_table_name),
        )

    def found(self) -> list[Difference]:
        verification = self.verify(Verify.CELLS)
        assert verification.holds == (not any(table.differences for table in verification.tables))
        return [sample for table in verification.tables for sample in table.samples]

    def table(self, name: str) -> LeftoverTable:
        return next(table for table in self.tables if table.name == name)


@pytest.fixture
def crossing(tmp_path: Path, postgres_url: str) -> Crossing:
    made = Crossing(tmp_path, postgres_url, SCRIPT)
    made.carry()
    return made


#: Statement -> (kind, column, key) of each difference.
CORRUPTIONS = {
    "UPDATE keyed SET i = i + 1 WHERE id = 1": {("changed", "i", "1")},
    "UPDATE keyed SET i = 0 WHERE id = 3": {("changed", "i", "3")},
    "UPDATE keyed SET r = 0 WHERE id = 4": {("changed", "r", "4")},
    "UPDATE keyed SET n = 1.25 WHERE id = 2": {("changed", "n", "2")},
    "UPDATE keyed SET t = 'A' WHERE id = 1": {("changed", "t", "1")},
    "UPDATE keyed SET t = NULL WHERE id = 4": {("changed", "t", "4")},
    "UPDATE keyed SET b = '\\x02' WHERE id = 2": {("changed", "b", "2")},
    "UPDATE keyed SET nothing_yet = '' WHERE id = 2": {("changed", "nothing_yet", "2")},
    # The same value as another kind of value.
    "UPDATE keyed SET m__integer = NULL, m__real = 1 WHERE id = 1": {
        ("changed", "m__integer", "1"), ("changed", "m__real", "1"),
    },
    "UPDATE keyed SET m__text = NULL, m__blob = '1' WHERE id = 2": {
        ("changed", "m__text", "2"), ("changed", "m__blob", "2"),
    },
    "UPDATE keyed SET bad__text_bytes = '\\x636166ea' WHERE id = 1": {("changed", "bad__text_bytes", "1")},
    "UPDATE keyed SET bad__text = 'fin' WHERE id = 2": {("changed", "bad__text", "2")},
    "UPDATE dice SET r = r - 1 WHERE id = 2": {("missing", "", ""), ("extra", "", "")},
    "DELETE FROM keyed WHERE id = 3": {("missing", "", "3")},
    "INSERT INTO keyed (id) VALUES (5)": {("extra", "", "5")},
    "DELETE FROM loose WHERE ctid = (SELECT min(ctid) FROM loose)": {("missing", "", "")},
    "INSERT INTO loose VALUES (2, 'y')": {("extra", "", "")},
}  # fmt: skip


def test_what_was_carried_is_verified_and_each_corruption_is_found(crossing: Crossing) -> None:
    assert crossing.found() == []
    for statement, expected in CORRUPTIONS.items():
        assert crossing.run(statement) == 1, statement
        told = {(d.kind, d.column, d.key.get("id", "") if "dice" not in statement else "") for d in crossing.found()}
        assert told == expected, statement
        crossing.carry()


def test_counts_alone_find_a_row_that_is_missing(crossing: Crossing) -> None:
    assert crossing.verify(Verify.COUNTS).holds
    crossing.run("DELETE FROM loose WHERE b = 'y'")
    assert crossing.verify(Verify.COUNTS).faulty == ["loose"]


#: A column that was judged wrongly, as if it held nothing but that.
MISJUDGED: dict[str, tuple[str, Holds]] = {
    "integers alone": ("m", Holds.INTEGER),
    "reals alone": ("m", Holds.REAL),
    "numbers alone": ("m", Holds.NUMBER),
    "text alone": ("m", Holds.TEXT),
    "blobs alone": ("m", Holds.BLOB),
    "nothing": ("m", Holds.NOTHING),
    "good text alone": ("bad", Holds.TEXT),
    "bad text alone": ("bad", Holds.TEXT_BYTES),
}


@pytest.mark.parametrize("judged", MISJUDGED)
def test_a_value_that_was_lost_because_its_column_was_judged_wrongly_is_found(
    judged: str, tmp_path: Path, postgres_url: str
) -> None:
    """The load would send NULL for what it does not know of; the verification asks the snapshot itself."""
    crossing = Crossing(tmp_path, postgres_url, SCRIPT)
    name, kind = MISJUDGED[judged]
    keyed = crossing.table("keyed")
    kept = [c for c in keyed.columns if c.source != name or c.holds is kind]
    if kind in (Holds.NUMBER, Holds.NOTHING):
        kept.append(replace(next(c for c in keyed.columns if c.source == name), holds=kind))
    columns = tuple(replace(c, shared=False) if c.source == name else c for c in kept)
    crossing.tables = tuple(replace(t, columns=columns) if t is keyed else t for t in crossing.tables)
    if kind is Holds.NOTHING:
        with closing(sqlite3.connect(crossing.working)) as working, working:
            working.execute("UPDATE keyed SET m__integer = NULL")
    crossing.carry()
    assert {d.column for d in crossing.found()} == {c.name for c in columns if c.source == name}


@pytest.mark.parametrize(
    ("corruption", "told"),
    first_in_ci(
        ("UPDATE migrate_to_pg_leftovers_incoming.kept SET t = 'b' WHERE id = 1", "sqlite_leftovers.kept"),
        ("DELETE FROM migrate_to_pg_leftovers_incoming.kept WHERE id = 2", "sqlite_leftovers.kept"),
        ("ALTER TABLE migrate_to_pg_leftovers_incoming.kept DROP CONSTRAINT kept_pkey", "kept_pkey is missing"),
    ),
)
def test_nothing_is_published_where_one_cell_of_them_is_not_what_it_was(
    source: Path, postgres_url: str, move: Move, execute: Query, corruption: str, told: str
) -> None:
    with closing(sqlite3.connect(source)) as database:
        database.executescript(
            "CREATE TABLE kept (id integer PRIMARY KEY, t); INSERT INTO kept VALUES (1, 'a'), (2, 2);"
        )
        database.execute("UPDATE kept SET t = 'c' WHERE id = 2")
        database.commit()
    report = move(source, postgres_url, on={"prove": lambda: execute(postgres_url, corruption)})
    assert report.failure is not None
    assert report.failure.exit_status == 3
    assert told in " ".join([report.failure.message, *report.failure.detail])
    assert report.publication is None
    tables = "SELECT count(*) FROM pg_tables WHERE schemaname = 'public' OR schemaname ~ 'leftovers'"
    assert execute(postgres_url, tables) == [(0,)]
    again = move(source, postgres_url)
    assert again.publication is not None
    assert again.publication.leftovers == ("kept",)


def test_utf16_crosses_and_what_is_no_text_there_is_kept_as_bytes(tmp_path: Path, postgres_url: str) -> None:
    script = """
        PRAGMA encoding = 'UTF-16le';
        CREATE TABLE t (id integer PRIMARY KEY, v);
        INSERT INTO t VALUES (1, 'Thérèse'), (2, CAST(x'00d8' AS TEXT)), (3, 'a' || char(0)), (4, char(128512));
    """
    crossing = Crossing(tmp_path, postgres_url, script)
    crossing.carry()
    assert crossing.found() == []
    with psycopg.connect(postgres_url) as connection:
        rows = connection.execute("SELECT v__text, v__text_bytes FROM carried.t ORDER BY id").fetchall()
    assert rows == [("Thérèse", None), (None, b"\x00\xd8"), (None, b"a\0\0\0"), ("\U0001f600", None)]


def test_more_columns_than_postgresql_takes_stay_behind_and_all_else_crosses(tmp_path: Path, postgres_url: str) -> None:
    names = ", ".join(f"c{n}" for n in range(900))
    values = ", ".join(["1"] * 900), ", ".join(["'1'"] * 900)
    script = f"CREATE TABLE wide ({names}); INSERT INTO wide VALUES ({values[0]}), ({values[1]});"
    view = "CREATE VIEW seen AS SELECT * FROM wide; CREATE TABLE narrow (v); INSERT INTO narrow VALUES (1);"
    crossing = Crossing(tmp_path, postgres_url, script + view)
    crossing.carry()
    assert crossing.read.wide == {"wide": 1800}
    assert "1,800 columns" in crossing.read.unread["seen"]
    assert [table.name for table in crossing.read.tables] == ["narrow"]
    assert crossing.found() == []


def test_many_columns_cross(tmp_path: Path, postgres_url: str) -> None:
    names = ", ".join(f"c{n}" for n in range(450))
    script = f"CREATE TABLE wide ({names}); INSERT INTO wide VALUES ({', '.join(['1'] * 450)});"
    crossing = Crossing(tmp_path, postgres_url, script)
    crossing.carry()
    assert crossing.found() == []
    assert crossing.verify(Verify.COUNTS).holds


def test_a_full_disk_is_not_taken_for_a_view_that_cannot_be_read(tmp_path: Path) -> None:
    crossing = Crossing(tmp_path, "", SCRIPT)
    with leftovers.StagingFile(crossing.snapshot, tmp_path / "small.sqlite3") as file:
        file._database.execute("PRAGMA working.max_page_count = 1")
        with pytest.raises(SourceError, match="full"):
            file.view("dice", "")


def test_a_column_that_sqlite_cannot_compute_stays_behind_and_the_others_move(tmp_path: Path) -> None:
    def make(database: sqlite3.Connection) -> None:
        database.create_function("ours", 1, lambda value: value, deterministic=True)
        database.executescript("CREATE TABLE t (a, b AS (ours(a))); INSERT INTO t VALUES (1)")

    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        make(database)
    catalog = read_source(path)
    found = leftovers.extract(make_plan(catalog, (), source_time_zone="UTC"), catalog, path, tmp_path / "working")
    assert [(t.name, [c.name for c in t.columns], t.rows) for t in found.tables] == [("t", ["a"], 1)]
    assert [(lack.table, lack.what) for lack in catalog.lacking] == [("t", "b")]


ENDLESS = {
    "rows": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT x FROM n",
    "bytes": "WITH RECURSIVE n(x) AS (SELECT zeroblob(1000) UNION ALL SELECT x FROM n) SELECT x FROM n",
    "steps": "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) AS x FROM n",
}


@pytest.mark.parametrize("kind", ENDLESS)
def test_a_view_without_end_is_named_and_not_carried(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "db.sqlite3"
    with closing(sqlite3.connect(path)) as database:
        database.execute(f"CREATE VIEW endless AS {ENDLESS[kind]}")
        database.execute("CREATE VIEW short AS SELECT 1 AS a UNION ALL SELECT 2")
    for name, most in (("ROWS", 5000), ("BYTES", 2_000_000), ("MEGASTEPS", 3), ("FACTOR", 0)):
        monkeypatch.setattr(staging_file, f"MAX_VIEW_{name}", most)
    catalog = read_source(path)
    found = leftovers.extract(make_plan(catalog, (), source_time_zone="UTC"), catalog, path, tmp_path / "working")
    assert list(found.unread) == ["endless"]
    assert {"rows": "5,000 rows", "bytes": "1.9 MiB", "steps": "no end"}[kind] in found.unread["endless"]
    assert [(table.name, table.rows) for table in found.tables] == [("short", 2)]
