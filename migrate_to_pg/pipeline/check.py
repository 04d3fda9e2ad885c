"""Check or dump: snapshot and examine against the types that the models give. No server is asked."""

from __future__ import annotations

from dataclasses import replace

from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.pipeline.dump import dump
from migrate_to_pg.pipeline.examination import Examination
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.source import keep_snapshot, learn_schema, plan_run, read_catalog, take_snapshot
from migrate_to_pg.planning.exclude import check_no_references
from migrate_to_pg.planning.expected_schema import expected_tables
from migrate_to_pg.project.model_checks import checked_offline, failing_on_sqlite, find_needs
from migrate_to_pg.project.sqlite_connection import names_of_the_project
from migrate_to_pg.row_repair.engine import Accepted
from migrate_to_pg.sqlite.snapshot import Source


def check_or_dump(run: Run, accepted: Accepted, source: Source | DumpedSource) -> None:
    """Examine the source. Findings stop a check, and go into a dump."""
    snapshot = take_snapshot(run, source)
    with run.stage("catalog"):
        catalog = read_catalog(run, snapshot)
        schema = learn_schema(run, catalog)
        tables = expected_tables(run.registry, schema, run.models_to_make(catalog))
        checks = checked_offline(run.source_choice, failing_on_sqlite(run.source_choice))
        needs = find_needs(run.registry, names_of_the_project(run.source_choice))
        plan = plan_run(run, catalog, tables, schema=schema)
        plan = replace(plan, offline=True, system_checks=checks, needs=needs)
        check_no_references(plan, snapshot.path)
    examination = Examination(run, accepted, plan, catalog, snapshot)
    examination.find_generated_overflow()
    if run.options.mode == "check":
        examination.examine()
    else:
        examination.find()
        examination.findings = (*examination.rejected, *examination.findings)
        with run.stage("dump"):
            findings = examination.findings
            run.state.dump = dump(run.options, snapshot, catalog, findings, run.source_choice, run.progress)
    if run.options.keep:
        keep_snapshot(run)
