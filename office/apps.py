"""The office application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OfficeConfig(AppConfig):
    """The office in Django's registry."""

    name = "office"
    verbose_name = _("Office")
