"""The HTML page on its own: no network, no script, and the facts that only it tells."""

from __future__ import annotations

import re

from migrate_to_pg.records import (
    Report,
)
from migrate_to_pg.report.html import to_html
from tests.unit.reports import (
    PUBLISHED,
    Page,
    check_all_tell,
)


def test_the_page_needs_no_network_and_no_script() -> None:
    page = to_html(PUBLISHED)
    assert "default-src &#x27;none&#x27;; style-src &#x27;unsafe-inline&#x27;" in page
    assert not {"script", "link", "img", "iframe", "object", "form"} & set(Page(page).elements)
    assert not re.search(r"url\(|@import|https?://", page)


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
