"""The application's, and an alias whose password stands in OPTIONS, as libpq takes it too."""

import json
import os

from attribution_project.settings import *  # noqa: F403
from attribution_project.settings import DATABASES

DATABASES["elsewhere"] = {"ENGINE": "django.db.backends.postgresql", **json.loads(os.environ["ELSEWHERE"])}
