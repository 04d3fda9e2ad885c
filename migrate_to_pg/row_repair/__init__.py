"""Repair rows in a working copy of the snapshot, and write every change into a journal.

``working_copy`` makes the copy, and has the only three ways to edit it, each written into the journal. ``apply``
changes cells, quarantines rows and merges duplicates. ``engine`` makes all accepted repairs.
"""

from migrate_to_pg.row_repair.apply import (
    are_equal,
    is_repaired,
    merge,
    quarantine,
    quarantine_children,
    quarantine_refused,
    repair,
    with_left_out,
)
from migrate_to_pg.row_repair.working_copy import RepairCopy

__all__ = [
    "RepairCopy",
    "are_equal",
    "is_repaired",
    "merge",
    "quarantine",
    "quarantine_children",
    "quarantine_refused",
    "repair",
    "with_left_out",
]
