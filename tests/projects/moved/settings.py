"""Tables and columns that migrations rename, retype and hand on by SQL, as Django's documentation advises."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.moved", "tests.projects.moved.elsewhere"]
