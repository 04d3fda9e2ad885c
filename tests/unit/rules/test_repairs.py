"""The repairs of single values: what each puts in a value's place, and what it leaves as it is."""

from __future__ import annotations

import sqlite3
import string
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate_to_pg.records import TargetUnique
from migrate_to_pg.rules import RULES
from tests.unit.rules.examined import keys, table
from tests.unit.rules.mended import STANDS, check_mends, insert, mended, typed

MENDING = [rule.id for rule in RULES if rule.cell_repair is not None]


@pytest.mark.parametrize(
    ("type_sql", "old", "new"),
    [
        ("bigint", "12", 12),
        ("bigint", "-12", -12),
        ("bigint", "0", 0),
        ("bigint", "9223372036854775807", 2**63 - 1),
        ("bigint", "-9223372036854775808", -(2**63)),
        ("bigint", "9223372036854775808", STANDS),
        ("bigint", "1" * 5000, STANDS),
        ("bigint", "-0", STANDS),
        ("bigint", "012", STANDS),
        ("bigint", "+12", STANDS),
        ("bigint", " 12", STANDS),
        ("bigint", "12\n", STANDS),
        ("bigint", "1.0", STANDS),
        ("bigint", "1e3", STANDS),
        ("bigint", "１２", STANDS),
        ("bigint", "", STANDS),
        ("bigint", 3.0, 3),
        ("bigint", -0.0, 0),
        ("bigint", 2.0**53 - 1, 2**53 - 1),
        ("bigint", 2.0**53, STANDS),
        ("bigint", 1.5, STANDS),
        ("bigint", float("inf"), STANDS),
        ("bigint", b"12", STANDS),
        ("smallint", "7", 7),
        ("text", 12, "12"),
        ("text", -(2**63), "-9223372036854775808"),
        ("text", 1.5, "1.5"),
        ("text", 1.0, "1.0"),
        ("text", 1e300, "1.0e+300"),
        ("text", 0.1 + 0.2, STANDS),
        ("text", float("inf"), STANDS),
        ("text", "é".encode(), "é"),
        ("text", b"", ""),
        ("text", b"a\0b", STANDS),
        ("text", b"\xe9", STANDS),
        ("character varying(9)", 5, "5"),
        ("character(9)", 5, "5"),
        ("citext", 5, "5"),
        ("numeric(6, 2)", "12", 12),
        ("numeric(6, 2)", "-12.50", -12.5),
        ("numeric(6, 2)", "0.1", 0.1),
        ("numeric(30, 2)", "999999999999999", 999999999999999),
        ("numeric(30, 2)", "9999999999999999", STANDS),
        ("numeric(30, 2)", "1000000000000000000", 1e18),
        ("numeric(6, 2)", "0.1234567890123456", STANDS),
        ("numeric(6, 2)", "1e3", STANDS),
        ("numeric(6, 2)", "01.5", STANDS),
        ("numeric(6, 2)", "1,5", STANDS),
        ("numeric(6, 2)", ".5", STANDS),
        ("numeric(6, 2)", "NaN", STANDS),
        ("numeric(6, 2)", b"1", STANDS),
        ("double precision", "0.1", 0.1),
        ("double precision", "9" * 400, STANDS),
        ("double precision", "0." + "0" * 400 + "1", STANDS),
        ("real", "0.5", 0.5),
        ("bytea", "é", "é".encode()),
        ("bytea", "\udce9", b"\xe9"),
        ("bytea", 5, STANDS),
        ("date", b"2024-02-29", "2024-02-29"),
        ("time", b"12:30:00", "12:30:00"),
        ("timestamp with time zone", b"2024-02-29 12:30:00", "2024-02-29 12:30:00"),
        ("uuid", b"00112233445566778899aabbccddeeff", "00112233445566778899aabbccddeeff"),
        ("date", b"\xff", STANDS),
        ("jsonb", b'{"a": "\xff"}', STANDS),
        ("date", 20240229, STANDS),
        ("interval", "5", STANDS),
        ("interval", b"5", STANDS),
    ],
)
def test_a_value_is_written_in_the_class_of_its_column(type_sql: str, old: object, new: object) -> None:
    check_mends("wrong-storage-class", type_sql, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        *[(word, 1) for word in ("true", "T", "Yes", "y", " ON ", "1")],
        *[(word, 0) for word in ("False", "f", "no", "N", "off ", "0")],
        *[(value, STANDS) for value in (2, -1, "", "wahr", "1.0", "\ttrue", 0.5, b"1", "\udcff")],
    ],
)
def test_booleans_are_the_words_and_numbers_that_mean_one(old: object, new: object) -> None:
    check_mends("boolean-value", "boolean NULL", old, new)


