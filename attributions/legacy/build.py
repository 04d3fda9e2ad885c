"""Make a valid SQLite database at a path. The project's own databases are never opened."""

import datetime
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.contrib.auth import get_user_model
from django.contrib.auth.models import Group
from django.core.management import call_command
from django.db import connections

from attribution_project import environment
from attribution_project.permissions import Role
from attributions.demo import bulk_insert
from attributions.demo.generate import Sizes

ALIAS = "legacy"
USERNAME = "secretaire"
CLERK = "gestionnaire"
#: No attribution in 2026-2027: there the application can be asked to attribute AGV211.
SIZES = Sizes(teachers=40, courses=80, attributions=400, seed=211, last_year=2025)


def build(path: Path, password: str | None) -> None:
    """Make the database. Raise FileExistsError if the file exists."""
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        with connected(path):
            call_command("migrate", database=ALIAS, verbosity=0, interactive=False)
            bulk_insert.fill(SIZES, ALIAS, password=None, progress=lambda line: None)
            bulk_insert.open_year(SIZES.last_year + 1, ALIAS)
            make_secretary(password)
            make_clerk()
    except BaseException:
        path.unlink()  # half a database would be in the way of the next try
        raise


def make_secretary(password: str | None) -> None:
    """Make the superuser. Without a password nobody can log in."""
    secretary = get_user_model()(
        username=USERNAME,
        first_name="Thérèse",
        last_name="Guérin",
        is_staff=True,
        is_superuser=True,
        date_joined=datetime.datetime(2021, 9, 1, 8, tzinfo=datetime.UTC),
    )
    secretary.set_password(password)
    secretary.save(using=ALIAS)


def make_clerk() -> None:
    """Make a user who may attribute and is no staff. Nobody can log in with this account."""
    clerk = get_user_model()(username=CLERK, date_joined=datetime.datetime(2021, 9, 1, 8, tzinfo=datetime.UTC))
    clerk.set_unusable_password()
    clerk.save(using=ALIAS)
    clerk.groups.add(Group.objects.using(ALIAS).get(name=Role.SECRETARY))


@contextmanager
def connected(path: Path) -> Iterator[None]:
    """Connect the file as ALIAS, with the application's settings for SQLite."""
    if ALIAS in connections.settings:
        raise ValueError(f"DATABASES already has {ALIAS!r}: this command needs that name for a moment.")
    config = environment.sqlite_database(path)
    connections.settings[ALIAS] = connections.configure_settings({"default": config})["default"]
    try:
        yield
    finally:
        connections[ALIAS].close()
        del connections[ALIAS]
        del connections.settings[ALIAS]
