"""The mending as a whole: what becomes of the rows, what the journal says of it, and that it always ends."""

from __future__ import annotations

import sqlite3
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from migrate_to_pg.i18n import use_language
from migrate_to_pg.records import GenericKey, SqliteSql, TargetTable, TargetUnique
from migrate_to_pg.rules import RULES
from tests.unit.rules.examined import keys, table
from tests.unit.rules.mended import mended, typed

COURSE = table("course", "id bigint", "code character varying(6)", "title text NULL", unique=["code"])
COURSES = """
    CREATE TABLE course (id integer PRIMARY KEY AUTOINCREMENT, code varchar(6), title text);
    INSERT INTO course VALUES (1, 'AGV211', 'Statics'), (2, 'AGV212', NULL), (5, 'AGV211', 'Staticz');
"""
CHILD = table("child", "id bigint", "course_id bigint NULL", refers=[("course_id", "course.id")])
CHILDREN = "CREATE TABLE child (id integer PRIMARY KEY, course_id bigint REFERENCES course (id));"

# --- chains -----------------------------------------------------------------------------------------------------------


def test_one_cell_may_be_mended_by_several_rules_in_turn() -> None:
    def build(database: sqlite3.Connection) -> None:
        database.execute("CREATE TABLE t (id integer PRIMARY KEY, v)")
        database.execute("INSERT INTO t VALUES (1, CAST(x'61e90062636465' AS TEXT)), (2, 'fine'), (3, 12345)")

    target = table("t", "id bigint", "v character varying(4)")
    fix = ["invalid-utf8", "nul-in-text", "text-too-long", "wrong-storage-class"]
    done = mended(build, target, fix=fix)
    assert done.rows["t"] == [(1, "aébc"), (2, "fine"), (3, "1234")]
    assert [line for line in done.changed if line[3] == 1] == [
        ("invalid-utf8", "t", "v", 1, "a\udce9\0bcde", "aé\0bcde"),
        ("nul-in-text", "t", "v", 1, "aé\0bcde", "aébcde"),
        ("text-too-long", "t", "v", 1, "aébcde", "aébc"),
    ]
    assert [line[4:] for line in done.changed if line[3] == 3] == [(12345, "12345"), ("12345", "1234")]
    assert done.remaining == []


def test_texts_that_are_equal_once_they_are_cut_are_merged() -> None:
    script = COURSES.replace("'AGV211', 'Staticz'", "'AGV2120', NULL")
    done = mended(script, COURSE, fix=["text-too-long", "duplicate-key"])
    assert done.rows["course"] == [(1, "AGV211", "Statics"), (2, "AGV212", None)]
    # The row that goes is kept as it was; that it was cut before need not be told.
    assert (done.changed, done.removed) == ([], [("duplicate-key", "course", 5, "merged", 2)])
    assert done.kept["course"] == [(5, 5, "AGV2120", None)]
    assert done.reasons == ["same code as id = 2"]
    assert done.applied == [("text-too-long", "course", "code")]


def test_the_reason_for_a_merge_is_one_sentence_of_the_language_in_force() -> None:
    with use_language("fr"):
        done = mended(COURSES, COURSE, fix=["duplicate-key"])
    assert done.reasons == ["même code que id = 1\u00a0; diffère par title"]


def test_what_was_not_accepted_stands() -> None:
    done = mended(COURSES.replace("'AGV211', 'Staticz'", "'AGV2120', NULL"), COURSE, fix=["text-too-long"])
    assert done.applied == [("text-too-long", "course", "code")]
    assert done.remaining == [("duplicate-key", "course", "code", 1)]


# --- duplicates -------------------------------------------------------------------------------------------------------


