"""Make a small university: last year nearly all attributed, this year in part, an account for each role."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.db import DEFAULT_DB_ALIAS, transaction
from simple_history.utils import bulk_create_with_history

from attribution_project.permissions import Role
from attributions.models import Attribution, Discharge, Load, Teacher
from courses import academic_year
from courses.models import Course
from office.models import OfficeSettings

from . import bulk_insert, generate
from .generate import Sizes
from .vocabulary import NOTES

#: Username -> (first name, last name, role).
ACCOUNTS = {
    "administratrice": ("Solène", "Vauquelin", Role.ADMINISTRATOR),
    "secretaire": ("Thérèse", "Guérin", Role.SECRETARY),
    "doyen": ("Ousmane", "Traoré", Role.READER),
    "enseignante": ("", "", Role.TEACHER),
}
SIZES = Sizes(teachers=60, courses=200, attributions=0, seed=2026)
#: The share of each year that is attributed, the older first.
FILL_RATES = (0.88, 0.45)
#: How often a teacher keeps a part of the year before.
KEEP_RATE = 0.85
#: The share of the maximum that most teachers do not exceed.
_FILL_LIMIT = Decimal("0.97")


@dataclass(frozen=True, slots=True)
class Draft:
    """One attribution to be made."""

    teacher: Teacher
    part: generate.Part
    year: str


def seed(password: str) -> dict[str, int]:
    """Fill an empty database in one transaction, and return the number of rows of each kind."""
    with transaction.atomic():
        teachers = Teacher.objects.bulk_create(_models(Teacher, generate.teachers(SIZES)))
        courses = Course.objects.bulk_create(_models(Course, generate.courses(SIZES)))
        bulk_insert.add_years([int(academic_year.current_year()[:4]) - 1], DEFAULT_DB_ALIAS)
        users = make_accounts(password, teachers[0])
        make_office(teachers[1])
        drafts = list(_drafts(teachers, courses))
        made = [_attribution(draft, users["secretaire"]) for draft in drafts]
        bulk_create_with_history(made, Attribution, batch_size=500, default_user=users["secretaire"])
    return {"teachers": len(teachers), "courses": len(courses), "attributions": len(made), "accounts": len(users)}


def make_office(head: Teacher) -> None:
    """Set what letters say, unless somebody has, and discharge the head of a department from some hours."""
    OfficeSettings.objects.get_or_create(
        pk=1,
        defaults={
            "institution": "Faculté des sciences agronomiques",
            "place": "Montpellier",
            "signatory": "Ousmane Traoré",
            "signatory_title": "Le doyen",
            "reference": "SCOL/{year}/{matricule}",
        },
    )
    for year in academic_year.all_years():
        Discharge.objects.create(teacher=head, academic_year_id=year, hours=24, reason="Direction du département")


def _models(model: type[Any], source: Iterator[generate.Row]) -> list[Any]:
    """Return model instances without ids, which the database assigns."""
    names = [field.attname for field in model._meta.concrete_fields][1:]
    return [model(**dict(zip(names, row[1:], strict=True))) for row in source]


def make_accounts(password: str, teacher: Teacher) -> dict[str, Any]:
    """Make the demonstration's accounts, or give existing ones their role, and link the teacher to an account."""
    users = {}
    for username, (first_name, last_name, role) in ACCOUNTS.items():
        user, made = get_user_model().objects.get_or_create(
            username=username,
            defaults={
                "first_name": first_name or teacher.first_name,
                "last_name": last_name or teacher.last_name,
                "is_staff": role is Role.ADMINISTRATOR,
            },
        )
        if made:
            user.set_password(password)
            user.save()
        user.groups.add(Group.objects.get(name=role))
        users[username] = user
    Teacher.objects.filter(pk=teacher.pk).update(user=users["enseignante"])
    return users


def _drafts(teachers: list[Teacher], courses: list[Course]) -> Iterator[Draft]:
    chance = generate.stream(SIZES, "university")
    colleagues = defaultdict(list)
    for teacher in teachers:
        colleagues[teacher.department].append(teacher)
    parts = generate.parts_of(course_row(course) for course in courses)
    held: dict[tuple[int, str], Teacher] = {}
    now = academic_year.current_year()
    for year, filled in zip((academic_year.previous_year(now), now), FILL_RATES, strict=True):
        hours: dict[int, Decimal] = defaultdict(Decimal)
        for part in parts:
            if chance.random() > filled:
                continue
            before = held.get((part.course, part.component)) if chance.random() < KEEP_RATE else None
            holder = _choose_teacher(part, before, colleagues[part.department], hours, chance)
            if holder is None:
                continue
            hours[holder.pk] += part.hours
            held[part.course, part.component] = holder
            yield Draft(holder, part, year)


def course_row(course: Course) -> generate.Row:
    """Return a stored course as a row for ``generate.parts_of``."""
    return tuple(getattr(course, field.attname) for field in Course._meta.concrete_fields)


def _choose_teacher(
    part: generate.Part,
    before: Teacher | None,
    colleagues: list[Teacher],
    hours: dict[int, Decimal],
    chance: random.Random,
) -> Teacher | None:
    """Return last year's teacher, else a colleague with free hours, else None."""
    available = [one for one in colleagues if hours[one.pk] + part.hours <= one.max_hours * _FILL_LIMIT]
    if before is not None and (before in available or chance.random() < 0.1):
        return before
    few = sorted(available, key=lambda one: hours[one.pk] / (one.max_hours or 1))[:3]
    return chance.choice(few) if few else None


def _attribution(draft: Draft, user: Any) -> Attribution:
    chance = random.Random(f"{SIZES.seed}/{draft}")  # noqa: S311 - invented data, not secrets
    return Attribution(
        teacher=draft.teacher,
        course_id=draft.part.course,
        component=draft.part.component,
        academic_year_id=draft.year,
        load=Load.OVERTIME if chance.random() < 0.1 else Load.STATUTORY,
        hours=draft.part.hours,
        note=chance.choice(NOTES[:8]) if chance.random() < 0.12 else "",
        created_by=user,
    )
