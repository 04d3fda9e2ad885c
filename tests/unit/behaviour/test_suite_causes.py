"""Why a test fails on PostgreSQL alone: which of several errors counts, and what is grouped."""

from dataclasses import replace
from pathlib import Path

import pytest
from django.conf import settings

from migrate_to_pg.behaviour.records import Effect, Occurrence, Place
from migrate_to_pg.behaviour.suite.causes import occurrences_of
from migrate_to_pg.behaviour.suite.run_suite import Failure, Outcome


@pytest.fixture(autouse=True)
def base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(settings, "BASE_DIR", tmp_path)
    return tmp_path


def error(base: Path, file: str, line: int, sqlstate: str = "42883", **more: str) -> Failure:
    frames = ((str(base / "shop" / "tests.py"), 5, False), (str(base / file), line, False), ("/django/db.py", 1, False))
    message = more.get("message", "function ifnull(integer) does not exist")
    kind = more.get("type", "ProgrammingError")
    return Failure(type=kind, message=message, sqlstate=sqlstate, sql="", is_assertion=False, frames=frames)


def asserted(base: Path, line: int, message: str) -> Failure:
    frames = ((str(base / "shop" / "tests.py"), line, False),)
    return Failure(type="AssertionError", message=message, sqlstate="", sql="", is_assertion=True, frames=frames)


def found(*failing: tuple[Outcome, Outcome | None]) -> list[Occurrence]:
    return [*occurrences_of(failing)]


PASSED = Outcome("t", "passed", [], [])


def test_tests_that_fail_by_one_line_are_one_occurrence(base: Path) -> None:
    failing = [(Outcome(f"t{n}", "error", [error(base, "shop/code.py", 7)], []), PASSED) for n in range(8)]
    (one,) = found(*failing)
    assert (one.rule, one.place, one.count) == ("unknown-function", Place(file="shop/code.py", line=7), 8)
    assert one.effect is Effect.ERROR
    assert one.explanation == "Seen by t0, t1, t2, t3, t4 and 3 more."


def test_assertions_of_one_line_are_apart_unless_they_say_the_same(base: Path) -> None:
    failing = [
        (Outcome(name, "failed", [asserted(base, 9, message)], []), PASSED)
        for name, message in (("a", "1 != 2"), ("b", "1 != 2"), ("c", "3 != 2"))
    ]
    first, second = found(*failing)
    assert (first.rule, first.place.name, first.count) == ("test-fails", "a", 2)
    assert (second.place.name, second.effect) == ("c", Effect.DIFFERENT)


def test_an_error_that_was_caught_is_the_cause_unless_sqlite_raised_it_as_well(base: Path) -> None:
    caught = error(base, "shop/code.py", 7)
    failing = Outcome("t", "failed", [asserted(base, 9, "503 != 200")], [caught])
    (cause,) = found((failing, PASSED))
    assert cause.place == Place(file="shop/code.py", line=7)
    for known in (error(base, "shop/code.py", 8, ""), error(base, "shop/code.py", 7, "", type="OperationalError")):
        (other,) = found((failing, Outcome("t", "passed", [], [known])))
        assert other.rule == "test-fails"


def test_what_a_statement_with_a_secret_says_is_not_repeated(base: Path) -> None:
    message = 'invalid input syntax for type integer: "hunter2"'
    sql = "SELECT id FROM auth_user WHERE password = 'hunter2'"
    failure = replace(error(base, "shop/code.py", 7, "22P02", message=message), sql=sql)
    (one,) = found((Outcome("t", "error", [failure], []), PASSED))
    assert one.postgresql == 'ProgrammingError: invalid input syntax for type integer: "***"'
    assert one.sql == "SELECT id FROM auth_user WHERE password = '***'"


def test_a_refused_transaction_is_reported_where_it_was_broken(base: Path) -> None:
    first = error(base, "shop/code.py", 7, "23505", type="IntegrityError", message="duplicate key value")
    later = error(base, "shop/code.py", 12, "25P02", type="InternalError", message="current transaction is aborted")
    on_sqlite = Outcome("t", "passed", [], [replace(first, sqlstate="")])
    (one,) = found((Outcome("t", "error", [later], [first, later]), on_sqlite))
    assert (one.rule, one.place.line) == ("caught-in-transaction", 7)


def test_a_function_that_executes_what_it_is_given_is_not_at_fault(base: Path) -> None:
    code = str(base / "shop" / "code.py")
    given = replace(error(base, "shop/code.py", 3), frames=((code, 20, False), (code, 3, True)))
    (one,) = found((Outcome("t", "error", [given], []), PASSED))
    assert one.place.line == 20
