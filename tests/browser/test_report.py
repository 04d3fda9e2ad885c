"""report.html as it is mailed: opened from a file, with no network and no script."""

import json
import re
import shutil
from pathlib import Path
from typing import Literal

from playwright.sync_api import Page, expect

from migrate_to_pg.behaviour import records as behaviour
from migrate_to_pg.behaviour.records import Certainty, Effect, Occurrence, Place, Way, merge
from migrate_to_pg.behaviour.report.behaviour_html import to_html
from tests.browser.conftest import fits
from tests.conftest import MakeSource, Run


def headings(page: Page) -> list[str]:
    """Those of the parts, without their notes."""
    return list(page.locator("h2").evaluate_all("all => all.map(heading => heading.firstChild.textContent)"))


def unfold(page: Page) -> None:
    page.locator("details").evaluate_all("all => all.forEach(part => part.open = true)")


def test_the_report_of_a_blocked_run_shows_the_cause_and_fits(
    page: Page, tmp_path: Path, manage: Run, make_source: MakeSource
) -> None:
    source, report = tmp_path / "legacy.sqlite3", tmp_path / "report"
    shutil.copy(make_source("all"), source)
    manage("migrate_to_pg", "--source", source, "--check", "--report", report, ok=False)
    page.goto(f"file://{report / 'report.html'}")
    assert headings(page)[:2] == ["What blocks the run", "Findings"]
    expect(page.get_by_text("Nothing was published.").first).to_be_visible()
    cause = page.get_by_text(re.compile("courses_course_backup")).first
    expect(cause).to_be_hidden()
    # From the table to the finding, which unfolds.
    page.get_by_role("link", name="Foreign key to a table that does not exist").first.click()
    page.locator("#dangling-foreign-key > summary").click()
    expect(cause).to_be_visible()
    assert fits(page)
    expect(page.get_by_text(json.loads((report / "report.json").read_text())["continue_with"])).to_be_visible()
    assert page.evaluate("document.scripts.length") == 0


def test_what_was_mended_unfolds_and_fits(page: Page, tmp_path: Path, manage: Run, make_source: MakeSource) -> None:
    source, report = tmp_path / "legacy.sqlite3", tmp_path / "report"
    shutil.copy(make_source("duplicates,too-long,code-in-fk"), source)
    arguments = ("--fix", "lossy,merge-duplicates", "--quarantine", "all", "--leftovers", "skip")
    manage("migrate_to_pg", "--source", source, "--check", *arguments, "--report", report)
    page.goto(f"file://{report / 'report.html'}")
    expect(page.get_by_role("heading", name=re.compile("What was changed or left out"))).to_be_visible()
    assert fits(page)
    duplicates = page.locator("#repairs details.quarantined", has_text="duplicate-key").first
    row = duplicates.locator("details").first
    expect(row).to_be_hidden()
    duplicates.locator("summary").first.click()
    row.locator("summary").click()
    expect(row.get_by_text('"code":')).to_be_visible()
    assert fits(page)


def test_a_published_run_is_told_whole_and_fits(
    page: Page, tmp_path: Path, manage: Run, make_source: MakeSource, postgres_url: str
) -> None:
    source, report = tmp_path / "db.sqlite3", tmp_path / "report"
    shutil.copy(make_source("none"), source)
    manage("migrate_to_pg", "--source", source, "--target", postgres_url, "--verify", "orm", "--report", report)
    told = json.loads((report / "report.json").read_text())
    page.goto(f"file://{report / 'report.html'}")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Published:")
    assert headings(page) == [
        "What to do now",
        "Tables",
        "Time",
        "Publication",
        "Next identity values",
        "Databases",
        "Environment",
        "How to reproduce",
    ]
    # The stages, and what went by around them.
    assert page.locator(".time span").count() == len(told["stages"]) + 1
    assert page.get_by_role("navigation").get_by_role("link").all_inner_texts() == headings(page)
    tables = page.locator("#tables tbody tr")
    assert tables.count() == len(told["tables"])
    # So many are folded.
    page.locator("#tables > summary").click()
    for table in told["tables"]:
        row = tables.filter(has=page.get_by_role("rowheader", name=table["name"], exact=True))
        assert f"{table['rows_target']:,}" in row.inner_text()
    expect(page.locator("#reproduce pre").first).to_be_hidden()
    unfold(page)
    for fact in (told["command"], told["source"]["sha256"], told["target"]["url"], told["versions"]["postgresql"]):
        expect(page.get_by_text(fact).first).to_be_visible()
    looks: list[tuple[Literal["light", "dark"], Literal["screen", "print"]]]
    looks = [("light", "screen"), ("dark", "screen"), ("light", "print")]
    for scheme, media in looks:
        page.emulate_media(color_scheme=scheme, media=media)
        picture = page.screenshot(path=tmp_path / f"{scheme}-{media}.png", full_page=True)
        assert len(picture) > 20_000
        assert fits(page)
    assert page.viewport_size
    edge = page.viewport_size["width"]
    cells = page.locator(".grid td, .grid th").evaluate_all(
        "all => all.map(cell => cell.getBoundingClientRect().right)"
    )
    assert max(cells) <= edge
    page.emulate_media(media="print")
    shown = page.locator("tfoot").evaluate_all("all => all.map(foot => getComputedStyle(foot).display)")
    assert "table-footer-group" not in shown, "repeated on each page"


def test_a_clean_move_takes_six_pages_of_paper_at_most(
    page: Page, tmp_path: Path, manage: Run, make_source: MakeSource, postgres_url: str
) -> None:
    source, report = tmp_path / "db.sqlite3", tmp_path / "report"
    shutil.copy(make_source("none"), source)
    manage("migrate_to_pg", "--source", source, "--target", postgres_url, "--report", report)
    page.goto(f"file://{report / 'report.html'}")
    paper = page.pdf(format="A4")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 6


def test_the_page_of_behaviour_fits_and_unfolds_its_rules(page: Page, tmp_path: Path) -> None:
    place = Place(file=f"shop/{'deep/' * 30}views.py", line=7)
    seen = Occurrence(
        rule="order-nulls",
        place=place,
        way=Way.DATA,
        certainty=Certainty.SEEN,
        effect=Effect.DIFFERENT,
        sqlite="NULL, " * 60,
        postgresql="<script>alert(1)</script>",
        sql="SELECT " + "x" * 300,
    )
    report = behaviour.Report(
        started="2026-09-01T09:15:00+00:00", seconds=1.5, ways=(Way.DATA,), source="/db", findings=merge([seen])
    )
    path = tmp_path / "behaviour.html"
    path.write_text(to_html(report))
    page.goto(f"file://{path}")
    expect(page.get_by_text("<script>alert(1)</script>")).to_be_visible()
    meaning = page.get_by_text("SQLite orders NULL before everything")
    expect(meaning).to_be_hidden()
    page.get_by_text("About this rule").click()
    expect(meaning).to_be_visible()
    for width in (390, 1280):
        page.set_viewport_size({"width": width, "height": 800})
        assert fits(page)
    assert page.evaluate("document.scripts.length") == 0
