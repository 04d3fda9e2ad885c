"""Hours count as the statutes do, on the pages and in the letters; discharges; the teachers that a form offers."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.models import Attribution, Discharge, Teacher
from attributions.service_hours import Service, service_of, services, with_taught_hours
from courses.models import AcademicYear, Course
from office.models import OfficeSettings, TPWeight
from tests.app.conftest import browser_of

pytestmark = pytest.mark.django_db
YEAR = "2026-2027"


@pytest.fixture
def browser(account: Callable[..., User]) -> Client:
    return browser_of(account("secretariat", "secretaire"))


def attribute(
    teacher: Teacher, course: Course, component: str, hours: str, load: str = "STAT", year: str = YEAR
) -> None:
    group = Attribution.objects.count() + 1  # shares of one teacher in one part differ in something
    Attribution.objects.create(
        teacher=teacher, course=course, component=component, hours=Decimal(hours), load=load, academic_year_id=year,
        group=group,
    )  # fmt: skip


def served(teacher: Teacher, year: str = YEAR) -> Service:
    """What the teacher's page counts, which is what the dashboard counts."""
    service = service_of(teacher, year, teacher.attributions.filter(academic_year__label=year))
    [(_teacher, by_query)] = services(with_taught_hours(Teacher.objects.all(), year), OfficeSettings.load())
    assert service == by_query
    return service


def exported(browser: Client, address: str) -> list[dict[str, str]]:
    answer = b"".join(browser.get(address).streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.DictReader(io.StringIO(answer), delimiter=";"))


def text(answer: object) -> str:
    return " ".join(answer.content.decode().replace("\u00a0", " ").split())  # type: ignore[attr-defined]


def test_each_component_counts_by_its_weight_and_is_rounded_once(teacher: Teacher, agv211: Course) -> None:
    for component, hours in (("CM", "13.33"), ("CM", "13.33"), ("TD", "20"), ("TP", "10"), ("TP", "10")):
        attribute(teacher, agv211, component, hours)
    service = served(teacher)
    assert {name: str(one.hetd) for name, one in service.components.items()} == {
        "CM": "39.99", "TD": "20.00", "TP": "20.00",
    }  # fmt: skip
    OfficeSettings(pk=1, tp_weight=TPWeight.TWO_THIRDS).save()
    assert str(served(teacher).components["TP"].hetd) == "13.33"
    assert served(teacher).total.hours == Decimal("66.66")
    assert served(teacher, "2025-2026").total.hours == 0


@pytest.mark.parametrize(
    ("statutory", "overtime", "discharge", "expected"),
    [
        # due, attributed, left, complementary
        ("100", "0", "0", ("192", "100", "92", "0")),
        ("200", "0", "0", ("192", "192", "0", "8")),
        ("100", "30", "24", ("168", "100", "68", "30")),
        ("180", "30", "24", ("168", "168", "0", "42")),
        ("10", "0", "500", ("0", "0", "0", "10")),
    ],
)
def test_what_is_due_left_and_complementary(
    teacher: Teacher, agv211: Course, statutory: str, overtime: str, discharge: str, expected: tuple[str, ...]
) -> None:
    for load, hours in (("STAT", statutory), ("SUPP", overtime)):
        if hours != "0":
            attribute(teacher, agv211, "TD", hours, load)
    if discharge != "0":
        Discharge.objects.create(teacher=teacher, academic_year_id=YEAR, hours=discharge, reason="direction")
    service = served(teacher)
    found = (service.due, service.attributed, service.left, service.complementary)
    assert found == tuple(Decimal(hours) for hours in expected)


def test_pages_and_letters_tell_the_same_figures(browser: Client, teacher: Teacher, agv211: Course) -> None:
    attribute(teacher, agv211, "CM", "36.5")
    attribute(teacher, agv211, "TD", "20", "SUPP")
    Discharge.objects.create(teacher=teacher, academic_year_id=YEAR, hours=24, reason="direction")
    page = text(browser.get(f"/enseignants/{teacher.pk}/?year={YEAR}"))
    assert "168 h <small>192 h moins 24 h de décharges" in page
    assert "36,50 h comptent pour 54,75 h" in page
    table = text(browser.get(f"/attribution/tableau-de-bord/?year={YEAR}"))
    for name, hours in (("Dû", "168"), ("Attribué", "54,75"), ("Reste", "113,25"), ("Complémentaires", "20")):
        assert f'data-name="{name}">{hours}</td>' in table
    [row] = exported(browser, f"/attribution/tableau-de-bord/export.csv?year={YEAR}")
    names = ("matricule", "grade", "heures", "service_du", "decharges", "attribue", "reste", "complementaires")
    assert [row[name] for name in names] == [
        "M00001", "professeur", "56,50", "168,00", "24,00", "54,75", "113,25", "20,00",
    ]  # fmt: skip
    rows = exported(browser, f"/attribution/liste/export.csv?year={YEAR}&sort=course")
    assert [(one["heures"], one["hetd"]) for one in rows] == [("36,50", "54,75"), ("20,00", "20,00")]
    letter = text(browser.get(f"/enseignants/{teacher.pk}/decision/?year={YEAR}"))
    assert "Service dû : 168 h équivalent TD, soit 192 h moins 24 h de décharges." in letter
    assert "Attribué : 54,75 h. Reste : 113,25 h. Heures complémentaires : 20 h." in letter
    assert '<th scope="row">CM</th><td class="number">36,50</td><td class="number">54,75</td>' in letter


