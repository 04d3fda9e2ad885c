"""Installed models whose tables no applied migration makes, each for a reason of its own."""

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.unmade", "tests.projects.unmade.renamed.apps.RenamedConfig"]
