"""Make docs/images/app-*.png and report-*.png: the application's main pages, and the report of a move."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import urllib.parse
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, sync_playwright

from migrate_to_pg.postgres import embedded

from .application import Application

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
#: The report's pictures show this folder in place of the temporary one.
FOLDER = "/srv/university"
DESK, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 800}
#: Name -> size, address.
PAGES = {
    "attribute": (DESK, "/attribution/?year=2026-2027&teacher=M00002&level=M1"),
    "attribute-phone": (PHONE, "/attribution/?year=2026-2027&teacher=M00002&level=M1"),
    "list": (DESK, "/attribution/liste/?year=2026-2027&q=sols"),
    "dashboard": (DESK, "/attribution/tableau-de-bord/?year=2026-2027"),
    "teacher": (DESK, "/enseignants/2/?year=2025-2026"),
    "letter": (DESK, "/enseignants/2/decision/?year=2025-2026"),
    "copy-year": (DESK, "/attribution/reconduction/?year=2026-2027&department=Agroalimentaire"),
}


def main() -> None:
    """Seed a database, serve and move it, and take a picture of each page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: as root, apt-get install chromium fonts-dejavu-core")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o711)  # as root, the server runs as a user who must enter it
        environment = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
        _manage(environment, "migrate", "--verbosity", "0")
        _manage(environment, "seed_demo", "--verbosity", "0")
        with Application(ROOT, environment) as application, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for page, (size, address) in PAGES.items():
                _picture(browser, size, application.address, address, IMAGES / f"app-{page}.png")
            report = _report(folder)
            _picture_of_report(
                browser, report, IMAGES / "report-desktop.png", 1100, "light", last="ol > li:nth-child(4)"
            )
            _picture_of_report(browser, report, IMAGES / "report-phone.png", 390, "dark", last="nav")
            browser.close()


def _manage(environment: dict[str, str], *arguments: str) -> None:
    command = [sys.executable, "manage.py", *arguments]
    subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)


def _report(folder: Path) -> Path:
    """Move the database to an embedded server, and return the report."""
    environment = {"MIGRATE_TO_PG_COMMAND": "python manage.py", "LANGUAGE": "en"}
    target, report = folder / "postgresql", folder / "migrate_to_pg_report" / "20260901-080000"
    options = ("--source", f"{folder}/db.sqlite3", "--target", f"embedded:{target}", "--report", str(report))
    try:
        _manage(environment, "migrate_to_pg", *options, "--verify", "orm", "--verbosity", "0")
    finally:
        embedded.stop(target)
    page = report / "report.html"
    text = page.read_text(encoding="utf-8")
    text = text.replace(str(folder), FOLDER)
    text = text.replace(urllib.parse.quote_plus(str(folder)), urllib.parse.quote_plus(FOLDER))
    page.write_text(text, encoding="utf-8")
    return page


def _picture_of_report(browser: Browser, report: Path, path: Path, width: int, scheme: Any, *, last: str) -> None:
    """Take a picture that ends below the element ``last``."""
    page = browser.new_page(viewport={"width": width, "height": 800}, color_scheme=scheme)
    page.goto(report.as_uri())
    box = page.locator(last).first.bounding_box()
    if box is None:
        sys.exit(f"The report has no {last}.")
    clip: Any = {"x": 0, "y": 0, "width": width, "height": box["y"] + box["height"] + 8}
    page.screenshot(path=path, full_page=True, clip=clip)
    page.close()


def _picture(browser: Browser, size: dict[str, int], server: str, address: str, path: Path) -> None:
    page = browser.new_page(viewport=size, locale="fr-FR", reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(f"{server}/login/")
    page.locator("[name=username]").fill("secretaire")
    page.locator("[name=password]").fill("demo")
    page.locator("main button").click()
    page.wait_for_url(f"{server}/attribution/**")
    page.goto(server + address)
    for box in page.locator(".parts input[type=checkbox]").all()[:2]:
        box.check()
    if size is PHONE:
        page.locator("#parts-title").evaluate("title => title.scrollIntoView()")
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    main()
