"""Tables that are not as the migrations make them, with fine data."""

from __future__ import annotations

import pytest

from migrate_to_pg.records import Level, TargetIndex
from tests.unit.rules.examined import check_finds, check_healthy, findings, table

TARGET = table("t", "id bigint", "code character varying(9)", "n integer NULL", unique=["code"])
ROWS = "INSERT INTO t VALUES (1, 'a', 1), (2, 'b', 2);"


@pytest.mark.parametrize(
    ("columns", "column", "said"),
    [
        ("id integer PRIMARY KEY, code varchar(9) UNIQUE, n integer", "code", "code is not NOT NULL"),
        ("id integer PRIMARY KEY, code varchar(9) NOT NULL, n integer", "code", "no unique index on code"),
        ("id integer, code varchar(9) NOT NULL UNIQUE, n integer", "id", "no primary key on id"),
        ("id integer PRIMARY KEY, code integer NOT NULL UNIQUE, n integer", "code", "code is declared "),
    ],
)
def test_each_loss_is_told_and_stops_nothing(columns: str, column: str, said: str) -> None:
    finding = check_finds("schema-drift", f"CREATE TABLE t ({columns}); {ROWS}", TARGET, drift=True)
    assert (finding.table, finding.column, finding.count, finding.level) == ("t", column, 1, Level.WARNING)
    assert said in finding.explanation


@pytest.mark.parametrize("type_sql", ["uuid", "inet", "cidr"])
def test_a_type_of_texts_wants_a_column_that_keeps_texts(type_sql: str) -> None:
    target = table("t", "id bigint", f"v {type_sql} NULL")
    finding = check_finds("schema-drift", "CREATE TABLE t (id integer PRIMARY KEY, v INTEGER)", target, drift=True)
    assert f"v is declared INTEGER instead of {type_sql}." in finding.explanation


def test_all_losses_of_a_table_are_one_finding() -> None:
    script = f"CREATE TABLE old (id integer PRIMARY KEY, code varchar(9), n integer); {ROWS.replace(' t ', ' old ')}"
    script += "CREATE TABLE t AS SELECT * FROM old; DROP TABLE old;"
    finding = check_finds("schema-drift", script, TARGET, drift=True)
    assert (finding.column, finding.count) == ("id, code", 3)


def test_where_the_data_suffered_the_rule_about_them_tells_it() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY, code varchar(9), n varchar(9));"
    script += "INSERT INTO t VALUES (1, 'a', 'x'), (2, 'a', NULL), (3, NULL, NULL);"
    found = findings(script, TARGET, drift=True)
    assert [f.rule for f in found] == ["duplicate-key", "null-in-not-null", "wrong-storage-class"]


@pytest.mark.parametrize("declared", ["INT", "integer unsigned", "bigint", ""])
def test_other_words_for_the_same_affinity_are_healthy(declared: str) -> None:
    script = f"CREATE TABLE t (id integer PRIMARY KEY, code varchar(9) NOT NULL UNIQUE, n {declared}); {ROWS}"
    check_healthy(script, TARGET, drift=True)


PARENTED = (
    table("P", "id bigint"),
    table("t", "id bigint", "p_id bigint NULL", refers=[("p_id", "P.id")]),
    table("other", "id bigint"),
)
PARENTS = "CREATE TABLE P (id integer PRIMARY KEY); CREATE TABLE other (id integer PRIMARY KEY);"


def _child(key: str) -> str:
    return f"{PARENTS} CREATE TABLE t (id integer PRIMARY KEY, p_id bigint {key});"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("", "there is no foreign key on p_id to "),
        ("REFERENCES other (id)", "the foreign key on p_id names other instead of "),
    ],
)
def test_a_lost_foreign_key_is_told(key: str, said: str) -> None:
    finding = check_finds("schema-drift", _child(key), *PARENTED, drift=True)
    assert (finding.table, finding.column, finding.count, finding.level) == ("t", "p_id", 1, Level.WARNING)
    assert said + "P." in finding.explanation


@pytest.mark.parametrize(
    "key", ["REFERENCES p (id)", "REFERENCES P", ", FOREIGN KEY (P_ID) REFERENCES p (id)", "REFERENCES p_backup (id)"]
)
def test_a_foreign_key_is_the_same_however_it_is_written(key: str) -> None:
    found = findings(_child(key), *PARENTED, drift=True)
    # One that dangles is another rule's.
    assert [f.rule for f in found] == (["dangling-foreign-key"] if "backup" in key else [])


