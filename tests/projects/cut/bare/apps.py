"""An application without migrations, under a label of its own."""

from django.apps import AppConfig


class BareConfig(AppConfig):
    name = "tests.projects.cut.bare"
    label = "without"
