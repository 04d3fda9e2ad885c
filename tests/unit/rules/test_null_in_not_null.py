"""NULL where PostgreSQL's column is NOT NULL."""

from __future__ import annotations

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values

TABLE = "CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);"


def test_null_in_a_nullable_column_is_healthy() -> None:
    target = table("t", "id bigint", "a bigint NULL", "b text NULL")
    check_healthy(TABLE + "INSERT INTO t VALUES (1, NULL, NULL), (2, 0, '');", target)


def test_null_is_counted_and_shown() -> None:
    target = table("t", "id bigint", "a bigint", "b text NULL")
    finding = check_finds(
        "null-in-not-null", TABLE + "INSERT INTO t VALUES (1, NULL, ''), (2, 3, ''), (9, NULL, '');", target
    )
    assert (finding.table, finding.column, finding.count) == ("t", "a", 2)
    assert keys(finding) == ["1", "9"]
    assert values(finding) == ["NULL", "NULL"]
    assert 'UPDATE "t" SET "a" = ... WHERE "a" IS NULL;' in finding.remedy


def test_a_value_that_another_rule_reports_is_not_null() -> None:
    target = table("t", "id bigint", "a bigint", "b date")
    finding = check_finds("wrong-storage-class", TABLE + "INSERT INTO t VALUES (1, 'x', '2024-01-01');", target)
    assert finding.column == "a"
    finding = check_finds("malformed-date", TABLE + "INSERT INTO t VALUES (1, 1, 'never');", target)
    assert finding.column == "b"


def test_beside_other_faults_of_the_same_column() -> None:
    """The NULL is counted although the values set aside are null in the batch as well."""
    target = table("t", "id bigint", "a bigint", "b date")
    found = findings(TABLE + "INSERT INTO t VALUES (1, 'x', NULL), (2, NULL, 'never'), (3, 1, '2024-01-01');", target)
    assert [(f.rule, f.column, f.count, keys(f)) for f in found] == [
        ("null-in-not-null", "a", 1, ["2"]),
        ("wrong-storage-class", "a", 1, ["1"]),
        ("malformed-date", "b", 1, ["2"]),
        ("null-in-not-null", "b", 1, ["1"]),
    ]


def test_a_generated_column_is_postgresqls_own_affair() -> None:
    target = table("t", "id bigint", "a bigint GENERATED", "b text NULL")
    check_healthy(TABLE + "INSERT INTO t VALUES (1, NULL, '');", target)


def test_a_key_without_a_usable_value_is_shown_by_its_row_number() -> None:
    target = table("t", "id bigint", "a bigint", key="")
    script = "CREATE TABLE t (id integer, a integer); INSERT INTO t (rowid, id) VALUES (7, 1);"
    finding = check_finds("null-in-not-null", script, target)
    assert [sample.key for sample in finding.samples] == [{"rowid": "7"}]
