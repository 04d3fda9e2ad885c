"""Examine as a whole: every fault in one run, nothing where nothing is wrong, and PostgreSQL agrees."""

from __future__ import annotations

import datetime
import sqlite3
import uuid
from pathlib import Path

import adbc_driver_postgresql.dbapi as adbc
import psycopg
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate_to_pg.errors import SourceError
from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Event, Level
from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, make, table

COURSE = table("course", "id bigint", "code character varying(6)", "opened date NULL", unique=["code"])
CHILD = table(
    "child", "id bigint", "course_id bigint", "note text", "hours numeric(5, 2)", refers=[("course_id", "course.id")]
)
ODD = table("odd", "id bigint", "address point NULL", "lacking text")
EVERYTHING = """
    CREATE TABLE course (id integer PRIMARY KEY, code varchar(6) UNIQUE, opened date);
    CREATE TABLE child (id integer PRIMARY KEY, course_id bigint REFERENCES course (id), note text, hours decimal);
    INSERT INTO course VALUES (1, 'AGV211', '2024-01-01'), (2, 'AGV212', NULL);
    INSERT INTO child VALUES (1, 1, '', 1.5), (2, 2, '', 2), (3, 9, '', 3), (4, 'AGV211', '', 4), (5, 1, NULL, 99999);
    ALTER TABLE course RENAME TO course_backup;
    CREATE TABLE course (id integer PRIMARY KEY, code varchar(6), opened date, old text);
    INSERT INTO course SELECT *, 'x' FROM course_backup;
    INSERT INTO course VALUES (3, 'AGV211', 'soon', NULL), (4, 'AGV2119', NULL, NULL);
    DROP TABLE course_backup;
    CREATE TABLE odd (id integer PRIMARY KEY, address text);
    INSERT INTO odd VALUES (1, '(1,2)');
    CREATE TABLE course_old (id integer);
    INSERT INTO course_old VALUES (1);
    CREATE VIEW codes AS SELECT code FROM course;
"""


def test_all_faults_are_found_in_one_run_errors_first() -> None:
    found = findings(EVERYTHING, COURSE, CHILD, ODD)
    assert [(f.rule, f.table, f.column, f.count, keys(f)) for f in found] == [
        ("duplicate-key", "course", "code", 1, ["3"]),
        ("text-too-long", "course", "code", 1, ["4"]),
        ("extra-column", "course", "old", 2, ["1", "2"]),
        ("malformed-date", "course", "opened", 1, ["3"]),
        ("code-in-key", "child", "course_id", 1, ["4"]),
        ("dangling-foreign-key", "child", "course_id", 1, []),
        ("foreign-key-orphan", "child", "course_id", 1, ["3"]),
        ("numeric-overflow", "child", "hours", 1, ["5"]),
        ("null-in-not-null", "child", "note", 1, ["5"]),
        ("missing-column", "odd", "lacking", 1, []),
        ("not-carried", "codes", "", 1, []),
        ("leftover-table", "course_old", "", 1, []),
    ]
    assert found[-1].level is Level.WARNING


def test_an_accepted_repair_is_applied_and_no_other() -> None:
    found = findings(EVERYTHING, COURSE, CHILD, ODD, accepted=["dangling-foreign-key", "not-carried"])
    assert [finding.rule for finding in found if finding.applied] == ["dangling-foreign-key"]


def test_no_rows_and_no_tables_are_healthy() -> None:
    check_healthy("CREATE TABLE course (id integer PRIMARY KEY, code varchar(6), opened date);", COURSE)
    check_healthy("SELECT 1;")


def test_progress_counts_the_rows_of_the_tables_scanned() -> None:
    events: list[Event] = []
    findings(EVERYTHING, COURSE, CHILD, ODD, progress=events.append)
    assert [(e.kind, e.stage, e.message, e.done, e.total) for e in events] == [
        ("progress", "examine", "course", 4, 10),
        ("progress", "examine", "child", 9, 10),
        ("progress", "examine", "odd", 10, 10),
    ]


def test_counts_are_exact_over_several_batches() -> None:
    script = """
        CREATE TABLE course (id integer PRIMARY KEY, code varchar(6) UNIQUE, opened date);
        WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 70000)
        INSERT INTO course
        SELECT i, i, CASE WHEN i % 35000 = 0 THEN '' WHEN i % 1000 = 0 THEN 5 ELSE '2024-01-01' END FROM n;
    """
    found = findings(script, COURSE)
    assert [(f.rule, f.count, keys(f)) for f in found] == [
        ("malformed-date", 2, ["35000", "70000"]),
        ("wrong-storage-class", 68, ["1000", "2000", "3000", "4000", "5000"]),
    ]


