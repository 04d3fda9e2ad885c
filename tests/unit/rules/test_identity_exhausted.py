"""A sequence that PostgreSQL could not set."""

from __future__ import annotations

import pytest

from tests.unit.rules.examined import check_finds, check_healthy, findings, table

AUTO = "CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT); INSERT INTO t VALUES ({row});"
MARK = "UPDATE sqlite_sequence SET seq = {seq};"


@pytest.mark.parametrize(
    ("type_sql", "row", "seq", "said"),
    [
        ("integer", 7, 3_000_000_000, "holds 3,000,000,000 as the highest id ever given in t"),
        ("integer", 7, 2**31 - 1, "The next id would be 2,147,483,648. PostgreSQL's column is integer"),
        ("integer", 2**31 - 1, 2**31 - 1, "A row has the id 2,147,483,647."),
        ("smallint", 2**15 - 1, 0, "ends at 32,767"),
        ("bigint", 2**63 - 1, 2**63 - 1, "SQLite has no next id either"),
        ("bigint", 1, 2**63 - 1, "The next id would be 9,223,372,036,854,775,808"),
    ],
)
def test_it_is_found_and_explained(type_sql: str, row: int, seq: int, said: str) -> None:
    script = AUTO.format(row=row) + MARK.format(seq=seq)
    finding = check_finds("identity-exhausted", script, table("t", f"id {type_sql} SERIAL"))
    assert (finding.table, finding.column, finding.count, finding.samples) == ("t", "id", 1, ())
    assert said in finding.explanation
    assert finding.blocks
    assert not finding.quarantinable
    assert ("BigAutoField" in finding.remedy) == (type_sql != "bigint")


def test_the_remedy_is_a_statement_that_works() -> None:
    script = AUTO.format(row=7) + MARK.format(seq=3_000_000_000)
    finding = check_finds("identity-exhausted", script, table("t", "id integer SERIAL"))
    statement = finding.remedy.partition("\n")[2]
    assert "seq = 7" in statement
    check_healthy(script + statement, table("t", "id integer SERIAL"))


@pytest.mark.parametrize(
    ("type_sql", "row", "seq"),
    [
        ("integer SERIAL", 2**31 - 2, 2**31 - 2),
        ("bigint SERIAL", 2**31, 3_000_000_000),
        ("integer SERIAL", -5, 0),
        ("integer", 7, 3_000_000_000),  # PostgreSQL has no sequence for it
    ],
)
def test_what_leaves_room_is_healthy(type_sql: str, row: int, seq: int) -> None:
    check_healthy(AUTO.format(row=row) + MARK.format(seq=seq), table("t", f"id {type_sql}"))


def test_the_mark_is_about_the_key_alone() -> None:
    script = "CREATE TABLE t (id integer PRIMARY KEY AUTOINCREMENT, n); INSERT INTO t VALUES (1, 5), (2, {n});"
    target = table("t", "id bigint SERIAL", "n smallint SERIAL")
    check_healthy(script.format(n=6) + MARK.format(seq=70_000), target)
    assert check_finds("identity-exhausted", script.format(n=32767), target).column == "n"


def test_a_row_beyond_the_type_is_one_fault_and_the_mark_that_it_left_another() -> None:
    script = AUTO.format(row=3_000_000_000)
    target = table("t", "id integer SERIAL")
    found = findings(script, target)
    assert [f.rule for f in found] == ["identity-exhausted", "integer-out-of-range"]
    assert [f.rule for f in findings(script + MARK.format(seq=0), target)] == ["integer-out-of-range"]
