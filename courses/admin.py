"""Courses, levels and academic years in the admin."""

from copy import copy
from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from attribution_project.versions import VersionedAdmin

from .codes import code_fault
from .course_years import save_course_year
from .departments import DepartmentForm
from .models import AcademicYear, Course, CourseYear, Level


@admin.register(Level)
class LevelAdmin(VersionedAdmin):
    """Levels, in the order of the lists. One that a course has cannot be deleted."""

    list_display = ["code", "name", "position", "active"]
    list_display_links = ["code", "name"]

    def get_readonly_fields(self, request: HttpRequest, obj: Level | None = None) -> Any:
        """Keep the code of a level: courses have it."""
        return ["code"] if obj else []


@admin.register(AcademicYear)
class AcademicYearAdmin(VersionedAdmin):
    """Academic years. Their own page opens and closes them: there a new year gets its courses."""

    list_display = ["label", "open", "current"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a year without courses is of no use."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: AcademicYear | None = None) -> bool:
        """Refuse: closing a year waits for whoever is writing to it."""
        return False


class OpenYearAdmin(VersionedAdmin):
    """Base of what belongs to a year: only open years can be written to."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse what belongs to a closed year."""
        return super().has_change_permission(request, obj) and (obj is None or obj.academic_year.open)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Refuse what belongs to a closed year."""
        return super().has_delete_permission(request, obj) and (obj is None or obj.academic_year.open)


class CourseIdentityForm(DepartmentForm):
    """What a course has in every year. No other course has its code, or none of its department."""

    def clean(self) -> dict[str, Any]:
        """Refuse the code of another course."""
        data = super().clean()
        if {"code", "department"} <= data.keys():
            course = copy(self.instance)
            course.code, course.department = data["code"], data["department"]
            if fault := code_fault(course):
                self.add_error("code", fault)
        return data


@admin.register(Course)
class CourseAdmin(VersionedAdmin):
    """What courses have in every year, found by code or title. A course is added to a year on a page of its own."""

    form = CourseIdentityForm
    fields = ["code", "department", "new_department", "active", "title", "level", "semester"]
    readonly_fields = ["title", "level", "semester"]
    list_display = ["code", "title", "level", "semester", "department", "active"]
    list_display_links = ["code", "title"]
    list_filter = ["active", "level", "semester", "department"]
    search_fields = ["code", "title", "department"]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: a course is added to a year."""
        return False


@admin.register(CourseYear)
class CourseYearAdmin(OpenYearAdmin):
    """Courses as they are in each year."""

    list_display = ["course", "academic_year", "title", "level", "semester", "hours_cm", "hours_td", "hours_tp"]
    list_filter = ["academic_year", "level", "semester"]
    list_select_related = ["course", "academic_year", "level"]
    search_fields = ["course__code", "course__department", "title"]
    readonly_fields = ["course", "academic_year"]
    show_full_result_count = False

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Refuse: the pages of courses and years add them."""
        return False

    def save_model(self, request: HttpRequest, obj: CourseYear, form: Any, change: bool) -> None:
        """Store the course with its year."""
        save_course_year(obj)
