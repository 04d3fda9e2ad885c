"""The application as the people of a university use it, on both databases, on a telephone and at a desk."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import RequestFactory
from playwright.sync_api import Browser, Page, expect

from attribution_project.views import errors
from demo.application import Application
from tests.app.conftest import BROWSER
from tests.browser.conftest import SIZES, fits, laid_out, open_menu, pages_of, watched

HEAD = "code;intitule;credits;heures_cm;heures_td;heures_tp;niveau;semestre;departement\n"
GOOD = "BIO901;Écologie;3;20,5;0;0;M1;2;Eaux et forêts\n"
BAD = "bio;Génétique;3;vingt;0;0;M1;2;Eaux et forêts\n"
#: The name of every control as a screen reader would say it; those that have none.
NAMELESS = """() => [...document.querySelectorAll("input, select, textarea, button")]
  .filter(one => one.type !== "hidden")
  .filter(one => !(one.labels && one.labels.length) && !one.getAttribute("aria-label") && !one.textContent.trim())
  .map(one => one.outerHTML)"""

#: The element that has the focus, if something that stays in place lies over it.
COVERED = """() => {
  const one = document.activeElement, box = one.getBoundingClientRect();
  const above = document.elementFromPoint(box.left + Math.min(box.width, 20) / 2, box.top + box.height / 2);
  if (one === document.body || one.contains(above)) return null;
  return above?.contains(one) && !above.closest(".do") ? null : one.outerHTML;
}"""


#: The full tier has these tests in one run as well, with each query asked of PostgreSQL: test_behaviour.py.
AT_A_DESK = pytest.param(("sqlite", "desktop"), marks=pytest.mark.full)


@pytest.fixture(params=[AT_A_DESK, ("postgresql", "phone")], ids="-".join)
def setting(request: pytest.FixtureRequest) -> tuple[str, str]:
    """A database and a width: each walk meets both of either."""
    database, size = request.param
    return database, size


@pytest.fixture
def database(setting: tuple[str, str]) -> str:
    return setting[0]


@pytest.fixture
def size(setting: tuple[str, str]) -> str:
    return setting[1]


@pytest.fixture
def page_without_scripts(browser: Browser) -> Iterator[Page]:
    """A telephone whose browser runs no JavaScript."""
    context = browser.new_context(viewport=SIZES["phone"], locale="fr-FR", java_script_enabled=False)
    opened, problems = watched(context)
    yield opened
    context.close()
    assert problems == []


def log_in(page: Page, application: Application, username: str = "secretaire") -> None:
    page.goto(f"{application.address}/")
    page.get_by_label("Nom d’utilisateur").fill(username)
    page.get_by_label("Mot de passe").fill("demo")
    page.locator("main").get_by_role("button").click()
    expect(page.locator("header .account")).to_be_attached()
    laid_out(page)


def choose_teacher(page: Page, typed: str, name: str) -> None:
    """Type, and take the first who is found: no button is pressed."""
    page.wait_for_load_state("load")
    page.get_by_label("Chercher un enseignant").fill(typed)
    page.locator("#teachers a", has_text=name).first.click()
    expect(page.get_by_role("heading", name=re.compile("Reste à attribuer"))).to_be_visible()
    # What is typed or chosen before the page's scripts run is searched for by the button alone.
    page.wait_for_load_state("load")


def tick(page: Page, count: int) -> list[str]:
    """Choose the first parts of the list; return them: AGV111:CM."""
    boxes = page.locator(".parts input[type=checkbox]")
    keys = [boxes.nth(number).get_attribute("value") or "" for number in range(count)]
    for number in range(count):
        boxes.nth(number).check()
    return keys


def test_a_secretary_finds_a_teacher_attributes_three_parts_and_takes_them_back(
    application: Application, page: Page
) -> None:
    log_in(page, application)
    assert fits(page)
    choose_teacher(page, "dupre", "DUPRÉ")
    page.get_by_label("Niveau").select_option("M1")
    expect(page.locator(".parts small").first).to_contain_text("M1")
    expect(page).to_have_url(re.compile("level=M1"))
    keys = tick(page, 3)
    expect(page.locator("[data-count]")).to_contain_text("3 ·")
    assert fits(page)
    page.locator(".do").get_by_role("button", name="Attribuer").click()
    expect(page.get_by_text("3 parties attribuées sur 3.")).to_be_visible()
    expect(page.locator(f".parts input[value='{keys[0]}']")).to_have_count(0)
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_text("3 attributions sont annulées.")).to_be_visible()
    assert fits(page)


def test_ticks_and_remarks_survive_paging_filtering_and_back(application: Application, page: Page) -> None:
    log_in(page, application)
    choose_teacher(page, "dupre", "DUPRÉ")
    tick(page, 2)
    page.get_by_label("Remarque interne").fill("à voir")
    page.locator("#parts .pages").get_by_role("link", name="2", exact=True).click()
    expect(page).to_have_url(re.compile("page=2"))
    page.wait_for_load_state("load")
    tick(page, 1)
    expect(page.locator("[data-count]")).to_contain_text("3 ·")
    expect(page.get_by_text("2 choisies sur d’autres pages")).to_be_visible()
    expect(page.get_by_label("Remarque interne")).to_have_value("à voir")
    assert fits(page)
    page.get_by_label("Niveau").select_option("M2")
    expect(page.locator(".parts small").first).to_contain_text("M2")
    expect(page.locator("[data-count]")).to_contain_text("3 ·")
    page.go_back()
    page.go_back()
    expect(page.locator(".parts input:checked")).to_have_count(2)
    page.locator(".do").get_by_role("button", name="Attribuer").click()
    expect(page.get_by_text("3 parties attribuées sur 3.")).to_be_visible()
    expect(page.locator("[data-count]")).to_be_empty()
    tick(page, 1)
    page.locator("#parts .pages").get_by_role("link", name="2", exact=True).click()
    expect(page.get_by_text("1 choisie sur d’autres pages")).to_be_visible()
    page.get_by_role("button", name="Tout décocher").click()
    expect(page.locator("[data-count]")).to_be_empty()
    page.go_back()
    expect(page.locator("#parts .pages [aria-current]")).to_have_text("1")
    expect(page.locator(".parts input:checked")).to_have_count(0)


@pytest.mark.parametrize("setting", [("sqlite", "desktop")])
def test_what_has_the_focus_is_never_below_the_bar(application: Application, page: Page) -> None:
    log_in(page, application)
    page.goto(f"{application.address}/attribution/?teacher=M00005")
    # At a desk, on a telephone, and at 400 %.
    for width, height in ((1280, 900), (390, 844), (320, 225)):
        page.set_viewport_size({"width": width, "height": height})
        page.locator(".parts input").first.focus()
        covered = []
        for key in ["Tab"] * 70 + ["Shift+Tab"] * 60:
            page.keyboard.press(key)
            covered.append(page.evaluate(COVERED))
        assert [one for one in covered if one] == [], (width, height)


def test_a_part_that_somebody_takes_meanwhile_is_told_with_the_holder(
    application: Application, page: Page, browser: Browser
) -> None:
    log_in(page, application)
    choose_teacher(page, "dupre", "DUPRÉ")
    keys = tick(page, 2)
    other = browser.new_context(locale="fr-FR").new_page()
    log_in(other, application, "administratrice")
    choose_teacher(other, "sow", "SOW")
    other.locator(f".parts input[value='{keys[1]}']").check()
    other.locator(".do").get_by_role("button", name="Attribuer").click()
    expect(other.get_by_text(re.compile("est attribué à SOW"))).to_be_visible()
    other.context.close()
    page.locator(".do").get_by_role("button", name="Attribuer").click()
    alert = page.get_by_role("alert")
    expect(alert).to_contain_text("1 partie attribuée sur 2.")
    expect(alert).to_contain_text("est déjà attribué à SOW")
    assert fits(page)


@pytest.mark.parametrize("setting", [("sqlite", "phone"), AT_A_DESK], ids="-".join, indirect=True)
def test_a_search_that_fails_says_why_in_place_and_works_again(
    application: Application, page: Page, rf: RequestFactory
) -> None:
    def answer(address: str, status: int, body: str) -> None:
        page.route(
            re.compile(address),
            lambda route: route.fulfill(status=status, content_type="text/html", body=body),
            times=1,
        )

    log_in(page, application)
    choose_teacher(page, "dupre", "DUPRÉ")
    answer("level=M1", 503, errors.unavailable(rf.get("/attribution/", headers=BROWSER)).content.decode())
    page.get_by_label("Niveau").select_option("M1")
    expect(page.locator("#parts").get_by_role("alert")).to_contain_text("La base de données ne répond pas")
    answer("who=sow", 502, "<h1>Bad Gateway</h1>")
    page.get_by_label("Chercher un enseignant").fill("sow")
    expect(page.locator("#teachers").get_by_role("alert")).to_contain_text("Rechargez la page")
    assert fits(page)
    page.get_by_label("Niveau").select_option("L3")
    expect(page.locator(".parts small").first).to_contain_text("L3")
    page.get_by_label("Chercher un enseignant").fill("so")
    expect(page.locator("#teachers a", has_text="SOW").first).to_be_visible()
    expect(page.get_by_role("alert")).to_have_count(0)


def test_the_maximum_is_exceeded_only_when_confirmed(application: Application, page: Page) -> None:
    log_in(page, application)
    choose_teacher(page, "FAŸ", "FAŸ")
    tick(page, 10)
    page.locator(".do").get_by_role("button", name="Attribuer").click()
    expect(page.get_by_role("alert")).to_contain_text("pour un maximum de")
    assert fits(page)
    page.get_by_role("button", name=re.compile("quand même")).click()
    expect(page.locator(".load.over")).to_be_visible()
    expect(page.locator("[data-count]")).to_be_empty()


def test_an_attribution_is_edited_moved_removed_and_brought_back(application: Application, page: Page) -> None:
    log_in(page, application)
    open_menu(page).get_by_role("link", name="Attributions").click()
    page.get_by_label("Cours ou enseignant").fill("agrostologie")
    page.get_by_role("button", name="Filtrer").click()
    page.get_by_role("link", name="Modifier").first.click()
    page.get_by_label("Heures").fill("7,5")
    page.get_by_role("button", name="Enregistrer").click()
    expect(page.get_by_text(re.compile("est modifié"))).to_be_visible()
    assert "q=agrostologie" in page.url  # the list as it was
    page.locator("td.main a").first.click()
    page.get_by_role("link", name="Déplacer").click()
    # What is typed before the scripts of the page run is searched for by the button alone.
    page.wait_for_url(re.compile("/deplacer/"))
    page.get_by_label("Chercher un enseignant").fill("sow")
    page.locator("#teachers label", has_text="SOW").first.click()
    page.get_by_role("button", name="Déplacer").click()
    expect(page.locator(".history")).to_contain_text("SOW")
    page.get_by_role("link", name="Retirer").click()
    page.get_by_role("button", name="Retirer").click()
    expect(page.get_by_text(re.compile("est retiré à SOW"))).to_be_visible()
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_text(re.compile("est revenu à son état d’avant"))).to_be_visible()
    # On the list where that was pressed.
    page.get_by_label("Cours ou enseignant").fill("agrostologie")
    page.get_by_role("button", name="Filtrer").click()
    page.locator("tr", has_text="SOW").locator("td.main a").click()
    expect(page.locator(".history li")).to_have_count(5)
    assert fits(page)


def test_a_file_with_a_bad_row_is_shown_and_only_a_good_one_is_imported(
    application: Application, page: Page, tmp_path: Path
) -> None:
    file = tmp_path / "cours.csv"
    log_in(page, application)
    page.goto(f"{application.address}/cours/import/")
    file.write_text(HEAD + GOOD + BAD)
    page.get_by_label("CSV ou XLSX").set_input_files(file)
    page.get_by_role("button", name="Aperçu").click()
    expect(page.get_by_role("alert")).to_contain_text("Rien ne sera importé")
    row = page.locator("tr.invalid")
    expect(row).to_contain_text("n’est pas un nombre")
    expect(row.get_by_role("rowheader")).to_have_text("3")
    expect(page.get_by_role("button", name="Tout importer")).to_have_count(0)
    assert fits(page)
    exported = page.context.request.get(f"{application.address}/cours/export.csv").text()
    headings, same, *_others = exported.splitlines()
    file.write_text(f"{headings}\n{GOOD.strip()};1;1;1\n{same}\n")
    page.get_by_label("CSV ou XLSX").set_input_files(file)
    page.get_by_role("button", name="Aperçu").click()
    expect(page.locator("tr.skip")).to_be_visible()
    page.get_by_role("button", name="Tout importer").click()
    expect(page.get_by_text(re.compile("1 ligne ajoutée"))).to_be_visible()
    page.get_by_label("Code ou intitulé").fill("BIO901")
    page.get_by_role("button", name="Filtrer").click()
    expect(page.get_by_role("link", name="BIO901")).to_be_visible()


def test_a_year_is_carried_over_without_what_is_left_out(application: Application, page: Page) -> None:
    log_in(page, application)
    page.goto(f"{application.address}/attribution/liste/")
    page.get_by_role("link", name="Reconduire une année").click()
    page.get_by_label("Département").select_option("Agroalimentaire")
    page.get_by_role("button", name="Proposer").click()
    boxes = page.get_by_role("checkbox", name=re.compile("Écarter"))
    # count() does not wait: the page before this one has none.
    expect(boxes.first).to_be_visible()
    proposed = boxes.count()
    boxes.first.check()
    assert fits(page)
    page.get_by_role("button", name=re.compile("Accepter les")).click()
    page.get_by_label("Quand même").check()
    page.get_by_role("button", name=re.compile("Accepter les")).click()
    expect(page.get_by_text(re.compile(f"{proposed - 1} parts sont attribuées"))).to_be_visible()


def test_the_language_can_be_switched_and_stays(application: Application, page: Page) -> None:
    log_in(page, application)
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name=re.compile("Attribute courses of"))).to_be_visible()
    open_menu(page).get_by_role("link", name="Dashboard").click()
    expect(page.get_by_role("heading", name="Hours of each teacher against the maximum")).to_be_visible()
    page.get_by_role("button", name="Français").click()
    expect(page.get_by_role("heading", name="Avancement")).to_be_visible()


def test_the_whole_path_works_without_javascript(application: Application, page_without_scripts: Page) -> None:
    page = page_without_scripts
    log_in(page, application)
    page.get_by_label("Chercher un enseignant").fill("dupré")
    page.get_by_role("button", name="Afficher").click()
    page.locator("#teachers a", has_text="DUPRÉ").first.click()
    page.get_by_label("Niveau").select_option("L3")
    page.get_by_role("button", name="Filtrer").click()
    tick(page, 3)
    page.locator(".do").get_by_role("button", name="Attribuer").click()
    expect(page.get_by_text("3 parties attribuées sur 3.")).to_be_visible()
    expect(page.locator(".parts small").first).to_contain_text("L3")
    page.get_by_role("button", name="Annuler").click()
    expect(page.get_by_text("3 attributions sont annulées.")).to_be_visible()


def test_the_menu_folds_into_one_row_that_says_where_one_is(
    application: Application, page_without_scripts: Page
) -> None:
    page = page_without_scripts
    log_in(page, application, "administratrice")
    for path, here in (("/cours/", "Cours"), ("/annees/", "Années")):
        page.goto(f"{application.address}{path}")
        header = page.locator("header")
        expect(header.locator("summary")).to_contain_text(here)
        expect(header.get_by_role("navigation")).to_have_count(0)
        assert (header.bounding_box() or {"height": 999.0})["height"] < 60
        expect(open_menu(page).get_by_role("link", name=here, exact=True)).to_have_attribute("aria-current", "page")
        expect(header.get_by_role("button", name="Se déconnecter")).to_be_visible()


def test_a_teacher_sees_their_own_year_and_a_dean_looks_without_touching(application: Application, page: Page) -> None:
    log_in(page, application, "enseignante")
    expect(page.get_by_role("heading", level=1)).to_contain_text("M00001")
    page.get_by_role("link", name="Lettre de décision").click()
    expect(page.get_by_text("Les enseignements suivants vous sont attribués")).to_be_visible()
    page.emulate_media(media="print")
    expect(page.get_by_role("button", name="Imprimer")).to_be_hidden()
    page.emulate_media(media="screen")
    open_menu(page).get_by_role("button", name="Se déconnecter").click()
    log_in(page, application, "doyen")
    expect(page.get_by_role("heading", name="Avancement")).to_be_visible()
    open_menu(page).get_by_role("link", name="Attributions").click()
    expect(page.get_by_role("link", name="Modifier")).to_have_count(0)


@pytest.mark.parametrize("setting", [("sqlite", "desktop")], ids="-".join, indirect=True)
def test_a_print_has_the_bars_all_columns_and_one_total(application: Application, page: Page, tmp_path: Path) -> None:
    log_in(page, application, "administratrice")
    page.goto(f"{application.address}/attribution/tableau-de-bord/")
    page.emulate_media(media="print")
    expect(page.locator("header")).to_be_hidden()
    for bars in (".meter .bar", ".chart .bar"):
        expect(page.locator(bars).first).to_be_visible()
    page.pdf(path=tmp_path / "dashboard.pdf", format="A4")
    printed = "".join(pages_of(tmp_path / "dashboard.pdf"))
    assert "Complémentaires" in printed  # the last column
    assert "Afficher" not in printed
    page.goto(f"{application.address}/enseignants/3/decision/?year=2025-2026")
    page.emulate_media(media="print")
    # A footer group is repeated at the end of each page.
    expect(page.locator("tfoot")).to_have_css("display", "table-row-group")


PAGES = (
    "/attribution/?teacher=M00003", "/attribution/liste/", "/attribution/1/", "/attribution/1/modifier/",
    "/attribution/1/deplacer/", "/attribution/1/retirer/", "/attribution/reconduction/", "/attribution/departement/",
    "/attribution/tableau-de-bord/", "/enseignants/", "/enseignants/1/", "/enseignants/1/decision/",
    "/enseignants/import/", "/cours/", "/cours/1/", "/cours/import/", "/base-de-donnees/",
    "/imports/", "/comptes/", "/comptes/mot-de-passe/", "/comptes/2/mot-de-passe/", "/annees/", "/cours/ajouter/",
    "/cours/1/modifier/", "/enseignants/ajouter/", "/enseignants/1/modifier/", "/attribution/cours/1/",
)  # fmt: skip


@pytest.mark.parametrize("setting", [("sqlite", "phone"), ("sqlite", "desktop")], ids="-".join, indirect=True)
def test_every_page_fits_has_one_title_and_a_name_for_each_control(application: Application, page: Page) -> None:
    log_in(page, application, "administratrice")
    for address in PAGES:
        page.goto(application.address + address)
        assert fits(page), address
        expect(page.locator("h1"), address).to_have_count(1)
        assert page.evaluate(NAMELESS) == [], address
        assert page.locator("html").get_attribute("lang") == "fr"
    page.goto(f"{application.address}/attribution/liste/")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Aller au contenu")).to_be_focused()


def test_the_sizes_are_those_of_a_telephone_and_a_desk() -> None:
    assert {name: size["width"] for name, size in SIZES.items()} == {"phone": 390, "desktop": 1280}


@pytest.mark.parametrize("setting", [("sqlite", "phone"), AT_A_DESK], ids="-".join, indirect=True)
def test_what_is_refused_is_said_in_a_page_that_fits(application: Application, page: Page, tmp_path: Path) -> None:
    def check(title: str, told: str) -> None:
        expect(page.get_by_role("heading", name=title)).to_be_visible()
        expect(page.locator("main")).to_contain_text(told)
        assert fits(page)

    def try_to_log_in() -> None:
        page.get_by_label("Nom d’utilisateur").fill("enseignante")
        page.get_by_label("Mot de passe").fill("x")
        page.locator("main").get_by_role("button").click()

    page.goto(f"{application.address}/login/")
    page.context.clear_cookies()
    try_to_log_in()
    check("Ce formulaire a expiré", "Rechargez la page")
    page.goto(f"{application.address}/login/")
    for _ in range(4):
        try_to_log_in()
        expect(page.get_by_role("alert")).to_be_visible()
    try_to_log_in()
    check("Trop de tentatives", "dans une heure")
    log_in(page, application, "administratrice")
    page.goto(f"{application.address}/cours/import/")
    (tmp_path / "large.csv").write_bytes(b"x" * 3_000_000)
    page.get_by_label("CSV ou XLSX").set_input_files(tmp_path / "large.csv")
    page.get_by_role("button", name="Aperçu").click()
    check("Trop de données", "dépasse 1 Mo")
