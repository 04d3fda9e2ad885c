"""A year of an office: opened, filled, corrected, printed, closed, carried over, and reopened by its administrator."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import pytest
from django.utils.formats import number_format
from django.utils.translation import gettext, override
from playwright.sync_api import Browser, Page, expect

from demo.application import Application
from tests.browser.conftest import fits, pages_of, watched
from tests.tiers import first_in_ci

YEAR, AFTER = "2027-2028", "2028-2029"
HEAD = "code;intitule;credits;heures_cm;heures_td;heures_tp;niveau;semestre;departement;groupes_td\n"
CHANGED = "AGV211;Agrostologie tropicale;6;18;30;13,33;L2;1;Productions végétales;1\n"
NEW = "BIO 9.01;Écologie;3;20,25;18;0;M1;2;Eaux et forêts;3\n"
DEPARTMENT = "Eaux et forêts"
LETTER = {
    "institution": "École d’agronomie",
    "place": "Dakar",
    "signatory": "Aïssatou Ndiaye",
    "signatory_title": "La doyenne",
    "reference": "SCOL/{year}/{matricule}",
}
#: Hours -> the last or first day of the share with them.
DAYS = {"fr": {"7": "29/02/2028", "11": "01/03/2028"}, "en": {"7": "29 Feb 2028", "11": "1 Mar 2028"}}
FIRST_DAY_AFTER = {"fr": "01/03/2029", "en": "1 Mar 2029"}


@dataclass
class Person:
    """Somebody of the office at a browser, and the language that they read."""

    page: Page
    address: str
    language: str

    def says(self, text: str, **values: object) -> str:
        """Return what the application says for this in the language."""
        with override(self.language):
            return gettext(text) % values if values else gettext(text)

    def hours(self, number: str) -> str:
        """Return hours as the language writes them: 10,25 h."""
        with override(self.language):
            return f"{number_format(Decimal(number))} h"

    def log_in(self, username: str) -> None:
        """Choose the language, and log in by the form."""
        self.page.goto(f"{self.address}/login/")
        self.page.locator(f"[name=language][value={self.language}]").click()
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        self.page.locator("[name=username]").fill(username)
        self.page.locator("[name=password]").fill("demo")
        self.page.locator("main button").click()
        expect(self.page.locator("header .account")).to_be_attached()

    def go(self, path: str) -> None:
        """Open a page."""
        self.page.goto(self.address + path)
        self.check()

    def press(self, text: str, **values: object) -> None:
        """Press the first button that is called like this."""
        self.page.locator("main").get_by_role("button", name=self.says(text, **values), exact=True).first.click()

    def fill(self, label: str, text: str) -> None:
        """Type into a field."""
        self.page.get_by_label(re.compile(f"^{re.escape(self.says(label))}( ?:)?$", re.I)).fill(text)

    def reads(self, text: str, **values: object) -> None:
        """Wait until the page says something, and check how it looks."""
        expect(self.page.locator("main")).to_contain_text(self.says(text, **values))
        self.check()

    def check(self) -> None:
        """Check that the page is whole, and in the language."""
        expect(self.page.locator("html")).to_have_attribute("lang", self.language)
        expect(self.page.locator("h1").first).to_be_visible()
        assert fits(self.page), self.page.url


@dataclass
class Office:
    """Who works there."""

    administrator: Person
    secretary: Person
    colleague: Person


@pytest.fixture
def office(application: Application, browser: Browser, language: str, width: int) -> Iterator[Office]:
    """An administrator and two secretaries, each at a browser of their own."""
    people, problems, contexts = [], [], []
    for username in ("administratrice", "secretaire", "secretaire"):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, locale={"fr": "fr-FR", "en": "en-GB"}[language]
        )
        page, seen = watched(context)
        person = Person(page, application.address, language)
        person.log_in(username)
        people.append(person)
        problems.append(seen)
        contexts.append(context)
    yield Office(*people)
    for context in contexts:
        context.close()
    assert [problem for seen in problems for problem in seen] == []


@pytest.mark.parametrize(
    ("database", "language", "width"),
    # The widths of a desk, of a telephone, and of a desk at 400 %.
    first_in_ci(
        ("sqlite", "fr", 1280), ("postgresql", "en", 390), ("sqlite", "en", 320), ("postgresql", "fr", 320), count=2
    ),
)
def test_an_office_works_for_a_year(office: Office, tmp_path: Path) -> None:
    open_year(office.administrator)
    course = import_courses(office.secretary, tmp_path / "cours.csv")
    share_lectures(office.secretary, course)
    give_groups(office.secretary, course)
    replace_in_march(office.secretary, course)
    correct_after_a_conflict(office, course)
    print_letters(office, tmp_path / "letters.pdf")
    close_year(office, course)
    carry_over(office)
    reopen_by_the_administrator_alone(office, course)


def open_year(administrator: Person) -> None:
    """Open the next year, and let all pages begin with it."""
    administrator.go("/annees/")
    administrator.press("Open %(following)s", following=YEAR)
    row = administrator.page.get_by_role("row", name=YEAR)
    expect(row).to_contain_text(administrator.says("open"))
    row.get_by_role("button", name=administrator.says("Make current")).click()
    administrator.reads("%(year)s is the current year: pages open on it.", year=YEAR)


def import_courses(secretary: Person, file: Path) -> str:
    """Import a new course and a change of another: the preview shows both, and nothing is stored before. Return the
    address of the new one."""
    secretary.go("/cours/import/")
    file.write_text(HEAD + NEW + CHANGED)
    secretary.page.locator("[name=file]").set_input_files(file)
    secretary.press("Preview")
    secretary.reads("Preview: nothing is stored yet")
    changed = secretary.page.locator("tr.update")
    expect(changed.locator("del")).to_have_text("Agrostologie")
    expect(changed.locator("ins")).to_have_text("Agrostologie tropicale")
    expect(secretary.page.locator("tr.new")).to_contain_text("BIO 9.01")
    secretary.page.locator("[name=confirm]").check()
    secretary.press("Import all of it")
    expect(secretary.page.locator(".message.success")).to_contain_text("1")
    secretary.check()
    secretary.go(f"/cours/?q=BIO+9.01&year={YEAR}")
    secretary.page.get_by_role("link", name="BIO 9.01").click()
    expect(secretary.page.get_by_role("heading", level=1)).to_contain_text("Écologie")
    secretary.reads(secretary.hours("54"))
    return secretary.page.url


def attribute(secretary: Person, course: str, component: str, teacher: str, hours: str, group: str = "0") -> None:
    """Attribute hours of a course from its page."""
    secretary.page.goto(course)
    secretary.page.get_by_role("link", name=secretary.says("Attribute %(component)s", component=component)).click()
    secretary.page.wait_for_load_state("load")
    secretary.fill("Find a teacher", teacher)
    secretary.page.locator("#teachers label", has_text=teacher).first.click()
    secretary.page.locator("[name=hours]").fill(hours)
    secretary.page.locator("[name=group]").fill(group)
    secretary.check()
    secretary.press("Attribute")


def share_lectures(secretary: Person, course: str) -> None:
    """Give the lectures to two teachers. More hours than there are is refused with the sum."""
    attribute(secretary, course, "CM", "M00021", secretary.hours("10.25").removesuffix(" h"))
    secretary.reads("%(left)s h of %(all)s h are left", left="10", all=secretary.hours("20.25").removesuffix(" h"))
    attribute(secretary, course, "CM", "M00045", "12")
    expect(secretary.page.get_by_role("alert")).to_contain_text(secretary.hours("20.25"))
    secretary.page.locator("[name=hours]").fill("10")
    secretary.press("Attribute")
    expect(secretary.page.locator(".share", has_text="DIALLO Ibrahima")).to_contain_text("10 h")
    secretary.reads("%(left)s h of %(all)s h are left", left="0", all=secretary.hours("20.25").removesuffix(" h"))


def give_groups(secretary: Person, course: str) -> None:
    """Give three groups of the tutorials to three teachers."""
    for group, teacher in (("1", "M00021"), ("2", "M00045"), ("3", "M00029")):
        attribute(secretary, course, "TD", teacher, "18", group)
        expect(secretary.page.locator("main")).to_contain_text(secretary.says("group %(n)s", n=group))
    secretary.reads("%(left)s h of %(all)s h are left", left="0", all="54")


def replace_in_march(secretary: Person, course: str) -> None:
    """Let somebody else go on with a group from the first of March on."""
    secretary.page.goto(course)
    secretary.page.locator(".share", has_text=secretary.says("group %(n)s", n="3")).get_by_role("link").click()
    secretary.page.get_by_role("link", name=secretary.says("Replace")).click()
    secretary.page.wait_for_load_state("load")
    secretary.fill("Find a teacher", "M00013")
    secretary.page.locator("#teachers label", has_text="M00013").click()
    secretary.page.locator("[name=first_day]").fill("2028-03-01")
    secretary.page.locator("[name=hours_done]").fill("7")
    secretary.check()
    secretary.press("Replace")
    secretary.reads(secretary.hours("11"))
    secretary.page.goto(course)
    for hours, day in (("7", "until %(day)s"), ("11", "from %(day)s")):
        told = secretary.says(day, day=DAYS[secretary.language][hours])
        expect(secretary.page.locator(".share", has_text=told)).to_contain_text(f"{hours} h")


def correct_after_a_conflict(office: Office, course: str) -> None:
    """Two correct the same share: the second sees both versions, and what was typed is kept until it is sent again."""
    first, second = office.secretary, office.colleague
    first.page.goto(course)
    first.page.locator(".share", has_text="DELAUNAY").first.get_by_role("link").click()
    first.page.get_by_role("link", name=first.says("Edit")).click()
    second.page.goto(first.page.url)
    first.page.locator("[name=hours]").fill("9")
    first.press("Save")
    first.reads(first.hours("9"))
    second.page.locator("[name=hours]").fill("8")
    second.page.locator("[name=teacher_note]").fill("Amphi B")
    with second.page.expect_response(lambda answer: answer.request.method == "POST") as answered:
        second.press("Save")
    assert answered.value.status == 409
    second.reads("What is stored now")
    expect(second.page.locator(".question")).to_contain_text(second.hours("9"))
    expect(second.page.locator("[name=hours]")).to_have_value("8")
    expect(second.page.locator("[name=teacher_note]")).to_have_value("Amphi B")
    second.press("Save")
    second.reads(second.hours("8"))


def print_letters(office: Office, file: Path) -> None:
    """Set what letters say, and print those of a department."""
    administrator, secretary = office.administrator, office.secretary
    administrator.go("/bureau/")
    for name, text in LETTER.items():
        administrator.page.locator(f"[name={name}]").fill(text)
    administrator.press("Save")
    administrator.reads("The settings are saved.")
    secretary.go("/enseignants/decisions/")
    secretary.page.locator("[name=department]").select_option(DEPARTMENT)
    secretary.press("Show")
    expect(secretary.page.locator("article")).to_have_count(4)
    secretary.check()
    secretary.page.pdf(path=file, format="A4")
    pages = pages_of(file)
    assert len(pages) == 4
    for page, name in zip(pages, ("Delaunay", "Diallo", "Ouédraogo", "d’Ormesson"), strict=True):
        for text in (*list(LETTER.values())[:4], name, "BIO 9.01"):
            assert text in page, (text, page)
        assert secretary.says("Log out") not in page


def close_year(office: Office, course: str) -> None:
    """Close the year: nothing is written to it, by a page that was opened before or by a program."""
    secretary = office.secretary
    secretary.page.goto(course)
    secretary.page.locator(".share").first.get_by_role("link").click()
    attribution = secretary.page.url
    secretary.page.get_by_role("link", name=secretary.says("Edit")).click()
    office.administrator.go("/annees/")
    change_year(office.administrator, YEAR, "Close")
    secretary.page.locator("[name=hours]").fill("1")
    secretary.press("Save")
    refused = secretary.says(
        "The academic year %(year)s is closed: nothing is stored. An administrator can reopen it.", year=YEAR
    )
    expect(secretary.page.get_by_role("alert")).to_contain_text(refused)
    secretary.check()
    body = {"course": "BIO 9.01", "component": "CM", "teacher": "M00005", "academic_year": YEAR, "hours": "1"}
    assert refused in post(secretary, "/attribution/", body, 400)
    assert refused in post(secretary, f"{attribution.removeprefix(secretary.address)}retirer/", {}, 409)
    secretary.page.goto(course)
    expect(secretary.page.get_by_role("link", name=secretary.says("Correct"))).to_have_count(0)


def post(person: Person, path: str, body: dict[str, str], status: int) -> str:
    """Send JSON as a program does with the session of a person, and return the JSON of the answer, without escapes."""
    token = next(cookie["value"] for cookie in person.page.context.cookies() if cookie["name"] == "csrftoken")
    headers = {"Accept": "application/json", "X-CSRFToken": token}
    answer = person.page.context.request.post(person.address + path, data=body, headers=headers)
    assert answer.status == status, answer.text()
    return json.dumps(answer.json(), ensure_ascii=False)


def change_year(administrator: Person, year: str, action: str) -> None:
    """Press a button of a year's row."""
    row = administrator.page.get_by_role("row", name=year)
    row.get_by_role("button", name=administrator.says(action)).click()
    expect(administrator.page.get_by_role("status").first).to_contain_text(year)
    administrator.check()


