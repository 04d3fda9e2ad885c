"""The names and versions of everything that had a hand in a run."""

from __future__ import annotations

import platform
import sqlite3
from collections.abc import Mapping
from importlib import metadata

from migrate_to_pg import __version__
from migrate_to_pg.records import TargetFacts
from migrate_to_pg.system.subprocesses import minimal_environment

_PACKAGES = ("django", "psycopg", "pyarrow", "adbc-driver-sqlite", "adbc-driver-postgresql")


def versions(target: TargetFacts | None) -> Mapping[str, str]:
    """Name -> version, PostgreSQL's where one was reached."""
    found = {
        "migrate_to_pg": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: metadata.version(name) for name in _PACKAGES},
        "platform": _platform(),
    }
    return found if target is None else found | {"postgresql": target.version}


def _platform() -> str:
    # Python asks uname, by a child.
    with minimal_environment():
        return platform.platform(terse=True)
