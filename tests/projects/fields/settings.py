"""A project with a model for each field that both databases have; zones by environment."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.fields"]
USE_TZ = os.environ.get("PROJECT_USE_TZ", "1") == "1"
TIME_ZONE = os.environ.get("PROJECT_TIME_ZONE", "Europe/Paris")
SILENCED_SYSTEM_CHECKS = ["fields.W342"]
if source_zone := os.environ.get("PROJECT_SOURCE_ZONE"):
    DATABASES["default"]["TIME_ZONE"] = source_zone
