"""Load: all rows or none, agreed types only, and every failure told as what it is."""

from __future__ import annotations

import dataclasses
import os
import re
import signal
import threading
import time

import pyarrow as pa
import pytest

from migrate_to_pg.codecs import CODECS, numeric
from migrate_to_pg.codecs.codec import ConvertedBatch
from migrate_to_pg.codecs.reader import TableBatch
from migrate_to_pg.errors import LoadError
from migrate_to_pg.load import load, pieces
from migrate_to_pg.records import Event
from tests.integration.crossing import Ferry


@pytest.fixture(params=[1, 3], ids=["one connection", "three connections"])
def ferry(request: pytest.FixtureRequest, ferry: Ferry, monkeypatch: pytest.MonkeyPatch) -> Ferry:
    monkeypatch.setattr(pieces, "PIECE_ROWS", 10_000)
    ferry.jobs = request.param
    return ferry


def check_empty(ferry: Ferry) -> None:
    """Nothing stays of a piece that failed, nor does a transaction or a thread that would hold the table."""
    ferry.target("SET lock_timeout = '2s'; LOCK TABLE t")
    if ferry.jobs == 1:
        assert ferry.rows("SELECT count(*) FROM t") == [(0,)]
    else:
        assert ferry.rows("SELECT count(*) FROM t") < [(ferry.table().source.rows,)]
    assert not [thread.name for thread in threading.enumerate() if thread.name.startswith(("read ahead", "load"))]


def fill(ferry: Ferry, rows: int = 100_000) -> None:
    ferry.column("integer")
    ferry.fill("INSERT INTO t VALUES (?, ?)", ((i, i) for i in range(1, rows + 1)))


def test_rows_seconds_and_progress_are_told(ferry: Ferry) -> None:
    fill(ferry)
    events: list[Event] = []
    (loaded,) = ferry.load(events.append)
    assert (loaded.name, loaded.rows) == ("t", 100_000)
    assert loaded.seconds > 0
    assert [(e.kind, e.stage, e.message, e.total) for e in events] == [("progress", "load", "t", 100_000)] * len(events)
    assert len(events) > 1
    assert events[-1].done == 100_000
    assert ferry.rows("SELECT count(*), sum(v) FROM t") == [(100_000, 100_000 * 100_001 // 2)]


def test_a_refused_row_is_told_with_sqlstate_table_and_place(ferry: Ferry) -> None:
    """Although an index that covers the key has the rows in another order."""
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, v, filler)", "CREATE INDEX backwards ON t (v)")
    ferry.fill("INSERT INTO t VALUES (?, ?, ?)", ((i, -i, "x" * 200) for i in range(1, 10_001)))
    ferry.target("CREATE TABLE t (id int PRIMARY KEY, v int CONSTRAINT small CHECK (v <> -7777))")
    with pytest.raises(LoadError) as caught:
        ferry.load()
    assert "table t" in str(caught.value)
    assert "(23514)" in str(caught.value)
    told = " ".join([str(caught.value), *caught.value.detail])
    assert 'violates check constraint "small"' in told
    assert re.search(r"(line|id =) 7777\b", told)
    assert "xxx" not in told, "the row's own values are nobody's business"
    check_empty(ferry)


def test_a_lost_server_is_told_as_what_it_is(ferry: Ferry) -> None:
    """There is no connection left to roll back on; one of several may only just have been opening."""
    fill(ferry)

    def cut(_: Event) -> None:
        ferry.target(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND application_name = 'migrate_to_pg'"
        )

    with pytest.raises(LoadError, match=r"could not go on while table t|did not open a connection") as lost:
        ferry.load(cut)
    assert "Look at the server" in lost.value.remedy
    check_empty(ferry)


def test_tables_before_the_refused_one_stay_and_the_next_run_starts_clean(ferry: Ferry) -> None:
    ferry.jobs = 1
    ferry.source("CREATE TABLE a (v)", "INSERT INTO a VALUES (1)")
    ferry.target("CREATE TABLE a (v int)")
    ferry.column("integer", 1, 2)
    ferry.target("ALTER TABLE t ADD CONSTRAINT small CHECK (v < 2)")
    with pytest.raises(LoadError):
        ferry.load()
    assert ferry.rows("SELECT v FROM a") == [(1,)]
    check_empty(ferry)


@pytest.mark.parametrize("value", ["x", 2**31], ids=["wrong storage", "malformed"])
def test_a_value_that_cannot_cross_stops_the_table(ferry: Ferry, value: object) -> None:
    fill(ferry)
    ferry.fill("UPDATE t SET v = ? WHERE id = 90000", [[value]])
    with pytest.raises(LoadError, match="Table t, column v: a value cannot become integer"):
        ferry.load()
    check_empty(ferry)


def test_another_arrow_type_of_the_same_width_is_never_sent(ferry: Ferry, monkeypatch: pytest.MonkeyPatch) -> None:
    """PostgreSQL would take 1.5 as 4609434218613702656."""
    as_double = dataclasses.replace(numeric.bigint, convert=lambda a, _: ConvertedBatch(values=a[0].cast(pa.float64())))
    monkeypatch.setitem(CODECS, "int8", as_double)
    ferry.column("bigint", 1)
    with pytest.raises(LoadError, match="column id: Arrow type double where COPY needs int64"):
        ferry.load()
    check_empty(ferry)


class OurError(Exception):
    """Raised by a progress display."""


@pytest.mark.parametrize("error", [OurError("ours"), KeyboardInterrupt(), SystemExit(3)])
def test_an_exception_while_rows_are_asked_for_survives_as_itself(ferry: Ferry, error: BaseException) -> None:
    fill(ferry)

    def fail(event: Event) -> None:
        if event.done > 40_000:
            raise error

    with pytest.raises(type(error)) as caught:
        ferry.load(fail)
    assert caught.value is error
    check_empty(ferry)


def test_control_c_stops_the_load(ferry: Ferry) -> None:
    fill(ferry)

    once = threading.Lock()

    def interrupt(_: Event) -> None:
        if once.acquire(blocking=False):
            os.kill(os.getpid(), signal.SIGINT)
            # A small load would be over before the main thread is awake.
            time.sleep(0.5)

    with pytest.raises(KeyboardInterrupt):
        ferry.load(interrupt)
    check_empty(ferry)


def test_control_c_while_the_server_waits_stops_the_load(ferry: Ferry) -> None:
    """The signal comes while the driver waits for the server, not while it asks for rows."""
    ferry.column("integer", 1)
    ferry.target(
        "CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(30); RETURN NEW; END';"
        "CREATE TRIGGER wait BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION wait()"
    )
    timer = threading.Timer(1, os.kill, [os.getpid(), signal.SIGINT])
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        ferry.load()
    timer.join()
    ferry.target("ALTER TABLE t DISABLE TRIGGER wait")
    check_empty(ferry)


def test_each_row_crosses_once_whatever_the_rowids(ferry: Ferry) -> None:
    """Gaps, negative ones and the ends of their range."""
    keys = [-(2**63), -5, 0, *range(10_000, 60_000), *range(10**15, 10**15 + 50_000), 2**63 - 1]
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, v)")
    ferry.fill("INSERT INTO t VALUES (?, ?)", ((key, key) for key in keys))
    ferry.target("CREATE TABLE t (id bigint, v bigint)")
    (loaded,) = ferry.load()
    assert loaded.rows == len(keys)
    assert [row[0] for row in ferry.rows("SELECT id FROM t ORDER BY id")] == keys


