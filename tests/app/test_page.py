"""The pages as a browser without JavaScript sees them. Runs on SQLite and on PostgreSQL."""

import re
from collections.abc import Callable
from typing import Any, NoReturn

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.models import Attribution, Teacher
from courses.academic_year import current_year
from courses.models import Course
from tests.app.conftest import BROWSER, browser_of, change_course, make_course, open_years
from tests.conftest import captured

URL = "/attribution/"
PLACE = {"year": "2026-2027", "teacher": "M00001"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher) -> Client:
    return browser_of(staff)


@pytest.fixture
def form() -> dict[str, Any]:
    """What the page's own form sends for the lectures of AGV211."""
    return {"academic_year": "2026-2027", "teacher": "M00001", "load": "STAT", "note": "", "parts": ["AGV211:CM"]}


def attribute_years(course: Course, teacher: Teacher, user: User, count: int) -> None:
    open_years(*(f"{year}-{year + 1}" for year in range(2000, 2000 + count)))
    Attribution.objects.bulk_create(
        Attribution(
            course=course, teacher=teacher, component="TD", academic_year_id=f"{year}-{year + 1}", hours=12,
            created_by=user,
        )
        for year in range(2000, 2000 + count)
    )  # fmt: skip


def test_a_plain_form_leads_back_to_its_place_with_what_was_done(browser: Client, form: dict[str, Any]) -> None:
    page = browser.post(URL, form | {"level": "L2"}, follow=True)
    assert page.redirect_chain == [(f"{URL}?year=2026-2027&teacher=M00001&level=L2", 302)]
    text = page.content.decode()
    assert "AGV211 CM est attribué à GUÉRIN Thérèse pour 2026-2027." in text
    assert "<strong>36,50 h</strong>" in text
    assert "AGV211:CM" not in text  # no longer free


def test_a_form_of_the_page_itself_passes_the_csrf_check(
    staff: User, agv211: Course, teacher: Teacher, form: dict[str, Any]
) -> None:
    client = browser_of(staff, enforce_csrf_checks=True)
    text = client.get(URL, PLACE).content.decode()
    token = captured(r'name="csrfmiddlewaretoken" value="([^"]+)"', text)
    assert 'value="AGV211:CM"' in text
    assert client.post(URL, {**form, "csrfmiddlewaretoken": token}).status_code == 302


def test_a_part_taken_meanwhile_is_named_with_its_holder_and_what_was_typed_stays(
    browser: Client, form: dict[str, Any]
) -> None:
    browser.post(URL, form)
    page = browser.post(URL, {**form, "note": "<b>à voir</b>"})
    text = page.content.decode()
    assert page.status_code == 409
    assert "AGV211 CM est déjà attribué à GUÉRIN Thérèse" in text


def test_what_exceeds_the_maximum_is_confirmed_with_one_button(
    browser: Client, form: dict[str, Any], teacher: Teacher
) -> None:
    teacher.max_hours = 20
    teacher.save()
    page = browser.post(URL, {**form, "note": "<b>vu</b>", "load": "SUPP"})
    text = page.content.decode()
    assert page.status_code == 409
    confirmed = dict(
        re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)">', text.split('class="results"')[1])
    )
    assert (confirmed["confirm"], confirmed["parts"]) == ("yes", "AGV211:CM")
    sent = {name: confirmed[name] for name in ("confirm", "parts", "academic_year", "teacher", "load")}
    assert browser.post(URL, sent | {"note": "<b>vu</b>"}).status_code == 302
    made = Attribution.objects.get()
    assert (made.load, made.note) == ("SUPP", "<b>vu</b>")


