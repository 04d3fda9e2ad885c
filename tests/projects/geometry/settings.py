"""SpatiaLite; GEOMETRY=no leaves out the one application that has geometry."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import BASE_DIR, INSTALLED_APPS

DATABASES = {
    "default": {"ENGINE": "django.contrib.gis.db.backends.spatialite", "NAME": str(BASE_DIR / "db.sqlite3")},
}
if os.environ.get("GEOMETRY") != "no":
    INSTALLED_APPS = [*INSTALLED_APPS, "django.contrib.gis", "tests.projects.geometry"]
