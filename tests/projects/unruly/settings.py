"""The migrations are where MIGRATION_MODULES says."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.unruly.apps.UnrulyConfig"]
MIGRATION_MODULES = {"unruly": "tests.projects.unruly.elsewhere.migrations"}