def test_what_is_refused_stays_chosen_with_its_group_and_on_other_pages(
    browser: Client, agv211: Course, teacher: Teacher
) -> None:
    change_course(agv211, hours_td=10, groups_td=3)
    for number in range(13):
        make_course(code=f"AAA{number}", title="", credits=1, hours_cm=8, level_id="L2", semester=1, department="")
    teacher.max_hours = 20
    teacher.save()
    typed = {"academic_year": "2026-2027", "teacher": "M00001", "level": "L2", "parts": ["AAA1:CM", "AGV211:TD"]}
    page = browser.post(URL, typed | {"hours:AAA1:CM": "8", "hours:AGV211:TD": "15", "group:AGV211:TD": "2"})
    assert (page.status_code, Attribution.objects.get().course.code) == (207, "AAA1")
    text = page.content.decode()
    assert page.context["chosen"] == {"AGV211:TD"}  # what is stored is not sent again
    kept = text.split('data-kept="sent"')[1]
    for name, value in (("parts", "AGV211:TD"), ("hours:AGV211:TD", "15"), ("group:AGV211:TD", "2")):
        field = f'<input type="hidden" name="{name}" value="{value}">'
        assert field in kept
        assert field in text.split('name="confirm"')[1].split("</form>")[0]
    assert 'href="?year=2026-2027&amp;level=L2&amp;teacher=M00001&amp;page=2"' in text
    again = browser.post(
        URL, typed | {"page": "2", "parts": "AGV211:TD", "hours:AGV211:TD": "15", "group:AGV211:TD": "2"}
    )
    assert '<option value="2" selected>' in again.content.decode()


def test_several_parts_are_taken_back_with_one_button(browser: Client, form: dict[str, Any], agv211: Course) -> None:
    change_course(agv211, hours_td=10, hours_tp=10)
    page = browser.post(URL, form | {"parts": ["AGV211:CM", "AGV211:TD", "AGV211:TP"]}, follow=True)
    undo = captured(r'action="([^"]+annuler[^"]+)"', page.content.decode()).replace("&amp;", "&")
    assert Attribution.objects.count() == 3
    text = browser.post(undo, follow=True).content.decode()
    assert "3 attributions sont annulées." in text
    assert not Attribution.objects.exists()


def test_a_part_whose_hours_are_no_number_is_named(browser: Client, form: dict[str, Any], agv211: Course) -> None:
    change_course(agv211, hours_td=10)
    wrong = {"hours:AGV211:CM": "douze", "hours:AGV211:TD": "10"}
    assert "AGV211 CM · Heures\N{NO-BREAK SPACE}:" in browser.post(URL, form | wrong).content.decode()
    several = browser.post(URL, form | wrong | {"parts": ["AGV211:CM", "AGV211:TD"]}).content.decode()
    assert "<strong>AGV211 CM</strong> · Heures\N{NO-BREAK SPACE}:" in several


def test_nothing_chosen_and_a_broken_form_are_said(browser: Client, form: dict[str, Any]) -> None:
    page = browser.post(URL, form | {"parts": []})
    assert page.status_code == 400
    assert "Choisissez au moins une partie." in page.content.decode()
    assert browser.post(URL, form | {"parts": ["AGV211"]}).status_code == 400


def test_a_search_after_the_session_has_ended_leads_the_whole_page_to_the_login() -> None:
    shown = f"http://testserver{URL}?teacher=M00001"
    answer = Client(headers=BROWSER).get(URL, headers={"hx-request": "true", "hx-current-url": shown})
    assert answer.headers["HX-Redirect"] == "/login/?next=/attribution/%3Fteacher%3DM00001"
    assert not answer.content


def test_htmx_gets_the_part_that_it_asks_for_and_caches_keep_both_apart(browser: Client) -> None:
    whole = browser.get(URL, PLACE)
    parts = browser.get(URL, PLACE, headers={"hx-request": "true", "hx-target": "parts"})
    people = browser.get(URL, PLACE | {"who": "guerin"}, headers={"hx-request": "true", "hx-target": "teachers"})
    assert "<html" in whole.content.decode()
    assert parts.content.decode().startswith('<section id="parts"')
    assert people.content.decode().startswith('<div id="teachers"')
    assert {"HX-Request", "HX-Target"} <= set(whole.headers["Vary"].split(", "))


