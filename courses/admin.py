"""Courses in the admin."""

from django.contrib import admin

from .models import Course


@admin.register(Course)
class CourseAdmin(admin.ModelAdmin):
    """Courses, found by code or title."""

    list_display = ["code", "title", "level", "semester", "credits", "hours_cm", "hours_td", "hours_tp", "department"]
    list_display_links = ["code", "title"]
    list_filter = ["level", "semester", "department"]
    search_fields = ["code", "title"]