def test_a_connection_with_nothing_left_waits_for_the_others(ferry: Ferry) -> None:
    fill(ferry)
    slow = threading.Event()

    def wait_once(_: TableBatch) -> None:
        if not slow.is_set():
            slow.set()
            time.sleep(1)

    (loaded,) = ferry.load(check_batch=wait_once)
    assert loaded.rows == 100_000
    assert ferry.rows("SELECT count(*) FROM t") == [(100_000,)]


def test_tables_that_are_whole_are_not_sent_again_and_each_other_one_is_told_once(ferry: Ferry) -> None:
    fill(ferry)
    ferry.source("CREATE TABLE a (v)", "INSERT INTO a VALUES (1)", "CREATE TABLE b (v)")
    ferry.target("CREATE TABLE a (v int); CREATE TABLE b (v int)")
    told: list[tuple[str, int]] = []
    loaded = ferry.load(present={"a": 1}, on_loaded=lambda table, rows: told.append((table, rows)))
    assert told == [("t", 100_000)]
    assert {table.name: table.rows for table in loaded} == {"t": 100_000, "a": 1, "b": 0}
    assert ferry.rows("SELECT count(*) FROM a") == [(0,)]


def test_what_is_shown_a_batch_may_stop_it_before_it_is_sent(ferry: Ferry) -> None:
    fill(ferry)

    def refuse(batch: TableBatch) -> None:
        raise OurError(batch.rows)

    with pytest.raises(OurError):
        ferry.load(check_batch=refuse)
    check_empty(ferry)
    assert ferry.rows("SELECT count(*) FROM t") == [(0,)]


def test_generated_columns_and_absent_ones_are_left_to_postgresql(ferry: Ferry) -> None:
    ferry.source("CREATE TABLE t (id integer PRIMARY KEY, v, g)", "INSERT INTO t VALUES (1, 2, 99)")
    ferry.target("CREATE TABLE t (id int, g int GENERATED ALWAYS AS (v * 2) STORED, v int, d int DEFAULT 7)")
    ferry.load()
    assert ferry.rows("SELECT id, v, g, d FROM t") == [(1, 2, 4, 7)]


def test_a_server_that_cannot_be_reached_is_a_load_error(ferry: Ferry) -> None:
    ferry.column("integer", 1)
    plan = ferry.plan()
    with pytest.raises(LoadError, match="did not open a connection"):
        load(plan, ferry.path, "postgresql://nobody@127.0.0.1:1/none", schema="ferry", progress=lambda _: None)
