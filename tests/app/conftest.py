"""The people and the course of most tests, and the project run as its own process."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from django.test import Client

from tests.conftest import MadeOnce, MakeSource, run_manage

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from pytest_django import Settings

    from attributions.models import Teacher
    from courses.models import Course

#: What a browser says that it reads.
BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


@pytest.fixture(autouse=True)
def cheap_passwords(settings: Settings) -> None:
    """A password is hard to guess because each try is costly; these are no secret, and there are many."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher", *settings.PASSWORD_HASHERS]


@pytest.fixture(autouse=True)
def read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """A web server closes what it does not send; a test that looks at the status alone would leave a cursor open."""
    ask: Callable[..., Any] = Client.request

    def request(client: Client, **environ: Any) -> Any:
        answer = ask(client, **environ)
        if answer.streaming:
            answer.streaming_content = [*answer.streaming_content]
        return answer

    monkeypatch.setattr(Client, "request", request)


@pytest.fixture(scope="session")
def migrated_file(made_once: MadeOnce) -> Path:
    """Return a SQLite database with the rows of the migrations alone, made once: tests copy it."""
    return made_once("migrated", lambda path: run_manage("migrate", "-v0", DATABASE_URL=f"sqlite:///{path}"))


@pytest.fixture(scope="session")
def healthy_source(make_source: MakeSource) -> Path:
    """Return a legacy database without damage, made once by the command: tests copy it."""
    return make_source("none", "--password", "demo")


@pytest.fixture
def make_legacy(make_source: MakeSource, tmp_path: Path) -> Callable[[str], Path]:
    """Return a copy of the sound database with one damage done."""
    return lambda damage: Path(shutil.copy(make_source(damage, "--password", "demo"), tmp_path / f"{damage}.sqlite3"))


def open_years(*labels: str) -> None:
    """Open these years, and give each the courses that there are."""
    from courses.course_years import add_courses
    from courses.models import AcademicYear

    for label in labels:
        AcademicYear.objects.update_or_create(label=label, defaults={"open": True})
        add_courses(label)


def make_course(**fields: Any) -> Course:
    """Make a course that is given in every year that there is."""
    from courses.course_years import add_courses
    from courses.models import AcademicYear, Course, Level

    Level.objects.get_or_create(code=fields["level_id"])  # a test with transactions of its own empties all tables
    course = Course.objects.create(**fields)
    for label in AcademicYear.objects.values_list("label", flat=True):
        add_courses(label)
    return course


def change_course(course: Course, **fields: Any) -> None:
    """Change a course in every year."""
    for name, value in fields.items():
        setattr(course, name, value)
    course.save()
    course.years.update(**fields)


@pytest.fixture
def agv211(db: None) -> Course:
    """A course of last year and this one, both of them open."""
    open_years("2025-2026", "2026-2027")
    return make_course(
        code="AGV211", title="Agrostologie", credits=4, hours_cm=Decimal("36.50"), level_id="L2", semester=1,
        department="Productions végétales",
    )  # fmt: skip


@pytest.fixture
def teacher(db: None) -> Teacher:
    from attributions.models import Teacher

    return Teacher.objects.create(
        matricule="M00001", last_name="Guérin", first_name="Thérèse", grade_id="PR", department="Sciences du sol",
        email="", max_hours=Decimal(192),
    )  # fmt: skip


@pytest.fixture
def account(django_user_model: type[User]) -> Callable[..., User]:
    """Make a user in a role; account("lecteur")."""

    def make(role: str | None, username: str | None = None, **more: Any) -> User:
        from django.contrib.auth.models import Group

        user = django_user_model.objects.create_user(username or str(role), **more)
        if role:
            user.groups.add(Group.objects.get(name=role))
        return user

    return make


@pytest.fixture
def staff(account: Callable[..., User]) -> User:
    return account("secretariat", "secretaire", is_staff=True)


@pytest.fixture
def clerk(account: Callable[..., User]) -> User:
    """Somebody who may attribute and is no staff."""
    return account("secretariat", "gestionnaire")


def browser_of(user: User, **more: Any) -> Client:
    """A browser in which this user is logged in."""
    client = Client(headers=BROWSER, **more)
    client.force_login(user)
    return client