@pytest.mark.parametrize(
    ("type_sql", "old", "new"),
    [
        ("date NULL", "", None),
        ("date NULL", "0000-00-00", None),
        ("date NULL", "0000-00-00 00:00:00", None),
        ("date", "", STANDS),
        ("date", "0000-00-00 00:00:00", STANDS),
        ("date", "2024-02-29 12:30", "2024-02-29"),
        ("date", "2024-02-29T12:30:59.5", "2024-02-29"),
        ("date NULL", "2024-02-29 00:00:00.123456", "2024-02-29"),
        ("date NULL", "2023-02-29 12:30", STANDS),
        ("date NULL", "2024-02-29 25:30", STANDS),
        ("date NULL", "2024-02-29 12:30Z", STANDS),
        ("date NULL", "2024-02-29 12:30+02:00", STANDS),
        ("date NULL", "2024-02-29 12:30\n", STANDS),
        ("date NULL", " 2024-02-29", STANDS),
        ("date NULL", "soon", STANDS),
    ],
)
def test_dates(type_sql: str, old: object, new: object) -> None:
    check_mends("malformed-date", type_sql, old, new)


@pytest.mark.parametrize(
    ("rule", "type_sql", "old", "new"),
    [
        ("malformed-timestamp", "timestamp with time zone NULL", "", None),
        ("malformed-timestamp", "timestamp NULL", "0000-00-00", None),
        ("malformed-timestamp", "timestamp NULL", "0000-00-00 00:00:00", None),
        ("malformed-timestamp", "timestamp", "", STANDS),
        ("malformed-timestamp", "timestamp NULL", "soon", STANDS),
        ("malformed-time", "time NULL", "", None),
        ("malformed-time", "time", "", STANDS),
        ("malformed-time", "time NULL", "25:00", STANDS),
        ("invalid-json", "jsonb NULL", "", None),
        ("invalid-json", "json NULL", "", None),
        ("invalid-json", "jsonb", "", STANDS),
        ("invalid-json", "jsonb NULL", "{'a': 1}", STANDS),
        ("invalid-inet", "inet NULL", "", None),
        ("invalid-inet", "inet", "", STANDS),
        ("invalid-inet", "inet NULL", "999.1.1.1", STANDS),
        ("invalid-uuid", "uuid NULL", "", None),
        ("invalid-uuid", "uuid", "", STANDS),
        ("invalid-uuid", "uuid NULL", "no", STANDS),
        ("malformed-value", "real NULL", 0.10000000149011612, STANDS),
    ],
)
def test_empty_texts_where_null_was_meant(rule: str, type_sql: str, old: object, new: object) -> None:
    check_mends(rule, type_sql, old, new)


@pytest.mark.parametrize(
    ("rule", "type_sql", "old", "new"),
    [
        ("text-too-long", "character varying(3)", "abcd", "abc"),
        ("text-too-long", "character varying(3)", "ab   ", "ab "),
        ("text-too-long", "character varying(3)", "a\U0001f600éd", "a\U0001f600é"),
        ("text-too-long", "character(2)", "abcd", "ab"),
        ("nul-in-text", "text", "a\0b\0", "ab"),
        ("nul-in-text", "text", "\0", ""),
        ("invalid-utf8", "text", "caf\udce9 é", "café é"),
        ("invalid-utf8", "text", "\udc80", "€"),
        ("invalid-utf8", "text", "\udc81", "\x81"),
        ("invalid-utf8", "text", "\udced\udca0\udc80", "í\xa0€"),
        ("invalid-utf8", "text", "é\udcc3", "éÃ"),
        ("null-in-not-null", "text", None, ""),
        ("null-in-not-null", "character varying(3)", None, ""),
        ("null-in-not-null", "citext", None, ""),
        ("null-in-not-null", "character(3)", None, ""),
        ("null-in-not-null", "bigint", None, STANDS),
        ("null-in-not-null", "jsonb", None, STANDS),
        ("null-in-not-null", "date", None, STANDS),
        ("null-in-not-null", "bytea", None, STANDS),
    ],
)
def test_texts(rule: str, type_sql: str, old: object, new: object) -> None:
    check_mends(rule, type_sql, old, new)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (r'"a\u0000b"', '"ab"'),
        (r'"a\\u0000\u0000"', r'"a\\u0000"'),
        (r'"\\\u0000"', r'"\\"'),
        (r'"\ud83d"', r'"\ufffd"'),
        (r'"\uDE00\ud83d\uDE00"', r'"\ufffd\ud83d\uDE00"'),
        (r'"\ud83d\u0000\ude00"', r'"\ufffd\ufffd"'),
        (r'"\ud83d\ud83d\ude00"', r'"\ufffd\ud83d\ude00"'),
        (r'{"\u0000k": ["\ud800\n", "\u00e9"]}', r'{"k": ["\ufffd\n", "\u00e9"]}'),
        ("[1e200000]", STANDS),
        (r'["\u0000", 1e200000]', STANDS),
    ],
)
def test_json_escapes(old: object, new: object) -> None:
    check_mends("json-escape", "jsonb", old, new)


