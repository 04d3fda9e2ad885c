"""A snapshot and findings with accepted repairs in; a working copy with the repairs made, and a journal of them, out.

- ``working_copy``: the copy, and the only three ways to edit it, each written into the journal;
- ``repairs``: single cells, and rows that go into quarantine;
- ``closure``: the children of those rows;
- ``merge``: rows that share a unique key.
"""

from migrate_to_pg.row_repair.apply import kept, quarantine, repair, set_refused_aside
from migrate_to_pg.row_repair.cascade import close
from migrate_to_pg.row_repair.merge_duplicates import merge
from migrate_to_pg.row_repair.working_copy import WorkingCopy

__all__ = ["WorkingCopy", "close", "kept", "merge", "quarantine", "repair", "set_refused_aside"]
