"""report.html as it is mailed: opened from a file, with no network and no script."""

import json
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
    arguments = ("--fix", "all,code-in-key,text-too-long", "--quarantine", "all", "--leftovers", "skip")
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


def test_a_published_run_is_told_whole_and_fits(page, tmp_path, manage, postgres_url):
    source, report = tmp_path / "db.sqlite3", tmp_path / "report"
    manage("make_legacy_db", source, "--damage", "none")
    manage("migrate_to_pg", "--source", source, "--target", postgres_url, "--verify", "orm", "--report", report)
    told = json.loads((report / "report.json").read_text())
    page.goto(f"file://{report / 'report.html'}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Published:")
    headings = page.get_by_role("heading", level=2).all_inner_texts()
    assert headings == [
        "What to do now",
        "Time",
        "Tables",
        "Publication",
        "Next identity values",
        "Databases",
        "Environment",
        "How to reproduce",
    ]
    assert page.locator(".time span").count() == len(told["stages"])
    tables = page.locator("section", has=page.get_by_role("heading", name="Tables")).locator("tbody tr")
    assert tables.count() == len(told["tables"])
    for table in told["tables"]:
        row = tables.filter(has=page.get_by_role("rowheader", name=table["name"], exact=True))
        assert f"{table['rows_target']:,}" in row.inner_text()
    for fact in (told["command"], told["source"]["sha256"], told["target"]["url"], told["versions"]["postgresql"]):
        expect(page.get_by_text(fact).first).to_be_visible()
    for scheme, media in (("light", "screen"), ("dark", "screen"), ("light", "print")):
        page.emulate_media(color_scheme=scheme, media=media)
        picture = page.screenshot(path=tmp_path / f"{scheme}-{media}.png", full_page=True)
        assert len(picture) > 20_000
        assert fits(page)
