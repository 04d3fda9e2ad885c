"""The pages as a browser without JavaScript sees them. Runs on SQLite and on PostgreSQL."""

import re

import pytest
from django.test import Client

from attributions import forms
from attributions.models import Attribution

URL = "/attribution/"
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff, agv211, teacher):
    client = Client(headers=BROWSER, enforce_csrf_checks=False)
    client.force_login(staff)
    return client


def attribute_years(course, teacher, user, count):
    Attribution.objects.bulk_create(
        Attribution(
            course=course, teacher=teacher, component="TD", academic_year=f"{year}-{year + 1}", hours=12,
            created_by=user,
        )
        for year in range(2000, 2000 + count)
    )  # fmt: skip


def test_a_plain_form_leads_back_to_the_list_with_the_new_row(browser, wanted):
    page = browser.post(URL, wanted, follow=True)
    assert page.redirect_chain == [(URL, 302)]
    text = page.content.decode()
    assert "AGV211 CM est attribué à GUÉRIN Thérèse pour 2026-2027." in text
    assert "36,50" in text


def test_a_form_of_the_page_itself_passes_the_csrf_check(staff, agv211, teacher, wanted):
    client = Client(headers=BROWSER, enforce_csrf_checks=True)
    client.force_login(staff)
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', client.get(URL).content.decode())[1]
    assert client.post(URL, {**wanted, "csrfmiddlewaretoken": token}).status_code == 302


def test_a_refused_form_comes_back_filled_in_with_the_reason(browser, wanted):
    browser.post(URL, wanted)
    page = browser.post(URL, {**wanted, "note": "<b>à voir</b>"})
    text = page.content.decode()
    assert page.status_code == 409
    assert 'role="alert">AGV211 CM est déjà attribué à GUÉRIN Thérèse' in text
    assert "&lt;b&gt;à voir&lt;/b&gt;</textarea>" in text
    assert '<option value="AGV211" selected>' in text


def test_the_number_of_queries_does_not_grow_with_the_rows(
    browser, agv211, teacher, staff, django_assert_max_num_queries
):
    attribute_years(agv211, teacher, staff, 2)
    with django_assert_max_num_queries(9) as few:
        browser.get(URL)
    Attribution.objects.all().delete()
    attribute_years(agv211, teacher, staff, 60)
    with django_assert_max_num_queries(len(few)):
        page = browser.get(URL)
    assert page.content.decode().count("<tr>") == 26


def test_the_list_is_in_pages_and_a_bad_page_is_the_nearest(browser, agv211, teacher, staff):
    attribute_years(agv211, teacher, staff, 60)
    assert "2059-2060" in browser.get(URL).content.decode()
    assert "2000-2001" in browser.get(URL, {"page": "3"}).content.decode()
    assert browser.get(URL, {"page": "999"}).context["page"].number == 3
    assert browser.get(URL, {"page": "x"}).context["page"].number == 1


def test_a_very_long_list_of_courses_becomes_a_field_for_the_code(browser, wanted, monkeypatch):
    monkeypatch.setattr(forms, "MOST_CHOICES", 0)
    text = browser.get(URL).content.decode()
    assert re.search(r'<input type="text" name="course"[^>]* required', text)
    assert browser.post(URL, wanted).status_code == 302


def test_the_page_speaks_french_until_somebody_chooses_english(browser):
    text = browser.get(URL, headers={"accept-language": "en-US"}).content.decode()
    assert "Attribuer un cours" in text
    assert ">English</button>" in text
    browser.post("/language/setlang/", {"language": "en", "next": URL})
    assert "Attribute a course" in browser.get(URL).content.decode()


def test_an_unforeseen_failure_answers_a_reference_and_no_traceback(browser, monkeypatch, caplog):
    def fail(*args):
        raise RuntimeError("secret detail")

    monkeypatch.setattr("attributions.views._page", fail)
    browser.raise_request_exception = False
    page = browser.get(URL)
    reference = re.search(r"<strong>([0-9A-F]{8})</strong>", page.content.decode())[1]
    assert page.status_code == 500
    assert "secret detail" not in page.content.decode()
    assert f"Reference {reference}" in caplog.text


def test_log_in_log_out_and_an_unknown_page(client, django_user_model):
    django_user_model.objects.create_user("aubry", password="demo")
    assert client.post("/login/", {"username": "aubry", "password": "demo"}).url == URL
    assert client.get("/inconnue/").status_code == 404
    assert client.post("/logout/").url == "/login/"
    assert client.get(URL).status_code == 302


@pytest.mark.parametrize("model", ["courses/course", "attributions/teacher", "attributions/attribution"])
def test_the_admin_lists_searches_and_opens(admin_client, agv211, teacher, staff, model):
    attribute_years(agv211, teacher, staff, 2)
    assert admin_client.get(f"/admin/{model}/", {"q": "AGV211"}).status_code == 200
    assert admin_client.get(f"/admin/{model}/add/").status_code == 200


def test_the_admin_remembers_who_attributed(admin_client, admin_user, agv211, teacher, wanted):
    fields = {**wanted, "course": agv211.pk, "teacher": teacher.pk}
    assert admin_client.post("/admin/attributions/attribution/add/", fields).status_code == 302
    assert Attribution.objects.get().created_by == admin_user
