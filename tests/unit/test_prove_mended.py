"""Whatever values are repaired, the proof computes the same by itself, and it finds no line that it cannot explain."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import GenericKey, TargetTable, TargetUnique
from migrate_to_pg.row_repair.engine import Accepted, repair_rows
from migrate_to_pg.rules import RULES
from migrate_to_pg.verify.repairs import expected
from migrate_to_pg.verify.repairs.predicate import holds
from migrate_to_pg.verify.sqlite_reader import Source
from tests.unit.rules.examined import make, table
from tests.unit.rules.mended import insert

FIX = frozenset(rule.id for rule in RULES if rule.repair)
RANDOM = settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))

TYPES = [
    "smallint NULL", "bigint", "text", "text NULL", "character varying(3)", "character(3) NULL", "boolean", "date NULL",
    "timestamp with time zone NULL", "timestamp NULL", "time NULL", "numeric(5, 2)", "numeric NULL", "double precision",
    "real NULL", "uuid NULL", "jsonb NULL", "json", "bytea", "inet NULL", "interval",
]  # fmt: skip
TEXTS = [
    "", "0", "12", "-7", "012", "1.50", "-0", "1e3", "0.1", " yes ", "T", "off", "0000-00-00", "0000-00-00 00:00:00",
    "2024-01-02", "2024-02-30", "2024-01-02 03:04", "2024-01-02T03:04:05.678", "2021-10-31 02:30:00",
    "2021-03-28 02:30:00.5", "2021-10-31T02:30", "abcdef", "abc  ", "a\0b", "L\udce9on", "\udc81\udc8d",
    "\udced\udca0\udc80",
    "𝄞𝄞𝄞𝄞", '"\\u0000"', '"\\ud800\\u0000\\udc00"', '"\\ud834\\udd1e \\\\u0000"', '{"a": "\\udc00\\ud800"}',
    "{", "[1e999]",
]  # fmt: skip
VALUES = st.one_of(
    st.sampled_from(TEXTS),
    st.sampled_from(TEXTS).map(lambda text: text.encode("utf-8", "surrogateescape")),
    st.text(max_size=6).filter(lambda text: not any("\ud800" <= c <= "\udfff" for c in text)),
    st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.binary(max_size=6),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.integers(-(10**6), 10**6).map(lambda number: number / 100),
    st.none(),
)


def unexplained(
    build: str | Callable[[sqlite3.Connection], object],
    *targets: TargetTable,
    quarantine: Iterable[str] = (),
    zone: str = "UTC",
    models: dict[tuple[str, str], str] | None = None,
    generic_keys: tuple[GenericKey, ...] = (),
) -> list[object]:
    """What the proof cannot explain of the repairs of a SQLite file; its account of the rows must be the file's."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite3"
        make(path, build)
        catalog = read_source(path)
        plan = make_plan(catalog, targets, source_time_zone=zone, models=models or {}, generic_keys=generic_keys)
        accepted = Accepted(fix=FIX, quarantine=frozenset(quarantine))
        mended, left, _ = repair_rows(
            plan,
            catalog,
            path,
            examine(plan, catalog, path, accepted=FIX, progress=quiet),
            accepted=accepted,
            working=Path(folder) / "working.sqlite3",
            journal=Path(folder) / "journal.sqlite3",
            progress=quiet,
        )
        with expected(plan, Source(path), mended) as repairs:
            assert repairs.strangers == ()
            found = [found for one in plan.tables if (found := repairs.table(one.name))]
            for one in found:
                rest = left.table(one.name)
                assert rest
                assert one.planned.source.rows == rest.source.rows + sum(one.aside.values())
            return [sample for one in found for sample in one.verdict.samples]


def quiet(_: object) -> None:
    pass


