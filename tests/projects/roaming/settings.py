"""Settings that import themselves, go to another directory, name the database from there, and need the environment."""

import os

import tests.projects.roaming.settings as half_made
from tests.projects.base import *  # noqa: F403
from tests.projects.base import BASE_DIR, DATABASES, INSTALLED_APPS

assert not hasattr(half_made, "ELSEWHERE")
ELSEWHERE = BASE_DIR / "elsewhere"
ELSEWHERE.mkdir(exist_ok=True)
os.chdir(ELSEWHERE)
SECRET_KEY = os.environ["ROAMING_SECRET"]
INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.roaming"]
if "DATABASE_URL" not in os.environ:
    DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": "../db.sqlite3"}}
