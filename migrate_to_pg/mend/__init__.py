"""A snapshot and findings with accepted repairs in; a working copy with the repairs made, and a journal of them, out.

- ``working_copy``: the copy, and the only three ways to edit it;
- ``journal``: the record of every edit, and what a report tells of it;
- ``repairs``: single cells, and rows that go into quarantine;
- ``closure``: the children of those rows;
- ``merge``: rows that share a unique key.
"""

from migrate_to_pg.mend.closure import close
from migrate_to_pg.mend.journal import changed_cells, every_aside, every_change, rows_aside
from migrate_to_pg.mend.merge import merge
from migrate_to_pg.mend.repairs import quarantine, repair

__all__ = ["changed_cells", "close", "every_aside", "every_change", "merge", "quarantine", "repair", "rows_aside"]