def test_every_child_follows_a_merged_row() -> None:
    script = (
        COURSES
        + CHILDREN
        + """
        CREATE TABLE tagged (id integer PRIMARY KEY, course_id bigint, tag text, UNIQUE (course_id, tag));
        INSERT INTO child VALUES (1, 5), (2, 1), (3, NULL), (4, 2), (5, 5);
        INSERT INTO tagged VALUES (1, 1, 'a'), (2, 5, 'a'), (3, 5, 'b'), (4, 2, 'a');"""
    )
    tagged = table(
        "tagged", "id bigint", "course_id bigint", "tag text",
        unique=["course_id, tag"], refers=[("course_id", "course.id")],
    )  # fmt: skip
    done = mended(script, COURSE, CHILD, tagged, fix=["duplicate-key"])
    assert done.rows["course"] == [(1, "AGV211", "Statics"), (2, "AGV212", None)]
    assert done.rows["child"] == [(1, 1), (2, 1), (3, None), (4, 2), (5, 1)]
    # Two courses had the tag: once they are one, so are the two rows that said it.
    assert done.rows["tagged"] == [(1, 1, "a"), (3, 1, "b"), (4, 2, "a")]
    assert done.removed == [
        ("duplicate-key", "course", 5, "merged", 1),
        ("duplicate-key", "tagged", 2, "merged", 1),
    ]
    assert done.reasons == [
        "same code as id = 1; differs in title",
        "same course_id, tag as id = 1",
    ]
    assert done.kept == {"course": [(5, 5, "AGV211", "Staticz")], "tagged": [(2, 2, 5, "a")]}
    assert [(line[1], *line[3:]) for line in done.changed] == [
        ("child", 1, 5, 1),
        ("child", 5, 5, 1),
        ("tagged", 3, 5, 1),
    ]
    assert done.planned == {"course": 2, "child": 5, "tagged": 3}


def test_of_many_rows_the_first_stays_and_self_references_follow() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, code text, up_id bigint);
        INSERT INTO t VALUES (3, 'a', NULL), (4, 'a', 3), (5, 'a', 5), (6, 'b', 5), (7, 'b', 4), (2, 'c', 7);"""
    target = table("t", "id bigint", "code text", "up_id bigint NULL", unique=["code"], refers=[("up_id", "t.id")])
    done = mended(script, target, fix=["duplicate-key"])
    assert done.rows["t"] == [(2, "c", 6), (3, "a", None), (6, "b", 3)]
    assert done.removed == [("duplicate-key", "t", row, "merged", kept) for row, kept in ((4, 3), (5, 3), (7, 6))]
    assert done.kept["t"] == [(4, 4, "a", 3), (5, 5, "a", 5), (7, 7, "b", 4)]
    assert sorted(line[3:] for line in done.changed) == [(2, 7, 6), (6, 5, 3)]
    assert done.remaining == []


@pytest.mark.parametrize("object_type", ["bigint", "text"])
def test_generic_keys_follow_a_merged_row(object_type: str) -> None:
    old, new = ("'5'", "1") if object_type == "text" else ("5", 1)
    script = (
        COURSES
        + f"""
        CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text, model text);
        INSERT INTO django_content_type VALUES (1, 'auth', 'user'), (8, 'courses', 'course');
        CREATE TABLE note (id integer PRIMARY KEY, kind_id bigint, object_id {object_type});
        INSERT INTO note VALUES (1, 8, {old}), (2, 1, {old}), (3, 8, 2), (4, 8, NULL);"""
    )
    types = table("django_content_type", "id bigint", "app_label text", "model text")
    note = table("note", "id bigint", "kind_id bigint", f"object_id {object_type} NULL")
    done = mended(
        script, COURSE, types, note, fix=["duplicate-key"],
        models={("courses", "course"): "course", ("auth", "user"): "auth_user"},
        generic_keys=(GenericKey(table="note", content_type_column="kind_id", object_column="object_id"),),
    )  # fmt: skip
    assert [typed(value) for _, _, value in done.rows["note"][:2]] == [typed(new), typed("5" if new == "1" else 5)]
    assert [line[:4] for line in done.changed] == [("duplicate-key", "note", "object_id", 1)]


def test_rows_outside_of_the_condition_are_no_duplicates() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, code text, active bool);
        INSERT INTO t VALUES (1, 'a', 0), (2, 'a', 1), (3, 'a', 1), (4, 'a', 0), (5, 'b', 1);"""
    active = SqliteSql(condition='"active"', columns=("active",), names=("active",), certain=True)
    unique = TargetUnique(name="one_active", columns=("code",), predicate="active", sqlite=active)
    done = mended(
        script, table("t", "id bigint", "code text", "active boolean", unique=[unique]), fix=["duplicate-key"]
    )
    assert [row[0] for row in done.rows["t"]] == [1, 2, 4, 5]
    assert done.removed == [("duplicate-key", "t", 3, "merged", 2)]


