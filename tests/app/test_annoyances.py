"""What was tedious in daily use: back to the list as it was, words of the kind of run, dates, and who is led where."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.template.loader import render_to_string
from django.test import Client
from django.utils.html import escape

from attribution_project.views.database import last_report
from attributions.models import Attribution, Teacher
from courses.models import AcademicYear, Course
from tests.app.conftest import browser_of

pytestmark = pytest.mark.django_db
LIST = "/attribution/liste/?year=2026-2027&q=agro&page=1"


@pytest.fixture
def attribution(agv211: Course, teacher: Teacher) -> Attribution:
    return Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=12
    )


@pytest.fixture
def browser(account: Callable[..., User]) -> Client:
    return browser_of(account("secretariat"))


def test_a_change_leads_back_to_the_list_as_it_was_and_nowhere_else(browser: Client, attribution: Attribution) -> None:
    page = browser.get(LIST).content.decode()
    assert f"/attribution/{attribution.pk}/modifier/?next=/attribution/liste/%3Fyear%3D2026-2027%26q%3Dagro" in page
    for wanted, reached in ((LIST, LIST), ("https://example.org/", None), ("//example.org", None), ("", None)):
        seen = browser.get(f"/attribution/{attribution.pk}/modifier/", {"next": wanted})
        assert ('href="https://' in seen.content.decode()) is False
        address = f"/attribution/{attribution.pk}/modifier/?{seen.wsgi_request.GET.urlencode()}"
        typed = {"version": seen.context["version"], "hours": "12", "load": "STAT", "role": "HOLDER", "group": "0"}
        answer = browser.post(address, typed)
        assert (answer.status_code, answer.headers["Location"]) == (302, reached or f"/attribution/{attribution.pk}/")
    seen = browser.get(f"/attribution/{attribution.pk}/retirer/", {"next": LIST})
    removed = browser.post(
        f"/attribution/{attribution.pk}/retirer/?{seen.wsgi_request.GET.urlencode()}",
        {"version": seen.context["version"]},
    )
    assert removed.headers["Location"] == LIST
    offered = browser.get(LIST).content.decode().split(f"/attribution/{attribution.pk}/annuler/")[1].split("</form>")[0]
    assert f'name="next" value="{escape(LIST)}"' in offered
    undone = browser.post(f"/attribution/{attribution.pk}/annuler/", {"next": LIST})
    assert (undone.headers["Location"], Attribution.objects.count()) == (LIST, 1)


def test_what_was_done_of_several_parts_is_undone_where_others_were_refused(
    browser: Client, attribution: Attribution, agv211: Course, teacher: Teacher
) -> None:
    agv211.years.update(hours_td=20)
    typed = {"teacher": teacher.matricule, "academic_year": "2026-2027", "parts": ["AGV211:TD", "AGV211:TP"]}
    page = browser.post("/attribution/", typed)
    assert page.status_code == 207
    assert browser.post(page.context["undo"]).status_code == 302
    assert list(Attribution.objects.all()) == [attribution]


def test_whoever_may_not_attribute_is_not_led_there(account: Callable[..., User], attribution: Attribution) -> None:
    for role, led in (("lecteur", False), ("secretariat", True)):
        page = browser_of(account(role, f"{role}2")).get("/attribution/tableau-de-bord/?year=2026-2027")
        assert ('href="/attribution/?year=' in page.content.decode()) is led
        # Whoever has the address sees what is free, and nothing to send.
        page = browser_of(User.objects.get(username=f"{role}2")).get("/attribution/?year=2026-2027&teacher=M00001")
        assert "24,50 h" in page.content.decode()
        assert ('name="parts"' in page.content.decode()) is led


def test_nobody_is_led_to_forms_of_a_closed_year(browser: Client, attribution: Attribution, agv211: Course) -> None:
    agv211.years.update(hours_td=20)
    form = f"/attribution/{attribution.pk}/modifier/"
    for led in (True, False):
        AcademicYear.objects.filter(label="2026-2027").update(open=led)
        for address in (LIST, f"/attribution/{attribution.pk}/"):
            assert (form in browser.get(address).content.decode()) is led, address
        page = browser.get("/attribution/?year=2026-2027&teacher=M00001").content.decode()
        assert ("2026-2027 est close" not in page) is ('class="do"' in page) is led
        assert (" data-choose" in page) is ('name="parts"' in page) is ('name="hours:AGV211:TD"' in page) is led


def test_nothing_is_offered_for_a_teacher_who_is_inactive(browser: Client, attribution: Attribution) -> None:
    workbench = "/attribution/?year=2026-2027&teacher=M00001"
    for active in (True, False):
        Teacher.objects.update(active=active)
        page = browser.get(f"/enseignants/{attribution.teacher_id}/").content.decode()
        assert ("/attribution/?year=2026-2027&amp;teacher=M00001" in page) is active
        page = browser.get(workbench).content.decode()
        assert ('name="parts"' in page) is ("est inactif" not in page) is active


@pytest.mark.parametrize(
    ("mode", "ok", "kind", "result"),
    [
        ("check", True, "un contrôle\xa0: rien n’a été déplacé", "terminée avec succès"),
        ("check", False, "un contrôle\xa0: rien n’a été déplacé", "a trouvé ce qui arrêterait une migration"),
        ("publish", True, "une migration vers PostgreSQL", "terminée avec succès"),
        ("rehearse", False, "une répétition\xa0: rien n’a été publié", "arrêtée\xa0: voir le rapport"),
    ],
)
def test_a_check_is_not_called_a_migration(tmp_path: Path, mode: str, ok: bool, kind: str, result: str) -> None:
    (tmp_path / "one").mkdir()
    report = {"started": "2026-11-30T10:00:00Z", "mode": mode, "ok": ok, "tables": [], "findings": []}
    (tmp_path / "one" / "report.json").write_text(json.dumps(report))
    last = last_report(tmp_path)
    assert last is not None
    assert (last.kind, last.result) == (kind, result)
    assert "Tables</dt>" not in render_to_string("database.html", {"last": last})  # none was moved


def test_dates_are_those_of_the_language(browser: Client, attribution: Attribution) -> None:
    Attribution.objects.update(starts_on="2027-03-04")
    for language, date in (("fr", "04/03/2027"), ("en", "from 4 Mar 2027")):
        browser.cookies["django_language"] = language
        page = browser.get(LIST).content.decode().replace("\u00a0", " ")
        assert date in page


def test_all_agrees_with_what_is_chosen(browser: Client, attribution: Attribution) -> None:
    page = browser.get(LIST).content.decode()
    for name, all_of_them in (("year", "Toutes"), ("department", "Tous"), ("component", "Toutes"), ("load", "Tous")):
        assert f'id="filter-{name}"><option value="">{all_of_them}</option>' in page


def test_a_share_is_named_with_the_matricule_of_its_teacher(browser: Client, attribution: Attribution) -> None:
    attribution.course.years.update(hours_cm=10)
    share = f"/attribution/{attribution.pk}/"
    pages = (share, *(f"{share}{action}/" for action in ("modifier", "deplacer", "remplacer", "retirer")))
    for address in (*pages, f"/cours/{attribution.course_id}/?year=2026-2027", "/attribution/a-revoir/?year=2026-2027"):
        page = browser.get(address).content.decode()
        assert re.search(r"GUÉRIN Thérèse\b.{0,60}>M00001</", page, re.DOTALL), address
