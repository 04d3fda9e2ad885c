"""The courses application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CoursesConfig(AppConfig):
    """Courses in Django's registry."""

    name = "courses"
    verbose_name = _("Courses")
