"""See the models and migrations of this project."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.judged"]
TIME_ZONE = "Europe/Paris"
