"""Hold the results of a run's stages, and make the report of them: however far the run came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from migrate_to_pg import report as reports
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize, size
from migrate_to_pg.pipeline.after_move_back import after_move_back, after_since_publish
from migrate_to_pg.pipeline.next_steps import Published, command_line, continuation, needed_again, next_steps
from migrate_to_pg.postgres.versions import versions
from migrate_to_pg.records import (
    Advice,
    DumpFacts,
    ExcludedTable,
    Exported,
    Failure,
    Finding,
    Identity,
    KeptRows,
    LoadedTable,
    LogicalPublication,
    MadeFile,
    Options,
    Publication,
    Report,
    Snapshot,
    SourceCatalog,
    SourceFacts,
    StageTime,
    TargetFacts,
    Verification,
)
from migrate_to_pg.records.repairs import RemovedRows, RepairResult
from migrate_to_pg.sqlite.checksums import file_sha256


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceState:
    """The source, its snapshot, and what became of both during the run."""

    #: Which SQLite database is read, and why, in one sentence.
    choice: str = ""
    snapshot: Snapshot | None = None
    catalog: SourceCatalog | None = None
    #: Paths of the snapshot and of the journal of repairs that stay after the run.
    recorded_snapshot: str = ""
    recorded_journal: str = ""
    #: Whether anybody wrote to the source after the snapshot.
    changed: bool = False
    #: A line for each table that somebody wrote to after the snapshot.
    left_behind: tuple[str, ...] = ()
    #: How the file was deleted or replaced during the run, in one sentence.
    replaced: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetState:
    """The target, and how the application comes to it."""

    facts: TargetFacts | None = None
    #: How the settings name the target.
    switch: str = ""
    #: Whether the settings name it already.
    in_force: bool = False
    #: Publications of PostgreSQL's own that the run touches.
    publications: tuple[LogicalPublication, ...] = ()
    #: The number of migrations that the source has not applied.
    unapplied: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class ExamineResult:
    """What was found in the snapshot, and what was repaired."""

    findings: tuple[Finding, ...] = ()
    advice: Advice | None = None
    could_stay: KeptRows | None = None
    repairs: RepairResult | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LoadResult:
    """The tables that were loaded, and those that were left out."""

    tables: tuple[LoadedTable, ...] = ()
    excluded: tuple[ExcludedTable, ...] = ()
    identities: tuple[Identity, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class PublishResult:
    """The publication, and what was done after it."""

    publication: Publication | None = None
    #: What the application must have on its search path, the final schema first. Empty where that is public.
    search_path: tuple[str, ...] = ()
    exported: Exported | None = None
    #: Why what was published could not be exported.
    export_error: str = ""
    #: What went wrong after everything was published.
    error: str = ""


@dataclass(slots=True, kw_only=True)
class RunState:
    """The results of the stages so far, each a record."""

    started: datetime
    #: By the clock on the wall, from the start of the process to the end of the run.
    seconds: float = 0.0
    #: Stage -> seconds.
    stages: dict[str, float] = field(default_factory=dict)
    source: SourceState = SourceState()
    target: TargetState = TargetState()
    examined: ExamineResult = ExamineResult()
    loaded: LoadResult = LoadResult()
    verification: Verification | None = None
    published: PublishResult = PublishResult()
    dump: DumpFacts | None = None
    made: MadeFile | None = None
    #: Findings about the run itself.
    notes: tuple[Finding, ...] = ()
    failure: Failure | None = None

    def record_source(self, **results: Any) -> None:
        """Record results about the source."""
        self.source = replace(self.source, **results)

    def record_target(self, **results: Any) -> None:
        """Record results about the target."""
        self.target = replace(self.target, **results)

    def record_examined(self, **results: Any) -> None:
        """Record results of examine and repair."""
        self.examined = replace(self.examined, **results)

    def record_loaded(self, **results: Any) -> None:
        """Record results of load and restore."""
        self.loaded = replace(self.loaded, **results)

    def record_published(self, **results: Any) -> None:
        """Record results of publish and export."""
        self.published = replace(self.published, **results)


def stage_summary(stage: str, state: RunState) -> str:
    """Return a few words on the result of a stage that has ended."""
    catalog, verification = state.source.catalog, state.verification
    if stage == "snapshot" and state.source.snapshot:
        return size(state.source.snapshot.size)
    if stage == "catalog" and catalog and catalog.tables:
        return _(
            "{tables}, {rows}",
            tables=pluralize(len(catalog.counted), "table", "tables"),
            rows=pluralize(sum(t.rows for t in catalog.counted), "row", "rows"),
        )
    if stage == "examine":
        return pluralize(len(state.examined.findings), "finding", "findings")
    if stage == "dump" and state.dump:
        return size(state.dump.bytes)
    if stage == "repair" and state.examined.repairs:
        changed = sum(cells.count for cells in state.examined.repairs.changed)
        left_out = sum(rows.count for rows in state.examined.repairs.removed)
        return _(
            "{cells} changed, {rows} left out",
            cells=pluralize(changed, "cell", "cells"),
            rows=pluralize(left_out, "row", "rows"),
        )
    if stage == "prove" and verification and not verification.holds:
        return pluralize(sum(table.differences for table in verification.tables), "difference", "differences")
    if stage == "prove" and verification and verification.tables:
        cells = sum(t.cells_compared for t in verification.tables)
        rows = pluralize(len(verification.tables), "row count", "row counts")
        return _("equal: {what}", what=pluralize(cells, "cell", "cells") if cells else rows)
    return ""


def complete_report(options: Options, state: RunState) -> Report:
    """Return the report of a run that is over."""
    examined, facts = state.examined, state.target.facts
    is_blocked = state.failure is not None and any(finding.blocks for finding in examined.findings)
    return Report(
        ok=state.failure is None,
        mode=options.mode,
        started=state.started.isoformat(timespec="seconds"),
        stages=tuple(StageTime(name=name, seconds=seconds) for name, seconds in state.stages.items()),
        seconds=state.seconds,
        source_choice=state.source.choice,
        source=_source_facts(state.source),
        target=facts,
        loaded=state.loaded.tables,
        findings=examined.findings + state.notes,
        advice=examined.advice,
        could_stay=examined.could_stay,
        excluded=state.loaded.excluded,
        changed=examined.repairs.changed if examined.repairs else (),
        removed=_quarantined(examined),
        identities=state.loaded.identities,
        verification=state.verification,
        publication=state.published.publication,
        export=state.published.exported,
        dump=state.dump,
        made=state.made,
        failure=state.failure,
        command=command_line(options),
        versions=versions(facts),
        next_steps=(*_steps_about_source(state), *_steps_about_publication(state), *_next_steps(options, state)),
        continue_with=continuation(options, examined.advice) if is_blocked else "",
        continue_needs=needed_again(options) if is_blocked else "",
    )


def write_report(report: Report, directory: Path) -> Report:
    """Write the report to the run's directory.

    Where the disk is full, the report says so itself: what was published must not look like a failure.
    """
    report = replace(report, directory=str(directory))
    try:
        reports.write(report, directory)
    except OSError as error:
        missing = _(
            "The report could not be written to {directory}: {strerror}.",
            directory=directory,
            strerror=error.strerror or error,
        )
        return replace(report, next_steps=(missing, *report.next_steps), directory="")
    return report


def _quarantined(examined: ExamineResult) -> tuple[RemovedRows, ...]:
    """Return the quarantined rows with no more than key and columns at fault: the journal has them complete."""
    columns: dict[tuple[str, str], set[str]] = {}
    for finding in examined.findings:
        columns.setdefault((finding.rule, finding.table), set()).update(finding.column.split(", "))
    aside = examined.repairs.removed if examined.repairs else ()
    return tuple(rows.limited_to(columns.get((rows.rule, rows.table), set())) for rows in aside)


def _steps_about_source(state: RunState) -> tuple[str, ...]:
    source = state.source
    lines = [_("Written to SQLite after the snapshot, and not moved: {line}", line=line) for line in source.left_behind]
    if lines:
        lines.append(
            _(
                "Stop what writes to SQLite. Then go back (--undo) and move again before PostgreSQL is used, or write"
                " the same on PostgreSQL."
            )
        )
    if source.replaced:
        lines.append(
            _(
                "{became} The snapshot is complete, and is kept: {snapshot}",
                became=source.replaced,
                snapshot=source.recorded_snapshot,
            )
        )
    return tuple(lines)


def _steps_about_publication(state: RunState) -> tuple[str, ...]:
    published, lines = state.published, []
    if published.error:
        lines.append(_("Everything is published. Something went wrong afterwards: {what}", what=published.error))
    if published.export_error:
        lines.append(
            _(
                "The export was not made: {reason} What is published is verified; pg_dump can be run at any time.",
                reason=published.export_error,
            )
        )
    if published.publication and state.verification and (columns := state.verification.left_out):
        lines.append(
            _(
                "Fill what was left out because each database makes it in its own way, {columns}: by manage.py"
                " update_index or whatever else fills it here; its finding says more.",
                columns=", ".join(columns),
            )
        )
    return tuple(lines)


def _next_steps(options: Options, state: RunState) -> tuple[str, ...]:
    facts = None
    if state.published.publication:
        facts = Published(
            publication=state.published.publication,
            switch=state.target.switch,
            in_force=state.target.in_force,
            unapplied=state.target.unapplied,
            snapshot=state.source.recorded_snapshot,
            seen=state.published.search_path,
        )
    if state.made and not state.failure:
        postgres = state.target.facts.url if state.target.facts else ""
        return after_move_back(options, state.made, state.target.unapplied, postgres)
    if options.mode == "since_publish":
        return after_since_publish(options) if not state.failure else ()
    return tuple(next_steps(options, facts, state.failure, state.target.publications))


def _source_facts(source: SourceState) -> SourceFacts | None:
    snapshot = source.snapshot
    if snapshot is None:
        return None
    tables = source.catalog.counted if source.catalog else ()
    # The path of a dumped source names another file on this machine.
    is_here = snapshot.dump is None and snapshot.source.is_file()
    return SourceFacts(
        path=str(snapshot.source),
        bytes=snapshot.size,
        sha256=snapshot.source_sha256,
        sha256_after=file_sha256(snapshot.source) if is_here else "",
        tables=len(tables),
        rows=sum(table.rows for table in tables),
        snapshot=source.recorded_snapshot,
        journal=source.recorded_journal,
        changed=source.changed,
        left_behind=source.left_behind,
        dump=snapshot.dump,
    )
