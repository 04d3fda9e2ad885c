"""What a run is asked to do, and the names of the schemas that it works in."""

from __future__ import annotations

import enum
import os
from dataclasses import dataclass, field
from pathlib import Path

#: The schema on PostgreSQL in which everything happens until publish.
INCOMING = "migrate_to_pg_incoming"
#: The usual final place of the tables.
FINAL = "public"
#: Where tables that no migration knows are made ready, beside the incoming schema.
LEFTOVERS_INCOMING = "migrate_to_pg_leftovers_incoming"
#: Their final place.
LEFTOVERS = "sqlite_leftovers"
#: PostgreSQL's MaxHeapAttributeNumber: no table has more columns.
MOST_COLUMNS = 1600
#: The schema that keeps what this tool itself must remember: publications, for --undo.
BOOKKEEPING = "migrate_to_pg"


class Verify(enum.StrEnum):
    """How much prove compares."""

    COUNTS = "counts"
    CELLS = "cells"
    #: Every cell, and then what Django's ORM reads.
    ORM = "orm"


class Leftovers(enum.StrEnum):
    """What becomes of tables and views that no migration knows."""

    #: Their rows go to a schema of their own.
    COPY = "copy"
    #: They stay behind, in the snapshot.
    SKIP = "skip"
    #: Nothing is moved while a table of that kind holds rows.
    STOP = "stop"


def usual_jobs() -> int:
    """As many connections as this process has cores, and at most 8: beyond that, the server is what is waited for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, 8)


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """How the command was started."""

    #: The words up to the command's name, for the command lines that a report gives to copy.
    program: tuple[str, ...] = ("manage.py", "migrate_to_pg")
    #: Whether these words were told, by the setting or the variable: the application runs where this does.
    is_told: bool = False
    #: What else was typed that the same command needs again, each with its value: --settings and the like.
    common: tuple[tuple[str, str], ...] = ()
    #: When the process began, in the time of ``time.perf_counter``; None: with the run.
    began: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """What a run is asked to do; the command's options, or those of a caller of ``pipeline``."""

    #: Path, sqlite:/// URL or alias of the SQLite database; None: as ``endpoints.choose_source`` chooses it.
    source: str | None = None
    #: URL or alias of the PostgreSQL database, or embedded[:DIR]; None: the default database.
    target: str | None = None
    #: "check" stops after examine and never connects, as does "dump", which then writes a dump; "rehearse" does
    #: everything but publish; "publish"; "verify_only".
    mode: str = "publish"
    #: The file that mode "dump" writes.
    dump: Path | None = None
    #: A dump that is read in the place of ``source``.
    from_dump: Path | None = None
    verify: Verify = Verify.CELLS
    #: The schema that is to hold the tables in the end.
    publish_to: str = FINAL
    #: The role that is to own what is published; '': whoever owned what it replaces, else the one that connects.
    owner: str = ""
    #: Rules whose repair is accepted; "lossless" and "all" stand for every lossless one, "lossy" for every one that
    #: keeps the row.
    fix: tuple[str, ...] = ()
    #: Rules whose rows are left out; "all" stands for the rows of every one, as far as no repair would keep them.
    quarantine: tuple[str, ...] = ()
    #: Carry whole decimals with all their digits, of which Django before 6.1 reads fifteen.
    exact_decimals: bool = False
    #: Replace tables of the target that hold user data; they are moved to a dated schema.
    replace: bool = False
    #: Go on although publications of logical replication take in by themselves what subscribers lack.
    accept_publications: bool = False
    #: Publish although the source was written to after the snapshot.
    accept_stale: bool = False
    #: Hold SQLite's write lock from snapshot to publish.
    lock_source: bool = False
    #: What becomes of tables and views that no migration knows.
    leftovers: Leftovers = Leftovers.COPY
    #: Models and tables of theirs that no migration makes: made from the models, beside all else.
    from_models: tuple[str, ...] = ()
    #: Those that are carried as leftovers all the same.
    as_leftovers: tuple[str, ...] = ()
    #: Models (app.Model) and tables whose rows are not moved.
    exclude_data: tuple[str, ...] = ()
    #: What makes the tables: "migrations", or "models" where those do not run on PostgreSQL.
    schema: str = "migrations"
    #: Keep the snapshot and, after a rehearsal, the incoming schema.
    keep: bool = False
    #: What sends the rows: "arrow", or "pgloader" as a child process.
    engine: str = "arrow"
    #: Where to put a pg_dump archive of what was proven; None: nowhere.
    export: Path | None = None
    #: The major version whose pg_restore is to read it; None: the oldest that it can be made for.
    export_for: int | None = None
    #: Connections, and threads, that examine, load and restore at once.
    jobs: int = field(default_factory=usual_jobs)
    #: Where the report and the snapshot go; None: migrate_to_pg_report/<timestamp> below BASE_DIR.
    report: Path | None = None
    invocation: Invocation = field(default_factory=Invocation)
