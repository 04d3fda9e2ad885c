"""Move the project: the stages in order, from the SQLite file to the published tables."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace

from migrate_to_pg.load.pgloader import require_pgloader
from migrate_to_pg.pipeline.check import check_or_dump
from migrate_to_pg.pipeline.examination import Examination, blocked
from migrate_to_pg.pipeline.export import relations
from migrate_to_pg.pipeline.load import Loader
from migrate_to_pg.pipeline.load_leftovers import load_leftovers_of
from migrate_to_pg.pipeline.publish import export_published, keep_staged, publish_staged
from migrate_to_pg.pipeline.reach_target import reach_target, require_named_target
from migrate_to_pg.pipeline.run import Run, no_progress
from migrate_to_pg.pipeline.source import add_checksums, begin, learn_schema, open_source, read_catalog, take_snapshot
from migrate_to_pg.pipeline.stage_tables import stage_tables
from migrate_to_pg.pipeline.verify_staged import verify_staged
from migrate_to_pg.planning import called_alike
from migrate_to_pg.planning.exclude import check_no_references
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.project.source_database import SourceChoice
from migrate_to_pg.records import INCOMING, Options, Progress, Report, Snapshot, SourceCatalog, Verify
from migrate_to_pg.row_repair.engine import Accepted, accept
from migrate_to_pg.rules.schema import ambiguous_name
from migrate_to_pg.system.threads import in_thread


def run(options: Options, progress: Progress = no_progress, choice: SourceChoice | None = None) -> Report:
    """Check, dump, rehearse or publish, as the options ask. ``choice`` is the source, where the options name none.

    Returns the report, also written to its directory, whether the run succeeded or not. Nothing was published unless
    the report has a publication. Raises nothing but a UsageError from before anything was begun.
    """
    accepted = accept(options.fix, options.quarantine)
    options = _with_engine(options)
    this = Run(options, progress, choice)
    return this.execute(lambda stack: _move(this, accepted, stack))


def _with_engine(options: Options) -> Options:
    """Return the options with what pgloader asks for: it may change a value, which counting rows would not show."""
    if options.engine != "pgloader" or options.mode in ("check", "dump"):
        return options
    require_pgloader()
    return replace(options, verify=Verify.ORM if options.verify is Verify.ORM else Verify.CELLS)


def _move(run: Run, accepted: Accepted, stack: ExitStack) -> None:
    """Call the stages in order. What they open is closed when ``stack`` is left."""
    options = run.options
    require_named_target(run)
    if options.mode == "publish" or options.keep:
        run.workdir.require_no_snapshot()
    source = open_source(run, stack)
    begin(run, source, stack)
    if options.mode in ("check", "dump"):
        check_or_dump(run, accepted, source)
        return

    target = reach_target(run, stack)
    copied = take_snapshot(run, source, checksums=False)
    with in_thread("checksums", lambda: add_checksums(run, source, copied)) as checksums:
        catalog, schema = _read(run, copied)
        staged = stage_tables(run, target, catalog, schema)
    snapshot = checksums.result()
    check_no_references(staged.plan, snapshot.path)

    loader = Loader(Examination(run, accepted, staged.plan, catalog, snapshot), staged)
    loaded = loader.load()
    leftovers = load_leftovers_of(run, staged, catalog, snapshot)
    loaded = loader.restore(loaded)

    with ExitStack() as transaction:
        locked = verify_staged(run, staged, leftovers, snapshot, loaded, transaction)
        names = relations(target.connection, INCOMING)
        if options.mode == "publish":
            publish_staged(run, staged, leftovers, source, snapshot, locked)
    if options.mode == "publish":
        export_published(run, target, names)
    else:
        keep_staged(run, target, leftovers)


def _read(run: Run, snapshot: Snapshot) -> tuple[SourceCatalog, SqliteSchema]:
    """Read the snapshot's tables, and learn what the applied migrations make.

    Raises BlockedError where PostgreSQL would call the tables of two models alike: no migration could make both.
    """
    with run.stage("catalog"):
        catalog = read_catalog(run, snapshot)
        findings = tuple(map(ambiguous_name.finding, called_alike(run.registry.names)))
        run.state.record_examined(findings=findings)
        if findings:
            raise blocked(findings)
        return catalog, learn_schema(run, catalog)
