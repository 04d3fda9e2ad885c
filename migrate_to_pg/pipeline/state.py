"""What a run has found out so far in, the Report out: however far the run came."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime

from migrate_to_pg import report as reports
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize, size
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
    Options,
    Proof,
    Publication,
    Report,
    Snapshot,
    SourceCatalog,
    SourceFacts,
    StageTime,
    TargetFacts,
)
from migrate_to_pg.records.repairs import QuarantinedRows, RepairResult
from migrate_to_pg.sqlite.snapshot import file_sha256
from migrate_to_pg.system.workdir import WorkDirectory


@dataclass
class Outcome:
    """The facts of one run, as its stages find them out."""

    options: Options
    started: datetime
    #: Which SQLite database is read, and why.
    source_choice: str = ""
    #: Stage -> seconds; one that was begun again is one stage.
    stages: dict[str, float] = field(default_factory=dict)
    #: By the clock on the wall, from the start of the process to the end of the run.
    seconds: float = 0.0
    target: TargetFacts | None = None
    snapshot: Snapshot | None = None
    catalog: SourceCatalog | None = None
    loaded: tuple[LoadedTable, ...] = ()
    findings: tuple[Finding, ...] = ()
    #: What the run tells of itself, besides.
    said: tuple[Finding, ...] = ()
    advice: Advice | None = None
    could_stay: KeptRows | None = None
    mended: RepairResult | None = None
    identities: tuple[Identity, ...] = ()
    unapplied: int = 0
    #: How the application comes to the target.
    switch: str = ""
    #: Whether the settings have the target already.
    in_force: bool = False
    excluded: tuple[ExcludedTable, ...] = ()
    proof: Proof | None = None
    publication: Publication | None = None
    exported: Exported | None = None
    #: Why what was published could not be exported.
    unexported: str = ""
    #: What the application must have on its search path: the final schema first; empty where that is public.
    seen: tuple[str, ...] = ()
    #: Publications of PostgreSQL's own that the run touches.
    publications: tuple[LogicalPublication, ...] = ()
    dump: DumpFacts | None = None
    failure: Failure | None = None
    #: What went wrong once everything was published, which stays so.
    afterwards: str = ""
    snapshot_kept: str = ""
    journal_kept: str = ""
    keep_incoming: bool = False
    changed: bool = False
    left_behind: tuple[str, ...] = ()
    #: What other hands than SQLite's made of the source meanwhile.
    fate: str = ""

    def summary(self, stage: str) -> str:
        """What a stage that has ended found, in a few words."""
        if stage == "snapshot" and self.snapshot:
            return size(self.snapshot.size)
        if stage == "catalog" and self.catalog:
            return _(
                "{tables}, {rows}",
                tables=pluralize(len(self.catalog.counted), "table", "tables"),
                rows=pluralize(sum(t.rows for t in self.catalog.counted), "row", "rows"),
            )
        if stage == "examine":
            return pluralize(len(self.findings), "finding", "findings")
        if stage == "dump" and self.dump:
            return size(self.dump.bytes)
        if stage == "repair" and self.mended:
            return self._repairs(self.mended)
        if stage == "prove" and self.proof and self.proof.tables:
            cells = sum(t.cells_compared for t in self.proof.tables)
            return (
                _("equal: {what}", what=pluralize(cells, "cell", "cells"))
                if cells
                else _("equal: {what}", what=pluralize(len(self.proof.tables), "row count", "row counts"))
            )
        return ""

    def _repairs(self, mended: RepairResult) -> str:
        cells = sum(changed.count for changed in mended.changed)
        rows = sum(aside.count for aside in mended.aside)
        return _(
            "{cells} changed, {rows} left out",
            cells=pluralize(cells, "cell", "cells"),
            rows=pluralize(rows, "row", "rows"),
        )

    def report(self, workplace: WorkDirectory) -> Report:
        """The report, on disk where that can be: what was published must not look like a failure for lack of space."""
        report = replace(self.unwritten(), directory=str(workplace.directory))
        try:
            reports.write(report, workplace.directory)
        except OSError as error:
            missing = _(
                "The report could not be written to {directory}: {strerror}.",
                directory=workplace.directory,
                strerror=error.strerror or error,
            )
            return replace(report, next_steps=(missing, *report.next_steps), directory="")
        return report

    def unwritten(self) -> Report:
        """The report alone."""
        blocking = [finding for finding in self.findings if finding.blocks]
        return Report(
            ok=self.failure is None,
            mode=self.options.mode,
            started=self.started.isoformat(timespec="seconds"),
            stages=tuple(StageTime(name=name, seconds=seconds) for name, seconds in self.stages.items()),
            seconds=self.seconds,
            source_choice=self.source_choice,
            source=self._source(),
            target=self.target,
            loaded=self.loaded,
            findings=self.findings + self.said,
            advice=self.advice,
            could_stay=self.could_stay,
            excluded=self.excluded,
            changed=self.mended.changed if self.mended else (),
            aside=self._quarantined(),
            identities=self.identities,
            proof=self.proof,
            publication=self.publication,
            export=self.exported,
            dump=self.dump,
            failure=self.failure,
            command=command_line(self.options),
            versions=versions(self.target),
            next_steps=self._next_steps(),
            continue_with=continuation(self.options, self.advice) if self.failure and blocking else "",
            continue_needs=needed_again(self.options) if self.failure and blocking else "",
        )

    def _quarantined(self) -> tuple[QuarantinedRows, ...]:
        """The rows that were set aside, of each its key and the columns at fault: the journal has them whole."""
        columns: dict[tuple[str, str], set[str]] = {}
        for finding in self.findings:
            columns.setdefault((finding.rule, finding.table), set()).update(finding.column.split(", "))
        aside = self.mended.aside if self.mended else ()
        return tuple(rows.limited_to(columns.get((rows.rule, rows.table), set())) for rows in aside)

    def _next_steps(self) -> tuple[str, ...]:
        left = [
            _("Written to SQLite after the snapshot, and not moved: {line}", line=line) for line in self.left_behind
        ]
        if self.fate:
            left.append(
                _(
                    "{became} The snapshot is complete, and is kept: {snapshot}",
                    became=self.fate,
                    snapshot=self.snapshot_kept,
                )
            )
        if self.afterwards:
            left.append(_("Everything is published. Something went wrong afterwards: {what}", what=self.afterwards))
        if self.unexported:
            left.append(
                _(
                    "The export was not made: {reason} What is published is proven; pg_dump can be run at any time.",
                    reason=self.unexported,
                )
            )
        published = None
        if self.publication:
            published = Published(
                publication=self.publication,
                switch=self.switch,
                in_force=self.in_force,
                unapplied=self.unapplied,
                snapshot=self.snapshot_kept,
                seen=self.seen,
            )
        steps = next_steps(self.options, published, self.failure, self.publications)
        if self.publication and self.proof and (columns := self.proof.left_out):
            left.append(
                _(
                    "Fill what was left out because each database makes it in its own way, {columns}: by manage.py"
                    " update_index or whatever else fills it here; its finding says more.",
                    columns=", ".join(columns),
                )
            )
        return (*left, *steps)

    def _source(self) -> SourceFacts | None:
        snapshot = self.snapshot
        if snapshot is None:
            return None
        tables = self.catalog.counted if self.catalog else ()
        return SourceFacts(
            path=str(snapshot.source),
            bytes=snapshot.size,
            sha256=snapshot.source_sha256,
            sha256_after=_sha256_after(snapshot),
            tables=len(tables),
            rows=sum(table.rows for table in tables),
            snapshot=self.snapshot_kept,
            journal=self.journal_kept,
            changed=self.changed,
            left_behind=self.left_behind,
            dump=snapshot.dump,
        )


def _sha256_after(snapshot: Snapshot) -> str:
    """Of the source now; whatever has the path of a dumped source on this machine is another file."""
    return file_sha256(snapshot.source) if snapshot.dump is None and snapshot.source.is_file() else ""
