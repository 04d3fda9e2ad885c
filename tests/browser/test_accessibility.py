"""Every page of the application, as axe judges it: at a desk, on a telephone and at 400 %, light and dark."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import pytest
from axe_playwright_python.base import AXE_FILE_PATH
from django.db import IntegrityError
from django.http import HttpResponse
from django.test import RequestFactory
from django.urls import URLPattern, URLResolver, get_resolver
from playwright.sync_api import Browser, Page, ViewportSize, expect

from attribution_project.views import errors
from demo.application import Application
from tests.app.conftest import BROWSER
from tests.browser.conftest import SIZES, laid_out, open_menu, watched
from tests.browser.test_application import BAD, HEAD, log_in
from tests.tiers import first_in_ci

Scheme = Literal["light", "dark"]
WIDTHS: dict[str, ViewportSize] = SIZES | {"400 %": {"width": 320, "height": 225}}
#: CI tries a desk and a telephone, one in each scheme; the full tier every pair of width and scheme.
VIEWS: tuple[list[tuple[str, Scheme]], ...] = (
    [("desktop", "light"), ("phone", "dark")],
    [("desktop", "dark"), ("phone", "light")],
    [("400 %", "light"), ("400 %", "dark")],
)
#: What stands in an address for a parameter. The demonstration has a second one of everything.
ARGUMENTS = {"pk": "2", "extension": "csv", "token": "0" * 16, "action": "close"}
#: What a page shows that has no address of its own.
QUERIES = (
    "/attribution/?teacher=M00003&level=M1", "/attribution/?who=zzzz", "/attribution/liste/?q=zzzz",
    "/attribution/liste/?year=2025-2026&load=SUPP", "/attribution/reconduction/?department=Agroalimentaire",
    "/enseignants/?q=sow", "/enseignants/decisions/?department=Agroalimentaire", "/cours/?q=zzzz",
    "/attribution/departement/?department=Agroalimentaire", "/nulle-part/",
)  # fmt: skip
IMPORTED = "BIO901;Écologie;3;20,5;0;0;M1;2;Eaux et forêts\n", "BIO902;Génétique;3;20,5;0;0;M1;2;Eaux et forêts\n"
SURPRISING = "AGV211;Autre intitulé;6;0;30;13,33;L2;1;Productions végétales\nBIO903;Sols;3;1;0;0;M1;2;Eaux et foret\n"
#: Sends a form as it would be with nothing in it. Those that only ask whether to go on are left alone.
SEND_EMPTY = """() => {
  const boxes = "input:not([type=hidden], [type=checkbox], [type=radio], [type=submit]), textarea";
  const form = [...document.querySelectorAll("main form[method=post]")].find(one => one.querySelector(boxes));
  if (!form) return false;
  for (const box of form.querySelectorAll(boxes)) box.value = "";
  form.noValidate = true;
  form.requestSubmit();
  return true;
}"""
#: Contrast takes most of the time. It is the same at each width: once in each scheme is enough.
JUDGE = """contrast => axe.run(document, {resultTypes: ["violations"], rules: {"color-contrast": {enabled: contrast}}})
  .then(found => found.violations.flatMap(
    one => one.nodes.map(node => `${one.id}: ${node.html.slice(0, 200)} ${node.failureSummary}`)))"""


@pytest.fixture
def database() -> str:
    return "sqlite"


@dataclass
class Visit:
    """Somebody who looks at pages, and what axe found in them."""

    page: Page
    application: Application
    views: list[tuple[str, Scheme]]
    found: list[str] = field(default_factory=list)

    def go(self, path: str, status: int = 200) -> None:
        """Open a page and judge it."""
        answer = self.page.goto(self.application.address + path)
        assert answer is not None
        assert answer.status == status, path
        self.judge(path)

    def judge(self, what: str) -> None:
        """Ask axe about the page as it is, in each view, with all that can be opened."""
        expect(self.page.locator("h1").first, what).to_be_visible()
        laid_out(self.page).evaluate("document.querySelectorAll('details').forEach(one => { one.open = true })")
        self.page.evaluate(AXE_FILE_PATH.read_text(encoding="utf-8"))
        schemes: set[Scheme] = set()
        for width, scheme in self.views:
            self.page.set_viewport_size(WIDTHS[width])
            self.page.emulate_media(color_scheme=scheme)
            faults = self.page.evaluate(JUDGE, scheme not in schemes)
            self.found += [f"{what}, {width}, {scheme}: {fault}" for fault in faults]
            schemes.add(scheme)

    def press(self, name: str | re.Pattern[str], told: str) -> None:
        """Press a button, wait for an answer, and judge it."""
        self.page.locator("main").get_by_role("button", name=name).first.click()
        expect(self.page.locator("main")).to_contain_text(told)
        self.judge(told)


@pytest.fixture
def visit(application: Application, browser: Browser, views: list[tuple[str, Scheme]]) -> Iterator[Visit]:
    context = browser.new_context(locale="fr-FR", reduced_motion="reduce")
    page, problems = watched(context)
    visit = Visit(page, application, views)
    log_in(page, application, "administratrice")
    visit.page.goto(f"{application.address}/annees/")
    visit.press("Rouvrir", "est ouverte")  # the first attributions are of last year
    yield visit
    context.close()
    assert problems == []
    assert visit.found == []


def addresses(patterns: list[URLPattern | URLResolver], before: str = "/") -> Iterator[str]:
    """Every address of the project, but for the administration's own, with ARGUMENTS in place of its parameters."""
    for pattern in patterns:
        route = before + str(pattern.pattern).removeprefix("^").removesuffix("$").replace("\\", "")
        if isinstance(pattern, URLPattern):
            parameter = r"\(\?P<(\w+)>[^)]*\)|<(?:\w+:)?(\w+)>"
            yield re.sub(parameter, lambda found: ARGUMENTS[found[1] or found[2]], route)
        elif pattern.app_name != "admin":
            yield from addresses(pattern.url_patterns, route)


