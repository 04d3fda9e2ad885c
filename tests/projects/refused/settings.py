"""See the models of this project."""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.refused"]
SILENCED_SYSTEM_CHECKS = os.environ.get("REFUSED_SILENCED", "").split(",")
