"""Grades are rows: those of an older database stay as they are, and a page writes them as the person is addressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from django.db.models import ProtectedError

from attributions.models import Grade, Teacher
from tests.app.conftest import browser_of
from tests.conftest import Run
from tests.tiers import first_in_ci

#: Run in a database as it was before grades were rows; then prints the grades of the teachers there.
OLDER = """
from django.core.management import call_command
from django.db import connection
call_command("migrate", "attributions", "0005_shares", verbosity=0)
with connection.cursor() as cursor:
    for number, grade in enumerate(("PR", "MCF", "XYZ", ""), start=1):
        cursor.execute("INSERT INTO attributions_teacher (matricule, last_name, first_name, grade, department, email,"
                       " max_hours) VALUES (%s, 'A', 'B', %s, 'Sols', '', 192)", [f"M{number}", grade])
call_command("migrate", verbosity=0)
from attributions.models import Teacher
found = Teacher.objects.select_related("grade").order_by("matricule")
print(*[(t.matricule, t.grade_id, t.grade.name, t.active) for t in found])
call_command("migrate", "attributions", "0005_shares", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("SELECT grade FROM attributions_teacher ORDER BY matricule")
    print(*cursor.fetchall())
call_command("migrate", verbosity=0)
print(Teacher.objects.filter(grade__service_hours=192).count())
"""


@pytest.mark.parametrize("database", first_in_ci("postgresql", "sqlite"))
def test_the_grades_of_an_older_database_become_rows(
    database: str, manage: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite3" if database == "sqlite" else request.getfixturevalue("postgres_url")
    result = manage("shell", "--command", OLDER, DATABASE_URL=url)
    assert result.stdout.splitlines()[-3:] == [
        "('M1', 'PR', 'professeur', True) ('M2', 'MCF', 'maître de conférences', True) ('M3', 'XYZ', 'XYZ', True)"
        " ('M4', '', '?', True)",
        "('PR',) ('MCF',) ('XYZ',) ('',)",
        "2",
    ]


@pytest.mark.django_db
def test_a_grade_is_written_as_the_person_is_addressed(account: Callable[..., User], teacher: Teacher) -> None:
    browser = browser_of(account("lecteur"))
    for title, name in (("", "professeur ·"), ("M.", "professeur ·"), ("Mme", "professeure ·")):
        Teacher.objects.update(title=title)
        assert name in browser.get(f"/enseignants/{teacher.pk}/").content.decode()
    Grade.objects.update(name_feminine="")
    assert "professeur ·" in browser.get(f"/enseignants/{teacher.pk}/").content.decode()


@pytest.mark.django_db
def test_grades_that_the_application_made_are_in_the_language_of_the_page(
    account: Callable[..., User], teacher: Teacher
) -> None:
    for grade in Grade.objects.all():  # their French names are those that the table has
        assert (str(grade), grade.written_for("Mme")) == (grade.name, grade.name_feminine or grade.name)
    browser = browser_of(account("administrateur", is_staff=True))
    browser.cookies["django_language"] = "en"
    Teacher.objects.update(grade_id="DOC", title="Mme")
    pages = ("/enseignants/", f"/enseignants/{teacher.pk}/", f"/enseignants/{teacher.pk}/decision/",
             f"/enseignants/{teacher.pk}/modifier/", "/attribution/tableau-de-bord/", "/enseignants/export.csv",
             "/attribution/tableau-de-bord/export.csv", "/admin/attributions/grade/",
             "/admin/attributions/teacher/")  # fmt: skip
    for page in pages:
        answer = browser.get(page)
        text = (b"".join(answer) if answer.streaming else answer.content).decode()
        assert "octoral student on contract" in text, page
        assert "octorante contractuelle" not in text, page
    assert "administrator" in browser.get("/comptes/").content.decode()
    Grade.objects.filter(code="DOC").update(name_feminine="doctorante")
    assert "doctorante ·" in browser.get(pages[1]).content.decode()
    browser.cookies["django_language"] = "fr"
    exported = browser.get("/enseignants/export.csv")
    assert ";doctorante;" in b"".join(exported).decode()


@pytest.mark.django_db
def test_an_administrator_adds_a_grade_and_nobody_deletes_one_in_use(
    account: Callable[..., User], teacher: Teacher
) -> None:
    browser = browser_of(account("administrateur", is_staff=True))
    typed = {"code": "PAST", "name": "professeur associé", "service_hours": "96", "position": "9", "active": "on"}
    assert browser.post("/admin/attributions/grade/add/", typed).status_code == 302
    assert Grade.objects.get(code="PAST").service_hours == 96
    with pytest.raises(ProtectedError):
        Grade.objects.filter(code="PR").delete()
