"""The HTML page on its own: no network, no script, and the facts that only it tells."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from migrate_to_pg.records import Report, Verification, Verify
from migrate_to_pg.report.to_html import MISSING, to_html
from tests.unit.reports import (
    FAILED,
    MENDED,
    PUBLISHED,
    Page,
    aside,
    changed,
    check_all_tell,
    difference,
    finding,
    poisoned,
    table,
    unequal,
)

BLOCKED = replace(FAILED, findings=(finding(), finding(column="b", rule="text-too-long")), continue_with="again")
UNEQUAL = replace(FAILED, verification=unequal(difference(), difference(kind="missing", source=None, target=None)))


def test_the_page_needs_no_network_and_no_script() -> None:
    page = to_html(PUBLISHED)
    assert "default-src 'none'; style-src 'unsafe-inline'" in page
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(Page(page).elements)
    assert not re.search(r"url\(|@import|https?://", page)


@pytest.mark.parametrize(
    "report", [PUBLISHED, MENDED, BLOCKED, UNEQUAL, poisoned("x"), Report(ok=False, mode="", started="")]
)
def test_the_page_has_all_that_its_template_asks_for(report: Report) -> None:
    assert MISSING.partition("%")[0] not in to_html(report)


def test_the_page_reads_in_the_dark_and_on_paper() -> None:
    assert "prefers-color-scheme: dark" in to_html(PUBLISHED)
    assert "@media print" in to_html(PUBLISHED)


def test_the_bar_of_a_stage_is_its_part_of_the_time() -> None:
    assert "margin-left:0.00%;width:25.00%" in to_html(PUBLISHED)
    assert "margin-left:25.00%;width:75.00%" in to_html(PUBLISHED)


def test_the_page_tells_identities_versions_and_how_to_check() -> None:
    text = Page(to_html(PUBLISHED)).text
    for fact in ("courses_course.id", "1,008", "Django", "6.1", "sha256sum /srv/db.sqlite3", "aa" * 32):
        assert fact in text


def test_an_empty_report_renders_everywhere() -> None:
    check_all_tell(Report(ok=False, mode="check", started=""), "The run did not succeed.")
    assert Page(to_html(Report(ok=False, mode="check", started=""))).elements.count("h2") == 0


def test_a_verdict_of_two_lines_has_two_lines() -> None:
    head = to_html(MENDED).partition("<h1>")[2].partition("</h1>")[0]
    assert "\\n" not in head
    assert len(head.splitlines()) == 2


def test_the_findings_of_a_rule_are_one_card_that_says_all_that_became_of_them() -> None:
    gone = finding(rule="foreign-key-orphan", column="other_id", applied=True, quarantinable=True)
    cells = changed(rule="foreign-key-orphan", table="attributions_attribution", column="course_id", count=3)
    kept = finding(applied=True, repair="lossy")
    report = replace(MENDED, findings=(kept, gone), changed=(cells,), removed=(aside(),))
    page = to_html(report)
    assert page.count('id="foreign-key-orphan"') == 1
    card = page.partition('id="foreign-key-orphan"')[2].partition("</summary>")[0]
    assert "Key without a parent row" in card
    assert "2 places, 6 rows" in card
    assert card.count("chip ") == 2


def test_what_is_wrong_comes_before_tables_and_times() -> None:
    page = to_html(replace(FAILED, findings=(finding(),), continue_with="python manage.py migrate_to_pg --fix x"))
    order = ["python manage.py migrate_to_pg --fix x", 'id="findings"', 'id="tables"', 'id="stages"']
    assert sorted(order, key=page.index) == order


def test_findings_and_long_parts_are_folded_on_paper_as_well() -> None:
    page = to_html(replace(FAILED, findings=(finding(),)))
    assert '<details class="card error" id="foreign-key-orphan">' in page
    assert "details-content" not in page
    many = tuple(table(f"t{i}") for i in range(26))
    folded = to_html(replace(PUBLISHED, verification=Verification(verify=Verify.CELLS, tables=many)))
    assert '<details class="part" id="tables">' in folded
    assert '<details class="part" id="tables" open="open">' in to_html(PUBLISHED)


def test_every_part_is_in_the_list_of_contents() -> None:
    page = to_html(MENDED)
    links = re.findall(r'<a href="#([^"]+)">', page.partition("<nav")[2].partition("</nav>")[0])
    parts = re.findall(r'<(?:section|details class="part") id="([^"]+)"', page)
    assert links == parts
    assert len(parts) > 5
