"""Codes in databases of before and after, on their way to PostgreSQL, and while two people write them."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import psycopg
import pytest

from tests.conftest import MakeSource, Run
from tests.tiers import first_in_ci

#: Run in a database as it was before codes could be unique within a department.
OLDER = """
from django.core.management import CommandError, call_command
from django.db import connection
call_command("migrate", "courses", "0008_import_of_a_year", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("INSERT INTO courses_course (code, title, credits, hours_cm, hours_td, hours_tp, level, semester,"
                   " department) VALUES ('AGV211', 'Agrostologie', 4, 36.5, 0, 0, 'L2', 1, 'Sols')")
call_command("migrate", verbosity=0)
from courses.models import Course
course = Course.objects.get(code="AGV211", code_unique=True)
Course.objects.update(code_unique=False)
course.pk, course._state.adding, course.department, course.code_unique = None, True, "Forêts", False
course.save()
try:
    call_command("migrate", "courses", "0008_import_of_a_year", verbosity=0)
except CommandError as error:
    print(error)
Course.objects.filter(department="Forêts").update(code="FOR211")
call_command("migrate", "courses", "0008_import_of_a_year", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("SELECT code, department FROM courses_course ORDER BY code")
    print(*cursor.fetchall())
"""


@pytest.mark.parametrize("database", first_in_ci("postgresql", "sqlite"))
def test_codes_of_an_older_database_stay_and_go_back_where_each_occurs_once(
    database: str, manage: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    url = f"sqlite:///{tmp_path}/old.sqlite3" if database == "sqlite" else request.getfixturevalue("postgres_url")
    result = manage("shell", "--command", OLDER, DATABASE_URL=url)
    assert result.stdout.splitlines()[-2:] == [
        "Codes that several departments have: AGV211. Change them, then migrate back again.",
        "('AGV211', 'Sols') ('FOR211', 'Forêts')",
    ]


@pytest.mark.full
@pytest.mark.parametrize("old", [True, False], ids=["of before", "of after"])
def test_a_database_of_before_and_of_after_moves_with_its_codes(
    old: bool, manage: Run, make_source: MakeSource, tmp_path: Path, postgres_url: str
) -> None:
    source = tmp_path / "source.sqlite3"
    shutil.copy(make_source("none"), source)
    own = {"DATABASE_URL": f"sqlite:///{source}"}
    if old:
        manage("migrate", "courses", "0008_import_of_a_year", "--verbosity", "0", **own)
    else:
        script = (
            "UPDATE courses_course SET code_unique = 0; UPDATE courses_course SET code = 'AGV211' WHERE id IN (2, 3)"
        )
        with closing(sqlite3.connect(source)) as database:
            database.executescript(script)
    manage("migrate_to_pg", "--source", source, "--target", postgres_url, "--report", tmp_path / "report", "--verify")
    # A move goes as far as the source's migrations do.
    manage("migrate", "--verbosity", "0", DATABASE_URL=postgres_url)
    with psycopg.connect(postgres_url) as connection:
        query = "SELECT count(*), count(DISTINCT code), count(DISTINCT code_unique) FROM courses_course"
        assert connection.execute(query).fetchone() == (80, 80 if old else 78, 1)
        with pytest.raises(psycopg.errors.UniqueViolation):
            connection.execute("UPDATE courses_course SET code = 'AGV211', code_unique = true WHERE id = 9")


#: Add a namesake, and before that is committed make codes unique in the whole institution; prints who was refused.
TOGETHER = """
import threading, time
from django.db import connection, transaction
from courses.codes import NamesakesError, change_scope
from courses.course_years import save_course_year
from courses.models import AcademicYear, Course, CourseYear
from office.models import OfficeSettings
OfficeSettings(pk=1, code_scope="department").save()
year = AcademicYear.objects.get(current=True).label
added = threading.Event()

def add(department, wait=0):
    content = {"title": "x", "credits": 1, "level_id": "L1", "semester": 1}
    course = Course(code="AGV211", department=department)
    with transaction.atomic():
        save_course_year(CourseYear(course=course, academic_year_id=year, **content))
        added.set()
        time.sleep(wait)
    connection.close()

def change():
    added.wait()
    try:
        with transaction.atomic():
            OfficeSettings.objects.select_for_update().first()
            OfficeSettings.objects.update(code_scope="institution")
            change_scope("institution")
    except NamesakesError as error:
        print(error)
    connection.close()

add("Sols")
added.clear()
threads = [threading.Thread(target=add, args=("Forêts", 1)), threading.Thread(target=change)]
[thread.start() for thread in threads]
[thread.join() for thread in threads]
print(Course.objects.filter(code="AGV211", code_unique=False).count(), OfficeSettings.load().code_scope)
"""


@pytest.mark.parametrize("database", first_in_ci("postgresql", "sqlite"))
def test_a_namesake_that_is_being_added_keeps_codes_within_departments(
    database: str, manage: Run, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if database == "sqlite":
        url = f"sqlite:///{shutil.copy(request.getfixturevalue('migrated_file'), tmp_path / 'new.sqlite3')}"
    else:
        url = request.getfixturevalue("migrated_url")
    result = manage("shell", "--command", TOGETHER, DATABASE_URL=url)
    assert result.stdout.splitlines()[-2:] == [
        "Plusieurs départements ont ces codes\xa0: AGV211 (Forêts, Sols). Changez-les d’abord, pour que chacun n’existe"
        " qu’une fois.",
        "2 department",
    ]
