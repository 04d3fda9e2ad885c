"""Academic years: only open ones can be written to, by page, import, program and administration; a course is as it is
in its year. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.models import Attribution, Teacher
from courses.models import AcademicYear, Course, CourseYear, FileImport
from tests.app.conftest import browser_of, make_course
from tests.app.test_imports import HEAD, accept, send

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
YEAR = "2026-2027"


@pytest.fixture
def browser(staff: User, agv211: Course, teacher: Teacher) -> Client:
    return browser_of(staff)


@pytest.fixture
def administrator(account: Callable[..., User], agv211: Course) -> Client:
    return browser_of(account("administrateur"))


def change(administrator: Client, label: str, action: str) -> Answer:
    return administrator.post(f"/annees/{AcademicYear.objects.get(label=label).pk}/{action}/", follow=True)


def content_of(course: Course, label: str) -> tuple[str, str]:
    row = course.years.get(academic_year__label=label)
    return row.title, str(row.hours_cm)


def test_an_administrator_opens_the_next_year_with_the_active_courses(administrator: Client, agv211: Course) -> None:
    make_course(code="OLD 1", title="x", credits=1, level_id="L1", semester=1, department="Sols", active=False)
    agv211.years.filter(academic_year__label=YEAR).update(title="Prairies", groups_td=3)
    before = AcademicYear.objects.count()
    page = administrator.get("/annees/")
    assert page.context["following"] == "2027-2028"
    assert "2027-2028 est ouverte, avec 1 cours." in open_next(administrator, "2027-2028")
    made = CourseYear.objects.get(academic_year__label="2027-2028")
    assert (made.course, made.title, made.groups_td, made.academic_year.open) == (agv211, "Prairies", 3, True)
    # A second click of the same page opens no year after it.
    assert "rien n’a été ouvert" in open_next(administrator, "2027-2028")
    assert AcademicYear.objects.count() == before + 1


def open_next(administrator: Client, label: str) -> str:
    return administrator.post("/annees/ouvrir/", {"year": label}, follow=True).content.decode()


def test_one_year_is_current_and_pages_open_on_it(administrator: Client) -> None:
    assert "année en cours" in change(administrator, "2025-2026", "make_current").content.decode()
    assert [year.label for year in AcademicYear.objects.filter(current=True)] == ["2025-2026"]
    assert administrator.get("/cours/").context["year"].label == "2025-2026"
    assert administrator.get("/attribution/", {"year": "2045-2046"}).context["year"] == "2025-2026"
    assert administrator.post("/annees/1/erase/").status_code == 404


def test_nothing_is_written_to_a_closed_year_until_it_is_reopened(
    administrator: Client, browser: Client, agv211: Course, teacher: Teacher
) -> None:
    share = Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2025-2026", hours=1
    )
    row = agv211.years.get(academic_year__label=YEAR)
    record = imported(browser)
    typed = form_of(browser, agv211, YEAR) | {"year": YEAR, "title": "Herbages"}
    change(administrator, YEAR, "close")
    before = stored()
    for answer in (
        program(browser, academic_year=YEAR),
        browser.post(f"/attribution/cours/{agv211.pk}/", {"year": YEAR, "component": "CM", "teacher": "M00001"}),
        browser.post("/attribution/reconduction/", {"year": YEAR, "expected": "1", "accept": "yes"}),
        browser.post(f"/cours/{agv211.pk}/modifier/", typed),
        browser.post(f"/cours/{agv211.pk}/donner/", {"year": YEAR}, follow=True),
        browser.post(f"/imports/{record.pk}/annuler/", follow=True),
    ):
        assert "close" in answer.content.decode(), answer.content.decode()
        assert stored() == before
    assert YEAR not in browser.get("/cours/import/").context["years"]
    for year in (YEAR, "2045-2046"):
        assert program(browser, academic_year=year).status_code == 400
    change(administrator, "2025-2026", "close")
    for action, sent in (("modifier", {"hours": "2"}), ("retirer", {}), ("deplacer", {"teacher": "M00001"})):
        version = browser.get(f"/attribution/{share.pk}/{action}/").context["version"]
        answer = browser.post(f"/attribution/{share.pk}/{action}/", sent | {"version": version})
        assert (answer.status_code, "close" in answer.content.decode()) == (409, True)
    assert stored() == before
    change(administrator, YEAR, "reopen")
    assert program(browser, academic_year=YEAR).status_code == 201
    row.refresh_from_db()
    assert row.title == "Prairies"


def test_the_administration_refuses_closed_years_too(
    administrator: Client, admin_client: Client, agv211: Course, teacher: Teacher
) -> None:
    share = Attribution.objects.create(course=agv211, teacher=teacher, component="CM", academic_year_id=YEAR, hours=1)
    row = agv211.years.get(academic_year__label=YEAR)
    change(administrator, YEAR, "close")
    before = stored()
    addresses = (f"/admin/attributions/attribution/{share.pk}", f"/admin/courses/courseyear/{row.pk}")
    for address in addresses:
        assert admin_client.post(f"{address}/change/", {"hours": "2", "title": "x"}).status_code == 403
        assert admin_client.post(f"{address}/delete/", {"post": "yes"}).status_code == 403
    sent = {"course": agv211.pk, "teacher": teacher.pk, "component": "CM", "academic_year": YEAR, "hours": "1"}
    more = {"load": "STAT", "role": "HOLDER", "group": 0}
    answer = admin_client.post("/admin/attributions/attribution/add/", sent | more)
    assert "academic_year" in answer.context["adminform"].form.errors
    assert stored() == before


def test_only_an_administrator_closes_and_opens(browser: Client, agv211: Course) -> None:
    pk = AcademicYear.objects.get(label=YEAR).pk
    assert browser.get("/annees/").status_code == 403
    for address in (f"/annees/{pk}/close/", f"/annees/{pk}/make_current/", "/annees/ouvrir/"):
        assert browser.post(address, {"year": "2027-2028"}).status_code == 403
    assert AcademicYear.objects.filter(open=True).count() == 2


def test_a_course_that_is_corrected_leaves_other_years_as_they_were(
    browser: Client, administrator: Client, agv211: Course, teacher: Teacher
) -> None:
    Attribution.objects.create(course=agv211, teacher=teacher, component="CM", academic_year_id="2025-2026", hours=12)
    sent = form_of(browser, agv211, YEAR) | {"title": "Prairies", "hours_cm": "20,5", "groups_cm": "2", "level": "BUT3"}
    page = browser.post(f"/cours/{agv211.pk}/modifier/", sent | {"year": YEAR}, follow=True)
    assert "AGV211 est modifié pour 2026-2027." in page.content.decode()
    assert content_of(agv211, YEAR) == ("Prairies", "20.50")
    assert agv211.years.get(academic_year__label=YEAR).hours_to_give("CM") == Decimal(41)
    assert content_of(agv211, "2025-2026") == ("Agrostologie", "36.50")
    letter = browser.get(f"/enseignants/{teacher.pk}/decision/", {"year": "2025-2026"}).content.decode()
    assert ("Agrostologie" in letter, "Prairies" in letter) == (True, False)
    exported = browser.get("/attribution/liste/export.csv", {"year": "2025-2026"}).getvalue().decode("utf-8-sig")
    assert ("Agrostologie" in exported, "BUT3" in exported) == (True, False)
    # What names the course where no year is meant is the newest one.
    agv211.refresh_from_db()
    assert (agv211.title, agv211.level_id) == ("Prairies", "BUT3")
    older = form_of(browser, agv211, "2025-2026") | {"title": "Herbages", "year": "2025-2026"}
    browser.post(f"/cours/{agv211.pk}/modifier/", older)
    agv211.refresh_from_db()
    assert (content_of(agv211, "2025-2026")[0], agv211.title) == ("Herbages", "Prairies")


def test_an_import_writes_the_chosen_year_alone(browser: Client, agv211: Course) -> None:
    rows = ("AGV211,Herbages,4,10,0,0,L2,1", "SOL 4.1/a-B,Sols,1,1,0,0,DU,1")
    text = HEAD + "".join(f"{row},Productions végétales\n" for row in rows)
    page = send(browser, text, "/cours/import/?year=2025-2026")
    assert page.context["resource"].year == "2025-2026"
    answer = browser.post(
        "/cours/import/", {"token": page.context["preview"].token, "year": "2025-2026", "confirm": "yes"}, follow=True
    )
    assert answer.redirect_chain[-1][0] == "/cours/?year=2025-2026"
    assert (content_of(agv211, "2025-2026"), content_of(agv211, YEAR)) == (
        ("Herbages", "10.00"),
        ("Agrostologie", "36.50"),
    )
    made = Course.objects.get(code="SOL 4.1/a-B")
    assert [row.academic_year_id for row in made.years.all()] == ["2025-2026"]
    record = FileImport.objects.get()
    assert record.academic_year == "2025-2026"
    # The signed rows of one year are none of another.
    other = {"token": page.context["preview"].token, "year": YEAR, "confirm": "yes"}
    assert browser.post("/cours/import/", other).status_code == 400
    browser.post(f"/imports/{record.pk}/annuler/")
    assert content_of(agv211, "2025-2026") == ("Agrostologie", "36.50")
    assert not Course.objects.filter(code="SOL 4.1/a-B").exists()


def test_a_course_is_added_deactivated_and_given_again(browser: Client, agv211: Course, teacher: Teacher) -> None:
    sent = {"code": "GC-2.1/A b", "title": "Béton", "department": agv211.department, "level": "BUT3", "semester": "2"}
    sent |= {"credits": "3", "hours_cm": "12,5", "hours_td": "0", "hours_tp": "0", "year": YEAR}
    sent |= {"groups_cm": "1", "groups_td": "1", "groups_tp": "1"}
    for bad in ({"code": "AGV211"}, {"code": "a_b"}, {"code": "x" * 31}, {"groups_cm": "0"}, {"level": "X"}):
        assert browser.post("/cours/ajouter/", sent | bad).status_code == 400
    page = browser.post("/cours/ajouter/", sent, follow=True).content.decode()
    made = Course.objects.get(code="GC-2.1/A b")
    assert "12,50 h sur 12,50 h restent" in page
    assert [row.academic_year_id for row in made.years.all()] == [YEAR]
    listed = browser.get("/cours/", {"q": "béton", "year": "2025-2026"})
    assert listed.context["listing"].rows == []
    assert "n’est pas donné" in browser.get(f"/cours/{made.pk}/", {"year": "2025-2026"}).content.decode()
    browser.post(f"/cours/{made.pk}/donner/", {"year": "2025-2026"})
    assert made.years.count() == 2

    attributed = browser.post(
        f"/attribution/cours/{made.pk}/", {"year": YEAR, "component": "CM", "teacher": "M00001", "hours": "2,5"}
    )
    assert attributed.headers["Location"] == f"/cours/{made.pk}/?year={YEAR}"
    browser.post(f"/cours/{made.pk}/desactiver/")
    asked = {"year": YEAR, "teacher": "M00001", "q": "béton"}
    assert browser.get("/attribution/", asked).context["parts"] == []
    assert browser.get("/cours/", {"q": "béton"}).context["listing"].rows == []
    assert len(browser.get("/cours/", {"q": "béton", "state": "inactive"}).context["listing"].rows) == 1
    assert program(browser, course=made.code).status_code == 400
    assert "GUÉRIN" in browser.get(f"/cours/{made.pk}/").content.decode()
    assert "Béton" in browser.get("/attribution/liste/").content.decode()
    browser.post(f"/cours/{made.pk}/reactiver/")
    assert len(browser.get("/attribution/", asked).context["parts"]) == 1


def test_two_people_do_not_overwrite_each_other_s_corrections(browser: Client, agv211: Course) -> None:
    first, second = form_of(browser, agv211, YEAR), form_of(browser, agv211, YEAR)
    address = f"/cours/{agv211.pk}/modifier/"
    assert browser.post(address, first | {"title": "Prairies", "year": YEAR}).status_code == 302
    answer = browser.post(address, second | {"title": "Herbages", "year": YEAR})
    assert (answer.status_code, "Herbages" in answer.content.decode()) == (400, True)
    assert content_of(agv211, YEAR)[0] == "Prairies"


def form_of(browser: Client, course: Course, year: str) -> dict[str, Any]:
    """Return what the page's own form would send unchanged."""
    form = browser.get(f"/cours/{course.pk}/modifier/", {"year": year}).context["form"]
    return {bound.html_name: bound.value() for bound in form if bound.value() is not None}


def program(browser: Client, **fields: Any) -> Answer:
    """Attribute as a program does."""
    asked = {"course": "AGV211", "component": "CM", "teacher": "M00001", "academic_year": YEAR, "hours": 1} | fields
    return browser.post("/attribution/", asked, content_type="application/json", headers={"accept": "application/json"})


def imported(browser: Client) -> FileImport:
    page = send(browser, f"{HEAD}AGV211,Prairies,4,36.5,0,0,L2,1,Productions végétales\n")
    accept(browser, page, confirm="yes")
    return FileImport.objects.get()


def stored() -> list[list[Any]]:
    return [list(model.objects.order_by("pk").values()) for model in (Attribution, Course, CourseYear)]