def test_values_that_are_one_on_postgresql_alone_are_merged() -> None:
    script = """
        CREATE TABLE t (id integer PRIMARY KEY, v UNIQUE); INSERT INTO t VALUES (1, '1'), (2, 1), (3, '01');
        CREATE TABLE u (id integer PRIMARY KEY, v text UNIQUE); INSERT INTO u VALUES
        (1, '00112233-4455-6677-8899-aabbccddeeff'), (2, '00112233445566778899AABBCCDDEEFF');"""
    targets = table("t", "id bigint", "v text", unique=["v"]), table("u", "id bigint", "v uuid", unique=["v"])
    done = mended(script, *targets, fix=["wrong-storage-class", "duplicate-key"])
    assert done.rows == {"t": [(1, "1"), (3, "01")], "u": [(1, "00112233-4455-6677-8899-aabbccddeeff")]}
    assert done.removed == [("duplicate-key", "t", 2, "merged", 1), ("duplicate-key", "u", 2, "merged", 1)]
    assert done.kept["t"] == [(2, 2, 1)]


def test_nothing_is_merged_where_a_child_could_not_follow() -> None:
    script = COURSES + "CREATE TABLE lab (course_id integer PRIMARY KEY); INSERT INTO lab VALUES (5);"
    lab = table("lab", "course_id bigint", key="course_id", refers=[("course_id", "course.id")])
    done = mended(script, COURSE, lab, fix=["duplicate-key"])
    assert (done.changed, done.removed) == ([], [])
    assert done.remaining == [("duplicate-key", "course", "code", 1)]


def test_a_row_that_others_were_merged_into_may_be_merged_itself() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, a text, b text);
        INSERT INTO t VALUES (1, 'x', 'p'), (2, 'y', 'p'), (3, 'y', 'q');"""
    done = mended(script, table("t", "id bigint", "a text", "b text", unique=["a", "b"]), fix=["duplicate-key"])
    assert [row[0] for row in done.rows["t"]] == [1]
    assert [line[2:] for line in done.removed] == [(3, "merged", 2), (2, "merged", 1)]


def test_a_row_that_others_were_merged_into_may_go_into_quarantine() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, a text, b text);
        INSERT INTO t VALUES (1, 'x', 'too long'), (2, 'x', 'ok'), (3, 'y', 'ok');"""
    target = table("t", "id bigint", "a text", "b character varying(3)", unique=["a"])
    done = mended(script, target, fix=["duplicate-key"], quarantine=["text-too-long"])
    assert [row[0] for row in done.rows["t"]] == [3]
    assert sorted((row, fate, kept) for _, _, row, fate, kept in done.removed) == [
        (1, "quarantined", None),
        (2, "quarantined", 1),
    ]


# --- quarantine -------------------------------------------------------------------------------------------------------

LEVELS = """
    CREATE TABLE a (id integer PRIMARY KEY, v text);
    CREATE TABLE b (id integer PRIMARY KEY, a_id bigint REFERENCES a (id));
    CREATE TABLE c (id integer PRIMARY KEY, b_id bigint REFERENCES b (id));
    INSERT INTO a VALUES (1, 'fine'), (2, 'too long');
    INSERT INTO b VALUES (1, 1), (2, 2), (3, 2), (4, NULL);
    INSERT INTO c VALUES (1, 1), (2, 2), (3, 4), (4, 3), (5, NULL);
"""


def _levels(null: str) -> list[TargetTable]:
    return [
        table("a", "id bigint", "v character varying(4)"),
        table("b", "id bigint", f"a_id bigint{null}", refers=[("a_id", "a.id")]),
        table("c", "id bigint", "b_id bigint NULL", refers=[("b_id", "b.id")]),
    ]


def test_quarantine_takes_children_along_and_theirs() -> None:
    done = mended(LEVELS, *_levels(" NULL"), quarantine=["text-too-long"])
    assert {name: [row[0] for row in rows] for name, rows in done.rows.items()} == {
        "a": [1],
        "b": [1, 4],
        "c": [1, 3, 5],
    }
    assert [line[:4] for line in done.removed] == [
        ("text-too-long", "a", 2, "quarantined"),
        ("foreign-key-orphan", "b", 2, "quarantined"),
        ("foreign-key-orphan", "b", 3, "quarantined"),
        ("foreign-key-orphan", "c", 2, "quarantined"),
        ("foreign-key-orphan", "c", 4, "quarantined"),
    ]
    assert done.reasons[0] == "Text longer than the column: v"
    assert done.reasons[-1] == "refers by b_id to a row of b that is in quarantine"
    assert done.kept["c"] == [(2, 2, 2), (4, 4, 3)]
    assert done.planned == {"a": 1, "b": 2, "c": 3}
    assert (done.applied, done.remaining) == ([("text-too-long", "a", "v")], [])


