"""Exports that every spreadsheet opens as text and numbers, and sums that every database gives with two decimals."""

import csv
import io
from collections.abc import Callable
from decimal import Decimal

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from attribution_project.spreadsheets.exports import Dialect
from attribution_project.spreadsheets.formulas import guard, remove_guards
from attributions import statistics
from attributions.models import Attribution, Teacher
from attributions.services.copy_year import hours_over_maximum, proposed_hours, suggestions
from attributions.workload import teaching_load
from courses.models import Course
from tests.app.conftest import browser_of, change_course, make_course

LIST = "/attribution/liste/"
SIGNS = ("=", "+", "-", "@", "\t", "\r", "＝")


@pytest.fixture
def browser(account: Callable[..., User]) -> Client:
    return browser_of(account("lecteur"))


def exported(browser: Client, address: str, separator: str, **asked: str) -> list[dict[str, str]]:
    text = browser.get(f"{address}export.csv", asked).getvalue().decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=separator, strict=True))


@pytest.mark.parametrize("title", ["Sols;=1+1;=A1", "Sols,=1+1", "Sols\t=1+1", '"\t"=1', "a\n=1+1", "Sols;\"'=1", "@x"])
@pytest.mark.parametrize("reader", [";", ",", "\t"])
def test_no_reader_finds_a_formula_whatever_separator_it_takes(title: str, reader: str) -> None:
    for separator in ";,":
        dialect = Dialect(separator=separator, decimal_separator=",")
        text = dialect.line(["AGV211", guard(title, "csv"), Decimal("36.50")])
        cells = [cell for row in csv.reader(io.StringIO(text, newline=""), delimiter=reader) for cell in row]
        assert not [cell for cell in cells if cell.lstrip(' "').startswith(SIGNS)]


@given(st.text(alphabet="=+-@\t\r\n;,\"' a＝", max_size=12), st.sampled_from(["csv", "xlsx"]))
def test_a_guard_is_removed_without_a_trace(text: str, extension: str) -> None:
    assert remove_guards(guard(text, extension), extension) == text


def test_what_holds_any_separator_a_quote_or_a_line_end_is_quoted() -> None:
    dialect = Dialect(separator=",", decimal_separator=".")
    cells = ["a;b", "a\tb", 'a"b', "a\nb", "a\rb", "ab", None, 3, Decimal("1.50")]
    assert dialect.line(cells) == '"a;b","a\tb","a""b","a\nb","a\rb",ab,,3,1.50\r\n'


@pytest.mark.django_db
def test_separator_decimals_and_labels_follow_the_language(browser: Client, agv211: Course, teacher: Teacher) -> None:
    Attribution.objects.create(
        course=agv211, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=Decimal("36.5"), load="SUPP"
    )
    expected = {"departement": "Productions végétales", "niveau": "L2", "semestre": "1", "composante": "CM"}
    for language, separator, hours, load, grade in (
        ("fr", ";", "36,50", "complémentaire", "professeur"),
        ("en", ",", "36.50", "overtime", "professor"),
    ):
        browser.cookies["django_language"] = language
        [row] = exported(browser, LIST, separator)
        assert {name: row[name] for name in expected} == expected
        assert (row["heures"], row["service"], row["grade"]) == (hours, load, grade)
        assert exported(browser, "/cours/", separator)[0]["heures_cm"] == hours
        assert exported(browser, "/enseignants/", separator)[0]["grade"] == grade
    answer = browser.get(f"{LIST}export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    assert [cell.value for cell in sheet[2]][10:14] == ["professor", 36.5, 54.75, "overtime"]


@pytest.mark.django_db
def test_the_courses_tell_what_is_left_and_can_be_imported_again(
    agv211: Course, teacher: Teacher, account: Callable[..., User]
) -> None:
    change_course(agv211, hours_td=Decimal("20.25"), groups_td=3)
    Attribution.objects.create(
        course=agv211, teacher=teacher, component="TD", academic_year_id="2026-2027", hours=Decimal("20.25")
    )
    browser = browser_of(account("secretariat"))
    [row] = exported(browser, "/cours/", ";", year="2026-2027")
    assert [row[f"reste_{one}"] for one in ("cm", "td", "tp")] == ["36,50", "40,50", "0,00"]
    assert "reste 40,50 h" in browser.get("/cours/").content.decode()
    file = io.BytesIO(browser.get("/cours/export.csv").getvalue())
    file.name = "cours.csv"
    preview = browser.post("/cours/import/", {"file": file, "year": "2026-2027"}).content.decode()
    assert "reste_td" not in preview


@pytest.mark.django_db
def test_a_file_has_the_order_of_the_list(browser: Client, agv211: Course) -> None:
    for code, credit in (("SOL411", 9), ("ZOO111", 1)):
        make_course(code=code, title="x", credits=credit, hours_cm=1, level_id="L1", semester=1, department="Sols")
    for sort, codes in (
        ("credits", ["ZOO111", "AGV211", "SOL411"]),
        ("-code", ["ZOO111", "SOL411", "AGV211"]),
        ("department", ["AGV211", "SOL411", "ZOO111"]),
    ):
        assert [row["code"] for row in exported(browser, "/cours/", ";", sort=sort)] == codes
    Teacher.objects.create(
        matricule="M2", last_name="A", first_name="B", grade_id="VAC", department="Sols", max_hours=1
    )
    assert [row["matricule"] for row in exported(browser, "/enseignants/", ";", sort="-most")] == ["M2"]


@pytest.mark.django_db
def test_every_sum_of_hours_has_two_decimals(browser: Client, agv211: Course, teacher: Teacher) -> None:
    for component, hours in (("CM", "67.58"), ("TD", "67.58"), ("TP", "67.58")):
        Attribution.objects.create(
            course=agv211, teacher=teacher, component=component, academic_year_id="2025-2026", hours=Decimal(hours)
        )
    Teacher.objects.update(max_hours=Decimal("1"))
    change_course(agv211, hours_cm=Decimal("67.58"), hours_td=Decimal("67.58"), hours_tp=Decimal("67.58"))
    sums = [
        teaching_load(teacher, "2025-2026").hours,
        teaching_load(teacher, "2024-2025").hours,
        statistics.teachers_by_load("2025-2026")[0].hours,
        statistics.teachers_by_load("2024-2025")[0].hours,
        *hours_over_maximum("2026-2027", proposed_hours(suggestions("2026-2027"))).values(),
        *(load.hours for _year, load in browser.get(f"/enseignants/{teacher.pk}/").context["totals"]),
    ]
    assert [str(total) for total in sums] == ["202.74", "0.00", "202.74", "0.00", "202.74", "202.74"]
