"""A university of 60 teachers, 2,000 courses and ten years: few queries, and no row that is not shown."""

import re
from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.contrib.auth.models import User
from django.core.management import call_command
from django.db import connection
from django.db.backends.utils import CursorWrapper
from django.db.models import Min
from django.test import Client
from pytest_django import DjangoDbBlocker

from attributions.models import Attribution, Teacher
from courses.models import Course, CourseYear
from tests.app.conftest import browser_of

MOST_QUERIES = 10
#: But for the list of years, which a request reads once, and which is as long as the application is old.
OF_THE_APPLICATION = re.compile(r'FROM "(?:attributions|courses)_(?!academicyear")')
#: What stands for one row on a page: a line of a table or of a list, a choice of a filter, a bar of a chart, the figure
#: in a heading.
SHOWN = re.compile(r'<tr|<li>|<option|type="radio"|"rowgroup"|<rect class="whole"|<small>\d|<p class="figure">')


@pytest.fixture(scope="module")
def academic_years(django_db_setup: None, django_db_blocker: DjangoDbBlocker) -> Iterator[list[str]]:
    """Made once for all pages, and taken away again."""
    with django_db_blocker.unblock():
        call_command("make_demo_data", teachers=60, courses=2000, attributions=44_000, stdout=StringIO(), verbosity=0)
        years = sorted(set(Attribution.objects.values_list("academic_year__label", flat=True)))
        yield years
        for model in (Attribution, Teacher, CourseYear, Course, get_user_model()):
            model.objects.all()._raw_delete("default")  # as they came: without a history


@pytest.fixture
def browser(academic_years: list[str], account: Callable[..., User]) -> Client:
    return browser_of(account("administrateur"))


class Counting:
    """How many statements ran, and how many rows of the application's tables were fetched."""

    def __init__(self) -> None:
        self.statements: list[str] = []
        self.rows = 0

    def cursor(self, cursor: Any) -> CursorWrapper:
        counting = self

        class Cursor(CursorWrapper):
            def execute(self, sql: Any, params: Any = None) -> Any:
                counting.statements.append(sql)
                self.counted = bool(OF_THE_APPLICATION.search(sql))
                return super().execute(sql, params)

            def fetchone(self) -> Any:
                row = self.cursor.fetchone()
                counting.rows += bool(self.counted and row is not None)
                return row

            def fetchmany(self, *size: int) -> Any:
                rows = self.cursor.fetchmany(*size)
                counting.rows += len(rows) if self.counted else 0
                return rows

            def fetchall(self) -> Any:
                rows = self.cursor.fetchall()
                counting.rows += len(rows) if self.counted else 0
                return rows

        return Cursor(cursor, connection)


PAGES = {
    "workbench": "/attribution/?year={year}&teacher=M00007",
    "workbench, narrowed": "/attribution/?year={year}&teacher=M00007&department=Agroalimentaire&level=M1&q=lait&page=2",
    "workbench, teachers": "/attribution/?who=a",
    "list": "/attribution/liste/",
    "list, last page": "/attribution/liste/?page=1700&sort=-teacher",
    "list, searched": "/attribution/liste/?q=agro&year={year}&sort=course",
    "detail": "/attribution/{attribution}/",
    "edit": "/attribution/{attribution}/modifier/",
    "move": "/attribution/{attribution}/deplacer/?who=b",
    "remove": "/attribution/{attribution}/retirer/",
    "copy a year": "/attribution/reconduction/?year={next}&page=3",
    "review": "/attribution/a-revoir/?year={year}",
    "replace": "/attribution/{attribution}/remplacer/?who=b",
    "import of attributions": "/attribution/liste/import/",
    "dashboard": "/attribution/tableau-de-bord/?year={year}",
    "department": "/attribution/departement/?year={year}&department=Agroalimentaire",
    "teachers": "/enseignants/?sort=-most&page=2",
    "teacher": "/enseignants/{teacher}/",
    "letter": "/enseignants/{teacher}/decision/?year={year}",
    "courses": "/cours/?sort=-level&page=40",
    "course": "/cours/{course}/",
    "import": "/cours/import/",
    "parts as JSON": "/attribution/parts/?year={year}&page=7",
    "own": "/enseignants/moi/",
    "years": "/annees/",
    "settings": "/bureau/",
    "accounts": "/comptes/",
    "imports": "/imports/",
    "import of teachers": "/enseignants/import/",
    "attribute a course": "/attribution/cours/{free}/?year={year}&who=b",
    "add a teacher": "/enseignants/ajouter/",
    "correct a teacher": "/enseignants/{teacher}/modifier/",
    "discharges": "/enseignants/{teacher}/decharges/",
    "letters": "/enseignants/decisions/?year={year}&department=Agroalimentaire",
    "add a course": "/cours/ajouter/?year={year}",
    "correct a course": "/cours/{course}/modifier/?year={year}",
    "database": "/base-de-donnees/",
}


def values_of() -> dict[str, object]:
    """What stands in the addresses of PAGES: the last year, and rows of it."""
    year = max(Attribution.objects.values_list("academic_year__label", flat=True))
    attribution = Attribution.objects.filter(academic_year__label=year).order_by("pk")[0]
    free = Course.objects.exclude(attributions__academic_year__label=year)
    return {
        "year": year,
        "next": f"{int(year[:4]) + 1}-{int(year[5:]) + 1}",
        "attribution": attribution.pk,
        "teacher": attribution.teacher_id,
        "course": attribution.course_id,
        "free": free.aggregate(pk=Min("pk"))["pk"],
    }


@pytest.mark.django_db
@pytest.mark.xdist_group("scale")
@pytest.mark.parametrize("page", PAGES)
def test_a_page_asks_little_and_fetches_no_more_than_it_shows(
    browser: Client, academic_years: list[str], page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = PAGES[page].format(**values_of())
    counting = Counting()
    monkeypatch.setattr(connection, "make_cursor", counting.cursor)
    monkeypatch.setattr(connection, "make_debug_cursor", counting.cursor)
    answer = browser.get(address)
    monkeypatch.undo()
    assert answer.status_code in (200, 403), answer.status_code
    assert len(counting.statements) <= MOST_QUERIES, "\n".join(counting.statements)
    text = answer.content.decode()
    shown = len(answer.json()["parts"]) + 2 if page == "parts as JSON" else len(SHOWN.findall(text))
    assert counting.rows <= shown + 1, (counting.rows, shown)  # one: the row that the page is about


@pytest.mark.django_db
def test_the_university_is_that_large(academic_years: list[str]) -> None:
    assert len(academic_years) >= 10
