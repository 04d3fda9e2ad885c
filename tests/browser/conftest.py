"""A real browser: Debian's chromium, driven by Playwright. Where it is missing these tests fail; they never skip."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, Request, ViewportSize, expect, sync_playwright

from demo.application import Application
from tests.conftest import ROOT, MadeOnce, Server, run_manage

#: Every one of these keeps chromium from asking the network for things of its own.
_QUIET = ("--no-sandbox", "--disable-quic", "--disable-background-networking", "--disable-component-update")
# Five seconds, Playwright's own, are not enough for a server and three browsers on two busy cores.
expect.set_options(timeout=20_000)
SIZES: dict[str, ViewportSize] = {"phone": {"width": 390, "height": 844}, "desktop": {"width": 1280, "height": 900}}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("browser")
    # It takes longest: the other workers have enough to do meanwhile.
    items.sort(key=lambda item: item.path.name != "test_behaviour.py")


@pytest.fixture(scope="session")
def university(made_once: MadeOnce) -> Path:
    """The SQLite database of seed_demo, made once: tests copy it."""

    def make(path: Path) -> None:
        for command in (("migrate", "--verbosity", "0"), ("seed_demo",)):
            run_manage(*command, DATABASE_URL=f"sqlite:///{path}")

    return made_once("university", make)


@pytest.fixture(scope="session")
def moved_university(servers: dict[int, Server], university: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The same on PostgreSQL, moved once: tests copy it."""
    url = servers[18].database()
    run_manage("migrate_to_pg", "--source", university, "--report", tmp_path_factory.mktemp("move"), DATABASE_URL=url)
    return url


@pytest.fixture
def application(
    request: pytest.FixtureRequest, database: str, university: Path, tmp_path: Path, servers: dict[int, Server]
) -> Iterator[Application]:
    """The application under gunicorn on the demonstration's university."""
    if database == "postgresql":
        url = servers[18].copy(request.getfixturevalue("moved_university"))
    else:
        url = f"sqlite:///{shutil.copy(university, tmp_path / 'db.sqlite3')}"
    # Threads, as deployed: a browser keeps connections open that ask for nothing, and each would hold a process.
    with Application(ROOT, {"DATABASE_URL": url}, ("--threads", "4")) as running:
        yield running
    if database == "postgresql":
        servers[18].drop(url)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium")
    assert program, "chromium is missing: make test-browser installs it when it runs as root"
    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=program, args=_QUIET)
        yield running
        running.close()


def laid_out(page: Page) -> Page:
    """Return the page when its style sheet and its scripts are there: until then all is shown, at no width."""
    page.wait_for_load_state("load")
    return page


def open_menu(page: Page) -> Locator:
    """Unfold the menus where the screen is narrow, and return the header."""
    laid_out(page)
    fold = page.locator(".fold")
    if fold.is_visible() and fold.get_attribute("open") is None:
        fold.locator("summary").click()
    return page.locator("header")


def failed(sent: Request) -> bool:
    """Return whether a file is missing. A page that is left stops its loads, and a search that is typed on the last."""
    return "ERR_ABORTED" not in (sent.failure or "")


def watched(context: BrowserContext) -> tuple[Page, list[str]]:
    """A page, and what went wrong in it so far: its scripts, its policy, a file that is missing."""
    opened = context.new_page()
    problems: list[str] = []
    opened.on("pageerror", lambda error: problems.append(str(error)))
    opened.on("requestfailed", lambda sent: problems.append(f"{sent.url}: {sent.failure}") if failed(sent) else None)
    opened.on("console", lambda said: problems.append(said.text) if "Content Security Policy" in said.text else None)
    return opened, problems


@pytest.fixture(params=SIZES)
def size(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def page(size: str, browser: Browser) -> Iterator[Page]:
    """A page at phone or at desktop width; what goes wrong in it fails the test."""
    context = browser.new_context(viewport=SIZES[size], locale="fr-FR", reduced_motion="reduce")
    opened, problems = watched(context)
    yield opened
    context.close()
    assert problems == []


def fits(page: Page) -> bool:
    """Whether nothing has to be scrolled sideways."""
    return bool(laid_out(page).evaluate("document.documentElement.scrollWidth <= document.documentElement.clientWidth"))


def pages_of(file: Path) -> list[str]:
    """Return the text of each page of a PDF."""
    text = subprocess.run(["pdftotext", "-layout", file, "-"], check=True, capture_output=True, text=True).stdout
    return text.split("\f")[:-1]
