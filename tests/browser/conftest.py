"""A real browser: Debian's chromium, driven by Playwright. Where it is missing these tests fail; they never skip."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from demo.application import Application
from tests.conftest import ROOT, Run

#: Every one of these keeps chromium from asking the network for things of its own.
_QUIET = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")
SIZES = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: make test-browser installs it when it runs as root"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield running
        running.close()


@pytest.fixture(params=SIZES)
def page(request: pytest.FixtureRequest, browser: Browser) -> Iterator[Page]:
    """A page at phone and at desktop width; an error of its scripts or a missing file fails the test."""
    context = browser.new_context(viewport=SIZES[request.param], locale="fr-FR", reduced_motion="reduce")
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("requestfailed", lambda asked: problems.append(f"{asked.url}: {asked.failure}"))
    yield opened
    context.close()
    assert problems == []


@pytest.fixture(params=["sqlite", "postgresql"])
def application(request: pytest.FixtureRequest, tmp_path: Path, manage: Run, python: Run) -> Iterator[Any]:
    """The application under gunicorn on a small university, on each database in turn; secretaire may log in."""
    source = tmp_path / "db.sqlite3"
    manage("make_legacy_db", source, "--damage", "none", "--password", "demo")
    url = f"sqlite:///{source}"
    if request.param == "postgresql":
        url = request.getfixturevalue("postgres_url")
        manage("migrate_to_pg", "--source", source, "--report", tmp_path / "report", DATABASE_URL=url)
    with Application(ROOT, {"DATABASE_URL": url}) as running:
        yield running


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(page.evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))
