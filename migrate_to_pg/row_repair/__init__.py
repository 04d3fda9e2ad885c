"""Repair rows in a working copy of the snapshot, and write every change into a journal.

- ``working_copy``: the copy, and the only three ways to edit it, each written into the journal - ``apply``: single
cells, and rows that go into quarantine - ``cascade``: the children of those rows - ``merge_duplicates``: rows that
share a unique key
"""

from migrate_to_pg.row_repair.apply import is_repaired, quarantine, quarantine_refused, repair
from migrate_to_pg.row_repair.cascade import quarantine_children
from migrate_to_pg.row_repair.merge_duplicates import merge
from migrate_to_pg.row_repair.working_copy import RepairCopy

__all__ = ["RepairCopy", "is_repaired", "merge", "quarantine", "quarantine_children", "quarantine_refused", "repair"]