def test_a_letter_says_who_signs_it_where_and_by_which_reference(
    browser: Client, teacher: Teacher, agv211: Course
) -> None:
    attribute(teacher, agv211, "CM", "12")
    Attribution.objects.update(starts_on="2026-09-01", ends_on="2027-03-15")
    address = f"/enseignants/{teacher.pk}/decision/?year={YEAR}"
    assert "Pour le département," in text(browser.get(address))
    OfficeSettings(
        pk=1, institution="Faculté des sciences", place="Montpellier", signatory="Ousmane Traoré",
        signatory_title="Le doyen", reference="SCOL/{year}/{matricule}",
    ).save()  # fmt: skip
    letter = text(browser.get(address))
    for part in ("Faculté des sciences", "Montpellier, le ", "Le doyen<br>Ousmane Traoré", "SCOL/2026-2027/M00001"):
        assert part in letter
    assert "01/09/2026 – 15/03/2027" in letter


def test_all_letters_of_a_department_are_one_print(browser: Client, teacher: Teacher, agv211: Course) -> None:
    for number, department in (("M2", teacher.department), ("M3", teacher.department), ("M4", "Eaux et forêts")):
        other = Teacher.objects.create(
            matricule=number, last_name="Ba", first_name="Fatou", grade_id="MCF", department=department, max_hours=99
        )
        attribute(other, agv211, "TD", "10", year="2025-2026" if number == "M3" else YEAR)
    page = browser.get("/enseignants/decisions/", {"year": YEAR, "department": teacher.department})
    assert [letter.teacher.matricule for letter in page.context["letters"]] == ["M2"]
    attribute(teacher, agv211, "CM", "12")
    page = browser.get("/enseignants/decisions/", {"year": YEAR, "department": teacher.department})
    assert [letter.teacher.matricule for letter in page.context["letters"]] == ["M2", "M00001"]
    assert page.content.decode().count("<article") == 2


def test_a_discharge_is_added_and_removed_in_an_open_year_alone(
    browser: Client, teacher: Teacher, agv211: Course
) -> None:
    address = f"/enseignants/{teacher.pk}/decharges/"
    typed = {"academic_year": YEAR, "hours": "12,50", "reason": "direction"}
    for wrong in ({"hours": "0"}, {"hours": "-1"}, {"reason": ""}, {"academic_year": "1999-2000"}):
        assert browser.post(address, typed | wrong).status_code == 400
    assert browser.post(address, typed).status_code == 302
    discharge = Discharge.objects.get()
    assert (discharge.hours, discharge.teacher) == (Decimal("12.5"), teacher)
    assert Discharge.history.get().history_user.username == "secretaire"
    AcademicYear.objects.filter(label=YEAR).update(open=False)
    assert "Cette année est close" in browser.post(address, typed).content.decode()
    remove = f"/enseignants/decharges/{discharge.pk}/retirer/"
    assert f"L’année {YEAR} est close." in browser.post(remove, follow=True).content.decode()
    assert "Retirer" not in browser.get(address).content.decode()
    AcademicYear.objects.filter(label=YEAR).update(open=True)
    browser.post(remove)
    assert not Discharge.objects.exists()


def test_the_picker_tells_namesakes_apart_and_how_many_more_there_are(
    browser: Client, teacher: Teacher, agv211: Course
) -> None:
    for number in range(20):
        Teacher.objects.create(
            matricule=f"N{number:02}", last_name="Diallo", first_name="Aïcha", grade_id="MCF", department="Sols",
            max_hours=30, title="Mme", active=number != 5,
        )  # fmt: skip
    attribute(Teacher.objects.get(matricule="N00"), agv211, "CM", "12.5")
    attribute(Teacher.objects.get(matricule="N01"), agv211, "CM", "34")
    page = text(browser.get("/attribution/", {"year": YEAR, "who": "diallo"}))
    assert 'maîtresse de conférences · Sols · N00</small> <small class="free free">17,50 h libres sur 30 h' in page
    assert "4 h de trop" in page
    assert "N05" not in page
    assert "Encore 11 autres" in page
    assert "Encore" not in text(browser.get("/attribution/", {"year": YEAR, "who": "N00"}))
    moved = Attribution.objects.get(hours=34)
    refused = browser.post(f"/attribution/{moved.pk}/deplacer/?who=diallo", {"teacher": "M00001", "version": "x"})
    assert [one.matricule for one, _load in refused.context["found"]][:2] == ["M00001", "N00"]