@RANDOM
@given(
    values=st.lists(VALUES, min_size=1, max_size=6),
    type_sql=st.sampled_from(TYPES),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]),
)
def test_every_repair_of_a_cell_is_computed_alike(values: list[object], type_sql: str, zone: str) -> None:
    def build(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
        for row, value in enumerate(values):
            insert(database, row, value)

    assert unexplained(build, table("t", "id bigint", f"v {type_sql}"), zone=zone) == []


KEYS = st.one_of(
    st.integers(0, 5), st.sampled_from(["A", "B", "C", "", "1", "2", "7", "A\0", "\udce9"]), st.none(), st.just(1.0)
)
CODES = st.one_of(st.sampled_from(["A", "B", "C", "1", "7", "A\0", "ABCDEF", "ABCxyz", "\udce9", ""]), st.just(1))
TEXT_CODES = TargetUnique(name="active", columns=("name",), predicate="active")


@RANDOM
@given(
    courses=st.lists(st.tuples(CODES, CODES, st.sampled_from([0, 1, "t"]), KEYS), max_size=6),
    rooms=st.lists(st.tuples(KEYS, KEYS), max_size=6),
    notes=st.lists(st.tuples(st.integers(6, 8), KEYS), max_size=4),
    quarantine=st.booleans(),
)
def test_every_repair_of_a_key_is_computed_alike(
    courses: list[tuple[object, ...]],
    rooms: list[tuple[object, ...]],
    notes: list[tuple[object, ...]],
    quarantine: bool,
) -> None:
    def build(database: sqlite3.Connection) -> None:
        database.executescript(
            "CREATE TABLE course (id integer PRIMARY KEY, code, name, active, parent_id);"
            "CREATE TABLE room (id integer PRIMARY KEY, course_id, code_of);"
            "CREATE TABLE note (id integer PRIMARY KEY, kind_id, object_id);"
            "CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label, model);"
            "INSERT INTO django_content_type VALUES (7, 'school', 'course'), (8, 'school', 'room');"
        )
        for name, rows in (("course", courses), ("room", rooms), ("note", notes)):
            for number, row in enumerate(rows, 1):
                database.execute(f"INSERT INTO {name} (id) VALUES (?)", [number])
                columns = [c[1] for c in database.execute(f"PRAGMA table_info({name})")][1:]
                for column, value in zip(columns, row, strict=True):
                    text = isinstance(value, str)
                    raw = value.encode("utf-8", "surrogateescape") if isinstance(value, str) else value
                    new = "CAST(? AS TEXT)" if text else "?"
                    database.execute(f"UPDATE {name} SET {column} = {new} WHERE id = ?", [raw, number])

    found = unexplained(
        build,
        table(
            "course",
            "id bigint",
            "code character varying(3)",
            "name text NULL",
            "active boolean",
            "parent_id bigint NULL",
            unique=["code", TEXT_CODES],
            refers=[("parent_id", "course.id")],
        ),
        table(
            "room",
            "id bigint",
            "course_id bigint NULL",
            "code_of character varying(3) NULL",
            unique=["course_id, code_of"],
            refers=[("course_id", "course.id"), ("code_of", "course.code")],
        ),
        table("note", "id bigint", "kind_id bigint NULL", "object_id text NULL"),
        table("django_content_type", "id bigint", "app_label text", "model text", unique=["app_label, model"]),
        quarantine=[rule.id for rule in RULES] if quarantine else [],
        models={("school", "course"): "course", ("school", "room"): "room"},
        generic_keys=(GenericKey(table="note", content_type_column="kind_id", object_column="object_id"),),
    )
    assert found == []


@pytest.mark.parametrize(
    ("condition", "expected_to_hold"),
    [
        ("", True),
        ("active", True),
        ("(NOT active)", False),
        ("(NOT gone)", True),
        ("(name IS NOT NULL)", False),
        ("((name IS NULL) AND active)", True),
        ("(active OR active)", False),
        ("(NOT (active AND gone))", False),
        ("((number)::integer = 1)", False),
        ("nothing", False),
        ('"active"', True),
    ],
)
def test_a_condition_that_is_not_understood_is_not_met(condition: str, expected_to_hold: bool) -> None:
    cells: dict[str, set[str | None]] = {"active": {"=1"}, "gone": {"=0"}, "name": {None}, "number": {"=1"}}
    assert holds(condition, cells.get) is expected_to_hold
