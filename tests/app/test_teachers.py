"""Teachers are added, corrected and deactivated on pages of their own. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import browser_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher) -> Client:
    return browser_of(staff)


def form_of(browser: Client, teacher: Teacher) -> dict[str, Any]:
    """Return what the page's own form would send unchanged."""
    form = browser.get(f"/enseignants/{teacher.pk}/modifier/").context["form"]
    return {bound.html_name: bound.value() for bound in form if bound.value() is not None}


def test_a_teacher_is_added_with_a_known_grade_and_department(browser: Client) -> None:
    sent = {"matricule": "M2", "title": "Mme", "last_name": "Ba", "first_name": "Aïcha", "grade": "MCF"}
    sent |= {"department": "Sciences du sol", "max_hours": "187,5"}
    for bad in ({"matricule": "M00001"}, {"grade": "X"}, {"department": "Science du sol"}, {"max_hours": "-1"}):
        assert browser.post("/enseignants/ajouter/", sent | bad).status_code == 400
    page = browser.post("/enseignants/ajouter/", sent, follow=True).content.decode()
    assert "BA Aïcha est ajouté" in page
    made = Teacher.objects.get(matricule="M2")
    assert (made.grade_id, str(made.max_hours), made.active) == ("MCF", "187.50", True)
    assert Teacher.history.filter(id=made.pk, history_user__username="secretaire").count() == 1


def test_two_people_do_not_overwrite_each_other_s_corrections(browser: Client, teacher: Teacher) -> None:
    first, second = form_of(browser, teacher), form_of(browser, teacher)
    address = f"/enseignants/{teacher.pk}/modifier/"
    assert browser.post(address, first | {"last_name": "Guerin"}).status_code == 302
    answer = browser.post(address, second | {"last_name": "Durand"})
    assert (answer.status_code, "Durand" in answer.content.decode()) == (400, True)
    teacher.refresh_from_db()
    assert teacher.last_name == "Guerin"


def test_an_inactive_teacher_leaves_the_pickers_and_stays_in_lists(
    browser: Client, agv211: Course, teacher: Teacher
) -> None:
    share = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=1
    )
    page = browser.post(f"/enseignants/{teacher.pk}/desactiver/", follow=True).content.decode()
    assert f'action="/enseignants/{teacher.pk}/reactiver/"' in page  # the button that takes it back
    asked = {"course": "AGV211", "component": "CM", "teacher": "M00001", "academic_year": "2026-2027", "hours": 1}
    assert browser.post("/attribution/", asked, content_type="application/json").status_code == 400
    for address in ("/attribution/", f"/attribution/cours/{agv211.pk}/", f"/attribution/{share.pk}/deplacer/"):
        assert list(browser.get(address, {"who": "guérin"}).context["found"]) == []
    assert "GUÉRIN" in browser.get("/attribution/liste/").content.decode()
    for state, shown in (("", 1), ("active", 0), ("inactive", 1)):
        assert len(browser.get("/enseignants/", {"state": state}).context["listing"].rows) == shown
    browser.post(f"/enseignants/{teacher.pk}/reactiver/")
    assert len(list(browser.get("/attribution/", {"who": "guérin"}).context["found"])) == 1
