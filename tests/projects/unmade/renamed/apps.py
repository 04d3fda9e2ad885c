"""An application that had another label before, by which the database still records its migrations."""

from django.apps import AppConfig


class RenamedConfig(AppConfig):
    name = "tests.projects.unmade.renamed"
    label = "store"
