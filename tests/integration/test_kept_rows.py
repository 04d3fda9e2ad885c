"""Rows that a repair keeps are not left out by a collective name, and what is left out is counted beforehand."""

from __future__ import annotations

import dataclasses
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

import pytest

from migrate_to_pg.errors import UsageError
from migrate_to_pg.examine import examine
from migrate_to_pg.planning import make_plan, read_source
from migrate_to_pg.records import Advice, TargetTable
from migrate_to_pg.records.repairs import RowOutcome
from migrate_to_pg.row_repair.engine import Accepted, accept, count_left_out, repair_rows
from migrate_to_pg.row_repair.journal import changed_cells, removed_rows
from migrate_to_pg.rules import RULES, accepted_rules
from migrate_to_pg.rules.advice import advise
from tests.unit.rules.examined import findings, make, table
from tests.unit.rules.mended import mended

ALL = ("all",)
COUPON = table("coupon", "id bigint", "valid_until date NULL")
ORDER = table("orders", "id bigint", "coupon_id bigint", refers=[("coupon_id", "coupon.id")])
LINE = table(
    "line", "id bigint", "order_id bigint", "gift_id bigint NULL",
    refers=[("order_id", "orders.id"), ("gift_id", "orders.id")],
)  # fmt: skip
SHOP = (COUPON, ORDER, LINE)
#: Coupon 1 has the empty text for a date, coupon 2 a day that no calendar has, coupon 3 nothing wrong.
SCRIPT = """
    CREATE TABLE coupon (id integer PRIMARY KEY, valid_until);
    CREATE TABLE orders (id integer PRIMARY KEY, coupon_id integer);
    CREATE TABLE line (id integer PRIMARY KEY, order_id integer, gift_id integer);
    INSERT INTO coupon VALUES (1, ''), (2, '2023-02-30'), (3, '2024-01-31');
    INSERT INTO orders VALUES (11, 1), (12, 1), (21, 2), (31, 3);
    INSERT INTO line VALUES (111, 11, NULL), (112, 12, NULL), (211, 21, NULL), (311, 31, 21), (312, 31, NULL);
"""


def journal_of(
    folder: Path, script: str, *targets: TargetTable, fix: tuple[str, ...], quarantine: tuple[str, ...]
) -> Path:
    """The journal of the repairs."""
    path, working, journal = (folder / name for name in ("copy", "working", "journal"))
    make(path, script)
    catalog = read_source(path)
    plan = make_plan(catalog, targets, source_time_zone="UTC")
    accepted = accept(fix, quarantine)
    found = examine(plan, catalog, path, accepted=accepted.fix, progress=lambda _: None)
    repair_rows(
        plan, catalog, path, found, accepted=accepted, working=working, journal=journal, progress=lambda _: None
    )
    return journal


def left_out(script: str, *targets: TargetTable, fix: tuple[str, ...], quarantine: tuple[str, ...]) -> tuple[int, int]:
    """How many rows go into quarantine, and how many of them for their parents' sake."""
    with tempfile.TemporaryDirectory() as folder:
        journal = journal_of(Path(folder), script, *targets, fix=fix, quarantine=quarantine)
        gone = [rows for rows in removed_rows(journal) if rows.outcome is RowOutcome.QUARANTINED]
        return sum(rows.count for rows in gone), sum(rows.following for rows in gone)


def counted(script: str, *targets: TargetTable, fix: tuple[str, ...] = ()) -> tuple[int, int, bool]:
    """What a trial says of the same findings."""
    with tempfile.TemporaryDirectory() as folder:
        path, working, journal = (Path(folder) / name for name in ("copy", "working", "journal"))
        make(path, script)
        catalog = read_source(path)
        plan = make_plan(catalog, targets, source_time_zone="UTC")
        accepted = accept(fix, ())
        found = examine(plan, catalog, path, accepted=accepted.fix, progress=lambda _: None)
        rules = frozenset(f.rule for f in found if f.quarantinable)
        done = count_left_out(
            plan, catalog, path, found, fix=accepted.fix, quarantine=rules, working=working, journal=journal
        )
        assert [child.name for child in Path(folder).iterdir()] == ["copy"]
        return done.at_least, done.without_repairs, done.nullable_left


