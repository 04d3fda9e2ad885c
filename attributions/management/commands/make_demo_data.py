"""Fill an empty database with generated teachers, courses and attributions."""

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import DEFAULT_DB_ALIAS

from attributions.demo import bulk_insert, generate

PASSWORD = "demo"  # noqa: S105 - printed below; given to accounts only where DEBUG is on


class Command(BaseCommand):
    """The command make_demo_data."""

    help = "Fill an empty database with invented, plausible data; the same seed and sizes give the same rows."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the sizes, the seed and the database."""
        parser.add_argument("--teachers", type=int, default=60, help="default: 60")
        parser.add_argument("--courses", type=int, default=200, help="default: 200")
        parser.add_argument("--attributions", type=int, default=1000, help="default: 1000")
        parser.add_argument("--seed", type=int, default=1, help="another seed, other data; default: 1")
        parser.add_argument("--database", default=DEFAULT_DB_ALIAS, choices=sorted(settings.DATABASES))

    def handle(self, *args: Any, **options: Any) -> None:
        """Check the sizes, fill the database, and print how to log in."""
        sizes = generate.Sizes(**{name: options[name] for name in ("teachers", "courses", "attributions", "seed")})
        if min(sizes.teachers, sizes.courses, sizes.attributions) < 0 or sizes.courses > generate.MAX_COURSES:
            raise CommandError(f"Sizes are 0 or more, and courses at most {generate.MAX_COURSES}.")
        if sizes.attributions and not sizes.teachers:
            raise CommandError("Attributions need teachers: ask for --teachers 1 or more.")
        if full := bulk_insert.tables_with_rows(options["database"]):
            raise CommandError(f"{', '.join(full)} already hold rows: demonstration data needs an empty database.")
        started = time.perf_counter()
        try:
            bulk_insert.fill(
                sizes, options["database"], password=PASSWORD if settings.DEBUG else None, progress=self.stdout.write
            )
        except ValueError as error:
            raise CommandError(str(error)) from error
        self.stdout.write(f"Done in {time.perf_counter() - started:.1f} s.")
        if settings.DEBUG:
            self.stdout.write(
                f"Log in as {', '.join(bulk_insert.USERS)} with the password {PASSWORD} (new accounts only)."
            )
