"""The attributions application."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AttributionsConfig(AppConfig):
    """Attributions in Django's registry."""

    name = "attributions"
    verbose_name = _("Attributions")
