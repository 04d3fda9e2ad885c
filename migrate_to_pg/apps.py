"""The Django application: no model, no migration, no work at start-up."""

from django.apps import AppConfig


class MigrateToPgConfig(AppConfig):
    """Makes ``manage.py migrate_to_pg`` available; a web worker pays nothing for it."""

    name = "migrate_to_pg"
    verbose_name = "migrate_to_pg"
