"""report.html as it is mailed: opened from a file, with no network and no script."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import fits


def test_the_report_of_a_blocked_run_shows_the_cause_and_fits(page, tmp_path, manage):
    source, report = tmp_path / "legacy.sqlite3", tmp_path / "report"
    manage("make_legacy_db", source, "--damage", "all")
    manage("migrate_to_pg", "--source", source, "--check", "--report", report, ok=False)
    page.goto(f"file://{report / 'report.html'}")
    expect(page.get_by_text("dangling-foreign-key").first).to_be_visible()
    expect(page.get_by_text(re.compile("courses_course_backup")).first).to_be_visible()
    expect(page.get_by_text("Nothing was published.").first).to_be_visible()
    assert fits(page)
    assert page.evaluate("document.scripts.length") == 0


def test_what_was_mended_unfolds_and_fits(page, tmp_path, manage):
    source, report = tmp_path / "legacy.sqlite3", tmp_path / "report"
    manage("make_legacy_db", source, "--damage", "duplicates,too-long,code-in-fk")
    arguments = ("--fix", "all,text-too-long", "--quarantine", "all", "--leftovers", "skip")
    manage("migrate_to_pg", "--source", source, "--check", *arguments, "--report", report)
    page.goto(f"file://{report / 'report.html'}")
    expect(page.get_by_role("heading", name=re.compile("What was mended"))).to_be_visible()
    assert fits(page)
    duplicates = page.locator("details.aside", has_text="duplicate-key").first
    row = duplicates.locator("details").first
    expect(row).to_be_hidden()
    duplicates.locator("summary").first.click()
    row.locator("summary").click()
    expect(row.get_by_text('"code":')).to_be_visible()
    assert fits(page)