def test_nullable_keys_are_nulled_instead_where_that_was_accepted() -> None:
    done = mended(LEVELS, *_levels(" NULL"), quarantine=["text-too-long"], fix=["foreign-key-orphan"])
    assert [line[1:3] for line in done.removed] == [("a", 2)]
    assert done.changed == [("foreign-key-orphan", "b", "a_id", row, 2, None) for row in (2, 3)]
    assert done.rows["b"] == [(1, 1), (2, None), (3, None), (4, None)]


def test_where_a_key_may_not_be_null_its_row_goes_and_the_next_is_nulled() -> None:
    script = LEVELS.replace(", (4, NULL)", ", (4, 1)")
    done = mended(script, *_levels(""), quarantine=["text-too-long"], fix=["foreign-key-orphan"])
    assert [line[1:3] for line in done.removed] == [("a", 2), ("b", 2), ("b", 3)]
    assert [line[1:] for line in done.changed] == [("c", "b_id", 2, 2, None), ("c", "b_id", 4, 3, None)]


def test_quarantine_ends_in_cycles_and_at_a_row_that_refers_to_itself() -> None:
    script = """
        CREATE TABLE a (id integer PRIMARY KEY, b_id bigint, v text);
        CREATE TABLE b (id integer PRIMARY KEY, a_id bigint, up_id bigint);
        INSERT INTO a VALUES (1, 1, 'too long'), (2, 2, 'ok'), (3, 3, 'ok');
        INSERT INTO b VALUES (1, 2, NULL), (2, 1, 2), (3, 3, 3), (4, 3, 1);"""
    done = mended(
        script,
        table("a", "id bigint", "b_id bigint", "v character varying(4)", refers=[("b_id", "b.id")]),
        table("b", "id bigint", "a_id bigint", "up_id bigint NULL", refers=[("a_id", "a.id"), ("up_id", "b.id")]),
        quarantine=["text-too-long"],
    )
    # a 1 takes b 2, that a 2, that b 1, that b 4.
    assert {name: [row[0] for row in rows] for name, rows in done.rows.items()} == {"a": [3], "b": [3]}
    assert done.remaining == []


def test_orphans_themselves_are_quarantined_or_nulled() -> None:
    script = COURSES.replace(", (5, 'AGV211', 'Staticz')", "") + CHILDREN + "INSERT INTO child VALUES (1, 9), (2, 1);"
    done = mended(script, COURSE, CHILD, quarantine=["foreign-key-orphan"])
    assert (done.rows["child"], done.kept["child"]) == ([(2, 1)], [(1, 1, 9)])
    done = mended(script, COURSE, CHILD, fix=["foreign-key-orphan"], quarantine=["foreign-key-orphan"])
    assert (done.rows["child"], done.removed) == ([(1, None), (2, 1)], [])


