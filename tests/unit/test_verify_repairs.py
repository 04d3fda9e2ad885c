"""Whatever is repaired, the snapshot with the edits of the journal is the repaired copy, and each new value is right.

What a rule puts in place of a value is stated here anew, as a relation between the two.
"""

from __future__ import annotations

import json
import re
import sqlite3
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import GenericKey, TargetTable, TargetUnique
from migrate_to_pg.row_repair.engine import Accepted, repair_rows
from migrate_to_pg.rules import RULES
from migrate_to_pg.verify.journal import expected_tables
from migrate_to_pg.verify.sqlite_reader import Source, snapshot_relation
from tests.unit.rules.examined import make, table
from tests.unit.rules.mended import insert, typed

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


def repaired(
    build: str | Callable[[sqlite3.Connection], object],
    *targets: TargetTable,
    quarantine: Iterable[str] = (),
    zone: str = "UTC",
    models: dict[tuple[str, str], str] | None = None,
    generic_keys: tuple[GenericKey, ...] = (),
) -> list[tuple[str, Any, Any]]:
    """Repair a SQLite file; what the journal is expected to make of it must be the repaired copy.

    Returns (rule, old value, new value) of each line.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "db.sqlite3"
        make(path, build)
        catalog = read_source(path)
        plan = make_plan(catalog, targets, source_time_zone=zone, models=models or {}, generic_keys=generic_keys)
        mended, left, _ = repair_rows(
            plan,
            catalog,
            path,
            examine(plan, catalog, path, accepted=FIX, progress=quiet),
            accepted=Accepted(fix=FIX, quarantine=frozenset(quarantine)),
            working=Path(folder) / "working.sqlite3",
            journal=Path(folder) / "journal.sqlite3",
            progress=quiet,
        )
        with Source(path) as source:
            tables, unknown = expected_tables(plan, source, mended)
        assert unknown == []
        for planned in plan.tables:
            found, rest = tables.get(planned.name), left.table(planned.name)
            assert rest
            gone = found.quarantined + found.merged if found else 0
            assert planned.source.rows == rest.source.rows + gone
            assert found is None or (found.unexplained and found.unexplained.samples == [])
            columns = ", ".join(column.source.name for column in planned.columns)
            relation = found.relation if found else snapshot_relation(planned.source)
            after = read(path, f"SELECT {columns} FROM {relation.sql} ORDER BY id", relation.attached)
            assert after == read(mended.path, f"SELECT {columns} FROM {planned.name} ORDER BY id")
        lines = read(mended.journal, "SELECT rule, old, new FROM changed")
        return [tuple(value for _, value in line) for line in lines]


def read(path: Path, query: str, attached: str = "") -> list[Any]:
    with Source(path) as source:
        return [tuple(map(typed, row)) for row in source.open(attached=attached).execute(query)]


def nothing(old: Any, new: Any) -> bool:
    return new is None and old in ("", "0000-00-00", "0000-00-00 00:00:00")


def same_bytes(old: Any, new: Any) -> bool:
    old, new = (v.encode("utf-8", "surrogateescape") if isinstance(v, str) else v for v in (old, new))
    return bool(old == new)


def same_value(old: Any, new: Any) -> bool:
    if bytes in (type(old), type(new)):
        return same_bytes(old, new)
    return number(old) == number(new)


def number(value: Any) -> int | float:
    is_whole = isinstance(value, str) and value.lstrip("-").isdigit()
    return int(value) if is_whole else float(value) if isinstance(value, str) else value


def same_characters(old: str, new: str) -> bool:
    """Each byte that is no UTF-8 is what Windows took it for, or else what Latin-1 does."""

    def legacy(escaped: str) -> str:
        raw = escaped.encode("utf-8", "surrogateescape")
        return raw.decode("cp1252", "ignore") or raw.decode("latin-1")

    return new == "".join(legacy(c) if "\udc80" <= c <= "\udcff" else c for c in old)


def meant(old: Any, new: int) -> bool:
    words = {0: ("false", "f", "no", "n", "off", "0"), 1: ("true", "t", "yes", "y", "on", "1")}
    return old.strip(" ").lower() in words[new] if isinstance(old, str) else bool(old == new)


def same_document(old: str, new: str) -> bool:
    """But for NUL, and halves of surrogate pairs."""

    def cleaned(value: Any) -> Any:
        if isinstance(value, str):
            return "".join("\ufffd" if "\ud800" <= c <= "\udfff" else c for c in value if c != "\0")
        return [cleaned(one) for one in value] if isinstance(value, (list, tuple)) else value

    read = partial(json.loads, parse_int=str, parse_float=str, object_pairs_hook=list)
    return bool(cleaned(read(old)) == cleaned(read(new))) and "\\u0000" not in new.replace("\\\\", "")


#: Rule -> whether its repair may put this value in place of that one, in a column of ``TYPES``.
RIGHT: Mapping[str, Callable[[Any, Any], bool]] = {
    "null-in-not-null": lambda old, new: old is None and new == "",
    "text-too-long": lambda old, new: len(old) > 3 and new == old[:3],
    "nul-in-text": lambda old, new: new == old.replace("\0", ""),
    "invalid-utf8": same_characters,
    "wrong-storage-class": lambda old, new: type(old) is not type(new) and same_value(old, new),
    "text-as-blob": same_bytes,
    "boolean-value": meant,
    "boolean-as-read": lambda old, new: isinstance(old, float) and old == new,
    "malformed-date": lambda old, new: nothing(old, new) or (len(new) == 10 and old[:11] in (f"{new} ", f"{new}T")),
    "malformed-timestamp": nothing,
    "malformed-time": nothing,
    "ambiguous-local-time": lambda old, new: bool(re.fullmatch(r"[+-]\d\d:\d\d", new.removeprefix(old))),
    "json-escape": same_document,
    "invalid-json": nothing,
    "invalid-uuid": nothing,
    "invalid-inet": nothing,
    "malformed-value": nothing,
}


def quiet(_: object) -> None:
    pass


@RANDOM
@given(
    values=st.lists(VALUES, min_size=1, max_size=6),
    type_sql=st.sampled_from(TYPES),
    zone=st.sampled_from(["UTC", "Europe/Paris", "America/New_York"]),
)
def test_every_repair_of_a_cell_is_on_record_and_right(values: list[object], type_sql: str, zone: str) -> None:
    def build(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
        for row, value in enumerate(values):
            insert(database, row, value)

    for rule, old, new in repaired(build, table("t", "id bigint", f"v {type_sql}"), zone=zone):
        assert RIGHT[rule](old, new), (rule, old, new)


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
def test_every_repair_of_a_key_is_on_record(
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

    repaired(
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