@pytest.mark.parametrize(
    ("zone", "old", "new"),
    [
        ("Europe/Stockholm", "2024-10-27 02:30:00", "2024-10-27 02:30:00+02:00"),
        ("Europe/Stockholm", "2024-03-31T02:30", "2024-03-31T02:30+01:00"),
        ("Europe/Stockholm", "2024-10-27 02:30:00.5", "2024-10-27 02:30:00.5+02:00"),
        ("Europe/Stockholm", "2024-10-27 2:30", "2024-10-27 2:30+02:00"),
        ("America/St_Johns", "2024-11-03 01:30:00", "2024-11-03 01:30:00-02:30"),
        # A clock that was put forward at midnight, and one that was set right by some seconds.
        ("America/Havana", "2024-03-10", STANDS),
        ("Europe/Stockholm", "20241027T023000", STANDS),
        ("Europe/Stockholm", "1878-12-31 23:50:00", STANDS),
    ],
)
def test_local_times(zone: str, old: str, new: object) -> None:
    def build(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
        database.execute("INSERT INTO t VALUES (1, ?)", [old])

    done = mended(
        build, table("t", "id bigint", "v timestamp with time zone"), fix=["ambiguous-local-time"], time_zone=zone
    )
    assert [f.rule for f in done.findings] == ["ambiguous-local-time"]
    assert done.rows["t"] == [(1, old if new is STANDS else new)]
    assert [f.applied for f in done.findings] == [new is not STANDS]


def test_a_null_key_is_never_made_an_empty_one() -> None:
    script = "CREATE TABLE p (id text); CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, NULL);"
    target = table("t", "id bigint", "v text", refers=[("v", "p.id")])
    assert mended(script, table("p", "id text"), target, fix=["null-in-not-null"]).changed == []


COURSE = table("course", "id bigint", "code character varying(9)", unique=["code"])
CHILD = table("child", "id bigint", "course_id bigint NULL", refers=[("course_id", "course.id")])
CODES = """
    CREATE TABLE course (id integer PRIMARY KEY, code varchar(9) COLLATE NOCASE);
    INSERT INTO course VALUES (1, 'AGV211'), (2, 'AGV212'), (3, '7'), (4, '40'), (7, 'AGV217'), (8, 'twice'),
        (9, 'twice');
    CREATE TABLE child (id integer PRIMARY KEY, course_id varchar(9));
"""


def test_codes_become_the_ids_of_their_rows() -> None:
    script = (
        CODES
        + """INSERT INTO child VALUES (1, 'AGV212'), (2, '2'), (3, '7'), (4, 'agv211'), (5, '99'), (6, '02'),
        (7, 'twice'), (8, 'AGV212'), (9, ''), (10, NULL), (11, '40');"""
    )
    done = mended(script, COURSE, CHILD, fix=["code-in-key"])
    assert {row[0]: row[1] for row in done.rows["child"]} == {
        # 7 is the code of one course and the id of another; 40 is a code alone.
        1: 2, 2: 2, 3: "7", 4: "agv211", 5: "99", 6: "02", 7: "twice", 8: 2, 9: "", 10: None, 11: 4,
    }  # fmt: skip
    assert [line[3:] for line in done.changed] == [(1, "AGV212", 2), (2, "2", 2), (8, "AGV212", 2), (11, "40", 4)]
    assert done.applied == []
    assert [(f.rule, f.count) for f in done.findings if f.table == "child"] == [("code-in-key", 5), ("empty-key", 1)]


def test_codes_that_are_unique_among_some_rows_become_ids_where_they_occur_once() -> None:
    unique = TargetUnique(name="once", columns=("code",), predicate="(code_unique)")
    course = table("course", "id bigint", "code character varying(9)", "code_unique boolean", unique=[unique])
    script = (
        CODES
        + "ALTER TABLE course ADD code_unique bool DEFAULT 0; INSERT INTO child VALUES (1, 'AGV212'), (2, 'twice');"
    )
    assert mended(script, course, CHILD, fix=["code-in-key"]).rows["child"] == [(1, 2), (2, "twice")]


def test_tables_with_the_names_that_the_query_uses_are_no_matter() -> None:
    script = CODES.replace("child", '"codes"').replace("course ", '"texts" ')
    script += """INSERT INTO "codes" VALUES (1, 'AGV212');"""
    parent = table("texts", "id bigint", "code character varying(9)", unique=["code"])
    child = table("codes", "id bigint", "course_id bigint NULL", refers=[("course_id", "texts.id")])
    assert mended(script, parent, child, fix=["code-in-key"]).rows["codes"] == [(1, 2)]


def test_codes_of_two_rows_become_one_id_when_these_are_merged() -> None:
    script = CODES + "INSERT INTO child VALUES (1, 'twice'), (2, 9);"
    done = mended(script, COURSE, CHILD, fix=["code-in-key", "duplicate-key"])
    # The column is of text: 9 is stored as '9'.
    assert done.rows["child"] == [(1, 8), (2, 8)]
    assert done.remaining == []
    assert [(rule, row, old, new) for rule, _, _, row, old, new in done.changed] == [
        ("code-in-key", 2, "9", 9),
        ("duplicate-key", 2, 9, 8),
        ("code-in-key", 1, "twice", 8),
    ]


def test_an_empty_key_becomes_null() -> None:
    done = mended(CODES + "INSERT INTO child VALUES (1, ''), (2, 'AGV211');", COURSE, CHILD, fix=["empty-key"])
    assert done.rows["child"] == [(1, None), (2, "AGV211")]
    assert done.changed == [("empty-key", "child", "course_id", 1, "", None)]


# --- any value --------------------------------------------------------------------------------------------------------

_TYPES = [
    "bigint", "smallint", "boolean", "text NULL", "character varying(3)", "numeric(6, 2)", "double precision",
    "real NULL", "bytea", "date", "date NULL", "time NULL", "timestamp NULL", "timestamp with time zone NULL",
    "uuid NULL", "jsonb NULL", "json", "inet NULL", "interval",
]  # fmt: skip
_WORDS = [
    "", "true", "off ", "0000-00-00", "2024-02-29 12:30", "2024-10-27 02:30:00", '"\\u0000"', '"\\ud800"', "12", "-1.5",
]  # fmt: skip
_VALUES = st.one_of(
    st.none(),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(-3, 3),
    st.floats(allow_nan=False),
    st.sampled_from([1.0, 0.0, 3.0, 0.5]),
    st.sampled_from(_WORDS),
    st.text(max_size=6),
    st.text(string.digits + "-.:+TZ e", max_size=12),
    st.binary(max_size=6),
    st.binary(max_size=6).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.text('"\\u0dD8cCfF', max_size=10).map(lambda text: f'"{text}"'),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(values=st.lists(_VALUES, min_size=1, max_size=5), type_sql=st.sampled_from(_TYPES))
def test_whatever_was_mended_is_faultless_and_what_was_not_stands(values: list[Any], type_sql: str) -> None:
    target = table("t", "id bigint", f"v {type_sql}")
    done = mended(partial(_filled, values), target, fix=MENDING, time_zone="Europe/Stockholm")
    for rule in MENDING:
        # A rule that finds a value which it can mend does so at once: none tells of a cell twice.
        rows = [line[3] for line in done.changed if line[0] == rule]
        assert len(rows) == len(set(rows))
        stand = {int(key) for f in done.findings if f.rule == rule and not f.applied for key in keys(f)}
        assert stand.isdisjoint(rows)
    after = [value for _, value in done.rows["t"]]
    assert mended(partial(_filled, after), target, fix=MENDING, time_zone="Europe/Stockholm").changed == []
    untouched = set(range(len(values))) - {line[3] - 1 for line in done.changed}
    assert all(typed(after[index]) == typed(values[index]) for index in untouched)


def _filled(values: list[Any], database: sqlite3.Connection) -> None:
    database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
    for row, value in enumerate(values, start=1):
        insert(database, row, value)