def test_sql_in_names_is_never_run() -> None:
    name = "x\"; DROP TABLE course; --{0}%s'"
    quoted = '"' + name.replace('"', '""') + '"'

    def build(database: sqlite3.Connection) -> None:
        database.execute(f"CREATE TABLE {quoted} (id integer PRIMARY KEY, {quoted} varchar(3), rowid text, oid text)")
        values = [(1, "abcd", "r", ""), (2, None, "r", ""), (3, 5, "r", ""), (4, "a", None, ""), (5, b"a", "r", "")]
        # The column takes the number as text; the blob stays one.
        database.executemany(f"INSERT INTO {quoted} VALUES (?, ?, ?, ?)", values)

    target = table(
        name,
        "id bigint",
        f"{name} character varying(3)",
        "rowid text",
        "oid text",
        unique=["rowid"],
        refers=[(name, f"{name}.rowid")],
    )
    assert [(f.rule, f.table, f.column, f.count) for f in findings(build, target)] == [
        ("duplicate-key", name, "rowid", 3),
        ("null-in-not-null", name, "rowid", 1),
        ("foreign-key-orphan", name, name, 3),
        ("null-in-not-null", name, name, 1),
        ("text-too-long", name, name, 1),
        ("wrong-storage-class", name, name, 1),
    ]


def test_generated_columns_that_need_djangos_functions_are_left_alone() -> None:
    def build(database: sqlite3.Connection) -> None:
        database.create_function("django_thing", 1, lambda value: value, deterministic=True)
        database.executescript("""
            CREATE TABLE t (id integer PRIMARY KEY, v integer, g integer GENERATED ALWAYS AS (django_thing(v)));
            CREATE UNIQUE INDEX i ON t (django_thing(v));
            INSERT INTO t (id, v) VALUES (1, 1), (2, 2);
        """)

    wanted = table("t", "id bigint", "v bigint", "g bigint GENERATED", unique=["g", "v"])
    # Nobody registers it here; the project's own are registered by the run.
    finding = check_finds("lacking-in-sqlite", build, wanted)
    assert (finding.column, finding.level) == ("g, i", Level.WARNING)


def test_a_damaged_file_is_a_source_error(tmp_path: Path) -> None:
    path = tmp_path / "copy.sqlite3"
    make(path, "CREATE TABLE course (id integer PRIMARY KEY, code text, opened date);")
    catalog = read_source(path)
    plan = make_plan(catalog, [COURSE], source_time_zone="UTC")
    path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 4096)
    with pytest.raises(SourceError, match=r"copy\.sqlite3|course") as caught:
        examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None)
    assert "integrity_check" in caught.value.remedy


# --- a healthy table gives no findings --------------------------------------------------------------------------------

_TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=10)
_ROW = st.tuples(
    _TEXT,
    st.none() | st.integers(-(2**31), 2**31 - 1),
    st.booleans(),
    st.none() | st.datetimes().map(str),
    st.dates().map(datetime.date.isoformat),
    st.times().map(str),
    st.decimals(-9999, 9999, places=2).map(float),
    st.floats(allow_nan=False),
    st.uuids(version=4).map(lambda value: value.hex),
    st.none() | st.binary(max_size=10),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(_ROW, max_size=8))
def test_a_healthy_table_gives_no_findings(rows: list[tuple[object, ...]]) -> None:
    target = table(
        "t",
        "id bigint",
        "a character varying(10)",
        "b integer NULL",
        "c boolean",
        "d timestamp with time zone NULL",
        "e date",
        "f time",
        "g numeric(6, 2)",
        "h double precision",
        "i uuid",
        "j bytea NULL",
        "up bigint NULL",
        unique=["id, a, d, e, f, g, h, i, j", "up"],
        refers=[("up", "t.id")],
    )

    def build(database: sqlite3.Connection) -> None:
        database.execute(
            "CREATE TABLE t (id integer PRIMARY KEY, a varchar(10), b integer, c bool, d datetime, e date, f time,"
            " g decimal, h real, i char(32), j BLOB, up integer)"
        )
        marks = ", ".join("?" * 12)
        numbered = [(n, *row, n - 1 if n > 1 else None) for n, row in enumerate(rows, 1)]
        database.executemany(f"INSERT INTO t VALUES ({marks})", numbered)

    check_healthy(build, target)


# --- PostgreSQL agrees ------------------------------------------------------------------------------------------------


def test_excess_spaces_would_be_cut_without_a_word(each_postgres_url: str) -> None:
    """Why text-too-long counts them: binary COPY takes them, and they are gone."""
    with psycopg.connect(each_postgres_url, autocommit=True) as connection:
        connection.execute("CREATE TABLE t (v varchar(3))")
        with adbc.connect(each_postgres_url) as copy, copy.cursor() as cursor:
            cursor.adbc_ingest("t", pa.table({"v": ["abc  "]}), mode="append")
            copy.commit()
        assert connection.execute("SELECT v FROM t").fetchall() == [("abc",)]


@pytest.mark.parametrize(
    ("type_sql", "first", "second"),
    [
        ("uuid", str(uuid.UUID(int=1)), uuid.UUID(int=1).hex.upper()),
        ("timestamptz", "2024-01-01 10:00:00+00", "2024-01-01T12:00:00.000000+02:00"),
        ("numeric(8, 2)", "1", "1.0"),
        ("char(5)", "ab", "ab "),
    ],
)
def test_two_spellings_are_one_key_there(postgres_url: str, type_sql: str, first: str, second: str) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(f"CREATE TABLE t (v {type_sql} UNIQUE)")
        connection.execute("INSERT INTO t VALUES (%s)", [first])
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("INSERT INTO t VALUES (%s)", [second])