INDEXED = table("t", "id bigint", "a integer NULL", "b text NULL", index=["a, b"])
PLAIN = "CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);"


@pytest.mark.parametrize(
    "made", ["", "CREATE INDEX i ON t (b, a);", "CREATE INDEX i ON t (a);", "CREATE INDEX i ON t (a, lower(b));",
             "CREATE INDEX i ON t (a, b) WHERE a > 0;"],
)  # fmt: skip
def test_a_lost_index_is_told(made: str) -> None:
    finding = check_finds("schema-drift", PLAIN + made, INDEXED, drift=True)
    assert (finding.column, finding.count, finding.level) == ("a, b", 1, Level.WARNING)
    assert "there is no index on a, b" in finding.explanation


@pytest.mark.parametrize(
    "made",
    ["CREATE INDEX i ON t (a, b);", "CREATE UNIQUE INDEX i ON t (A, B DESC);", "CREATE INDEX i ON t (a, b, id);"],
)
def test_an_index_that_begins_with_the_same_columns_serves(made: str) -> None:
    check_healthy(PLAIN + made, INDEXED, drift=True)


def test_a_partial_index_serves_where_one_is_wanted() -> None:
    target = table("t", "id bigint", "a integer NULL", "b text NULL", index=[
        TargetIndex(name="i", columns=("a",), predicate="(b IS NULL)"),
    ])  # fmt: skip
    check_healthy(PLAIN + "CREATE INDEX i ON t (a) WHERE b IS NULL;", target, drift=True)
    check_finds("schema-drift", PLAIN, target, drift=True)


@pytest.mark.parametrize(
    "index",
    [
        TargetIndex(name="t_b_like", columns=("b",), for_like=True),
        TargetIndex(name="i", columns=("b",), method="gin"),
        TargetIndex(name="i", columns=("", "b")),
        TargetIndex(name="i", columns=("id",)),
    ],
)
def test_what_sqlite_need_not_have_is_not_missed(index: TargetIndex) -> None:
    check_healthy(PLAIN, table("t", "id bigint", "a integer NULL", "b text NULL", index=[index]), drift=True)


CONDITIONAL = 'CREATE UNIQUE INDEX "once" ON "t" ("a") WHERE NOT ("b" = \'It\'\'s on\');'


@pytest.mark.parametrize(
    ("wanted", "column"),
    [
        (CONDITIONAL, "a"),
        ("CREATE UNIQUE INDEX once ON t (a, lower(b));", "a"),
        ("CREATE INDEX lowered ON t (lower(b) DESC) WHERE a > 1;", ""),
    ],
)
@pytest.mark.parametrize("own", ["", "CREATE UNIQUE INDEX other ON t (a) WHERE b = 'on';", "CREATE INDEX i ON t (b);"])
def test_a_lost_index_with_a_condition_or_an_expression_is_shown(wanted: str, column: str, own: str) -> None:
    target = table("t", "id bigint", "a integer NULL", "b text NULL")
    finding = check_finds("schema-drift", PLAIN + own, target, drift=True, made=PLAIN + wanted)
    assert (finding.column, finding.count) == (column, 1)
    assert f"this index is missing: {wanted.removesuffix(';')}" in finding.explanation


@pytest.mark.parametrize(
    "own",
    [
        CONDITIONAL,
        "CREATE UNIQUE INDEX other ON T([A]) where not(`b`='It''s on');",
        "CREATE UNIQUE INDEX Once ON t (a) WHERE b <> 'It''s on';",
        "CREATE UNIQUE INDEX i ON t (a);",
    ],
)
def test_an_index_with_the_same_condition_is_not_missed(own: str) -> None:
    target = table("t", "id bigint", "a integer NULL", "b text NULL")
    check_healthy(PLAIN + own, target, drift=True, made=PLAIN + CONDITIONAL)


def test_an_index_that_is_not_unique_or_whose_strings_differ_is_another() -> None:
    target = table("t", "id bigint", "a integer NULL", "b text NULL")
    for own in (CONDITIONAL.replace("UNIQUE ", ""), CONDITIONAL.replace("It", "it").replace("once", "other")):
        check_finds("schema-drift", PLAIN + own, target, drift=True, made=PLAIN + CONDITIONAL)
