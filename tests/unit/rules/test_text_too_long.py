"""Text of more characters than the column takes, counted as PostgreSQL counts."""

from __future__ import annotations

from tests.unit.rules.examined import check_finds, check_healthy, keys, table, values

TARGET = table("t", "id bigint", "v character varying(3) NULL")
TABLE = "CREATE TABLE t (id integer PRIMARY KEY, v varchar(3));"


def test_three_characters_are_three_whatever_their_bytes() -> None:
    check_healthy(TABLE + "INSERT INTO t VALUES (1, 'abc'), (2, 'éèê'), (3, '😀😀😀'), (4, ''), (5, NULL);", TARGET)


def test_longer_text_is_counted_and_shown() -> None:
    finding = check_finds(
        "text-too-long", TABLE + "INSERT INTO t VALUES (1, 'abcd'), (2, 'abc'), (3, 'éèêëé');", TARGET
    )
    assert (finding.table, finding.column, finding.count) == ("t", "v", 2)
    assert keys(finding) == ["1", "3"]
    assert values(finding) == ["'abcd'", "'éèêëé'"]
    assert "character varying(3)" in finding.explanation
    assert "The longest has 5 characters" in finding.explanation
    assert 'length("v") > 3' in finding.remedy


def test_excess_spaces_are_a_fault_because_postgresql_cuts_them_silently() -> None:
    finding = check_finds("text-too-long", TABLE + "INSERT INTO t VALUES (1, 'abc  '), (2, 'abcd');", TARGET)
    assert finding.count == 2
    assert "1 of them is too long by spaces alone" in finding.explanation


def test_char_has_a_length_too() -> None:
    target = table("t", "id bigint", "v character(3) NULL")
    check_finds("text-too-long", TABLE + "INSERT INTO t VALUES (1, 'abcd');", target)


def test_text_has_none() -> None:
    check_healthy(TABLE + "INSERT INTO t VALUES (1, 'abcd');", table("t", "id bigint", "v text"))


def test_a_long_value_is_cut_and_its_strange_characters_are_shown() -> None:
    finding = check_finds(
        "text-too-long", TABLE + f"INSERT INTO t VALUES (1, 'a\tb''\\' || char(8238) || '{'é' * 90}');", TARGET
    )
    (value,) = values(finding)
    assert value.startswith("'a\\tb'\\\\\\u202eééé")
    assert value.endswith("é…")
    assert len(value) == 80