def test_a_row_that_was_changed_first_is_kept_as_the_snapshot_has_it() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, a, n);
        INSERT INTO t VALUES (1, 'long text', 99999), (2, 'long text', 1);"""
    target = table("t", "id bigint", "a character varying(4)", "n smallint")
    done = mended(script, target, fix=["text-too-long"], quarantine=["integer-out-of-range"])
    assert done.rows["t"] == [(2, "long", 1)]
    assert done.kept["t"] == [(1, 1, "long text", 99999)]
    assert [line[3] for line in done.changed] == [2]


def test_a_parent_that_is_there_twice_is_still_there() -> None:
    script = """CREATE TABLE p (id, v text); INSERT INTO p VALUES (1, 'ok'), (1, 'too long'), (2, 'ok');
        CREATE TABLE c (id integer PRIMARY KEY, p_id bigint); INSERT INTO c VALUES (1, 1), (2, 2);"""
    done = mended(
        script,
        table("p", "id bigint", "v character varying(4)"),
        table("c", "id bigint", "p_id bigint", refers=[("p_id", "p.id")]),
        quarantine=["text-too-long"],
    )
    assert (done.rows["c"], [line[1:3] for line in done.removed]) == ([(1, 1), (2, 2)], [("p", 2)])


# --- tables of every kind ---------------------------------------------------------------------------------------------


def test_a_table_with_a_text_key() -> None:
    script = """CREATE TABLE t (code PRIMARY KEY, v); INSERT INTO t VALUES ('a''"b', 1), ('é', 2), (NULL, 3);
        INSERT INTO t VALUES (CAST(x'e9' AS TEXT), 4), (x'00ff', 5), (7, 6);"""
    done = mended(script, table("t", "code text", "v text", key="code"), fix=["wrong-storage-class"])
    assert {row[0]: row[1] for row in done.rows["t"]} == {
        "a'\"b": "1", "é": "2", None: "3", "\udce9": "4", b"\x00\xff": "5", 7: "6",
    }  # fmt: skip
    assert [key["code"] for key in done.keys] == ["a'\"b", "é", "NULL", "\\xe9", "x'00ff'", "7"]
    # Never the key itself.
    assert {line[2] for line in done.changed} == {"v"}
    assert ("wrong-storage-class", "t", "code", 2) in done.remaining


def test_columns_that_are_called_as_the_rowid_is() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, rowid text, oid text); INSERT INTO t VALUES (9, 'abc', 'o');
        CREATE TABLE u (rowid text, _rowid_ text, oid text); INSERT INTO u VALUES ('abc', 'x', 'y');"""
    t = table("t", "id bigint", "rowid character varying(2)", "oid text")
    u = table("u", "rowid character varying(2)", "_rowid_ text", "oid text", key="oid")
    done = mended(script, t, u, fix=["text-too-long"])
    assert done.rows["t"] == [(9, "ab", "o")]
    # Without a name for its rowid it is told apart by its place.
    assert done.rows["u"] == [(1, "ab", "x", "y")]
    assert done.remaining == []


NAMES = [
    'a"b',
    "it's",
    "with space",
    "edit",
    "changed",
    "aside",
    "select",
    "row",
    "migrate_to_pg edits",
    "{0}%s",
    "é-ß",
    "sqlite",
]


@pytest.mark.parametrize("name", NAMES)
def test_hostile_names(name: str) -> None:
    quoted = '"' + name.replace('"', '""') + '"'
    script = f"""CREATE TABLE {quoted} (id integer PRIMARY KEY, {quoted} text, up_id bigint REFERENCES {quoted} (id));
        INSERT INTO {quoted} VALUES (1, 'abc', NULL), (2, 'abd', 1), (3, 'x', 2), (4, 'abcd', 9), (5, 'y', 4);
        CREATE TRIGGER "t {name.replace('"', "")}" AFTER UPDATE ON {quoted} BEGIN DELETE FROM {quoted}; END;
        CREATE VIEW "v {name.replace('"', "")}" AS SELECT * FROM {quoted};"""
    target = table(
        name, "id bigint", f"{name} character varying(2)", "up_id bigint NULL",
        unique=[TargetUnique(name="u", columns=(name,))], refers=[("up_id", f"{name}.id")],
    )  # fmt: skip
    done = mended(
        script, target, fix=["text-too-long", "duplicate-key"], quarantine=["foreign-key-orphan", "text-too-long"]
    )
    assert done.rows[name] == [(1, "ab", None), (3, "x", 1), (5, "y", 1)]
    assert {(row, fate) for _, _, row, fate, _ in done.removed} == {(2, "merged"), (4, "merged")}
    done = mended(script, target, quarantine=["text-too-long"])
    assert done.rows[name] == []
    assert len(done.kept[name]) == 5


def test_a_snapshot_in_wal_mode() -> None:
    def build(database: sqlite3.Connection) -> None:
        database.execute("PRAGMA journal_mode = WAL")
        database.executescript(COURSES)

    assert len(mended(build, COURSE, fix=["duplicate-key"]).rows["course"]) == 2


