"""A form whose session had ended comes back after the login, and no page is without its style and a way home."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError
from django.test import Client
from pytest_django import Settings

from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import BROWSER, browser_of, change_course

pytestmark = pytest.mark.django_db
PAGE = "/attribution/?year=2026-2027&teacher=M00001"
FORM = {
    "academic_year": "2026-2027", "teacher": "M00001", "load": "SUPP", "note": "vu", "teacher_note": "salle 12",
    "parts": ["AGV211:CM"],
}  # fmt: skip


@pytest.fixture
def browser(account: Callable[..., User], agv211: Course, teacher: Teacher) -> Client:
    """A browser in which somebody was logged in until a moment ago."""
    account("secretariat", "aubry", password="demo")
    change_course(agv211, hours_td=20)
    return Client(headers=BROWSER)


def log_in(browser: Client, address: str) -> str:
    return browser.post(address, {"username": "aubry", "password": "demo"}, follow=True).content.decode()


def test_ticks_and_text_are_on_the_page_after_the_login(browser: Client) -> None:
    answer = browser.post("/attribution/", FORM, headers={"referer": f"http://testserver{PAGE}"})
    assert answer.status_code == 302
    assert not Attribution.objects.exists()
    page = log_in(browser, answer.headers["Location"])
    assert "Votre session avait expiré" in page
    assert [tag for tag in re.findall(r"<input[^>]*AGV211:CM[^>]*>", page) if "checked" in tag]
    assert not [tag for tag in re.findall(r"<input[^>]*AGV211:TD[^>]*>", page) if "checked" in tag]
    assert 'value="vu"' in page
    assert 'value="salle 12"' in page
    assert '<option value="SUPP" selected>' in page
    assert "Votre session avait expiré" not in browser.get(PAGE).content.decode()  # once


def test_an_edit_keeps_its_text_and_the_version_that_it_showed(
    browser: Client, agv211: Course, teacher: Teacher, staff: User
) -> None:
    made = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=12
    )
    other = browser_of(staff)
    address = f"/attribution/{made.pk}/modifier/"
    version = other.get(address).context["version"]
    answer = browser.post(address, {"hours": "7,5", "note": "long texte", "load": "STAT", "version": version})
    other.post(address, {"hours": "9", "load": "STAT", "version": version})
    page = log_in(browser, answer.headers["Location"])
    assert "long texte" in page
    assert 'value="7,5"' in page
    assert f'name="version" value="{version}"' in page


def test_what_was_typed_while_the_database_was_away_is_kept(
    account: Callable[..., User], agv211: Course, teacher: Teacher, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=12
    )
    browser = browser_of(account("secretariat"))

    def fail(*_arguments: object, **_more: object) -> None:
        raise OperationalError("the connection is lost")

    edit = f"/attribution/{made.pk}/modifier/"
    with monkeypatch.context() as away:
        away.setattr(browser, "raise_request_exception", False)
        away.setattr("attributions.views.edit.changes.save", fail)
        away.setattr("attributions.services.assign.AttributionForm.is_valid", fail, raising=False)
        for address, page, typed in (("/attribution/", PAGE, FORM), (edit, edit, {"hours": "7,5", "note": "vu"})):
            answer = browser.post(address, typed, headers={"referer": f"http://testserver{page}"})
            text = answer.content.decode()
            assert (answer.status_code, "Retour au formulaire" in text) == (503, True), address
            restored = browser.get(page).content.decode()
            assert 'value="vu"' in restored or ">vu</textarea>" in restored.replace("\n", ""), address
            assert "Vérifiez si elle est déjà enregistrée" in restored


def test_a_token_of_before_another_login_keeps_the_form_too(browser: Client, account: Callable[..., User]) -> None:
    strict = browser_of(account("secretariat", "b"), enforce_csrf_checks=True)
    answer = strict.post("/attribution/", FORM, headers={"referer": f"http://testserver{PAGE}"})
    text = answer.content.decode()
    assert (answer.status_code, "Retour au formulaire" in text) == (403, True)
    assert PAGE.replace("&", "&amp;") in text
    assert 'value="salle 12"' in strict.get(PAGE).content.decode()
    # Another site's form is not kept.
    answer = strict.post("/attribution/", FORM, headers={"referer": "https://evil.example/"})
    assert "kept_form" not in answer.cookies


def test_a_cookie_that_was_changed_or_is_for_another_page_is_left_alone(browser: Client, staff: User) -> None:
    answer = browser.post("/attribution/", FORM)
    token = answer.cookies["kept_form"].value
    other = browser_of(staff)
    for value, address in ((token[:-2] + "xx", PAGE), (token, "/attribution/reconduction/")):
        other.cookies["kept_form"] = value
        assert "Votre session avait expiré" not in other.get(address).content.decode()
    assert "kept_form" not in browser.post("/attribution/", FORM | {"note": secrets.token_hex(9000)}).cookies


def test_htmx_goes_to_the_login_and_never_paints_it_into_a_page(browser: Client) -> None:
    for address in (PAGE, "/attribution/1/deplacer/?who=x"):
        answer = browser.get(address, headers={"HX-Request": "true", "HX-Current-URL": f"http://testserver{PAGE}"})
        assert answer.headers["HX-Redirect"].startswith("/login/?next=")
        assert answer.content == b""


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize(("language", "title"), [("fr", "Cette page n’existe pas"), ("en", "This page does not exist")])
def test_a_missing_page_is_styled_and_leads_home(
    staff: User, settings: Settings, debug: bool, language: str, title: str
) -> None:
    settings.DEBUG = debug
    browser = browser_of(staff)
    browser.cookies["django_language"] = language
    for address in ("/nowhere/", "/cours/999/"):
        answer = browser.get(address)
        text = answer.content.decode()
        assert (answer.status_code, title in text, "style.css" in text, 'href="/"' in text) == (404, True, True, True)
        assert f'lang="{language}"' in text
        assert "style-src 'self'" in answer.headers["Content-Security-Policy"]
