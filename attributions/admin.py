"""Teachers and attributions in the admin."""

from copy import copy
from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from attribution_project.versions import VersionedAdmin, VersionedForm
from courses.academic_year import ClosedYearError, require_open
from courses.admin import OpenYearAdmin
from courses.departments import DepartmentForm

from .grade_names import in_language
from .models import Attribution, Discharge, Grade, Teacher
from .services.limits import grows, lock_and_refuse


@admin.register(Grade)
class GradeAdmin(VersionedAdmin):
    """Grades, in the order of the lists. One that a teacher has cannot be deleted."""

    list_display = ["code", "name_in_language", "feminine_in_language", "service_hours", "position", "active"]
    list_display_links = ["code", "name_in_language"]

    @admin.display(description=_("name"), ordering="name")
    def name_in_language(self, grade: Grade) -> str:
        """Return the name as the pages write it. The form has what is stored."""
        return in_language(grade.name)

    @admin.display(description=_("feminine name"), ordering="name_feminine")
    def feminine_in_language(self, grade: Grade) -> str:
        """Return the feminine name as the pages write it."""
        return in_language(grade.name_feminine)

    def get_readonly_fields(self, request: HttpRequest, obj: Grade | None = None) -> Any:
        """Keep the code of a grade: teachers have it."""
        return ["code"] if obj else []


@admin.register(Discharge)
class DischargeAdmin(VersionedAdmin):
    """Discharges, found by teacher."""

    list_display = ["teacher", "academic_year", "hours", "reason"]
    list_filter = ["academic_year"]
    list_select_related = ["teacher"]
    search_fields = ["teacher__last_name", "teacher__matricule", "reason"]
    autocomplete_fields = ["teacher"]


@admin.register(Teacher)
class TeacherAdmin(VersionedAdmin):
    """Teachers, found by name or matricule."""

    form = DepartmentForm
    list_display = ["matricule", "last_name", "first_name", "grade", "department", "max_hours", "active"]
    list_display_links = ["matricule", "last_name"]
    list_filter = ["active", "grade", "department"]
    list_select_related = ["grade"]
    search_fields = ["matricule", "last_name", "first_name", "email"]


class ShareForm(VersionedForm):
    """A share, kept within the hours of its part. The page's transaction holds the locks until it is stored."""

    def clean(self) -> dict[str, Any]:
        """Refuse more hours than are left. An administrator may exceed a teacher's maximum."""
        before = copy(self.instance)
        data = super().clean()
        if self.errors:
            return data
        try:
            require_open(data["academic_year"].label, lock=True)
        except ClosedYearError as error:
            self.add_error("academic_year", str(error))
            return data
        wanted = copy(before)
        for name in ("teacher", "course", "component", "academic_year", "hours"):
            setattr(wanted, name, data[name])
        same_part = before.pk and all(
            getattr(wanted, name) == getattr(before, name) for name in ("course_id", "component", "academic_year_id")
        )
        if not (same_part and not grows(wanted, before)) and (refusal := lock_and_refuse(wanted, confirmed=True)):
            self.add_error("hours", refusal.message)
        return data


@admin.register(Attribution)
class AttributionAdmin(OpenYearAdmin):
    """Attributions, found by course or teacher."""

    form = ShareForm
    list_display = ["course", "component", "academic_year", "teacher", "load", "hours", "created_by", "created_at"]
    list_filter = ["academic_year", "component", "load"]
    list_select_related = ["course", "teacher", "created_by"]
    search_fields = ["course__code", "course__title", "teacher__last_name", "teacher__matricule"]
    autocomplete_fields = ["course", "teacher"]
    readonly_fields = ["created_by", "created_at", "updated_at"]
    # Counting millions of rows a second time, for "of ... in all", would double the wait.
    show_full_result_count = False

    def save_model(self, request: HttpRequest, obj: Attribution, form: Any, change: bool) -> None:
        """Remember who attributed."""
        if not change and request.user.is_authenticated:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
