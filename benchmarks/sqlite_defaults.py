"""The application's settings, with SQLite as Django's startproject leaves it: no WAL, five seconds of patience."""

from attribution_project.settings import *  # noqa: F403
from attribution_project.settings import DATABASES as THEIRS

DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": THEIRS["default"]["NAME"]}}
