"""What the database itself refuses, whoever writes. Runs on SQLite and on PostgreSQL."""

import datetime
from collections.abc import Callable
from decimal import Decimal
from functools import partial
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import DataError, IntegrityError, connection, transaction
from django.db.models import ProtectedError

from attributions.models import Attribution, Teacher
from courses.models import AcademicYear, Course

pytestmark = pytest.mark.django_db


@pytest.fixture
def make_attribution(agv211: Course, teacher: Teacher) -> Callable[..., Attribution]:
    def row(**change: Any) -> Attribution:
        fields = {"course": agv211, "teacher": teacher, "component": "CM", "academic_year_id": "2026-2027", "hours": 1}
        return Attribution.objects.create(**fields | change)

    return row


def check_refused(
    make: Callable[[], object], errors: type[Exception] | tuple[type[Exception], ...] = IntegrityError
) -> None:
    with pytest.raises(errors), transaction.atomic():
        make()


def test_no_share_is_there_twice(make_attribution: Callable[..., Attribution]) -> None:
    """The same teacher, part, group and period; a missing date is one that is the same as another missing one."""
    march = datetime.date(2027, 3, 1)
    shares: list[dict[str, Any]] = [{}, {"group": 2}, {"starts_on": march}, {"ends_on": march}]
    for change in [*shares, {"starts_on": march, "ends_on": march}]:
        make_attribution(**change)
        check_refused(partial(make_attribution, **change))
    make_attribution(component="TD")
    make_attribution(academic_year_id="2025-2026")


def test_a_share_ends_after_it_starts(make_attribution: Callable[..., Attribution]) -> None:
    march, april = datetime.date(2027, 3, 1), datetime.date(2027, 4, 1)
    check_refused(lambda: make_attribution(starts_on=april, ends_on=march))
    make_attribution(starts_on=march, ends_on=march)


@pytest.mark.parametrize("hours", [0, Decimal("-0.01")])
def test_hours_are_more_than_zero(make_attribution: Callable[..., Attribution], hours: int | Decimal) -> None:
    check_refused(lambda: make_attribution(hours=hours))
    make_attribution(hours=Decimal("0.01"))


@pytest.mark.parametrize("year", ["2026-2028", "2026-2026", "2026/2027", "26-27", "abcd-efgh", "", "2026-202x"])
def test_a_year_is_two_years_in_a_row(db: None, year: str) -> None:
    check_refused(lambda: AcademicYear.objects.create(label=year))


@pytest.mark.parametrize("year", ["2045-2046", "1999-2000", "0000-0001"])
def test_a_good_year_passes_and_one_alone_is_current(db: None, year: str) -> None:
    AcademicYear.objects.create(label=year)
    check_refused(lambda: AcademicYear.objects.update(current=True))


def test_no_attribution_is_of_a_year_or_level_that_is_not_in_the_list(
    make_attribution: Callable[..., Attribution], agv211: Course
) -> None:
    def attribute() -> None:
        make_attribution(academic_year_id="2045-2046")
        connection.check_constraints()

    def level() -> None:
        Course.objects.update(level="X9")
        connection.check_constraints()

    check_refused(attribute)
    check_refused(level)


def test_codes_and_matricules_are_unique(agv211: Course, teacher: Teacher) -> None:
    for model, change in ((Course, {"code": "AGV211"}), (Teacher, {"matricule": "M00001"})):
        row = model.objects.get()
        row.pk = None
        for name, value in change.items():
            setattr(row, name, value)
        check_refused(row.save)


def test_a_course_has_a_known_semester_and_no_negative_hours(agv211: Course) -> None:
    check_refused(lambda: Course.objects.update(semester=3))
    check_refused(lambda: Course.objects.update(hours_cm=-1))


def test_a_teacher_or_course_that_is_used_stays_but_a_user_may_go(
    make_attribution: Callable[..., Attribution], agv211: Course, teacher: Teacher, clerk: User
) -> None:
    attribution = make_attribution(created_by=clerk)
    for parent in (agv211, teacher):
        with pytest.raises(ProtectedError):
            parent.delete()
    clerk.delete()
    attribution.refresh_from_db()
    assert attribution.created_by is None


def test_a_number_that_does_not_fit_is_refused_or_kept_whole(make_attribution: Callable[..., Attribution]) -> None:
    """PostgreSQL refuses it; SQLite has no limit, which is what a migration must find."""
    try:
        with transaction.atomic():
            make_attribution(hours=Decimal("12345.67"))
    except (DataError, ArithmeticError):
        assert not Attribution.objects.exists()
