"""Courses in the admin."""

from django.contrib import admin

from attribution_project.versions import VersionedAdmin

from .departments import DepartmentForm
from .models import Course


@admin.register(Course)
class CourseAdmin(VersionedAdmin):
    """Courses, found by code or title."""

    form = DepartmentForm
    list_display = ["code", "title", "level", "semester", "credits", "hours_cm", "hours_td", "hours_tp", "department"]
    list_display_links = ["code", "title"]
    list_filter = ["level", "semester", "department"]
    search_fields = ["code", "title"]
