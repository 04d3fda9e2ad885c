"""Make the project's queries once more on the copy, and compare the answers: shadow reads.

Three ways lead in: a command of the project (``find_by_queries``), its pages (``crawl``), and a middleware
(``middleware.ShadowMiddleware``) whose file ``read`` shows. Each gives ``Notes``: occurrences, and what was left out.
"""

from __future__ import annotations

from migrate_to_pg.behaviour.queries.crawl import crawl
from migrate_to_pg.behaviour.queries.notebook import Notes, read
from migrate_to_pg.behaviour.queries.suite import find_by_queries

__all__ = ["Notes", "crawl", "find_by_queries", "read"]
