"""Which views give something else each time they are read."""

import pytest

from migrate_to_pg.leftovers import is_volatile

FIXED = {"plain": "SELECT id, date(born), strftime('%Y', born) FROM person"}


@pytest.mark.parametrize(
    "expression",
    [
        "random()",
        "hex(RandomBlob (4))",
        "date('now')",
        "datetime( 'now', '-1 day')",
        "strftime('%s', 'now')",
        "julianday()",
        "date(coalesce(NULL, 'now'))",
        'datetime("now")',
        "strftime( '%f' )",
        "CURRENT_TIMESTAMP",
        "last_insert_rowid()",
    ],
)
def test_one_that_asks_for_the_moment_does(expression: str) -> None:
    views = FIXED | {"own": f"SELECT {expression}, id FROM person"}
    assert is_volatile("own", views)
    assert not is_volatile("plain", views)


def test_one_that_reads_such_a_view_does_whatever_lies_between() -> None:
    views = FIXED | {
        "dice": "SELECT random() AS n",
        "between them": "SELECT * FROM Dice",
        "top": 'SELECT * FROM "between them"',
    }
    assert is_volatile("top", views)


def test_views_that_name_each_other_come_to_an_end() -> None:
    assert not is_volatile("a", {"a": "SELECT * FROM b", "b": "SELECT * FROM a"})
