"""The application's settings, with the file of DATABASE_URL as the database of its tests: it is used as it is."""

from attribution_project.settings import *  # noqa: F403
from attribution_project.settings import DATABASES

DATABASES["default"]["TEST"] = {"NAME": DATABASES["default"]["NAME"]}