def test_all_takes_the_rows_that_no_repair_keeps_and_no_others() -> None:
    done = mended(SCRIPT, *SHOP, accepted=accept((), ALL))
    # Order 21 needs its coupon; the gift of line 311 could be NULL.
    assert [(table, row) for _, table, row, *_ in done.removed] == [("coupon", 2), ("orders", 21), ("line", 211)]
    assert [standing[:2] for standing in done.remaining] == [
        ("malformed-date", "coupon"),
        ("foreign-key-orphan", "line"),
    ]
    assert [(f.repair, f.repairable) for f in done.findings if f.blocks] == [("lossy", 1), ("lossy", 1)]


def test_with_the_repairs_accepted_nothing_stands_and_no_more_is_left_out() -> None:
    done = mended(SCRIPT, *SHOP, accepted=accept(("malformed-date", "foreign-key-orphan"), ALL))
    assert [(table, row) for _, table, row, *_ in done.removed] == [("coupon", 2), ("orders", 21), ("line", 211)]
    assert done.remaining == []


def test_a_rule_that_is_named_is_taken_at_its_word() -> None:
    done = mended(SCRIPT, *SHOP, accepted=accept((), ("malformed-date",)))
    assert sorted((table, row) for _, table, row, *_ in done.removed) == [
        ("coupon", 1), ("coupon", 2), ("line", 111), ("line", 112), ("line", 211), ("line", 311),
        ("orders", 11), ("orders", 12), ("orders", 21),
    ]  # fmt: skip
    assert done.remaining == []


def test_the_rows_that_follow_others_are_told_apart() -> None:
    assert left_out(SCRIPT, *SHOP, fix=(), quarantine=("malformed-date",)) == (9, 7)
    assert left_out(SCRIPT, *SHOP, fix=("lossy",), quarantine=ALL) == (3, 2)


def test_the_keys_that_follow_are_told_from_those_whose_row_never_existed(tmp_path: Path) -> None:
    script = SCRIPT + "INSERT INTO line VALUES (313, 31, 99), (314, 31, 98);"
    journal = journal_of(tmp_path, script, *SHOP, fix=("lossy",), quarantine=ALL)
    (gifts,) = [cells for cells in changed_cells(journal) if cells.rule == "foreign-key-orphan"]
    assert (gifts.column, gifts.count, gifts.following) == ("gift_id", 3, 1)
    # An earlier version has not written which.
    with closing(sqlite3.connect(journal)) as database:
        database.execute("ALTER TABLE changed DROP COLUMN follows")
    assert [cells.following for cells in changed_cells(journal)] == [0, 0]


def test_rows_that_the_run_leaves_out_are_not_said_to_be_missing() -> None:
    (gift,) = [f for f in mended(SCRIPT, *SHOP, accepted=accept((), ALL)).findings if f.rule == "foreign-key-orphan"]
    assert gift.count == 1
    assert gift.explanation.startswith("1 row refers to a row of orders (id) that SQLite has, and that this run leaves")
    assert "Other programs" not in gift.explanation
    assert gift.remedy == (
        "Repair the rows that are left out, so that they stay, or set the keys that refer to them to NULL."
    )
    missing = SCRIPT + "INSERT INTO line VALUES (313, 31, 99), (314, 31, 98);"
    (gift,) = [f for f in mended(missing, *SHOP, accepted=accept((), ALL)).findings if f.column == "gift_id"]
    assert gift.count == 3
    assert gift.explanation.startswith("2 rows refer to rows of orders (id) that do not exist.")
    assert gift.explanation.endswith(
        " 1 row refers to a row of orders (id) that SQLite has, and that this run leaves out: it is in quarantine."
    )
    assert "To see them all:" in gift.remedy


@pytest.mark.parametrize(("fix", "expected"), [((), (3, 9, True)), (("malformed-date",), (3, 4, True))])
def test_a_trial_counts_what_quarantine_would_leave_out(fix: tuple[str, ...], expected: tuple[int, int, bool]) -> None:
    assert counted(SCRIPT, *SHOP, fix=fix) == expected


def test_the_advice_keeps_what_can_be_kept_and_goes_through() -> None:
    advice = advise(findings(SCRIPT, *SHOP), fix=(), quarantine=(), nullable_left=True)
    assert advice == Advice(fix=("foreign-key-orphan", "malformed-date"), quarantine=ALL)
    done = mended(SCRIPT, *SHOP, accepted=accept(advice.fix, advice.quarantine))
    assert done.remaining == []
    assert len(done.removed) == counted(SCRIPT, *SHOP)[0]


def test_no_quarantine_is_advised_where_repairs_keep_every_row() -> None:
    script = SCRIPT + "UPDATE coupon SET valid_until = '' WHERE id = 2;"
    assert advise(findings(script, *SHOP), fix=(), quarantine=()) == Advice(fix=("malformed-date",))


