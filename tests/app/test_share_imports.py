"""Import attributions: the same preview, the same limits, and the way back. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from attributions.models import Attribution, Teacher
from courses.models import AcademicYear, Course, FileImport
from office.models import OfficeSettings
from tests.app.conftest import browser_of, change_course

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
URL = "/attribution/liste/import/"
HEAD = "annee;code;composante;matricule;heures;role;groupe;du;au;service\n"
HOLDER = "2026-2027;AGV211;CM;M00001;10,25;titulaire;;;;statutaire\n"
SUBSTITUTE = "2026-2027;AGV211;CM;M00002;20;remplaçant;;01/03/2027;30/04/2027;complémentaire\n"


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher, colleague: Teacher) -> Client:
    return browser_of(staff)


@pytest.fixture
def colleague(teacher: Teacher) -> Teacher:
    return Teacher.objects.create(
        matricule="M00002", last_name="Ba", first_name="Fatou", grade_id="MCF", department="Sols", max_hours=99
    )


def send(browser: Client, text: str) -> Answer:
    return browser.post(URL, {"file": SimpleUploadedFile("parts.csv", text.encode())})


def accept(browser: Client, page: Answer, **more: str) -> Answer:
    return browser.post(URL, {"token": page.context["preview"].token} | more, follow=True)


def faults(page: Answer) -> list[str]:
    found = [message for line in page.context["preview"].lines for _heading, message in line.faults]
    return [message.replace("\N{NO-BREAK SPACE}", " ") for message in found]


def stored() -> list[tuple[Any, ...]]:
    shares = Attribution.objects.order_by("pk").values_list("teacher__matricule", "hours", "role", "load", "starts_on")
    return [(matricule, str(hours), role, load, str(day)) for matricule, hours, role, load, day in shares]


def test_shares_are_previewed_stored_and_taken_back(browser: Client, staff: User) -> None:
    page = send(browser, HEAD + HOLDER + SUBSTITUTE)
    assert page.context["preview"].counts == {"new": 2, "update": 0, "skip": 0, "invalid": 0}
    assert not Attribution.objects.exists()
    accept(browser, page)
    assert stored() == [
        ("M00001", "10.25", "HOLDER", "STAT", "None"),
        ("M00002", "20.00", "SUBSTITUTE", "SUPP", "2027-03-01"),
    ]
    assert set(Attribution.objects.values_list("created_by", flat=True)) == {staff.pk}
    page = send(browser, HEAD + HOLDER.replace("10,25", "12") + SUBSTITUTE)
    assert page.context["preview"].counts == {"new": 0, "update": 1, "skip": 1, "invalid": 0}
    accept(browser, page)
    assert stored()[0][1] == "12.00"
    for record, left in zip(FileImport.objects.order_by("-pk"), (["10.25", "20.00"], []), strict=True):
        assert browser.get(f"/imports/{record.pk}/").status_code == 200
        browser.post(f"/imports/{record.pk}/annuler/")
        assert [hours for _matricule, hours, *_rest in stored()] == left


def test_more_rows_need_no_more_queries(browser: Client) -> None:
    counts = []
    for text in (HEAD + HOLDER, HEAD + HOLDER + SUBSTITUTE):
        with CaptureQueriesContext(connection) as queries:
            page = send(browser, text)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    accept(browser, page)


def test_an_export_can_be_imported_again(browser: Client) -> None:
    accept(browser, send(browser, HEAD + HOLDER + SUBSTITUTE))
    exported = browser.get("/attribution/liste/export.csv")
    text = b"".join(exported).decode("utf-8-sig")
    assert send(browser, text).context["preview"].counts == {"new": 0, "update": 0, "skip": 2, "invalid": 0}


@pytest.mark.parametrize(
    ("row", "told"),
    [
        (HOLDER.replace("10,25", "40"), "40 h sur 36,50 h : 3,50 h de trop"),
        (HOLDER + SUBSTITUTE.replace("20;", "30;"), "40,25 h sur 36,50 h : 3,75 h de trop"),
        (HOLDER + HOLDER, "occurs twice|est deux fois|deux fois"),
        (HOLDER.replace("AGV211", "AGV999"), "aucun cours n’a le code AGV999"),
        (HOLDER.replace("M00001", "1"), "aucun enseignant n’a le matricule 1"),
        (HOLDER.replace("2026-2027", "2031-2032"), "Valeurs permises : 2026-2027, 2025-2026"),
        (HOLDER.replace("CM", "TD"), "0 h : 10,25 h de trop"),
        (HOLDER.replace("titulaire", "chef"), "chef"),
        (HOLDER.replace("titulaire;", "titulaire;2"), "1 groupe de CM"),
        (
            SUBSTITUTE.replace("30/04", "30/02"),
            "« 30/02/2027 » n’est pas une date. Valeurs permises : une date comme 01/03/2027 ou 2027-03-01.",
        ),
        (SUBSTITUTE.replace("30/04/2027", "28/02/2027"), "se termine après avoir commencé"),
        (HOLDER.replace(";10,25;", ";;"), "Cette colonne ne doit pas être vide."),
        (HOLDER.replace("CM", "XX"), "Valeurs permises : CM (cours magistral), TD (travaux dirigés)"),
    ],
)
def test_what_is_wrong_is_named_and_nothing_is_stored(browser: Client, row: str, told: str) -> None:
    page = send(browser, HEAD + row)
    assert page.status_code == 400
    assert any(one in message for message in faults(page) for one in told.split("|")), faults(page)
    assert page.context["preview"].token == ""


def test_a_closed_year_takes_no_import_and_gives_none_back(browser: Client) -> None:
    accept(browser, send(browser, HEAD + HOLDER))
    AcademicYear.objects.filter(label="2026-2027").update(open=False)
    assert "est close" in faults(send(browser, HEAD + SUBSTITUTE))[0]
    page = browser.post(f"/imports/{FileImport.objects.get().pk}/annuler/", follow=True)
    assert "est close" in page.content.decode()
    assert len(stored()) == 1


def test_hours_above_a_maximum_or_allowed_ones_are_confirmed(browser: Client, teacher: Teacher) -> None:
    Teacher.objects.filter(pk=teacher.pk).update(max_hours=5)
    page = send(browser, HEAD + HOLDER)
    assert "10,25 h pour un maximum de 5 h" in page.content.decode()
    assert accept(browser, page).status_code == 400
    assert stored() == []
    assert accept(browser, page, confirm="yes").status_code == 200
    OfficeSettings(pk=1, may_exceed_hours=True).save()
    page = send(browser, HEAD + SUBSTITUTE.replace("20;", "30;"))
    assert page.context["preview"].flagged == 1
    accept(browser, page, confirm="yes")
    assert len(stored()) == 2


def test_what_somebody_gave_since_the_preview_stops_it(browser: Client, agv211: Course, teacher: Teacher) -> None:
    page = send(browser, HEAD + SUBSTITUTE)
    Attribution.objects.create(course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=20)
    assert accept(browser, page).status_code == 409
    assert len(stored()) == 1


def test_nothing_is_taken_back_into_hours_that_others_have_by_now(
    browser: Client, agv211: Course, teacher: Teacher
) -> None:
    accept(browser, send(browser, HEAD + SUBSTITUTE))
    accept(browser, send(browser, HEAD + SUBSTITUTE.replace("20;", "5;")))
    Attribution.objects.create(course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=30)
    change_course(agv211, hours_cm=36)
    page = browser.post(f"/imports/{FileImport.objects.latest('pk').pk}/annuler/", follow=True)
    assert "50 h sur 36 h\xa0: 14 h de trop" in page.content.decode()
    assert stored()[0][1] == "5.00"
