"""Make a small university to try the application with, and an account for each role."""

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from attributions.demo import bulk_insert, university

from .make_demo_data import PASSWORD


class Command(BaseCommand):
    """The command seed_demo."""

    help = "Fill an empty database with 60 teachers, 200 courses and two years, and make an account for each role."

    def handle(self, *args: Any, **options: Any) -> None:
        """Refuse outside DEBUG and over existing rows."""
        if not settings.DEBUG:
            raise CommandError("Accounts with a password that everybody knows are made only with DEBUG.")
        if full := bulk_insert.tables_with_rows(DEFAULT_DB_ALIAS):
            raise CommandError(f"{', '.join(full)} already hold rows: demonstration data needs an empty database.")
        made = university.seed(PASSWORD)
        self.stdout.write(", ".join(f"{count} {what}" for what, count in made.items()) + ".")
        names = ", ".join(f"{name} ({role})" for name, (_first, _last, role) in university.ACCOUNTS.items())
        self.stdout.write(f"Log in with the password {PASSWORD} (new accounts only) as {names}.")
