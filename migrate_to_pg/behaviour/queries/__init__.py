"""Make the project's queries once more on the copy, and compare the answers: shadow reads.

Three ways lead in: a command of the project (``find_by_queries``), its pages (``crawl``), and a middleware
(``middleware.ShadowMiddleware``) whose file ``read`` shows. Each gives ``Notes``: occurrences, and what was left out.

Each name is loaded when it is first asked for: the processes of a command, and a server with the middleware, import
the hook and nothing of the move.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from migrate_to_pg.behaviour.queries.crawl_pages import crawl
    from migrate_to_pg.behaviour.queries.notebook import Notes, read
    from migrate_to_pg.behaviour.queries.suite import find_by_queries

__all__ = ["Notes", "crawl", "find_by_queries", "read"]

_MODULES = {"Notes": "notebook", "crawl": "crawl_pages", "find_by_queries": "suite", "read": "notebook"}


def __getattr__(name: str) -> object:
    """Load a public name from the module that defines it."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
