"""Hours and counts have their thousands apart where people read them, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.contrib.auth.models import User
from django.utils import translation

from attribution_project.figures import count_text
from attributions.models import Attribution, Teacher
from courses.models import Course
from tests.app.conftest import browser_of

pytestmark = pytest.mark.django_db
_WRITTEN = [("fr", "1\u202f234,50", "1234,50"), ("en", "1,234.50", "1234.50")]


@pytest.mark.parametrize(
    ("language", "apart", "together"), [("fr", "1\u202f234,50", "1234,50"), ("en", "1,234.50", "1234.50")]
)
def test_thousands_are_apart_for_people_and_not_in_fields_and_files(
    account: Callable[..., User], agv211: Course, teacher: Teacher, language: str, apart: str, together: str
) -> None:
    agv211.years.update(hours_cm=2469, hours_td=1, hours_tp=0)
    Teacher.objects.update(max_hours="1234.5")
    share = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours="1234.5"
    )
    browser = browser_of(account("secretariat"))
    browser.cookies["django_language"] = language

    def read(address: str) -> str:
        answer = browser.get(address)
        return b"".join(answer).decode() if answer.streaming else answer.content.decode()

    for address in (
        "/attribution/tableau-de-bord/?year=2026-2027",
        "/attribution/liste/?year=2026-2027",
        "/attribution/a-revoir/?year=2026-2027",
        f"/attribution/?year=2026-2027&teacher={teacher.matricule}",
        f"/attribution/cours/{agv211.pk}/?year=2026-2027",
        f"/attribution/departement/?year=2026-2027&department={agv211.department}",
        f"/attribution/{share.pk}/",
        f"/attribution/{share.pk}/remplacer/",
        "/cours/?year=2026-2027",
        f"/cours/{agv211.pk}/?year=2026-2027",
        "/enseignants/",
        f"/enseignants/{teacher.pk}/?year=2026-2027",
        f"/enseignants/{teacher.pk}/decision/?year=2026-2027",
    ):
        page = read(address)
        assert apart in page, address
    field = f'name="hours" value="{together}"'
    assert field in read(f"/attribution/{share.pk}/modifier/")
    assert f'name="hours:AGV211:CM" value="{together}"' in read(
        f"/attribution/?year=2026-2027&teacher={teacher.matricule}"
    )
    assert together in read("/attribution/liste/export.csv?year=2026-2027")
    left = next(part["left"] for part in browser.get("/attribution/parts/?year=2026-2027").json()["parts"])
    assert left == "1234.50"
    with translation.override(language):
        assert count_text(12345) == f"12{apart[1]}345"