def test_a_broken_view_and_functions_of_djangos_are_no_matter() -> None:
    def build(database: sqlite3.Connection) -> None:
        database.create_function("django_thing", 1, lambda value: value, deterministic=True)
        database.executescript(
            COURSES
            + """
            CREATE UNIQUE INDEX i ON course (django_thing(id));
            CREATE VIEW broken AS SELECT gone FROM nowhere;
            CREATE TRIGGER late AFTER INSERT ON course BEGIN INSERT INTO nowhere VALUES (1); END;"""
        )

    done = mended(build, COURSE, fix=["duplicate-key"])
    assert [row[0] for row in done.rows["course"]] == [1, 2]


def test_generated_columns_are_left_to_postgresql() -> None:
    script = """CREATE TABLE t (id integer PRIMARY KEY, v text, long text GENERATED ALWAYS AS (v || '!') STORED,
        plain text GENERATED ALWAYS AS (v || '?'));
        INSERT INTO t (id, v) VALUES (1, 'abc'), (2, 'a');"""
    target = table("t", "id bigint", "v character varying(2)", "long text GENERATED", "plain character varying(2)")
    done = mended(script, target, fix=["text-too-long"])
    # SQLite computes the last column and PostgreSQL does not: it is no value that anybody could mend.
    assert done.rows["t"] == [(1, "ab", "abc?"), (2, "a", "a?")]
    assert done.remaining == [("text-too-long", "t", "plain", 1)]


def test_a_table_without_key_is_not_edited() -> None:
    script = "CREATE TABLE u (v text); INSERT INTO u VALUES ('abc');"
    u = table("u", "v character varying(2)", key="")
    done = mended(script, u, fix=["text-too-long"], quarantine=["text-too-long"])
    assert (done.changed, done.removed) == ([], [])
    assert done.remaining == [("text-too-long", "u", "v", 1)]


def test_what_stands_is_told_with_the_rows_that_are_left() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, v); INSERT INTO t VALUES (1, '1'), (2, 'x'), (3, '3'), (4, 'y');"
    done = mended(script, table("t", "id bigint", "v bigint"), fix=["wrong-storage-class"])
    (finding,) = done.findings
    assert (finding.count, keys(finding), finding.applied, finding.blocks) == (2, ["2", "4"], False, True)


def test_two_repairs_that_undo_each_other_would_still_end() -> None:
    """NULL becomes '' where the column is NOT NULL, and '' becomes NULL where it is not: never both."""
    script = """CREATE TABLE p (id text PRIMARY KEY); CREATE TABLE t (id integer PRIMARY KEY, v text, w text, d text);
        INSERT INTO t VALUES (1, NULL, '', ''), (2, '', NULL, NULL);"""
    target = table("t", "id bigint", "v text", "w text NULL", "d date NULL", refers=[("v", "p.id"), ("w", "p.id")])
    fix = ["null-in-not-null", "empty-key", "foreign-key-orphan", "malformed-date"]
    done = mended(script, table("p", "id text"), target, fix=fix)
    assert done.rows["t"] == [(1, None, None, None), (2, "", None, None)]


# --- any rows ---------------------------------------------------------------------------------------------------------