def carry_over(office: Office) -> None:
    """Open the year after the closed one, and carry over what was given: the days are those of the new year."""
    administrator, secretary = office.administrator, office.secretary
    administrator.go("/annees/")
    administrator.press("Open %(following)s", following=AFTER)
    expect(administrator.page.get_by_role("row", name=AFTER)).to_contain_text(administrator.says("open"))
    secretary.go(f"/attribution/reconduction/?year={AFTER}")
    expect(secretary.page.locator("tbody tr")).to_have_count(6)
    secretary.page.locator("[name=accept]").click()
    expect(secretary.page.get_by_role("status").first).to_contain_text(re.compile(f"^\\s*6 .*{AFTER}"))
    secretary.reads("from %(day)s", day=FIRST_DAY_AFTER[secretary.language])


def reopen_by_the_administrator_alone(office: Office, course: str) -> None:
    """Let the administrator reopen the year, which a secretary cannot, and correct it."""
    administrator, secretary = office.administrator, office.secretary
    expect(secretary.page.get_by_role("link", name=secretary.says("Years"))).to_have_count(0)
    row = administrator.page.get_by_role("row", name=YEAR)
    address = row.locator("form").last.get_attribute("action") or ""
    assert address.endswith("/reopen/")
    post(secretary, address, {}, 403)
    administrator.go("/annees/")
    change_year(administrator, YEAR, "Reopen")
    secretary.page.goto(course)
    secretary.page.locator(".share").first.get_by_role("link").click()
    secretary.page.get_by_role("link", name=secretary.says("Edit")).click()
    secretary.page.locator("[name=hours]").fill("1")
    secretary.press("Save")
    secretary.reads(secretary.hours("1"))