def pages(visit: Visit) -> tuple[list[str], list[str]]:
    """Return the addresses that show a page to who is logged in, and those that are not there."""
    found, missing = [], []
    for address in addresses(get_resolver().url_patterns):
        answer = visit.page.context.request.get(
            visit.application.address + address, headers={"Accept": BROWSER["accept"]}
        )
        assert answer.status in (200, 403, 404, 405), address
        if answer.status == 404:
            missing.append(address)
        elif answer.status == 200 and answer.headers["content-type"].startswith("text/html"):
            found.append(address)
    return found, missing


def import_file(visit: Visit, text: str, table: str = "cours") -> None:
    """Send a file for its preview."""
    visit.page.goto(f"{visit.application.address}/{table}/import/")
    file = {"name": "cours.csv", "mimeType": "text/csv", "buffer": text.encode()}
    visit.page.get_by_label("CSV ou XLSX").set_input_files(file)  # type: ignore[arg-type]
    visit.page.get_by_role("button", name="Aperçu").click()


def import_twice(visit: Visit) -> None:
    """Import two files, so that there is a second one."""
    for row in IMPORTED:
        import_file(visit, HEAD + row)
        visit.press("Tout importer", "1 ligne ajoutée")


@pytest.mark.parametrize("views", first_in_ci(*VIEWS))
def test_axe_finds_nothing_in_any_page(visit: Visit) -> None:
    import_twice(visit)
    shown, missing = pages(visit)
    for address in (*shown, *QUERIES):
        visit.go(address, 404 if address == "/nulle-part/" else 200)
    visit.page.goto(f"{visit.application.address}/annees/")
    open_menu(visit.page).get_by_role("button", name="Se déconnecter").click()
    visit.go("/login/")
    log_in(visit.page, visit.application, "enseignante")
    own, _missing = pages(visit)
    assert set(missing) <= set(own)
    for address in own:
        visit.go(address)
    visit.go("/comptes/", 403)


@pytest.mark.full
@pytest.mark.parametrize("views", VIEWS)
def test_axe_finds_nothing_in_what_is_refused_or_asked(visit: Visit, rf: RequestFactory) -> None:
    send_empty_forms(visit)
    ask_about_imports(visit)
    ask_about_hours(visit)
    meet_somebody_else(visit)
    fail(visit, rf)
    refuse_logins(visit)


