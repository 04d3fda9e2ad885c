"""A project whose models have every shape; one model lives in a second database, and an app has no migrations."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import BASE_DIR, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.shapes", "tests.projects.second"]
AUTH_USER_MODEL = "shapes.Person"
DATABASES = {**DATABASES, "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / "other.sqlite3")}}
DATABASE_ROUTERS = ["tests.projects.shapes.routers.Elsewhere"]
