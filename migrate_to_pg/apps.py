"""The Django application: no model, no migration, and at start-up only its system checks."""

from django.apps import AppConfig


class MigrateToPgConfig(AppConfig):
    """Makes the commands and the system checks available; a web worker pays nothing for it."""

    name = "migrate_to_pg"
    verbose_name = "migrate_to_pg"

    def ready(self) -> None:
        """Register the system checks; they import what they need when they run."""
        from migrate_to_pg import checks  # noqa: F401