def send_empty_forms(visit: Visit) -> None:
    """Send each form of each page with nothing in it."""
    shown, _missing = pages(visit)
    sent = 0
    for address in shown:
        visit.page.goto(visit.application.address + address)
        if visit.page.locator("main form[method=post]").count():
            with visit.page.expect_navigation():
                empty = visit.page.evaluate(SEND_EMPTY) or visit.page.reload()
            if empty is True:
                visit.judge(f"{address} with nothing in its form")
                sent += 1
    assert sent > 10


def ask_about_imports(visit: Visit) -> None:
    """Show a preview with faults, and one with questions."""
    import_file(visit, HEAD + IMPORTED[0] + BAD)
    expect(visit.page.locator("tr.invalid")).to_be_visible()
    visit.judge("preview with faults")
    import_file(visit, HEAD + SURPRISING)
    expect(visit.page.locator(".flagged").first).to_be_visible()
    visit.judge("preview with questions")
    visit.page.evaluate("document.querySelectorAll('form').forEach(one => { one.noValidate = true })")
    visit.press("Tout importer", "Dites quel département")


def ask_about_hours(visit: Visit) -> None:
    """Tick more than a teacher may have, confirm it, and take it back."""
    visit.page.goto(f"{visit.application.address}/attribution/?teacher=M00003")
    boxes = visit.page.locator(".parts input[type=checkbox]")
    for number in range(10):
        boxes.nth(number).check()
    visit.judge("ten parts ticked")
    visit.press("Attribuer", "pour un maximum de")
    visit.press(re.compile("quand même"), "4 parties attribuées sur 4")
    visit.press("Annuler", "annulée")


def meet_somebody_else(visit: Visit) -> None:
    """Change what was changed meanwhile, what was removed, and a year that was closed."""
    address = visit.application.address
    other = visit.page.context.new_page()
    visit.page.goto(f"{address}/attribution/3/modifier/")
    other.goto(f"{address}/attribution/3/modifier/")
    other.locator("[name=teacher_note]").fill("Amphi B")
    other.locator("main").get_by_role("button", name="Enregistrer").click()
    visit.press("Enregistrer", "Ce qui est enregistré")
    other.goto(f"{address}/attribution/3/retirer/")
    other.locator("main").get_by_role("button", name="Retirer").click()
    visit.press("Enregistrer", "retiré")
    other.close()
    visit.page.goto(f"{address}/annees/")
    visit.press("Clore", "est close")
    for path in ("/attribution/liste/", "/attribution/", "/cours/2/", "/enseignants/2/"):
        visit.go(path)


def serve(page: Page, bodies: Mapping[str, str]) -> None:
    """Answer requests for pages that there are not: /en-panne/NAME has the body of that name.

    The route stays: a browser whose requests are no longer intercepted may lose those that it waits for.
    """
    page.route(
        "**/en-panne/*",
        lambda route: route.fulfill(content_type="text/html", body=bodies[route.request.url.rpartition("/")[2]]),
    )


def fail(visit: Visit, rf: RequestFactory) -> None:
    """Show the answers to what fails: they are made without a session, and here without a fault."""
    request = rf.get("/", headers=BROWSER)
    answers: dict[str, Callable[[], HttpResponse]] = {
        "400": lambda: errors.bad_request(request),
        "500": lambda: errors.server_error(request),
        "503": lambda: errors.unavailable(request),
        "incident": lambda: errors.incident_page(request, IntegrityError("UNIQUE"), "AGV211 ne peut être retiré."),
    }
    serve(visit.page, {name: answer().content.decode() for name, answer in answers.items()})
    for name in answers:
        visit.page.goto(f"{visit.application.address}/en-panne/{name}")
        visit.judge(name)


def refuse_logins(visit: Visit) -> None:
    """Send a form that has expired, and wrong passwords until the name is locked."""
    visit.page.goto(f"{visit.application.address}/bureau/")
    visit.page.context.clear_cookies()
    visit.press("Enregistrer", "Ce formulaire a expiré")
    visit.page.goto(f"{visit.application.address}/login/")
    for attempt in range(5):
        visit.page.get_by_label("Nom d’utilisateur").fill("enseignante")
        visit.page.get_by_label("Mot de passe").fill("x")
        visit.page.locator("main").get_by_role("button").click()
        expect(
            visit.page.get_by_text("Trop de tentatives") if attempt == 4 else visit.page.get_by_role("alert")
        ).to_be_visible()
        if attempt in (0, 4):
            visit.judge(f"attempt {attempt + 1}")
