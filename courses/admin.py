"""Courses in the admin."""

from typing import TYPE_CHECKING

from django.contrib import admin

from .departments import DepartmentForm
from .models import Course

if TYPE_CHECKING:
    _ModelAdmin = admin.ModelAdmin[Course]
else:
    _ModelAdmin = admin.ModelAdmin  # generic in the stubs alone


@admin.register(Course)
class CourseAdmin(_ModelAdmin):
    """Courses, found by code or title."""

    form = DepartmentForm
    list_display = ["code", "title", "level", "semester", "credits", "hours_cm", "hours_td", "hours_tp", "department"]
    list_display_links = ["code", "title"]
    list_filter = ["level", "semester", "department"]
    search_fields = ["code", "title"]
