"""Make docs/images/app-*.png, the application's main pages, from the demonstration's university."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Browser, sync_playwright

from .application import Application

ROOT = Path(__file__).resolve().parents[1]
IMAGES = ROOT / "docs" / "images"
DESK, PHONE = {"width": 1200, "height": 800}, {"width": 390, "height": 800}
#: Name -> size, address.
PAGES = {
    "attribute": (DESK, "/attribution/?year=2026-2027&teacher=M00002&level=M1"),
    "attribute-phone": (PHONE, "/attribution/?year=2026-2027&teacher=M00002&level=M1"),
    "list": (DESK, "/attribution/liste/?year=2026-2027&q=sols"),
    "dashboard": (DESK, "/attribution/tableau-de-bord/?year=2026-2027"),
    "teacher": (DESK, "/enseignants/2/?year=2025-2026"),
    "copy-year": (DESK, "/attribution/reconduction/?year=2026-2027&department=Agroalimentaire"),
}


def main() -> None:
    """Seed a database, serve it, and take a picture of each page."""
    chromium = shutil.which("chromium")
    if chromium is None:
        sys.exit("chromium is missing: as root, apt-get install chromium fonts-dejavu-core")
    with tempfile.TemporaryDirectory() as folder:
        environment = {"DATABASE_URL": f"sqlite:///{folder}/db.sqlite3"}
        for arguments in (("migrate", "--verbosity", "0"), ("seed_demo", "--verbosity", "0")):
            command = [sys.executable, "manage.py", *arguments]
            subprocess.run(command, cwd=ROOT, env=os.environ | environment, check=True, stdout=subprocess.DEVNULL)
        with Application(ROOT, environment) as application, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
            for name, (size, address) in PAGES.items():
                _picture(browser, size, application.address, address, IMAGES / f"app-{name}.png")
            browser.close()


def _picture(browser: Browser, size: dict[str, int], server: str, address: str, path: Path) -> None:
    page = browser.new_page(viewport=size, locale="fr-FR", reduced_motion="reduce")  # type: ignore[arg-type]
    page.goto(f"{server}/login/")
    page.locator("[name=username]").fill("secretaire")
    page.locator("[name=password]").fill("demo")
    page.locator("main button").click()
    page.wait_for_url(f"{server}/attribution/**")
    page.goto(server + address)
    for box in page.locator(".parts input").all()[:2]:
        box.check()
    page.screenshot(path=path)
    page.close()


if __name__ == "__main__":
    main()
