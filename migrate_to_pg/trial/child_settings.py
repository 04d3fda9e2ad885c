"""Set the variables by which a child process has the copy in its settings, however the project writes them.

The directory ``startup`` comes first on PYTHONPATH, so that its ``sitecustomize`` is imported by each Python of the
child, before the project's code. It replaces the database once Django has read the settings. A settings module that
wraps the project's would be lost where manage.py sets DJANGO_SETTINGS_MODULE, or where pytest is given another one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from migrate_to_pg.trial.startup import sitecustomize

#: Where Python looks for sitecustomize first.
STARTUP = Path(sitecustomize.__file__).parent


def variables_of(aliases: Sequence[str], entry: Mapping[str, Any], url: str, origin: Path) -> dict[str, str]:
    """Return the variables with which settings have ``entry`` at these aliases.

    Args:
        aliases: the project's aliases of the database that was copied, and of the one that it is to be moved to.
        entry: the copy, as an entry of DATABASES.
        url: the same as a URL, for settings that read DATABASE_URL: they may decide by it.
        origin: the SQLite file. Other aliases of it have the copy as well.
    """
    replaced = {"aliases": [*aliases], "entry": entry, "origin": str(origin)}
    return {"DATABASE_URL": url, sitecustomize.DATABASE: json.dumps(replaced), **startup_path()}


def startup_path() -> dict[str, str]:
    """Return PYTHONPATH with our directory in front."""
    former = os.environ.get("PYTHONPATH")
    return {"PYTHONPATH": os.pathsep.join([str(STARTUP), *([former] if former else [])])}
