"""Tables of every shape through the reader: each row once, in SQLite's own order, in bounded memory."""

from __future__ import annotations

import threading
from collections.abc import Generator
from contextlib import closing

import pytest

from migrate_to_pg.codecs import driver, reader
from migrate_to_pg.codecs.reader import prefetch
from migrate_to_pg.codecs.select import Span
from migrate_to_pg.errors import SourceError
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
from tests.conftest import Run
from tests.integration.crossing import Ferry, marks, rowids
from tests.projects.by_hand import quoted
from tests.tiers import first_in_ci

HOSTILE = ['a"b', "select", "é", "{0}", "%s", "a;--", " ", "?1", "'", "Ω" * 20]


def ids(ferry: Ferry, name: str = "t") -> list[int]:
    return [value for batch in ferry.batches(name) for value in batch.columns[0].values.to_pylist()]


@pytest.mark.parametrize("count", [61, 62, 63, 124, 130])
def test_masks_speak_for_any_number_of_columns(ferry: Ferry, count: int) -> None:
    names = [f"c{i}" for i in range(count)]
    ferry.source(f"CREATE TABLE t ({', '.join(names)})")
    ferry.target(f"CREATE TABLE t ({', '.join(f'{name} bigint' for name in names)})")
    rows = [["x" if column == row else column for column in range(count)] for row in range(count)]
    ferry.fill(f"INSERT INTO t VALUES ({', '.join('?' * count)})", rows)
    batches = ferry.batches()
    for column in range(count):
        assert marks(batches, column) == ["wrong_storage" if row == column else "" for row in range(count)]


def test_hostile_names_are_only_names(ferry: Ferry) -> None:
    columns = ", ".join(f"{quoted(name)} text" for name in HOSTILE)
    for table in HOSTILE:
        ferry.source(f"CREATE TABLE {quoted(table)} ({columns})")
        ferry.fill(f"INSERT INTO {quoted(table)} VALUES ({', '.join('?' * len(HOSTILE))})", [HOSTILE, HOSTILE])
        ferry.target(f"CREATE TABLE {quoted(table)} ({columns})")
    ferry.load()
    for table in HOSTILE:
        assert ferry.rows(f"SELECT * FROM {quoted(table)}") == [tuple(HOSTILE)] * 2
        assert rowids(ferry.batches(table)[0]) == [1, 2]


@pytest.mark.parametrize("taken", [["rowid"], ["rowid", "_rowid_"], ["oid", "ROWID"]])
def test_columns_may_have_the_rowids_names(ferry: Ferry, taken: list[str]) -> None:
    ferry.source(f"CREATE TABLE t ({', '.join(taken)})")
    ferry.target(f"CREATE TABLE t ({', '.join(f'{name.lower()} text' for name in taken)})")
    ferry.fill(f"INSERT INTO t VALUES ({', '.join('?' * len(taken))})", [["a"] * len(taken)] * 3)
    (batch,) = ferry.batches()
    assert batch.rowids
    assert batch.rowids.to_pylist() == [1, 2, 3]
    assert {value for column in batch.columns for value in column.values.to_pylist()} == {"a"}


def test_rows_without_a_rowid_have_the_number_of_their_place(ferry: Ferry) -> None:
    ferry.source(
        "CREATE TABLE t (rowid, _rowid_, oid)", "INSERT INTO t VALUES (1, 2, 3)",
        "CREATE TABLE w (k text PRIMARY KEY, v) WITHOUT ROWID", "INSERT INTO w VALUES ('b', 2), ('a', 1)",
    )  # fmt: skip
    ferry.target("CREATE TABLE t (rowid int, _rowid_ int, oid_ int); CREATE TABLE w (k text, v int)")
    assert rowids(ferry.batches("t")[0]) == [1]
    (batch,) = ferry.batches("w")
    assert batch.rowids
    assert batch.rowids.to_pylist() == [1, 2]
    assert [column.values.to_pylist() for column in batch.columns] == [["a", "b"], [1, 2]]


def test_rowids_are_left_out_where_nobody_asks(ferry: Ferry) -> None:
    ferry.column("integer", 1)
    assert ferry.batches(rowids=False)[0].rowids is None


def test_a_table_without_rows_gives_no_batch(ferry: Ferry) -> None:
    ferry.column("integer")
    assert ferry.batches() == []


@pytest.mark.parametrize(
    "type_sql", ["bigint", "text", "double precision", "numeric(9,2)", "jsonb", "timestamptz", "bytea"]
)
def test_a_column_may_be_null_for_batches_on_end(ferry: Ferry, type_sql: str) -> None:
    late = {"text": "a", "jsonb": "1", "timestamptz": "2024-01-01", "bytea": b"a", "bigint": 1}.get(type_sql, 1.5)
    ferry.column(type_sql)
    ferry.fill("INSERT INTO t (v) VALUES (?)", ([None] for _ in range(100_000)))
    ferry.fill("INSERT INTO t (v) VALUES (?)", [[late]])
    assert marks(ferry.batches()) == ["null"] * 100_000 + [""]


def test_rows_come_in_rowid_order_although_an_index_covers_them(ferry: Ferry) -> None:
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, v, filler)", "CREATE INDEX covering ON t (v)")
    ferry.fill("INSERT INTO t VALUES (?, ?, ?)", [(i, -i, "x" * 500) for i in range(100)])
    ferry.target("CREATE TABLE t (id bigint, v bigint)")
    assert ids(ferry) == list(range(100))


