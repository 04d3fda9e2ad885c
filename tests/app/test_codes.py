"""Course codes: unique in the institution, or within a department. Runs on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.test import Client

from attributions.models import Attribution, Teacher
from courses.models import Course, CourseYear, FileImport
from office.models import CodeScope, OfficeSettings
from tests.app.conftest import browser_of, make_course, open_years
from tests.app.test_imports import TEACHERS
from tests.app.test_imports import accept as accept_courses
from tests.app.test_imports import send as send_courses
from tests.app.test_share_imports import accept, faults, send

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Answer

pytestmark = pytest.mark.django_db
YEAR = "2026-2027"
SOIL, PLANTS = "Sciences du sol", "Productions végétales"
HEAD = "code;intitule;credits;heures_cm;heures_td;heures_tp;niveau;semestre;departement\n"
NAMESAKE = f"AGV211;Pédologie;3;20;0;0;M1;2;{SOIL}\n"
SHARES = "annee;code;composante;matricule;heures;departement\n"
SEVERAL = f"AGV211 est le code de plusieurs cours : indiquez le département. Valeurs permises : {PLANTS}, {SOIL}."


def set_scope(browser: Client, scope: str) -> Answer:
    seen = browser.get("/bureau/").context["form"]
    typed = {field.html_name: field.value() for field in seen if isinstance(field.value(), str)}
    return browser.post("/bureau/", typed | {"code_scope": scope})


@pytest.fixture
def browser(account: Callable[..., User], agv211: Course, teacher: Teacher) -> Client:
    """An administrator, and a department that may have codes of its own."""
    browser = browser_of(account("administrateur"))
    assert set_scope(browser, CodeScope.DEPARTMENT).status_code == 302
    return browser


@pytest.fixture
def namesake(browser: Client) -> Course:
    """The course of another department with the code AGV211."""
    return make_course(
        code="AGV211", title="Pédologie", credits=3, hours_cm=20, level_id="M1", semester=2, department=SOIL,
        code_unique=False,
    )  # fmt: skip


def form_of(browser: Client, course: Course) -> dict[str, str]:
    form = browser.get(f"/cours/{course.pk}/modifier/", {"year": YEAR}).context["form"]
    return {field.html_name: "" if field.value() is None else str(field.value()) for field in form} | {"year": YEAR}


def post(browser: Client, **fields: Any) -> tuple[int, str]:
    asked = {"course": "AGV211", "component": "CM", "teacher": "M00001", "academic_year": YEAR, "hours": 1} | fields
    answer = browser.post("/attribution/", json.dumps(asked), content_type="application/json")
    [result] = answer.json()["results"]
    return answer.status_code, result["message"].replace("\N{NO-BREAK SPACE}", " ")


def test_the_database_holds_codes_within_departments_and_the_setting(browser: Client, agv211: Course) -> None:
    content = {"title": "x", "credits": 1, "level_id": "L2", "semester": 1}
    with pytest.raises(IntegrityError), transaction.atomic():
        Course.objects.create(code="AGV211", department=PLANTS, code_unique=False, **content)
    Course.objects.create(code="AGV211", department=SOIL, code_unique=False, **content)
    answer = set_scope(browser, CodeScope.INSTITUTION)
    assert (answer.status_code, f"AGV211 ({PLANTS}, {SOIL})" in answer.content.decode()) == (400, True)
    assert OfficeSettings.load().code_scope == CodeScope.DEPARTMENT
    Course.objects.filter(department=SOIL).update(code="SOL211")
    assert set_scope(browser, CodeScope.INSTITUTION).status_code == 302
    with pytest.raises(IntegrityError), transaction.atomic():
        Course.objects.filter(code="SOL211").update(code="AGV211")


def test_a_page_adds_a_namesake_in_another_department_alone(browser: Client, agv211: Course) -> None:
    typed = form_of(browser, agv211) | {"version": "", "department": "", "new_department": SOIL}
    assert browser.post("/cours/ajouter/", typed | {"new_department": "", "department": PLANTS}).status_code == 400
    assert browser.post("/cours/ajouter/", typed).status_code == 302
    other = Course.objects.get(department=SOIL)
    assert (str(other), other.code) == (f"AGV211 ({SOIL}) Agrostologie", "AGV211")
    moved = browser.post(f"/cours/{other.pk}/modifier/", form_of(browser, other) | {"department": PLANTS})
    assert "Il y a déjà un cours AGV211 dans ce département." in moved.content.decode()
    identity = {"code": "AGV211", "department": PLANTS, "active": "on"}
    User.objects.update(is_staff=True)
    admin = browser.post(f"/admin/courses/course/{other.pk}/change/", identity)
    assert "Il y a déjà un cours AGV211 dans ce département." in admin.content.decode()


def test_a_code_taken_since_the_form_was_checked_is_told(
    browser: Client, agv211: Course, monkeypatch: pytest.MonkeyPatch
) -> None:
    from courses.views import edit

    def meanwhile(form: Any, year: str) -> bool:
        make_course(
            code="AGV300", title="x", credits=1, level_id="L2", semester=1, department=PLANTS, code_unique=False
        )
        return True

    monkeypatch.setattr(edit, "_is_open", meanwhile)
    answer = browser.post("/cours/ajouter/", form_of(browser, agv211) | {"version": "", "code": "AGV300"})
    assert (answer.status_code, "Il y a déjà un cours AGV300" in answer.content.decode()) == (400, True)
    assert not Course.objects.filter(code="AGV300", title="Agrostologie").exists()


def test_the_api_asks_for_the_department_of_namesakes(browser: Client, namesake: Course) -> None:
    assert post(browser) == (400, f"Cours : {SEVERAL}")
    refusal = f"Cours : aucun cours n’a le code AGV211 dans « Forêts ». Valeurs permises : {PLANTS}, {SOIL}."
    assert post(browser, department="Forêts") == (400, refusal)
    assert post(browser, department=SOIL)[0] == 201
    assert post(browser, course=f"AGV211 ({PLANTS})")[0] == 201
    made = Attribution.objects.order_by("pk").values_list("course__department", flat=True)
    assert list(made) == [SOIL, PLANTS]
    first = Attribution.objects.earliest("pk")
    shown = browser.get(f"/attribution/{first.pk}/", headers={"accept": "application/json"}).json()
    assert (shown["course"], shown["department"]) == ("AGV211", SOIL)


def test_the_workbench_attributes_the_namesake_that_was_ticked(browser: Client, namesake: Course) -> None:
    page = browser.get("/attribution/", {"teacher": "M00001", "year": YEAR, "q": "AGV211"})
    keys = [part.key for part, _typed, _group in page.context["parts"]]
    assert sorted(keys) == [f"AGV211:CM:{PLANTS}", f"AGV211:CM:{SOIL}"]
    ticked = {"parts": keys, f"hours:AGV211:CM:{SOIL}": "2", f"hours:AGV211:CM:{PLANTS}": "3"}
    browser.post("/attribution/", {"teacher": "M00001", "academic_year": YEAR} | ticked)
    made = dict(Attribution.objects.values_list("course__department", "hours"))
    assert made == {SOIL: 2, PLANTS: 3}
    for address in ("/attribution/liste/", f"/enseignants/{Teacher.objects.get().pk}/", "/cours/"):
        assert browser.get(address, {"year": YEAR}).content.decode().count(SOIL) >= 1


def test_an_import_of_courses_tells_namesakes_apart(browser: Client, agv211: Course) -> None:
    accept_courses(browser, send_courses(browser, HEAD + NAMESAKE))
    assert CourseYear.objects.get(academic_year__label=YEAR, course__department=SOIL).title == "Pédologie"
    agv211.refresh_from_db()
    assert agv211.title == "Agrostologie"
    page = send_courses(browser, HEAD + NAMESAKE.replace(";20;", ";25;"))
    assert page.context["preview"].counts == {"new": 0, "update": 1, "skip": 0, "invalid": 0}
    accept_courses(browser, page)
    page = send_courses(browser, "code;heures_cm\nAGV211;40\n")
    assert faults(page) == [SEVERAL]
    for record in FileImport.objects.order_by("-pk"):
        browser.post(f"/imports/{record.pk}/annuler/")
    assert list(Course.objects.values_list("department", flat=True)) == [PLANTS]


def test_a_row_known_once_its_department_is_decided_is_shown_again(browser: Client, namesake: Course) -> None:
    page = send_courses(browser, HEAD + NAMESAKE.replace(SOIL, "science du sol").replace(";20;", ";25;"))
    assert page.context["preview"].counts["new"] == 1
    decided = {"name:science du sol": SOIL}
    again = browser.post("/cours/import/", {"token": page.context["preview"].token} | decided)
    assert (again.status_code, again.context["preview"].counts["update"]) == (400, 1)
    browser.post("/cours/import/", {"token": again.context["preview"].token} | decided)
    assert CourseYear.objects.get(course=namesake, academic_year__label=YEAR).hours_cm == 25


def test_an_import_of_shares_finds_the_course_of_the_department(browser: Client, namesake: Course) -> None:
    row = f"{YEAR};AGV211;CM;M00001;2;"
    assert faults(send(browser, SHARES + row + "\n")) == [SEVERAL]
    assert "« Forêts »" in faults(send(browser, SHARES + row + "Forêts\n"))[0]
    accept(browser, send(browser, SHARES + row + SOIL + "\n" + row + PLANTS + "\n"))
    assert Attribution.objects.values("course").distinct().count() == 2
    assert "departement" in browser.get("/attribution/liste/import/").context["resource"].headings()
    page = send(browser, SHARES + row + SOIL + "\n")
    assert page.context["preview"].counts["skip"] == 1
    page = send(browser, browser.get("/attribution/liste/export.csv").getvalue().decode("utf-8-sig"))
    assert page.context["preview"].counts == {"new": 0, "update": 0, "skip": 2, "invalid": 0}
    browser.post(f"/imports/{FileImport.objects.get().pk}/annuler/")
    assert not Attribution.objects.exists()


def test_imports_of_one_setting_are_taken_back_in_the_other(browser: Client, agv211: Course) -> None:
    accept(browser, send(browser, SHARES + f"{YEAR};AGV211;CM;M00001;2;{PLANTS}\n"))
    accept_courses(browser, send_courses(browser, HEAD + NAMESAKE.replace("AGV211", "SOL211")))
    assert set_scope(browser, CodeScope.INSTITUTION).status_code == 302
    for record in FileImport.objects.all():
        browser.post(f"/imports/{record.pk}/annuler/")
    assert (Attribution.objects.count(), Course.objects.count()) == (0, 1)


def test_inactive_courses_and_teachers_are_said_to_be_inactive(
    browser: Client, agv211: Course, teacher: Teacher
) -> None:
    course = f"le cours AGV211 ({PLANTS}) n’est plus actif : il peut être réactivé sur sa page."
    person = "l’enseignant M00001 n’est plus actif : il peut être réactivé sur sa page."
    row = SHARES + f"{YEAR};AGV211;CM;M00001;2;\n"
    Course.objects.update(active=False)
    assert post(browser) == (400, f"Cours : {course}")
    assert faults(send(browser, row)) == [course]
    sent = {"year": YEAR, "component": "CM", "teacher": "M00001"}
    assert course in browser.post(f"/attribution/cours/{agv211.pk}/", sent).content.decode().replace(
        "\N{NO-BREAK SPACE}", " "
    )
    assert send_courses(browser, "code;heures_cm\nAGV211;40\n").context["preview"].lines[0].notes == [
        "AGV211 n’est plus actif, et le reste."
    ]
    Course.objects.update(active=True)
    Teacher.objects.update(active=False)
    note = send_courses(browser, "matricule;nom\nM00001;Durand\n", TEACHERS).context["preview"].lines[0].notes
    assert note == ["M00001 n’est plus actif, et le reste."]
    assert post(browser) == (400, f"Enseignant : {person}")
    assert faults(send(browser, row)) == [person]
    share = Attribution.objects.create(course=agv211, teacher=teacher, component="CM", academic_year_id=YEAR, hours=2)
    for page in ("deplacer", "remplacer"):
        answer = browser.post(f"/attribution/{share.pk}/{page}/", {"teacher": "M00001"})
        assert person in answer.content.decode().replace("\N{NO-BREAK SPACE}", " ")


def test_a_new_year_keeps_namesakes(browser: Client, namesake: Course) -> None:
    open_years("2027-2028")
    assert CourseYear.objects.filter(academic_year__label="2027-2028", course__code="AGV211").count() == 2


def test_courses_of_a_fixture_follow_the_setting_of_the_database(
    browser: Client, agv211: Course, tmp_path: Path
) -> None:
    courses, settings = tmp_path / "courses.json", tmp_path / "office.json"
    call_command("dumpdata", "courses.course", output=str(courses))
    call_command("dumpdata", "office", output=str(settings))
    assert [one["fields"]["code_unique"] for one in json.loads(courses.read_text())] == [False]
    # As it is written by an office whose codes are unique in the whole institution.
    courses.write_text(courses.read_text().replace('"code_unique": false', '"code_unique": true'))
    call_command("loaddata", str(courses), verbosity=0)
    assert Course.objects.get().code_unique is False
    assert set_scope(browser, CodeScope.INSTITUTION).status_code == 302
    call_command("loaddata", str(settings), verbosity=0)
    assert Course.objects.get().code_unique is False
    OfficeSettings.objects.all().delete()
    call_command("loaddata", str(courses), verbosity=0)
    assert Course.objects.get().code_unique is True
