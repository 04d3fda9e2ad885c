"""See the views of this project."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.otherwise"]
ROOT_URLCONF = "tests.projects.otherwise.urls"
ASGI_APPLICATION = "tests.projects.otherwise.asgi.application"
DATABASES["default"]["OPTIONS"] = {"timeout": 20}  # -> sqlite-options
DATABASES["default"]["CONN_MAX_AGE"] = None  # -> connections-kept
