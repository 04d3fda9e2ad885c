"""The options of a run, and the names of the schemas that it uses."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from pathlib import Path

#: The schema on PostgreSQL for everything until publish.
INCOMING = "migrate_to_pg_incoming"
#: The usual final schema of the tables.
FINAL = "public"
#: The staging schema of tables that no migration knows.
LEFTOVERS_INCOMING = "migrate_to_pg_leftovers_incoming"
#: Their final place.
LEFTOVERS = "sqlite_leftovers"
#: PostgreSQL's MaxHeapAttributeNumber: no table has more columns.
MOST_COLUMNS = 1600
#: The schema of this tool's own records: publications, for --undo.
BOOKKEEPING = "migrate_to_pg"


class Verify(enum.StrEnum):
    """The extent of the verification."""

    COUNTS = "counts"
    CELLS = "cells"
    #: Every cell, then what Django's ORM reads.
    ORM = "orm"


class Leftovers(enum.StrEnum):
    """The treatment of tables and views that no migration knows."""

    #: Their rows are moved to a schema of their own.
    COPY = "copy"
    #: They are not moved but stay in the snapshot.
    SKIP = "skip"
    #: Nothing is moved while such a table holds rows.
    STOP = "stop"


def usual_jobs() -> int:
    """Return as many connections as this process has cores, at most 8: beyond that the server is the limit."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """The start of the command."""

    #: The words up to the command's name, for the command lines that a report gives to copy.
    program: tuple[str, ...] = ("manage.py", "migrate_to_pg")
    #: Whether the setting or the variable gives these words: the application runs where this does.
    is_configured: bool = False
    #: Options, with their values, that the same command needs again: --settings and the like.
    common: tuple[tuple[str, str], ...] = ()
    #: When the process began, in the time of ``time.perf_counter``; None: with the run.
    began: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """The use of a copy that a run publishes into a database of its own, which is no move of the project."""

    #: The words of the command line that say what the copy is for: --try and the command, or those of pg_behaviour.
    words: tuple[str, ...] = ()
    #: Make the copy anew, although source and code are unchanged.
    fresh: bool = False
    #: --target as it was typed: the run itself publishes into the copy's database.
    target: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """The options of a run, from the command or a caller of ``pipeline``."""

    #: Path, sqlite:/// URL or alias of the SQLite database; None: as
    #: ``project.source_database.choose_source`` chooses it.
    source: str | None = None
    #: URL or alias of the PostgreSQL database, or embedded[:DIR]; None: the default database.
    target: str | None = None
    #: "check" stops after examine and never connects, as does "dump", which then writes a dump; "rehearse" does
    #: everything but publish; "publish"; "verify_only" verifies what was published; "undo" restores the tables that it
    #: replaced; "purge" removes what runs have kept; "move_back" makes a SQLite file of PostgreSQL: then ``source`` is
    #: the PostgreSQL database, and ``target`` the new file; "since_publish" counts what was written since the move;
    #: "rebuild" makes the new file ``target`` of ``source``, which is a SQLite database.
    mode: str = "publish"
    #: File that mode "dump" writes.
    dump: Path | None = None
    #: A dump that is read instead of ``source``.
    from_dump: Path | None = None
    verify: Verify = Verify.CELLS
    #: The final schema of the tables.
    publish_to: str = FINAL
    #: The owner of what is published. '': the owner of what it replaces, else the connecting role.
    owner: str = ""
    #: Rules with an accepted repair. "lossless" and "all" mean every lossless one, "lossy" every one that keeps the
    #: row.
    fix: tuple[str, ...] = ()
    #: Rules whose rows are left out. "all" means the rows of every rule that no repair would keep.
    quarantine: tuple[str, ...] = ()
    #: Move integral decimals with all their digits, of which Django before 6.1 reads fifteen.
    exact_decimals: bool = False
    #: Replace tables of the target with user data, which are moved to a dated schema.
    replace: bool = False
    #: Continue although publications of logical replication would include tables that subscribers lack.
    accept_publications: bool = False
    #: Publish although the source was written to after the snapshot.
    accept_stale: bool = False
    #: Hold SQLite's write lock from snapshot to publish.
    lock_source: bool = False
    #: Treatment of tables and views that no migration knows.
    leftovers: Leftovers = Leftovers.COPY
    #: Models, or their tables, that no migration makes: their tables are made from the models.
    from_models: tuple[str, ...] = ()
    #: Models, or their tables, that are moved as leftovers instead.
    as_leftovers: tuple[str, ...] = ()
    #: Models (app.Model) and tables whose rows are not moved.
    exclude_data: tuple[str, ...] = ()
    #: How tables are made: by "migrations", or from "models" where those do not run on PostgreSQL. Of "move_back": by
    #: the "migrations", or by the statements of the kept "snapshot".
    schema: str = "migrations"
    #: Keep the snapshot and, after a rehearsal, the incoming schema.
    keep: bool = False
    #: How rows are sent: by "arrow", or by "pgloader" as a child process.
    engine: str = "arrow"
    #: Where to put a pg_dump archive of what was verified; None: nowhere.
    export: Path | None = None
    #: The major version whose pg_restore is to read it; None: the oldest that it can be made for.
    export_for: int | None = None
    #: Connections, and threads, that examine, load and restore at once.
    jobs: int = field(default_factory=usual_jobs)
    #: Where the report and the snapshot go; None: migrate_to_pg_report/<timestamp> below BASE_DIR.
    report: Path | None = None
    #: Make a rebuild of what can be read of a damaged file.
    salvage: bool = False
    #: The use of the copy that "publish" makes; None for a move of the project.
    trial: Trial | None = None
    invocation: Invocation = field(default_factory=Invocation)
