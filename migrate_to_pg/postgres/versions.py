"""Collect the versions of the software that takes part in a run."""

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
    """Return versions by name, including PostgreSQL's if ``target`` is given."""
    with minimal_environment():  # Python runs uname in a child process.
        system = platform.platform(terse=True)
    found = {
        "migrate_to_pg": __version__,
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        **{name: metadata.version(name) for name in _PACKAGES},
        "platform": system,
    }
    return found if target is None else found | {"postgresql": target.version}