_KEYS = st.sampled_from([1, 2, 3, 1, 2, 3, None, "", "1", "AB", "ABC", 4, 2.0, "x", b"A"])
_TEXTS = st.sampled_from(["A", "AB", "ABC", "ABCD", "ABCDE", "", None, 1, "1", b"AB", "A\0B", 1.5])
_ANY_ROWS = st.fixed_dictionaries(
    {
        "p": st.lists(st.tuples(_KEYS, _TEXTS, _KEYS), max_size=5),
        "c": st.lists(st.tuples(_KEYS, _KEYS, _TEXTS), max_size=5),
        "m": st.lists(st.tuples(_KEYS, _KEYS, _KEYS), max_size=5),
    }
)
_ALL = [rule.id for rule in RULES if rule.cell_repair is not None or rule.id == "duplicate-key"]
_ROWS = [rule.id for rule in RULES if rule.names_rows]


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(rows=_ANY_ROWS, fix=st.sets(st.sampled_from(_ALL)) | st.just(set(_ALL)), null=st.booleans())
def test_it_ends_and_every_row_is_somewhere(rows: dict[str, list[Any]], fix: set[str], null: bool) -> None:
    """With everything in quarantine that is not mended, nothing stands, and no key is left without its row."""
    flag = " NULL" if null else ""
    targets = [
        table("p", "id bigint", "code character varying(3)", f"up_id bigint{flag}", unique=["code"],
              refers=[("up_id", "p.id")]),
        table("c", "id bigint", f"p_id bigint{flag}", f"v character varying(3){flag}", refers=[("p_id", "p.id")],
              unique=["p_id, v"]),
        table("m", "id bigint", "p_id bigint", f"c_id bigint{flag}", unique=["p_id, c_id"],
              refers=[("p_id", "p.id"), ("c_id", "c.id")]),
    ]  # fmt: skip

    def build(database: sqlite3.Connection) -> None:
        for target in targets:
            database.execute(f"CREATE TABLE {target.name} ({', '.join(c.name for c in target.columns)})")
            database.executemany(f"INSERT INTO {target.name} VALUES (?, ?, ?)", rows[target.name])

    done = mended(build, *targets, fix=fix, quarantine=_ROWS)
    assert [finding for finding in done.findings if finding.blocks] == []
    for name, before in rows.items():
        gone = [line for line in done.removed if line[1] == name]
        assert len(before) == len(done.rows[name]) + len(gone) == done.planned[name] + len(done.kept.get(name, []))
        # Every row that is left is the snapshot's, but for the cells that the record tells of.
        stay = sorted(set(range(1, len(before) + 1)) - {line[2] for line in gone})
        names = [column.name for target in targets if target.name == name for column in target.columns]
        expected = {row: dict(zip(names, map(typed, before[row - 1]), strict=True)) for row in stay}
        for _, place, column, row, old, new in done.changed:
            if place == name:
                assert expected[row][column] == typed(old)
                expected[row][column] = typed(new)
        left = sorted(str(list(row.values())) for row in expected.values())
        assert left == sorted(str(list(map(typed, row))) for row in done.rows[name])
    ids = {name: {row[0] for row in left} for name, left in done.rows.items()}
    assert {row[2] for row in done.rows["p"]} | {row[1] for row in done.rows["c"]} <= ids["p"] | {None}
    assert {row[2] for row in done.rows["m"]} <= ids["c"] | {None}


NOTES = """
    CREATE TABLE django_content_type (id integer PRIMARY KEY, app_label text, model text);
    INSERT INTO django_content_type VALUES (8, 'courses', 'course');
    CREATE TABLE note (id integer PRIMARY KEY, kind_id bigint, object_id bigint);
    INSERT INTO note VALUES (1, 8, 5), (2, 8, 1);
    CREATE TABLE course (id integer PRIMARY KEY, code text);
    INSERT INTO course VALUES (1, 'A'), (5, NULL);
"""


def test_generic_keys_that_lost_their_object_to_quarantine_are_told() -> None:
    done = mended(
        NOTES,
        table("course", "id bigint", "code text"),
        table("django_content_type", "id bigint", "app_label text", "model text"),
        table("note", "id bigint", "kind_id bigint", "object_id bigint NULL"),
        quarantine=["null-in-not-null"],
        models={("courses", "course"): "course"},
        generic_keys=(GenericKey(table="note", content_type_column="kind_id", object_column="object_id"),),
    )
    told = [(f.rule, f.table, f.count) for f in done.findings if f.rule == "generic-foreign-key-orphan"]
    assert told == [("generic-foreign-key-orphan", "note", 1)]


PEOPLE = """
    CREATE TABLE person (id integer PRIMARY KEY, email text);
    INSERT INTO person VALUES (1, 'a'), (2, 'b'), (3, 'b');
    CREATE TABLE employee (person_ptr_id integer PRIMARY KEY, title text);
"""
PERSON = table("person", "id bigint", "email text", unique=["email"])
EMPLOYEE = table("employee", "person_ptr_id bigint", "title text", refers=[("person_ptr_id", "person.id")])


def test_what_could_refer_to_a_duplicate_but_does_not_is_not_in_the_way() -> None:
    done = mended(PEOPLE + "INSERT INTO employee VALUES (1, 'x');", PERSON, EMPLOYEE, fix=["duplicate-key"])
    assert done.rows["person"] == [(1, "a"), (2, "b")]


def test_a_duplicate_with_a_child_of_the_same_identity_stands() -> None:
    done = mended(PEOPLE + "INSERT INTO employee VALUES (3, 'x');", PERSON, EMPLOYEE, fix=["duplicate-key"])
    assert [(f.rule, f.applied) for f in done.findings] == [("duplicate-key", False)]
    assert done.changed == []