def test_batches_of_ordinary_rows_are_full(ferry: Ferry) -> None:
    ferry.column("text")
    ferry.fill("INSERT INTO t (v) VALUES (?)", [["a"]] * (2 * driver.BATCH_ROWS))
    # the typed row in front takes one place
    assert [batch.rows for batch in ferry.batches()] == [driver.BATCH_ROWS - 1, driver.BATCH_ROWS, 1]


def test_the_widest_row_is_known(ferry: Ferry) -> None:
    ferry.column("text", "a", "b" * 2**20)
    assert driver._driver_rows(ferry.table().source.largest_row, driver.BATCH_ROWS) == 15
    ferry.fill("UPDATE t SET v = ?", [["a"]])
    assert driver._driver_rows(ferry.table().source.largest_row, driver.BATCH_ROWS) == driver.BATCH_ROWS


def test_spans_are_read_like_the_whole(ferry: Ferry) -> None:
    ferry.column("integer", *range(100))
    spans = [Span(first=1, last=33), Span(first=34, last=99), Span(first=100, last=500)]
    with ArrowConnections(ferry.path) as connections:
        batches = [b for span in spans for b in reader.read(ferry.table(), connections, time_zone="UTC", span=span)]
    assert [batch.rows for batch in batches] == [33, 66, 1]
    assert [v for batch in batches for v in batch.columns[1].values.to_pylist()] == list(range(100))


def test_large_rows_make_light_batches(ferry: Ferry) -> None:
    ferry.column("bytea", *[bytes(3 * 2**20)] * 20)
    assert max(batch.columns[1].values.nbytes for batch in ferry.batches()) < 2 * driver.BATCH_BYTES


def test_one_large_row_does_not_make_every_batch_small(ferry: Ferry) -> None:
    ferry.column("bytea")
    ferry.fill("INSERT INTO t (v) VALUES (?)", [[b"a"]] * 5000 + [[bytes(50_000_000)]] + [[b"b"]] * 5000)
    assert [batch.rows for batch in ferry.batches()] == [5001, 5000]


MEASURED = """
import resource, sys
from pathlib import Path
from tests.integration.crossing import Ferry
from migrate_to_pg.codecs import reader
from migrate_to_pg.sqlite.arrow_connections import ArrowConnections
ferry = Ferry.__new__(Ferry)
ferry.path, ferry.url, ferry.zone = Path(sys.argv[1]), sys.argv[2], "UTC"
table = ferry.table()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with ArrowConnections(ferry.path) as connections:
    rows = sum(batch.rows for batch in reader.read(table, connections, time_zone="UTC"))
print(rows, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""


@pytest.mark.parametrize(("large", "count", "limit"), first_in_ci((50_000_000, 1, 350), (5_000_000, 100, 250)))
def test_memory_is_bounded_by_bytes(ferry: Ferry, python: Run, large: int, count: int, limit: int) -> None:
    """Half a gigabyte in rows of 5 MB; one row of 50 MB among small ones. Limits in MiB."""
    ferry.column("bytea")
    ferry.fill("INSERT INTO t (v) VALUES (?)", [[b"a"]] * 2000)
    ferry.fill("INSERT INTO t (v) VALUES (?)", ([bytes(large)] for _ in range(count)))
    ferry.fill("INSERT INTO t (v) VALUES (?)", [[b"a"]] * 2000)
    rows, grown = map(int, python("-c", MEASURED, ferry.path, ferry.url).stdout.split())
    assert rows == 4000 + count
    assert grown < limit


@pytest.mark.parametrize("fault_at", [1, 7, 20])
def test_a_fault_costs_no_row_and_doubles_none(ferry: Ferry, fault_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reader, "BATCH_ROWS", 3)
    ferry.column("integer", *("x" if i == fault_at else i for i in range(1, 21)))
    assert ids(ferry) == list(range(1, 21))
    assert marks(ferry.batches()) == ["wrong_storage" if i == fault_at else "" for i in range(1, 21)]


def test_a_damaged_page_is_told_as_such(ferry: Ferry) -> None:
    ferry.column("text")
    ferry.fill("INSERT INTO t (v) VALUES (?)", [["x" * 1000]] * 5000)
    table = ferry.table()
    with ferry.path.open("r+b") as file:
        file.seek(4096 * 900)
        file.write(b"\xff" * 4096 * 50)
    with (
        ArrowConnections(ferry.path) as connections,
        pytest.raises(SourceError, match="could not read table t") as caught,
    ):
        list(reader.read(table, connections, time_zone="UTC"))
    assert "malformed" in caught.value.detail[0]


# --- the thread -------------------------------------------------------------------------------------------------------


def threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name == "read ahead"]


def test_the_thread_ends_with_its_reader(ferry: Ferry) -> None:
    ferry.column("integer")
    ferry.fill("INSERT INTO t (v) VALUES (?)", [[1]] * 200_000)
    with (
        ArrowConnections(ferry.path) as connections,
        closing(reader.read(ferry.table(), connections, time_zone="UTC")) as batches,
    ):
        next(batches)
        assert threads()
    assert not threads()


@pytest.mark.parametrize("error", [ValueError("ours"), KeyboardInterrupt()])
def test_what_stops_the_thread_is_raised_where_items_are_asked_for(error: BaseException) -> None:
    def source() -> Generator[int, None, None]:
        yield 1
        raise error

    items = prefetch(source())
    assert next(items) == 1
    with pytest.raises(type(error)) as caught:
        next(items)
    assert caught.value is error
    assert not threads()


def test_no_more_is_made_than_one_ahead() -> None:
    made = []

    def source() -> Generator[int, None, None]:
        for number in range(100):
            made.append(number)
            yield number

    with closing(prefetch(source())) as items:
        assert next(items) == 0
        threading.Event().wait(0.2)
        assert made == [0, 1, 2]
