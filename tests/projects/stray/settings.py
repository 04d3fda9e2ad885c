"""See the models and migrations of this project."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import BASE_DIR, DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.stray"]
DATABASES = {**DATABASES, "other": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(BASE_DIR / "other.sqlite3")}}
