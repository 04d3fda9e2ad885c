"""Codes where ids belong."""

from __future__ import annotations

from tests.unit.rules.examined import check_finds, check_healthy, findings, keys, table, values

COURSE = table("courses_course", "id bigint", "code character varying(20)", "title text", unique=["code"])
CHILD = table("child", "id bigint", "course_id bigint", refers=[("course_id", "courses_course.id")])
CODES = """
    CREATE TABLE courses_course (id integer PRIMARY KEY, code varchar(20), title text);
    INSERT INTO courses_course VALUES (1, 'AGV211', ''), (2, 'AGV212', ''), (3, 'AGV213', '');
    CREATE TABLE child (id integer PRIMARY KEY, course_id varchar(20));
"""


def test_codes_where_ids_belong_are_recognised() -> None:
    script = CODES + "INSERT INTO child VALUES (1, 'AGV211'), (2, 'AGV212'), (3, 'AGV213'), (4, 'AGV211');"
    finding = check_finds("code-in-key", script, COURSE, CHILD)
    assert finding.count == 4
    assert "3 of 3 different texts are values of courses_course.code" in finding.explanation
    assert "declared varchar(20)" in finding.explanation
    assert values(finding)[0] == "text 'AGV211'"


def test_ids_written_as_text_are_told_from_codes() -> None:
    """A varchar column makes text of every id that is written to it."""
    script = CODES + "INSERT INTO child VALUES (1, 'AGV211'), (2, 2), (3, 3), (4, 'x'), (5, '007');"
    finding = check_finds("code-in-key", script, COURSE, CHILD)
    assert "1 of 5 different texts is a value of courses_course.code" in finding.explanation
    assert "2 of 5 different texts are whole numbers" in finding.explanation
    assert "2 of 5 different texts are neither" in finding.explanation


def test_texts_that_are_nothing_known_are_not_explained_away() -> None:
    finding = check_finds("wrong-storage-class", CODES + "INSERT INTO child VALUES (1, '?');", COURSE, CHILD)
    assert "different text" not in finding.explanation


def test_ids_written_as_text_alone_are_of_another_class() -> None:
    script = CODES + "INSERT INTO child VALUES (1, 1), (2, 'x');"
    finding = check_finds("wrong-storage-class", script, COURSE, CHILD)
    assert finding.count == 2
    assert "a whole number written as text (1)" in finding.explanation


def test_what_is_no_text_is_of_another_class() -> None:
    script = CODES.replace("course_id varchar(20)", "course_id bigint")
    script += "INSERT INTO child VALUES (1, 'AGV211'), (2, 1.5), (3, x'00'), (4, 3);"
    found = findings(script, COURSE, CHILD)
    assert [(f.rule, keys(f)) for f in found] == [("code-in-key", ["1"]), ("wrong-storage-class", ["2", "3"])]
    assert "Found here: 1 blob, 1 real." in found[1].explanation


def test_a_code_that_looks_like_an_id_is_a_code() -> None:
    script = CODES + "INSERT INTO courses_course VALUES (4, '2', ''); INSERT INTO child VALUES (1, 'AGV211'), (2, 2);"
    finding = check_finds("code-in-key", script, COURSE, CHILD)
    assert "2 of 2 different texts are values of courses_course.code" in finding.explanation
    assert "whole number" not in finding.explanation


def test_the_column_that_knows_most_of_the_texts_is_named() -> None:
    course = table("courses_course", "id bigint", "code character varying(20)", "title text", unique=["code", "title"])
    script = (
        CODES
        + "UPDATE courses_course SET title = 'title ' || id; INSERT INTO courses_course VALUES (4, 'title 1', '');"
    )
    script += "INSERT INTO child VALUES (1, 'title 1'), (2, 'title 2');"
    assert "courses_course.title: codes" in check_finds("code-in-key", script, course, CHILD).explanation


def test_a_text_column_that_is_not_unique_says_nothing() -> None:
    course = table("courses_course", "id bigint", "code character varying(20)", "title text")
    check_finds("wrong-storage-class", CODES + "INSERT INTO child VALUES (1, 'AGV211');", course, CHILD)


def test_a_key_of_codes_is_healthy() -> None:
    child = table(
        "child", "id bigint", "course_id character varying(20)", refers=[("course_id", "courses_course.code")]
    )
    check_healthy(CODES + "INSERT INTO child VALUES (1, 'AGV211');", COURSE, child)
