"""Make a SQLite file with the damages of real databases."""

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from attributions.legacy.build import USERNAME, build
from attributions.legacy.damage import DAMAGES, damage_file


class Command(BaseCommand):
    """The command make_legacy_db."""

    help = "Make a SQLite database with rows in it, and damage it by the means that damage databases in life."
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Declare the file, the damages and the password."""
        parser.add_argument("path", type=Path, help="the file to make; there must be none")
        parser.add_argument(
            "--damage",
            default="dangling-fk",
            help=f"comma-separated: {', '.join(DAMAGES)}; or all, or none; default: dangling-fk",
        )
        parser.add_argument("--password", help=f"lets {USERNAME}, a superuser, log in; without it nobody can")

    def handle(self, *args: Any, **options: Any) -> None:
        """Build and damage the database, and print each change."""
        wanted = chosen(options["damage"])
        path: Path = options["path"]
        try:
            build(path, options["password"])
        except FileExistsError:
            raise CommandError(f"{path} exists already: choose another path, nothing is overwritten.") from None
        except OSError as error:
            raise CommandError(f"{path} cannot be made: {error.strerror}.") from error
        self.stdout.write(f"{path}: made, with the migrations applied")
        for line in damage_file(path, wanted):
            self.stdout.write(line)


def chosen(text: str) -> list[str]:
    """Return the damages asked for, in the order of execution."""
    names = {name.strip() for name in text.split(",") if name.strip()}
    if names in ({"all"}, {"none"}):
        return list(DAMAGES) if "all" in names else []
    if unknown := sorted(names - DAMAGES.keys()):
        raise CommandError(f"--damage {', '.join(unknown)}: allowed are {', '.join(DAMAGES)}, all, none.")
    return [name for name in DAMAGES if name in names]
