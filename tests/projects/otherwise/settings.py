"""See the views of this project."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.otherwise"]
ASGI_APPLICATION = "tests.projects.otherwise.asgi.application"
