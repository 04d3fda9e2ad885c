"""What is read from a statement, what values mean, and why rows have another order."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import pytest

from migrate_to_pg.behaviour.queries.ask_both import Answer
from migrate_to_pg.behaviour.queries.inserted_values import doubtful_values
from migrate_to_pg.behaviour.queries.name_difference import Comparison
from migrate_to_pg.behaviour.queries.order import KeyedRow, name_order, sort_like_postgresql
from migrate_to_pg.behaviour.queries.pages import Frontier, links
from migrate_to_pg.behaviour.queries.shown_sql import names_secret, shown_sql
from migrate_to_pg.behaviour.queries.statement import Statement
from migrate_to_pg.behaviour.queries.values import meaning, show_rows, type_change


@pytest.mark.parametrize(
    ("sql", "is_ordered", "is_sliced", "has_unordered_slice"),
    [
        ("SELECT 1 FROM a ORDER BY b LIMIT 3", True, True, False),
        ("SELECT 'LIMIT 3 ORDER BY' FROM a -- ORDER BY b", False, False, False),
        ("SELECT a FROM (SELECT a FROM b ORDER BY a LIMIT 3) c", False, False, False),
        ("SELECT a FROM (SELECT a FROM b LIMIT 3) c ORDER BY a", True, False, True),
        ('SELECT "order", row_number() OVER (ORDER BY a) FROM b LIMIT 1', False, True, True),
    ],
)
def test_a_keyword_counts_at_its_own_level(
    sql: str, is_ordered: bool, is_sliced: bool, has_unordered_slice: bool
) -> None:
    found = Statement(sql)
    assert (found.is_ordered, found.is_sliced, found.has_unordered_slice) == (
        is_ordered,
        is_sliced,
        has_unordered_slice,
    )


def test_the_parts_of_a_statement_are_read() -> None:
    found = Statement("SELECT a FROM b ORDER BY lower(c) DESC, d NULLS LAST, 3 LIMIT %s OFFSET 4")
    assert found.order == (("lower(c)", True, ""), ("d", False, "LAST"), ("3", False, ""))
    assert found.slice((10,)) == (4, 14)
    assert Statement("SELECT a FROM b LIMIT 2, 3").slice(()) is None
    assert Statement("WITH x AS (SELECT 1) SELECT * FROM x").reads
    assert Statement("WITH x AS (SELECT 1) DELETE FROM a").writes
    assert Statement("UPDATE `A` SET b = (SELECT c FROM d.e)").tables == {"a", "e"}
    assert Statement("SELECT datetime('now')").is_volatile
    assert not Statement("SELECT now_or_never FROM a").is_volatile
    assert not Statement("SELECT a FROM b ORDER BY random()").draws_random_numbers


@pytest.mark.parametrize(
    ("sqlite", "postgresql", "changes"),
    [
        (1, True, True),
        (1.5, Decimal("1.50"), True),
        (99317.85000000002, Decimal("99317.85"), True),
        ("2026-07-01 12:00:00", datetime(2026, 7, 1, 12, tzinfo=UTC), True),
        ("2026-07-01", date(2026, 7, 1), True),
        (datetime(2026, 7, 1, 12), datetime(2026, 7, 1, 12, tzinfo=UTC), True),
        ("0" * 32, uuid.UUID(int=0), True),
        ('{"a": 1}', {"a": 1}, True),
        ('{"b": 2, "a": 1}', '{"a": 1, "b": 2}', False),
        (0.1 + 0.2, 0.3, False),
        ([1, 1e300, -2.5e20], [1, 10**300, -250 * 10**18], False),
        ('{"a": 1e400}', {"a": 10**400}, True),
        (b"a", memoryview(b"a"), False),
    ],
)
def test_equal_values_of_another_type_are_told_apart_from_others(sqlite: Any, postgresql: Any, changes: bool) -> None:
    assert meaning(sqlite) == meaning(postgresql)
    assert (type_change([(sqlite,)], [(postgresql,)]) is not None) is changes


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("1", 1),
        (2**60, 2**60 + 1),
        (10**20, 10**20 + 1),
        ([1], [True]),
        ([1], ["1"]),
        ("a", "A"),
        (None, ""),
        ("{a", "{b"),
    ],
)
def test_other_values_mean_something_else(one: Any, other: Any) -> None:
    assert meaning(one) != meaning(other)


def keyed(*keys: Any) -> list[KeyedRow]:
    return [KeyedRow((number,), (key,)) for number, key in enumerate(keys)]


@pytest.mark.parametrize(
    ("keys", "theirs", "rules"),
    [
        ((None, 1, 2), [1, 2, 0], ("order-nulls",)),
        (("B", "a", "c"), [1, 0, 2], ("order-text",)),
        ((1, 1, 2), [1, 0, 2], ("order-ties",)),
        ((None, "B", "a"), [2, 1, 0], ("order-nulls", "order-text")),
        ((1, 2, 3), [1, 2, 9], ()),
    ],
)
def test_the_rows_that_moved_say_why(keys: tuple[Any, ...], theirs: list[int], rules: tuple[str, ...]) -> None:
    statement = Statement("SELECT a FROM b ORDER BY c")
    rows = keyed(*keys)
    assert name_order(statement, rows, [row.row for row in rows], [(n,) for n in theirs], slice(0, None)) == rules


def test_nulls_are_the_greatest_where_nothing_else_is_said() -> None:
    def order(item: str) -> list[Any]:
        sorted_rows = sort_like_postgresql(keyed(2, None, 3, 1), Statement(f"SELECT a FROM b ORDER BY c {item}").order)
        return [row.keys[0] for row in sorted_rows]

    assert order("ASC") == order("NULLS LAST") == [1, 2, 3, None]
    assert order("DESC") == order("DESC NULLS FIRST") == [None, 3, 2, 1]
    assert order("ASC NULLS FIRST") == [None, 1, 2, 3]
    assert order("DESC NULLS LAST") == [3, 2, 1, None]


@pytest.mark.parametrize(
    "values",
    [
        (date(2026, 1, 2), date(2026, 10, 1)),
        (datetime(2026, 1, 1), datetime(2026, 1, 1, 0, 0, 0, 5)),
        (datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 2, 1, tzinfo=UTC)),
        (time(9), time(10, 30)),
        (timedelta(days=2), timedelta(days=10)),
        (Decimal("9.5"), Decimal(10)),
        (False, True),
        (uuid.UUID(int=1), uuid.UUID(int=2)),
        (memoryview(b"a"), b"b"),
        ({"a": 1}, {"a": 2}),
    ],
)
def test_values_of_every_type_are_ordered_beside_nulls(values: tuple[Any, Any]) -> None:
    order = Statement("SELECT a FROM b ORDER BY c DESC").order
    sorted_rows = sort_like_postgresql(keyed(values[0], None, values[1]), order)
    assert [row.keys[0] for row in sorted_rows] == [None, values[1], values[0]]


def test_rows_that_differ_are_shown_and_of_long_ones_the_column() -> None:
    def both(sql: str, ours: list[Any], theirs: list[Any]) -> tuple[str, str]:
        given: dict[str, Any] = {
            "again": None,
            "sources": None,
            "copy": None,
            "site": None,
            "is_raw": False,
            "hidden": set(),
        }
        given |= {"ours": Answer(tuple(ours), sql=sql), "theirs": Answer(tuple(theirs), sql=sql)}
        (found,) = Comparison(**given).differences()
        return found.sqlite, found.postgresql

    rows = [(1, "x" * 90, "a"), (2, "x" * 90, "b"), (3, "x" * 90, "c"), (4, "x" * 90, "d")]
    assert both("SELECT a FROM t", rows, [*reversed(rows[:3]), (4, "x" * 90, "e")]) == ("'d'", "'e'")
    assert both("SELECT a FROM t", [(1,), (2,), (3,)], [(2,), (3,)]) == ("1", "")


def test_text_is_no_cause_where_both_order_it_by_code_points() -> None:
    order = Statement("SELECT a FROM b ORDER BY c LIMIT 1")
    rows = keyed("A", "a")
    arguments = (order, rows, [rows[0].row], [rows[1].row], slice(0, 1))
    assert name_order(*arguments, is_by_code=True) == ()
    assert name_order(*arguments) == ("order-text",)


def test_secret_values_are_not_shown() -> None:
    assert show_rows([("anna", "pbkdf2$x")], secret={1}) == "('anna', '***')"
    sql = "SELECT id FROM auth_user WHERE password = 'pbkdf2$x'"
    assert names_secret(sql)
    assert not names_secret("SELECT id FROM auth_user WHERE username = 'anna'")
    assert shown_sql(sql, is_secret=True) == "SELECT id FROM auth_user WHERE password = '***'"
    # To SQLite what is in double quotes is text, where no column has that name.
    sql = 'SELECT U0."password" AS "p" FROM "auth_user" U0 WHERE "p" = "pbkdf2$x" AND otp = 123456 LIMIT 5'
    shown = 'SELECT U0."password" AS "p" FROM "auth_user" U0 WHERE "p" = "***" AND otp = *** LIMIT 5'
    assert shown_sql(sql, is_secret=True) == shown
    assert shown_sql(sql, is_secret=False) == sql


def test_an_expression_in_an_insert_is_left_to_the_database() -> None:
    assert doubtful_values([object()], [object()], (1, 2), None) == ()


def test_links_of_the_same_host_are_followed_a_bounded_number_of_times() -> None:
    page = '<a href="b?x=1#y">1</a><a href="/c">2</a><a href="https://other/d">3</a><a href="mailto:a@b">4</a>'
    assert links(page, "/a/", "testserver") == ["/a/b?x=1", "/c"]
    assert links("<loc>http://testserver/d/</loc>", "/sitemap.xml", "testserver") == ["/d/"]
    frontier = Frontier(6)
    frontier.add([f"/a?page={number}" for number in range(50)] + ["/a", "/b", "/c", "/d"])
    assert len(list(frontier)) == 6
