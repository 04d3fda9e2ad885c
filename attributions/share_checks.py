"""Check imported shares together: hours of parts, maxima of teachers, years that are open, courses that are given."""

import hashlib
import json
from collections import defaultdict
from collections.abc import Collection, Iterable
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from attribution_project.figures import hours_text
from courses.academic_year import closed_message, not_given_message
from courses.models import AcademicYear, Course, CourseYear
from office.models import OfficeSettings

from .models import Attribution, Teacher
from .part_hours import PartHours
from .services.limits import group_fault
from .services.limits import lock as lock_rows
from .share_keys import split_key

#: Course, component and year.
Part = tuple[int, str, str]


def _open_states(years: Collection[str]) -> QuerySet[AcademicYear, tuple[str, bool]]:
    return AcademicYear.objects.filter(label__in=years).values_list("label", "open")


# It joins the transaction that stores the shares.
@transaction.atomic(savepoint=False)
def _locked_years(years: Collection[str]) -> dict[str, bool]:
    return dict(_open_states(years).select_for_update(no_key=True))


class ShareChecks:
    """What a resource of shares reads beside them, and how it judges the lines of a file by that."""

    _years: dict[str, bool]
    _courses: dict[tuple[int, str], CourseYear]
    _teachers: dict[int, Teacher]
    _of_years: QuerySet[CourseYear]
    _of_teachers: QuerySet[Teacher]
    #: Key -> course, component, year, teacher and hours of each share of these courses or teachers.
    _shares: dict[int, tuple[int, str, str, int, Decimal]]

    def read_context(
        self, years: Collection[str], codes: Collection[str], matricules: Collection[str], *, lock: bool
    ) -> None:
        """Read all that shares of these years, courses and teachers are checked by, and lock it."""
        self._of_years = CourseYear.objects.filter(course__code__in=codes, academic_year__label__in=years)
        self._of_teachers = Teacher.objects.filter(matricule__in=matricules)
        if lock:
            self._years = _locked_years(years)
            self._lock_rows(Course.objects.filter(code__in=codes).values_list("pk", flat=True))
        else:
            self._years = dict(_open_states(years))
        courses = self._of_years.select_related("course")
        self._courses = {(one.course_id, one.academic_year_id): one for one in courses}
        self._teachers = {one.pk: one for one in self._of_teachers}
        self._read_shares()

    def lock_context(self) -> None:
        """Lock what was read, and read what the digest stands for again."""
        self._years = _locked_years(self._years)
        self._lock_rows({course for course, _year in self._courses})
        self._read_shares()

    def _lock_rows(self, courses: Collection[int]) -> None:
        for year in sorted(self._years):
            lock_rows(list(courses), year, self._of_teachers.values_list("pk", flat=True))

    def _read_shares(self) -> None:
        columns = ("course_id", "component", "academic_year_id", "teacher_id", "hours")
        found = Attribution.objects.filter(academic_year__label__in=self._years).order_by()
        courses, teachers = {course for course, _year in self._courses}, set(self._teachers)
        self._shares = {
            pk: (course, component, year, teacher, hours)
            for pk, course, component, year, teacher, hours in found.values_list("pk", *columns).iterator()
            if course in courses or teacher in teachers
        }

    def context_digest(self) -> str:
        """Return what stands for all that was read, as it is stored now."""
        hours = ("hours_cm", "hours_td", "hours_tp", "groups_cm", "groups_td", "groups_tp")
        read = [
            sorted(self._years.items()),
            sorted(self._of_years.values_list("course_id", "academic_year_id", "course__active", *hours)),
            sorted(self._of_teachers.values_list("pk", "max_hours", "active")),
            sorted(self._shares.items()),
        ]
        return hashlib.sha256(json.dumps(read, default=str).encode()).hexdigest()[:16]

    def check(self, lines: list[Any]) -> None:
        """Refuse lines that are too much for their part, and have those confirmed that are for their teacher."""
        readable = [line for line in lines if line.kind != "invalid"]
        for line in readable:
            if fault := self._fault_of(line):
                line.refuse(*fault)
        self._check_sums([line for line in readable if line.kind != "invalid"])

    def _fault_of(self, line: Any) -> tuple[str, str] | None:
        share, year, key = line.row, line.row.academic_year_id, split_key(line.key)
        course = self._courses.get((share.course_id, year))
        if not self._years[year] and line.kind != "skip":
            return "annee", closed_message(year)
        if course is None:
            return "code", not_given_message(key.code, year)
        if line.kind == "new" and not course.course.active:
            return "code", _("the course %(value)s is not active: it can be reactivated on its page.") % {
                "value": key.code
            }
        if line.kind == "new" and not self._teachers[share.teacher_id].active:
            told = _("the teacher %(value)s is not active: they can be reactivated on their page.")
            return "matricule", told % {"value": key.matricule}
        if share.starts_on and share.ends_on and share.ends_on < share.starts_on:
            return "au", _("A share ends after it starts.")
        if fault := group_fault(share, course):
            return "groupe", fault
        return None

    def _check_sums(self, lines: list[Any]) -> None:
        """Compare the sums as they would be: of the file, and of the shares that it does not change."""
        held = dict(self._shares) | {
            line.row.pk or -line.number: (
                line.row.course_id,
                line.row.component,
                line.row.academic_year_id,
                line.row.teacher_id,
                line.row.hours,
            )
            for line in lines
        }
        parts, loads = _sums(held.values())
        may_exceed = OfficeSettings.load().may_exceed_hours
        for line in lines:
            if line.kind == "skip":
                continue
            share = line.row
            part = (share.course_id, share.component, share.academic_year_id)
            hours = self._hours_of(part, parts[part])
            if hours.left < 0 and may_exceed:
                line.notes.append(str(hours))
            elif hours.left < 0:
                line.refuse("heures", str(hours))
            most = self._teachers[share.teacher_id].max_hours
            if (load := loads[share.teacher_id, share.academic_year_id]) > most:
                told = _("%(hours)s h of at most %(most)s h for %(teacher)s.")
                teacher = self._teachers[share.teacher_id]
                line.notes.append(told % {"hours": hours_text(load), "most": hours_text(most), "teacher": teacher})

    def _hours_of(self, part: Part, given: Decimal) -> PartHours:
        course, component, year = part
        of_year = self._courses.get((course, year))
        return PartHours(to_give=of_year.hours_to_give(component) if of_year else Decimal(0), given=given)

    def fault_of_stored(self, rows: Iterable[Any]) -> str:
        """Return why rows cannot stay as they were stored: a closed year, or more hours than there are."""
        touched = list(rows)
        if closed := [row.academic_year_id for row in touched if not self._years[row.academic_year_id]]:
            return closed_message(closed[0])
        before, _loads = _sums(self._shares.values())
        self._read_shares()
        now, _loads = _sums(self._shares.values())
        if OfficeSettings.load().may_exceed_hours:
            return ""
        for row in touched:
            part = (row.course_id, row.component, row.academic_year_id)
            hours = self._hours_of(part, now[part])
            if hours.left < 0 and now[part] > before[part]:
                return f"{row.course.full_code} {row.component} {row.academic_year_id} : {hours}"
        return ""


def _sums(
    shares: Iterable[tuple[int, str, str, int, Decimal]],
) -> tuple[dict[Part, Decimal], dict[tuple[int, str], Decimal]]:
    """Return the hours of each part, and those of each teacher in each year."""
    parts: dict[Part, Decimal] = defaultdict(Decimal)
    loads: dict[tuple[int, str], Decimal] = defaultdict(Decimal)
    for course, component, year, teacher, hours in shares:
        parts[course, component, year] += hours
        loads[teacher, year] += hours
    return parts, loads