def test_the_advice_goes_on_from_what_was_accepted() -> None:
    found = findings(SCRIPT, *SHOP, accepted=accepted_rules(["all"]))
    assert advise(found, fix=("all",), quarantine=("refused-row",)) == Advice(
        fix=("all", "malformed-date"), quarantine=("refused-row", "all")
    )


# --- groups of repairs ---


def test_lossless_is_what_all_stood_for_and_lossy_is_every_repair_but_a_merge() -> None:
    repairs = {rule.id: rule.repair for rule in RULES if rule.repair}
    assert accepted_rules(["lossless"]) == accepted_rules(["all"]) == {r for r in repairs if repairs[r] == "lossless"}
    assert accepted_rules(["lossy"]) == repairs.keys() - {"duplicate-key"}
    assert accepted_rules(["lossy", "merge-duplicates"]) == repairs.keys()
    with pytest.raises(UsageError) as refused:
        accepted_rules(["whatever"])
    assert "lossless (also all) or lossy" in refused.value.remedy
    with pytest.raises(UsageError) as refused:
        accepted_rules(["lossles"])
    assert refused.value.remedy == "Did you mean lossless?"


BOOLEANS = "CREATE TABLE t (id integer PRIMARY KEY, v bool); INSERT INTO t VALUES (1, 'true')"


@pytest.mark.parametrize(
    ("fix", "value"),
    [(("lossy",), 0), (("lossless",), 0), (("boolean-value",), 1), (("lossy", "boolean-value"), 1)],
)
def test_of_two_repairs_a_group_makes_the_lossless_one_and_a_name_its_own(fix: tuple[str, ...], value: int) -> None:
    """Django reads False of 'true' in such a column; a user would become somebody else's superuser."""
    done = mended(BOOLEANS, table("t", "id bigint", "v boolean"), accepted=accept(fix, ()))
    assert done.rows["t"] == [(1, value)]


def test_no_lossy_repair_is_advised_where_a_lossless_one_keeps_the_value() -> None:
    found = findings(BOOLEANS, table("t", "id bigint", "v boolean"))
    assert advise(found, fix=(), quarantine=()) == Advice(fix=("lossless",))


PLACES = (
    table("place", "id bigint", "code text", unique=["code"]),
    table("visit", "id bigint", "place_id bigint", refers=[("place_id", "place.id")]),
)
DUPLICATES = """
    CREATE TABLE place (id integer PRIMARY KEY, code);
    CREATE TABLE visit (id integer PRIMARY KEY, place_id);
    INSERT INTO place VALUES (1, 'a'), (2, 'a');
    INSERT INTO visit VALUES (7, 2);
"""


def test_duplicates_are_neither_merged_nor_left_out_by_a_collective_name() -> None:
    done = mended(DUPLICATES, *PLACES, accepted=accept(("lossy",), ALL))
    assert (done.removed, done.remaining) == ([], [("duplicate-key", "place", "code", 1)])
    unnamed = advise(done.findings, fix=("lossy",), quarantine=ALL)
    assert unnamed == Advice(fix=("lossy",), quarantine=("all", "duplicate-key"))
    advice = advise(done.findings, fix=("lossy",), quarantine=ALL, merge=True)
    assert advice.fix == ("lossy", "merge-duplicates")
    merged = mended(DUPLICATES, *PLACES, accepted=accept(advice.fix, advice.quarantine))
    assert (merged.remaining, merged.rows["visit"]) == ([], [(7, 1)])
    named = mended(DUPLICATES, *PLACES, accepted=accept(("lossy",), ("duplicate-key",)))
    assert [(table, row) for _, table, row, *_ in named.removed] == [("place", 2), ("visit", 7)]


def test_duplicates_that_cannot_be_merged_are_left_out_by_all() -> None:
    visit = dataclasses.replace(PLACES[1], primary_key=("place_id",), uniques=())
    script = DUPLICATES.replace("id integer PRIMARY KEY, place_id", "id, place_id integer PRIMARY KEY")
    done = mended(script, PLACES[0], visit, accepted=accept((), ALL))
    assert [(table, row) for _, table, row, *_ in done.removed] == [("place", 2), ("visit", 2)]


def test_names_alone_mean_what_they_meant() -> None:
    accepted = accept(("malformed-date",), ("check-constraint",))
    assert accepted == Accepted(fix=frozenset({"malformed-date"}), quarantine=frozenset({"check-constraint"}))
