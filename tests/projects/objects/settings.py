"""A project whose migrations make every kind of object that PostgreSQL has beside tables."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.objects"]
