"""What PostgreSQL refused, told as findings: by table, column and reason; what other rules tell of is left to them."""

from __future__ import annotations

import dataclasses
import sqlite3
from pathlib import Path

from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Finding, Level, Refusal, SqliteSql, TargetCheck, TargetTable, TargetUnique
from migrate_to_pg.rules import Subject, quarantined_rules
from migrate_to_pg.rules.samples import connect
from migrate_to_pg.rules.values import refused_row
from tests.unit.rules.examined import column

TARGET = TargetTable(
    name="t",
    columns=tuple(
        map(column, ("id bigint", "a integer NULL", "b character varying(3) NULL", "c integer NULL GENERATED"))
    ),
    primary_key=("id",),
    checks=(TargetCheck(name="positive", expression="a > 0"), TargetCheck(name="odd", expression="md5(b) > 'a'")),
)


def told(
    folder: Path,
    *refusals: Refusal,
    sql: str = "CREATE TABLE t (id integer PRIMARY KEY, a, b, c)",
    target: TargetTable = TARGET,
) -> list[Finding]:
    path = folder / "db.sqlite3"
    connection = sqlite3.connect(path)
    connection.execute(sql)
    connection.executemany("INSERT INTO t VALUES (?, ?, ?, ?)", [(n * 10, n, f"b{n}", n * n) for n in range(1, 9)])
    connection.commit()
    connection.close()
    catalog = read_source(path)
    plan = make_plan(catalog, [target], source_time_zone="UTC")
    examined = examine(plan, catalog, path, accepted=frozenset(), progress=lambda _: None)
    assert [f.rule for f in examined if f.rule != "check-constraint"] == []
    with connect(path, time_zone="UTC") as database:
        subject = Subject(plan=plan, catalog=catalog, database=database)
        return list(refused_row.findings(subject, refused_row.unreported(subject, refusals)))


def refusal(
    columns: str, sqlstate: str, *, constraint: str = "", inputs: str = "", rows: range = range(10, 90, 10)
) -> Refusal:
    return Refusal(
        table="t",
        columns=tuple(columns.split()),
        inputs=tuple(inputs.split()),
        sqlstate=sqlstate,
        reason="PostgreSQL's own words",
        constraint=constraint,
        rows=rows,
    )


def test_the_first_rows_are_shown_with_key_and_value_and_the_number_is_exact(tmp_path: Path) -> None:
    (finding,) = told(tmp_path, refusal("c", "22003", inputs="a b"))
    assert (finding.level, finding.table, finding.column, finding.count) == (Level.ERROR, "t", "c", 8)
    assert len(finding.samples) == 5
    assert (finding.samples[1].key, finding.samples[1].value) == ({"id": "20"}, "4, 2, 'b2'")
    assert "PostgreSQL refuses 8 rows: PostgreSQL's own words (22003). PostgreSQL computes the column from a, b." in (
        finding.explanation
    )
    assert finding.quarantinable
    assert refused_row.RULE.id in quarantined_rules(["all"])


def test_what_has_a_rule_of_its_own_is_not_told_twice(tmp_path: Path) -> None:
    found = told(
        tmp_path,
        refusal("a", "23502"),
        refusal("b", "22001"),
        refusal("a", "23514", constraint="positive"),
        refusal("b", "23514", constraint="odd"),
        refusal("c", "22001"),
        refusal("c", "23502"),
    )
    assert [(finding.rule, finding.column, finding.explanation[-7:-2]) for finding in found] == [
        ("check-constraint", "a", "23514"),
        ("check-constraint", "b", "23514"),
        ("refused-row", "c", "22001"),
        ("refused-row", "c", "23502"),
    ]


def test_of_a_constraint_that_sqlite_checks_only_the_rows_it_missed_are_reported(tmp_path: Path) -> None:
    least = SqliteSql(condition='"a" > 3', columns=("a",), names=("a",), certain=True)
    judged = dataclasses.replace(TARGET.checks[0], sqlite=least)
    target = dataclasses.replace(TARGET, checks=(judged,))
    (finding,) = told(tmp_path, refusal("a", "23514", constraint="positive"), target=target)
    assert (finding.rule, finding.count, [sample.key["id"] for sample in finding.samples]) == (
        "check-constraint",
        5,
        ["40", "50", "60", "70", "80"],
    )


def test_duplicates_that_postgresql_finds_are_duplicates_and_are_not_offered_a_merge(tmp_path: Path) -> None:
    unique = TargetUnique(name="digest", columns=(), expressions=("md5(b)",))
    target = dataclasses.replace(TARGET, uniques=(unique,))
    (finding,) = told(tmp_path, refusal("", "23505", constraint="digest", rows=range(20, 40, 10)), target=target)
    assert (finding.rule, finding.count, finding.repair, finding.quarantinable) == ("duplicate-key", 2, "", True)


def test_rows_without_a_number_are_told_by_their_keys_and_can_be_set_aside(tmp_path: Path) -> None:
    (finding,) = told(
        tmp_path,
        refusal("a", "22P02", rows=range(3, 5)),
        sql="CREATE TABLE t (id integer PRIMARY KEY, a, b, c) WITHOUT ROWID",
    )
    assert [(sample.key, sample.value) for sample in finding.samples] == [({"id": "30"}, "3"), ({"id": "40"}, "4")]
    assert finding.quarantinable
