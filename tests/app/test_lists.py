"""Lists: searched, narrowed, sorted, in pages, and the same as files. Runs on SQLite and on PostgreSQL."""

import csv
import io
import unicodedata
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import openpyxl
import pytest
from django.contrib.auth.models import User
from django.test import Client

from attributions.models import Attribution, Teacher
from courses.academic_year import current_year
from courses.models import Course
from tests.app.conftest import browser_of, change_course, make_course
from tests.app.test_page import attribute_years

LIST = "/attribution/liste/"
pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(account: Callable[..., User]) -> Client:
    return browser_of(account("lecteur"))


@pytest.fixture
def rows(agv211: Course, teacher: Teacher, staff: User) -> None:
    """Sixty years of one part."""
    attribute_years(agv211, teacher, staff, 60)


def shown(browser: Client, address: str = LIST, **asked: str | int) -> Any:
    return browser.get(address, asked).context["listing"].rows


def test_the_list_is_in_pages_and_a_bad_page_is_the_nearest(browser: Client, rows: None) -> None:
    assert [row.academic_year_id for row in shown(browser, year="")][:2] == ["2059-2060", "2058-2059"]
    assert len(shown(browser, year="")) == 25
    assert shown(browser, page="3")[-1].academic_year_id == "2000-2001"
    assert browser.get(LIST, {"page": "999"}).context["listing"].page.number == 3
    assert browser.get(LIST, {"page": "x"}).context["listing"].page.number == 1


def test_the_list_opens_on_the_current_year_and_its_exports_with_it(browser: Client, rows: None) -> None:
    year = current_year()
    assert [row.academic_year_id for row in shown(browser)] == [year]
    text = browser.get(LIST).content.decode()
    assert f'export.csv?year={year}"' in text
    assert f"<option selected>{year}</option>" in text


def test_a_column_sorts_up_and_down_and_the_page_s_links_keep_the_question(browser: Client, rows: None) -> None:
    assert shown(browser, sort="year")[0].academic_year_id == "2000-2001"
    assert shown(browser, sort="-year")[0].academic_year_id == "2059-2060"
    assert len(shown(browser, sort="password")) == 25  # no column of the list: the usual order
    text = browser.get(LIST, {"sort": "year", "q": "agv"}).content.decode()
    assert 'aria-sort="ascending"><a href="?sort=-year&amp;q=agv"' in text
    assert 'href="?sort=year&amp;q=agv&amp;page=2"' in text


def test_every_word_must_be_found_and_filters_narrow(
    browser: Client, rows: None, agv211: Course, teacher: Teacher
) -> None:
    other = make_course(
        code="SOL411",
        title="Pédologie",
        credits=3,
        hours_cm=10,
        level_id="M1",
        semester=2,
        department="Sciences du sol",
    )
    Attribution.objects.create(course=other, teacher=teacher, component="CM", academic_year_id="2026-2027", hours=10)
    assert len(shown(browser, q="pédo guérin")) == 1
    assert shown(browser, q="pédo agrostologie") == []
    assert len(shown(browser, department="Sciences du sol")) == 1
    assert len(shown(browser, component="CM", year="2026-2027", load="STAT")) == 1
    assert shown(browser, q="\x00", load="\x00") != []
    found = shown(browser, "/cours/", q="sol", level="M1", semester="2", year="2026-2027")
    assert [row.course for row in found] == [other]
    assert shown(browser, "/cours/", semester="²") != []
    assert shown(browser, "/enseignants/", q="guér M00001", grade="PR") == [teacher]


@pytest.mark.parametrize("address", [LIST, "/cours/", "/enseignants/"])
def test_an_empty_list_says_so(browser: Client, address: str) -> None:
    assert "Aucun" in browser.get(address, {"q": "zzz"}).content.decode()


def test_an_export_holds_all_that_the_list_would_show(browser: Client, rows: None) -> None:
    content = browser.get(f"{LIST}export.csv", {"year": "2026-2027"}).getvalue()
    assert content.startswith(b"\xef\xbb\xbf")  # so that a spreadsheet knows it for UTF-8
    table = list(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))
    assert [(row["code"], row["annee"], row["nom"], row["heures"]) for row in table] == [
        ("AGV211", "2026-2027", "Guérin", "12,00")
    ]
    everything = browser.get(f"{LIST}export.csv").getvalue().decode("utf-8-sig")
    assert len(list(csv.reader(io.StringIO(everything)))) == 61


@pytest.mark.parametrize("address", [LIST, "/cours/", "/enseignants/"])
def test_an_xlsx_opens_and_has_the_same_rows(browser: Client, rows: None, address: str) -> None:
    answer = browser.get(f"{address}export.xlsx")
    sheet = openpyxl.load_workbook(io.BytesIO(answer.content)).active
    text = browser.get(f"{address}export.csv").getvalue().decode("utf-8-sig")
    table = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert sheet.max_row == len(table)
    assert [cell.value for cell in sheet[1]] == table[0]
    assert answer.headers["Content-Disposition"].endswith('.xlsx"')