def test_the_page_speaks_french_until_somebody_chooses_english(browser: Client) -> None:
    text = browser.get(URL, headers={"accept-language": "en-US"}).content.decode()
    assert "Attribuer les cours de" in text
    assert ">English</button>" in text
    browser.post("/language/setlang/", {"language": "en", "next": URL})
    assert "Attribute courses of" in browser.get(URL).content.decode()


def test_an_unforeseen_failure_answers_a_reference_and_no_traceback(
    browser: Client, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(*args: object) -> NoReturn:
        raise RuntimeError("secret detail")

    monkeypatch.setattr("attributions.views.assign._context", fail)
    browser.raise_request_exception = False
    page = browser.get(URL)
    reference = captured(r"référence ([0-9A-F]{8}) ", page.content.decode())
    assert page.status_code == 500
    assert "secret detail" not in page.content.decode()
    assert f"Reference {reference}" in caplog.text


@pytest.mark.parametrize(
    ("role", "first"),
    [
        ("administrateur", "/attribution/"),
        ("secretariat", "/attribution/"),
        ("lecteur", "/attribution/tableau-de-bord/"),
        ("enseignant", "/enseignants/moi/"),
    ],
)
def test_everybody_begins_where_the_role_leads(account: Callable[..., User], role: str, first: str) -> None:
    account(role, password="demo")
    client = Client(headers=BROWSER)
    assert client.post("/login/", {"username": role, "password": "demo"}).headers["Location"] == "/"
    assert client.get("/").headers["Location"] == first
    assert client.get(first).status_code == 200
    assert client.get("/inconnue/").status_code == 404
    assert client.post("/logout/").headers["Location"] == "/login/"
    assert client.get(URL).status_code == 302


@pytest.mark.parametrize("model", ["courses/course", "attributions/teacher", "attributions/attribution"])
def test_the_admin_lists_searches_and_opens(
    admin_client: Client, agv211: Course, teacher: Teacher, staff: User, model: str
) -> None:
    attribute_years(agv211, teacher, staff, 2)
    assert admin_client.get(f"/admin/{model}/", {"q": "AGV211"}).status_code == 200
    # A course is added to a year, on a page of its own.
    one = f"{agv211.pk}/change" if model == "courses/course" else "add"
    assert admin_client.get(f"/admin/{model}/{one}/").status_code == 200


def test_the_admin_remembers_who_attributed(
    admin_client: Client, admin_user: User, agv211: Course, teacher: Teacher, attribution_request: dict[str, str]
) -> None:
    fields = {
        **attribution_request,
        "course": agv211.pk,
        "teacher": teacher.pk,
        "role": "HOLDER",
        "group": "0",
        "hours": 1,
    }
    assert admin_client.post("/admin/attributions/attribution/add/", fields).status_code == 302
    assert Attribution.objects.get().created_by == admin_user


@pytest.mark.parametrize(
    ("address", "entry"),
    [
        ("/attribution/", "Attribuer"), ("/attribution/reconduction/", "Attributions"),
        ("/attribution/liste/", "Attributions"),
        ("/attribution/departement/", "Attributions"), ("/attribution/tableau-de-bord/", "Tableau de bord"),
        ("/cours/import/", "Cours"), ("/enseignants/", "Enseignants"), ("/imports/", None),
    ],
)  # fmt: skip
def test_the_menu_marks_the_page_or_the_list_that_it_belongs_to(staff: User, address: str, entry: str | None) -> None:
    menu = browser_of(staff).get(address).context["menu"]
    assert [str(one["label"]) for one in menu if one["current"]] == ([entry] if entry else [])
    assert f"/attribution/liste/?year={current_year()}" in [one["address"] for one in menu]
