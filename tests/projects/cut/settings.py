"""A project whose names PostgreSQL cuts, of which one application has another label than its folder, and no migration.

ALIKE adds an application with two tables that PostgreSQL calls alike.
"""

import os

from tests.projects.base import *  # noqa: F403
from tests.projects.base import INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "tests.projects.cut", "tests.projects.cut.bare.apps.BareConfig"]
if os.environ.get("ALIKE"):
    INSTALLED_APPS.append("tests.projects.cut.alike")
