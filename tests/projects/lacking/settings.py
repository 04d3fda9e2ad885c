"""See the fields; a collation of the project's own is there for each connection to SQLite."""

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.lacking"]


def give_collation(connection: BaseDatabaseWrapper, **_: object) -> None:
    if connection.vendor == "sqlite":
        connection.connection.create_collation("own", lambda one, other: (one > other) - (one < other))


connection_created.connect(give_collation)
