"""What a run is asked to do, and the names of the schemas that it works in."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from pathlib import Path

#: The schema on PostgreSQL in which everything happens until publish.
INCOMING = "migrate_to_pg_incoming"
#: The final place of the tables.
FINAL = "public"
#: The schema that keeps what this tool itself must remember: publications, for --undo.
BOOKKEEPING = "migrate_to_pg"


class Verify(enum.StrEnum):
    """How much prove compares."""

    COUNTS = "counts"
    CELLS = "cells"
    #: Every cell, and then what Django's ORM reads.
    ORM = "orm"


def usual_jobs() -> int:
    """As many connections as this process has cores, and at most 8: beyond that, the server is what is waited for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is asked to do; the command's options, or those of a caller of ``pipeline``."""

    #: Path, sqlite:/// URL or alias of the SQLite database; None: MIGRATE_TO_PG["SOURCE"], else BASE_DIR/db.sqlite3.
    source: str | None = None
    #: URL or alias of the PostgreSQL database, or embedded[:DIR]; None: the default database.
    target: str | None = None
    #: "check" stops after examine and never connects; "rehearse" does everything but publish; "publish"; "verify_only".
    mode: str = "publish"
    verify: Verify = Verify.COUNTS
    #: Rules whose repair is accepted; "all" stands for every lossless one.
    fix: tuple[str, ...] = ()
    #: Rules whose rows are set aside; "all" stands for every one that is about rows.
    quarantine: tuple[str, ...] = ()
    #: Replace tables of the target that hold user data; they are moved to a dated schema.
    replace: bool = False
    #: Publish although the source was written to after the snapshot.
    accept_stale: bool = False
    #: Hold SQLite's write lock from snapshot to publish.
    lock_source: bool = False
    #: Leave tables that no migration knows behind, although they hold rows.
    skip_leftovers: bool = False
    #: Keep the snapshot and, after a rehearsal, the incoming schema.
    keep: bool = False
    #: Connections, and threads, that examine, load and restore at once.
    jobs: int = field(default_factory=usual_jobs)
    #: Where the report and the snapshot go; None: migrate_to_pg_report/<timestamp> below BASE_DIR.
    report: Path | None = None
