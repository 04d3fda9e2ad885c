"""Keep course codes unique, and find a course by its code.

Where codes are unique is a setting of the office: in the whole institution, or within a department. Two constraints
hold it. No department has a code twice, whatever is set. No code occurs twice among the courses whose ``code_unique``
is set: all of them, where codes are unique in the whole institution. So the database refuses what is no longer
unique, both when a course is stored and when the setting is changed.
"""

import re
from collections.abc import Iterable, Sequence
from typing import Any, Protocol, TypeVar

from django.core.exceptions import MultipleObjectsReturned
from django.db import DEFAULT_DB_ALIAS, IntegrityError, transaction
from django.db.models import Count
from django.utils.translation import gettext as _

from office.models import CodeScope, OfficeSettings

from .models import Course

_NAMED = 20
_FULL_CODE = re.compile(r"(?P<code>[^(]*) \((?P<department>.*)\)", re.DOTALL)


class NamesakesError(Exception):
    """Several departments have a course of the same code. The message names the codes."""


class CodeError(Exception):
    """A code does not name one course. The message says why, and what is allowed."""


class _InDepartment(Protocol):
    @property
    def department(self) -> str: ...


_Course = TypeVar("_Course", bound=_InDepartment)


def unique_in_institution(*, lock: bool = False) -> bool:
    """Return whether new courses have a code that no other course has.

    ``lock`` keeps the setting as it is until the end of the transaction.
    """
    settings = OfficeSettings.objects.order_by("pk").values_list("code_scope", flat=True)
    if not lock:
        return settings.first() != CodeScope.DEPARTMENT
    # A part of the caller's transaction, until whose end the lock is held.
    with transaction.atomic(savepoint=False):
        return settings.select_for_update(no_key=True).first() != CodeScope.DEPARTMENT


def mark_new(courses: Iterable[Course]) -> None:
    """Set ``code_unique`` of courses that are going to be added in this transaction."""
    if new := list(courses):
        unique = unique_in_institution(lock=True)
        for course in new:
            course.code_unique = unique


def change_scope(scope: str, *, using: str = DEFAULT_DB_ALIAS) -> None:
    """Make all courses follow a setting that was just stored. Raise NamesakesError if one cannot.

    The transaction has locked the settings: nobody adds a course meanwhile.
    """
    unique = scope == CodeScope.INSTITUTION
    try:
        with transaction.atomic(using=using):
            Course.objects.using(using).filter(code_unique=not unique).update(code_unique=unique)
    except IntegrityError as error:
        told = _("Several departments have these codes: %(codes)s. Change them first, so that each occurs once.")
        raise NamesakesError(told % {"codes": ", ".join(namesake_codes())}) from error


def follow_settings(instance: Course, *, raw: bool, using: str, **_more: Any) -> None:
    """Make a course of a fixture follow the setting of this database, if somebody has set one.

    Otherwise it keeps what the fixture says: the settings may come after the courses.
    """
    if raw and (scope := OfficeSettings.objects.using(using).values_list("code_scope", flat=True).first()):
        instance.code_unique = scope == CodeScope.INSTITUTION


def follow_settings_of_fixture(instance: OfficeSettings, *, raw: bool, using: str, **_more: Any) -> None:
    """Make all courses follow the setting of a fixture."""
    if raw:
        change_scope(instance.code_scope, using=using)


def namesake_codes() -> list[str]:
    """Return the codes that several courses have, each with its departments."""
    several = Course.objects.order_by().values("code").annotate(n=Count("pk")).filter(n__gt=1).values("code")
    found: dict[str, list[str]] = {}
    for code, department in Course.objects.filter(code__in=several).values_list("code", "department"):
        found.setdefault(code, []).append(department)
    codes = [f"{code} ({', '.join(departments)})" for code, departments in found.items()]
    return codes[:_NAMED] + ["…"] * (len(codes) > _NAMED)


def code_fault(course: Course) -> str:
    """Return why a course cannot have its code, or ""."""
    others = Course.objects.filter(code=course.code).exclude(pk=course.pk)
    if course.code_unique:
        told = _("There is a course %(code)s already.")
    else:
        others = others.filter(department=course.department)
        told = _("There is a course %(code)s already in this department.")
    return told % {"code": course.code} if others.exists() else ""


def split_code(text: str) -> tuple[str, str]:
    """Return code and department of a code that may be written with its department: AGV211 (Agronomie)."""
    found = _FULL_CODE.fullmatch(text.strip())
    return (found["code"], found["department"].strip()) if found else (text.strip(), "")


def join_code(code: str, department: str) -> str:
    """Return a code with its department, as ``split_code`` reads it."""
    return f"{code} ({department})" if code and department else code


def choose(found: Sequence[_Course], code: str, department: str) -> _Course | None:
    """Return which of the courses with this code is meant, or None if there is none. The department may be empty.

    Raise CodeError if the department has none of them, or is not named where it has to be. Raise
    MultipleObjectsReturned if one department has several, in a damaged database.
    """
    meant = [course for course in found if not department or course.department == department]
    departments = sorted({course.department for course in found})
    told = {"code": code, "department": department, "departments": ", ".join(departments)}
    if found and not meant:
        raise CodeError(_("no course has the code %(code)s in “%(department)s”. Allowed are: %(departments)s.") % told)
    if 1 < len(meant) == len(departments):
        message = _("%(code)s is the code of several courses: name the department. Allowed are: %(departments)s.")
        raise CodeError(message % told)
    if len(meant) > 1:
        raise MultipleObjectsReturned(several_message(code))
    return meant[0] if meant else None


def several_message(value: str) -> str:
    """Return what is said of a key that a damaged database has several times."""
    return _("%(value)s is several rows in the database: an administrator must merge them.") % {"value": value}
