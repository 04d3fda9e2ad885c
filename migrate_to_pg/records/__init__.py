"""The records that flow from stage to stage: plain, frozen, knowing neither Django nor a driver.

A stage takes some of these and returns one of these. Nothing here has behaviour beyond small derived facts.
"""

from migrate_to_pg.records.findings import Finding, Level, Sample
from migrate_to_pg.records.leftovers import Holds, LeftoverColumn, LeftoverTable
from migrate_to_pg.records.options import (
    BOOKKEEPING,
    FINAL,
    INCOMING,
    LEFTOVERS,
    LEFTOVERS_INCOMING,
    MOST_COLUMNS,
    Leftovers,
    Options,
    Verify,
)
from migrate_to_pg.records.plan import GenericKey, Plan, PlannedColumn, PlannedTable, SystemCheck
from migrate_to_pg.records.refusals import Refusal
from migrate_to_pg.records.report import Event, ExcludedTable, Failure, Report, SourceFacts, StageTime, TargetFacts
from migrate_to_pg.records.results import (
    ComputedOtherwise,
    Difference,
    Exported,
    FreshRows,
    Identity,
    LoadedTable,
    OrmTable,
    Proof,
    Publication,
    TableProof,
)
from migrate_to_pg.records.source import (
    DumpFacts,
    Lacking,
    MadeTable,
    Snapshot,
    SourceCatalog,
    SourceColumn,
    SourceForeignKey,
    SourceIndex,
    SourceTable,
)
from migrate_to_pg.records.target import (
    TargetCheck,
    TargetColumn,
    TargetForeignKey,
    TargetIndex,
    TargetTable,
    TargetUnique,
)

__all__ = [
    "BOOKKEEPING",
    "FINAL",
    "INCOMING",
    "LEFTOVERS",
    "LEFTOVERS_INCOMING",
    "MOST_COLUMNS",
    "ComputedOtherwise",
    "Difference",
    "DumpFacts",
    "Event",
    "ExcludedTable",
    "Exported",
    "Failure",
    "Finding",
    "FreshRows",
    "GenericKey",
    "Holds",
    "Identity",
    "Lacking",
    "LeftoverColumn",
    "LeftoverTable",
    "Leftovers",
    "Level",
    "LoadedTable",
    "MadeTable",
    "Options",
    "OrmTable",
    "Plan",
    "PlannedColumn",
    "PlannedTable",
    "Proof",
    "Publication",
    "Refusal",
    "Report",
    "Sample",
    "Snapshot",
    "SourceCatalog",
    "SourceColumn",
    "SourceFacts",
    "SourceForeignKey",
    "SourceIndex",
    "SourceTable",
    "StageTime",
    "SystemCheck",
    "TableProof",
    "TargetCheck",
    "TargetColumn",
    "TargetFacts",
    "TargetForeignKey",
    "TargetIndex",
    "TargetTable",
    "TargetUnique",
    "Verify",
]
