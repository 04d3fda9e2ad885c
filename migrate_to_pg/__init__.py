"""Move a Django project from SQLite to PostgreSQL, verify every cell, publish in one transaction.

The names below are the public API: documented in docs/reference/api.md and stable from version to version. All other
modules may move. docs/explanation/architecture.md is the map of them.

Each name is loaded when it is first asked for: importing this package, or having it in INSTALLED_APPS, costs a web
worker nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate_to_pg.doctor.diagnose import diagnose
    from migrate_to_pg.errors import UsageError
    from migrate_to_pg.pipeline.move import run
    from migrate_to_pg.pipeline.move_back import move_back
    from migrate_to_pg.pipeline.since_publish import since_publish
    from migrate_to_pg.pipeline.undo_and_purge import purge, undo
    from migrate_to_pg.pipeline.verify import verify_published
    from migrate_to_pg.records import Event, Options, Report, Verify
    from migrate_to_pg.report.to_json import dumps

__version__ = "0.1.0"
__all__ = [
    "Event",
    "Options",
    "Report",
    "UsageError",
    "Verify",
    "diagnose",
    "dumps",
    "move_back",
    "purge",
    "run",
    "since_publish",
    "undo",
    "verify_published",
]

_MODULES = {
    "diagnose": "doctor.diagnose",
    "UsageError": "errors",
    "run": "pipeline.move",
    "move_back": "pipeline.move_back",
    "since_publish": "pipeline.since_publish",
    "purge": "pipeline.undo_and_purge",
    "undo": "pipeline.undo_and_purge",
    "verify_published": "pipeline.verify",
    "dumps": "report.to_json",
}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES.get(name, 'records')}"), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
