"""The application's settings, but for its folder: what runs leave there is the test's alone."""

import os
from pathlib import Path

from attribution_project.settings import *  # noqa: F403

BASE_DIR = Path(os.environ["PROJECT_FOLDER"])
