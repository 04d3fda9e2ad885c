"""No application has migrations; SQLite is in a file, in memory, or named by a URI."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.unmigrated"]
MIGRATION_MODULES = {"contenttypes": None, "auth": None, "unmigrated": None}
if "SQLITE_NAME" in os.environ:
    DATABASES["default"]["NAME"] = os.environ["SQLITE_NAME"]