@pytest.mark.parametrize("extension", ["csv", "xlsx"])
def test_a_title_that_would_be_a_formula_is_exported_as_text(browser: Client, agv211: Course, extension: str) -> None:
    change_course(agv211, title='=HYPERLINK("http://evil.example","x")')
    content = browser.get(f"/cours/export.{extension}").getvalue()
    if extension == "csv":
        title = next(csv.DictReader(io.StringIO(content.decode("utf-8-sig")), delimiter=";"))["intitule"]
    else:
        title = openpyxl.load_workbook(io.BytesIO(content)).active["B2"].value
    assert title == f"'{agv211.title}"


def test_a_sheet_of_too_many_rows_is_refused_and_csv_is_not(
    browser: Client, rows: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("attribution_project.spreadsheets.exports.MAX_SHEET_ROWS", 59)
    answer = browser.get(f"{LIST}export.xlsx")
    assert answer.status_code == 413
    assert "59 lignes" in answer.content.decode()
    assert browser.get(f"{LIST}export.csv").status_code == 200


def test_a_control_character_does_not_keep_a_sheet_from_being_made(browser: Client, agv211: Course) -> None:
    change_course(agv211, title="Sols\x0b")
    assert browser.get("/cours/export.xlsx").status_code == 200


def test_the_pages_of_a_course_and_of_a_teacher_go_back_over_the_years(
    browser: Client, rows: None, agv211: Course, teacher: Teacher
) -> None:
    course = browser.get(f"/cours/{agv211.pk}/").content.decode()
    assert "2059-2060" in course
    assert course.count("GUÉRIN Thérèse") == 30 + 1  # and among the parts of this year
    page = browser.get(f"/enseignants/{teacher.pk}/")
    assert [year for year, _load in page.context["totals"]][:2] == ["2059-2060", "2058-2059"]
    older = browser.get(f"/enseignants/{teacher.pk}/", {"year": "2001-2002"})
    assert [row.academic_year_id for row in older.context["rows"]] == ["2001-2002"]
    assert older.context["load"].hours == Decimal(12)


def test_a_teacher_sees_the_own_page_and_letter_and_nobody_else_s(
    account: Callable[..., User], rows: None, teacher: Teacher
) -> None:
    user = account("enseignant")
    browser = browser_of(user)
    assert "Ce compte n’est lié à aucun enseignant" in browser.get("/enseignants/moi/").content.decode()
    assert browser.get("/enseignants/moi/decision/").status_code == 404
    Teacher.objects.filter(pk=teacher.pk).update(user=user)
    assert "AGV211" in browser.get("/enseignants/moi/", {"year": "2026-2027"}).content.decode()
    letter = browser.get("/enseignants/moi/decision/", {"year": "2026-2027"}).content.decode()
    assert "Thérèse Guérin" in letter
    assert "AGV211" in letter
    assert browser.get(f"/enseignants/{teacher.pk}/").status_code == 403
    assert browser.get(f"/enseignants/{teacher.pk}/decision/").status_code == 403


def test_a_department_is_printed_with_holders_and_what_is_free(browser: Client, rows: None, agv211: Course) -> None:
    change_course(agv211, hours_td=24)
    text = browser.get("/attribution/departement/", {"year": "2026-2027", "department": agv211.department})
    [[_course, lines]] = text.context["courses"]
    assert [(line.component, line.hours, line.teacher, line.left) for line in lines] == [
        ("CM", "36,50", "", "libre"),
        ("TD", "12", "GUÉRIN Thérèse", ""),
        ("TD", "12", "", "12 h sur 24 h restent"),
    ]
    assert "libre" in text.content.decode()


def test_the_dashboard_adds_up(browser: Client, agv211: Course, teacher: Teacher, account: Callable[..., User]) -> None:
    change_course(agv211, hours_td=24)
    Attribution.objects.create(course=agv211, teacher=teacher, component="TD", academic_year_id="2026-2027", hours=24)
    page = browser.get("/attribution/tableau-de-bord/", {"year": "2026-2027"})
    total = page.context["total"]
    assert (str(total.held), str(total.all), total.percent) == ("24.00", "60.50", 39)
    assert [(one.name, str(one.free)) for one in page.context["by_level"]] == [("L2", "36.50")]
    [(one, load, _service)] = page.context["loads"]
    assert (one, load.hours, load.percent) == (teacher, Decimal(24), 12)
    assert '<svg class="chart"' in page.content.decode()
    # The same figures stand in a table.
    for name, hours in (("Heures", 24), ("Maximum", 192)):
        assert f'<td class="number" data-name="{name}">{hours}</td>' in page.content.decode()


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("oenologie", True), ("ŒNOLOGIE", True), ("œno", True), ("écologique", True), ("ECOLOGIQUE", True),
        ("l'hopital", True), ("L’HÔPITAL", True), ("e\u0301co", True), ("(bases)", True), (".*", False), ("[", False),
        ("\\", False), ("b.se", False), ("enologie z", False), ("%", False), ("_", False), ("c++", False), ("^", False),
    ],
)  # fmt: skip
def test_accents_capitals_and_signs_are_found_as_they_are_meant(browser: Client, typed: str, found: bool) -> None:
    title = "Œnologie écologique de L’Hôpital (bases)"
    course = make_course(
        code="IAA900", title=title, credits=1, hours_cm=1, level_id="M1", semester=1, department="Agroalimentaire"
    )
    assert [row.course for row in shown(browser, "/cours/", q=typed)] == ([course] if found else [])
    decomposed = unicodedata.normalize("NFD", title)
    change_course(course, title=decomposed)
    assert len(shown(browser, "/cours/", q=typed)) == found
