"""The courses application."""

from django.apps import AppConfig
from django.db.models.signals import post_save, pre_save
from django.utils.translation import gettext_lazy as _


class CoursesConfig(AppConfig):
    """Courses in Django's registry."""

    name = "courses"
    verbose_name = _("Courses")

    def ready(self) -> None:
        """Make the courses of fixtures follow the settings of the office."""
        from office.models import OfficeSettings

        from .codes import follow_settings, follow_settings_of_fixture
        from .models import Course

        pre_save.connect(follow_settings, sender=Course)
        post_save.connect(follow_settings_of_fixture, sender=OfficeSettings)
