"""A run in whose way findings stand: what its last screen holds, and that nothing in it is said twice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from migrate_to_pg.records import Failure, Level, Report
from migrate_to_pg.report.to_text import lines
from tests.unit.reports import FAILED, PUBLISHED, finding, terminal, without_colours

COMMAND = (
    "python manage.py migrate_to_pg --rehearse --source /srv/shop/db.sqlite3 --target postgres://app@db.example.org/shop"
    " --fix foreign-key-orphan,text-too-long --quarantine check-constraint"
)
STOPPED = Failure(message="3 findings stand in the way.", detail=(), remedy="", exit_status=1)
#: Two lossy repairs and one quarantine.
BLOCKED = replace(
    FAILED,
    source=None,
    target=None,
    loaded=(),
    verification=None,
    failure=STOPPED,
    findings=(
        finding(repair="lossy", quarantinable=True),
        finding(rule="text-too-long", table="courses_course", column="name", count=1_200, repair="lossy"),
        finding(rule="check-constraint", table="courses_course", column="", count=2, quarantinable=True),
        finding(rule="leftover-table", table="old", column="", level=Level.WARNING),
    ),
    continue_with=COMMAND,
    directory="/srv/shop/migrate_to_pg_report/20260112-100000",
)


def last_screen(report: Report, width: int = 80, height: int = 30) -> list[str]:
    """What a terminal shows when it is over, the prompt below it; a terminal folds what is not broken."""
    shown = [text.rstrip() for text in without_colours(terminal(report, width)).splitlines()]
    folded = [text[i : i + width] for text in shown for i in range(0, max(len(text), 1), width)]
    return folded[-(height - 1) :]


def many(rules: int, places: int) -> Report:
    """So many rules, each in so many columns."""
    found = tuple(
        finding(rule=f"rule-{r}", table="shop_order", column=f"column_{p}", repair="lossless")
        for r in range(rules)
        for p in range(places)
    )
    return replace(BLOCKED, findings=found)


def test_the_last_screen_has_the_verdict_a_table_a_command_and_the_report() -> None:
    shown = last_screen(BLOCKED)
    start = shown.index("3 findings stand in the way. Nothing was published.")
    assert [text.split() for text in shown[start + 2 : start + 6]] == [
        ["Rule", "Where", "Repair", "Rows"],
        ["foreign-key-orphan", "attributions_attribution.course_id", "lossy", "3"],
        ["text-too-long", "courses_course.name", "lossy", "1,200"],
        ["check-constraint", "courses_course", "none", "(quarantine)", "2"],
    ]
    assert "To go on:" in shown
    assert shown[-1].startswith("Report: /srv/shop/migrate_to_pg_report/20260112-100000/report.html")


@pytest.mark.parametrize("report", [BLOCKED, many(1, 14), many(3, 9), many(14, 2), many(40, 3)])
def test_however_much_was_found_the_end_fits_one_screen(report: Report) -> None:
    shown = last_screen(report)
    assert "3 findings stand in the way. Nothing was published." in shown


def test_the_command_is_one_line_that_can_be_copied() -> None:
    for shown in (without_colours(terminal(BLOCKED)).splitlines(), lines(BLOCKED)):
        assert f"  {COMMAND}" in shown


def test_a_query_is_one_line_to_copy_after_its_sentence() -> None:
    query = 'SELECT * FROM "shop_order" WHERE "{}" IS NOT NULL AND ("{}") NOT IN (SELECT "id" FROM "shop_customer");'
    found = tuple(
        finding(
            table="shop_order",
            column=column,
            remedy=f"Delete the rows. To see them all:\n{query.format(column, column)}",
        )
        for column in ("buyer_id", "payer_id")
    )
    report = replace(BLOCKED, findings=found)
    for shown in (without_colours(terminal(report)).splitlines(), lines(report)):
        for column in ("buyer_id", "payer_id"):
            before = shown[shown.index(f"     {query.format(column, column)}") - 1]
            assert before.endswith("To see them all:")
        assert len([text for text in shown if "Delete the rows." in text]) == 1


def test_places_of_one_rule_are_one_line_where_all_of_them_would_not_fit() -> None:
    shown = [text.split() for text in last_screen(many(3, 9))]
    assert ["rule-0", "9", "places", "lossless", "27"] in shown
    few = [text.split() for text in last_screen(many(3, 2))]
    assert ["rule-2", "shop_order.column_1", "lossless", "3"] in few


def test_rules_that_do_not_fit_are_counted() -> None:
    assert "and 26 more rules" in [text.strip() for text in last_screen(many(40, 3))]


def test_findings_of_one_rule_stand_together_and_say_each_sentence_once() -> None:
    first = finding(explanation="PostgreSQL would refuse these values. Of them, 38 are empty.", remedy="Correct them.")
    other = finding(rule="nul-in-text", explanation="A text holds NUL.")
    second = replace(first, column="other", explanation="PostgreSQL would refuse these values. Of them, 2 are empty.")
    text = "\n".join(lines(replace(BLOCKED, findings=(first, other, second))))
    assert text.index("Of them, 38 are empty.") < text.index("Of them, 2 are empty.") < text.index("A text holds NUL.")
    for sentence in ("PostgreSQL would refuse these values.", "Correct them."):
        assert text.count(sentence) == 1


def test_what_no_option_repairs_is_named_before_the_command() -> None:
    report = replace(BLOCKED, findings=(finding(), finding(rule="system-check"), finding(column="b")))
    expected = "First do what these findings say (foreign-key-orphan, system-check), then:"
    assert expected in " ".join(" ".join(last_screen(report)).split())


def test_a_run_that_succeeded_ends_with_the_path_of_its_report_too() -> None:
    report = replace(PUBLISHED, directory=BLOCKED.directory)
    assert lines(report)[-1] == f"Report: {BLOCKED.directory}/report.html"
