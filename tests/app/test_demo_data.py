"""make_demo_data: plausible, the same every time, all or nothing. Runs on SQLite and on PostgreSQL."""

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.db.models import F
from django.test import Client
from pytest_django import Settings

from attributions.demo import generate
from attributions.models import Attribution, Teacher
from courses.models import AcademicYear, Course, CourseYear

MIDNIGHT = datetime(2026, 1, 1, tzinfo=UTC)
SIZES = {"teachers": 20, "courses": 30, "attributions": 300, "seed": 7}


def make(**sizes: int) -> str:
    out = StringIO()
    call_command("make_demo_data", stdout=out, **SIZES | sizes)
    return out.getvalue()


def stored() -> list[list[tuple[Any, ...]]]:
    return [list(model.objects.order_by("pk").values_list()) for model in (Teacher, Course, Attribution)]


def generated(users: Sequence[int] = (1, 2, 3), **sizes: int) -> list[list[Any]]:
    made = generate.Sizes(**SIZES | sizes)
    return [
        list(stream) for stream in (generate.teachers(made), generate.courses(made), generate.attributions(made, users))
    ]


def test_the_same_seed_and_sizes_give_the_same_rows() -> None:
    assert generated() == generated()
    assert generated(seed=8) != generated()


def test_more_courses_leave_the_teachers_as_they_were() -> None:
    assert generated(courses=31)[0] == generated()[0]


def test_these_rows_are_pinned() -> None:
    """Another Python or another machine must not make other data: benchmarks are compared across both."""
    teachers, courses, attributions = generated()
    assert teachers[0][:4] == (1, "M00001", "Bélanger", "Gaëlle")
    assert (courses[0][0], courses[0][11], courses[0][1]) == (1, "AGV211", "Agrostologie")
    assert attributions[0][:6] == (1, 16, 1, "TD", "2022-2023", "SUPP")
    assert attributions[0][9].isoformat() == "2022-08-14T05:32:57.501888+00:00"


@pytest.mark.django_db
def test_a_fixture_of_all_rows_is_loaded_as_it_was(tmp_path: Path) -> None:
    """What dumpdata writes, loaddata reads. Django's JSON has milliseconds alone."""
    make()
    Attribution.objects.update(created_at=MIDNIGHT, updated_at=MIDNIGHT)
    before, fixture, apps = stored(), tmp_path / "all.json", ("courses", "attributions", "office")
    call_command("dumpdata", *apps, output=str(fixture), verbosity=0)
    for model in (Attribution, Teacher, CourseYear, Course, AcademicYear):
        model.objects.all().delete()
    call_command("loaddata", str(fixture), verbosity=0)
    assert stored() == before


@pytest.mark.django_db
def test_what_is_stored_is_what_was_generated(django_user_model: type[User]) -> None:
    make()
    users = list(django_user_model.objects.order_by("pk").values_list("pk", flat=True))
    assert stored() == generated(users)


@pytest.mark.django_db
def test_the_rows_are_as_varied_as_life() -> None:
    make()
    notes = set(Attribution.objects.values_list("note", flat=True))
    made = list(Attribution.objects.values_list("created_at", "updated_at"))
    assert "" in notes
    assert any(not note.isascii() for note in notes)
    assert max(map(len, notes)) > 500
    assert Attribution.objects.filter(created_by=None).exists()
    assert {"36.50", "13.33"} <= {str(hours) for hours in Attribution.objects.values_list("hours", flat=True)}
    assert len({created.microsecond for created, _updated in made}) > 250
    assert all(created <= updated for created, updated in made)
    assert not Teacher.objects.filter(max_hours__lt=F("grade__service_hours")).exists()
    for course in Course.objects.all():
        course.full_clean()
    rows: Iterable[Teacher | Attribution] = itertools.chain(Teacher.objects.all(), Attribution.objects.all()[:50])
    for row in rows:
        row.clean_fields()


@pytest.mark.django_db(transaction=True, reset_sequences=True, serialized_rollback=True)
def test_the_next_row_gets_the_next_id() -> None:
    make()
    course = Course.objects.get(code="AGV211")
    AcademicYear.objects.create(label="2050-2051")
    new = Attribution.objects.create(course=course, teacher_id=1, component="CM", academic_year_id="2050-2051", hours=1)
    assert new.pk == 301


@pytest.mark.django_db
def test_tables_that_hold_rows_are_refused_by_name(agv211: Course) -> None:
    with pytest.raises(CommandError, match="courses_course already hold rows"):
        make()


@pytest.mark.django_db
def test_too_many_attributions_are_refused_with_what_is_possible() -> None:
    with pytest.raises(CommandError, match=r"9000 attributions do not fit: 30 courses have \d+ parts, which makes"):
        make(attributions=9000)
    assert stored() == [[], [], []]


@pytest.mark.django_db
def test_every_part_can_be_taken() -> None:
    parts = len(generate.parts_of(generate.courses(generate.Sizes(**SIZES))))
    make(attributions=parts * generate.MAX_YEARS)
    assert Attribution.objects.count() == parts * generate.MAX_YEARS


@pytest.mark.parametrize("sizes", [{"teachers": 0}, {"courses": -1}, {"courses": 10**7}])
@pytest.mark.django_db
def test_impossible_sizes_are_refused(sizes: dict[str, int]) -> None:
    with pytest.raises(CommandError):
        make(**sizes)


@pytest.mark.django_db
def test_nobody_can_log_in_with_the_demo_password_outside_debug(
    django_user_model: type[User], settings: Settings
) -> None:
    assert settings.DEBUG is False
    assert "password" not in make()
    assert not any(user.has_usable_password() for user in django_user_model.objects.all())


@pytest.mark.django_db
def test_the_demo_password_works_in_debug(settings: Settings, client: Client) -> None:
    settings.DEBUG = True
    assert "with the password demo" in make()
    assert client.post("/login/", {"username": "secretariat", "password": "demo"}).headers["Location"] == "/"


def test_a_hundred_thousand_course_codes_are_different_and_valid() -> None:
    import re

    from courses.models import CODE_PATTERN

    codes = [row[11] for row in generate.courses(generate.Sizes(teachers=0, courses=100_000, attributions=0, seed=1))]
    assert len(set(codes)) == 100_000
    assert all(re.match(CODE_PATTERN, code) for code in codes)
