"""Options in, a Report out: whether a published database still holds what SQLite holds, or held at the snapshot.

Nothing is written on either side. Where the snapshot is a kept one, the journal beside it tells what was mended.
"""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg import leftovers
from migrate_to_pg.errors import MigrateToPgError, ProofError, TargetError, UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers.allocate_names import is_name_of
from migrate_to_pg.pipeline import load_leftovers
from migrate_to_pg.pipeline.load import blocked
from migrate_to_pg.pipeline.next_steps import command_line, needed_again
from migrate_to_pg.pipeline.running import Progress, Running, no_progress
from migrate_to_pg.planning import read_target, view_names
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.schema_names import validate_schema_name
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.project.databases import TargetChoice, choose_target
from migrate_to_pg.publish.history import Entry, excluded_names, published_schemas, recorded_source, verified_exactly
from migrate_to_pg.publish.undo import describe_undone, last_undone
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS, Leftovers, Options, Plan, Report, Snapshot
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.row_repair.journal import changed_cells, rows_aside
from migrate_to_pg.rules import RULES, quarantined_rules
from migrate_to_pg.rules.run_findings import not_compared, run_findings
from migrate_to_pg.rules.schema import ambiguous_name, derived_column
from migrate_to_pg.sqlite.file_format import read_header
from migrate_to_pg.sqlite.snapshot import file_sha256, require_database, require_unmodified_snapshot, truncation_error
from migrate_to_pg.system.workdir import checksum_file, is_recorded_snapshot, recorded_journal
from migrate_to_pg.verify import prove
from migrate_to_pg.verify.schema import require_validated


def verify_published(options: Options, progress: Progress = no_progress) -> Report:
    """Prove an already published database against the source or a kept snapshot.

    Where no source is named and repairs were made before the publication, the snapshot that it kept is taken, whose
    journal explains them. Exit status 3 where a row is not as it was. Only a UsageError from before anything was begun
    is raised.
    """
    kept = _recorded_source(options)
    if kept is None or options.source or options.from_dump:
        return _Verification(options, progress, kept).go()
    if not kept.is_file() or recorded_journal(kept) is None:
        raise UsageError(
            _(
                "Repairs were made before this was published, and the snapshot or the journal that explains them is"
                " gone: {kept}.",
                kept=kept,
            ),
            remedy=_(
                "Name what is to be compared: --source PATH, a copy of that snapshot with its journal beside it, or the"
                " SQLite database; what the repairs changed is reported as different there."
            ),
        )
    return _Verification(replace(options, source=str(kept)), progress, kept, recorded=True).go()


def _recorded_source(options: Options) -> Path | None:
    """The snapshot of the publication, where repairs were made before it; the journal lies beside it."""
    with contextlib.suppress(MigrateToPgError, psycopg.Error):
        choice = choose_target(options.target, published=True)
        with contextlib.closing(target.connect_to_read(choice.conninfo)) as connection:
            found = recorded_source(connection, validate_schema_name(options.publish_to))
            path = Path(found[0]) if found else None
            if found and path and (found[1] or recorded_journal(path)) and is_recorded_snapshot(path):
                return path
    # What is wrong with the target is told by the run.
    return None


class _Verification(Running):
    """Catalog and prove; a snapshot only of what may still change."""

    def __init__(
        self, options: Options, progress: Progress, kept: Path | None = None, *, recorded: bool = False
    ) -> None:
        self.final = validate_schema_name(options.publish_to)
        super().__init__(options, progress)
        #: The snapshot whose journal explains the repairs, where any were made.
        self.kept = kept
        if recorded:
            self.source_choice = replace(self.source_choice, chosen="published")
            self.facts.source_choice = self.source_choice.sentence

    def stages(self, stack: ExitStack) -> None:
        choice = self.reach_target(published=True)
        connection = stack.enter_context(contextlib.closing(target.connect_to_read(choice.conninfo)))
        self.facts.target = target.describe_server(connection, self.final, embedded=choice.place)
        self._leave_out_as_published(connection)
        if verified_exactly(connection, self.final):
            self.options = replace(self.options, exact_decimals=True)
        snapshot = self._recorded_or_new_snapshot(stack)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
            plan = self.plan(catalog, read_target(connection, self.final), view_names(connection, self.final))
            plan = _with_published_leftovers(plan, {table.name for table in read_target(connection, LEFTOVERS)})
            self.facts.findings = tuple(map(ambiguous_name.finding, plan.doubts))
            if plan.doubts:
                raise blocked(self.facts.findings)
        self.facts.mended = _mended(self._explained_by(snapshot))
        self._prove(plan, snapshot, choice, connection)

    def _leave_out_as_published(self, connection: psycopg.Connection[Any]) -> None:
        """What --exclude-data left behind is not there, and nobody needs to say so again."""
        asked, names = self.options.exclude_data, excluded_names(connection, self.final)
        if names and not asked:
            self.options = replace(self.options, exclude_data=names)
        if told := _told_of_left_out(names, asked):
            self.note(told)

    def _recorded_or_new_snapshot(self, stack: ExitStack) -> Snapshot:
        """The kept snapshot itself, or a new one of the source."""
        path = self.source_choice.path
        if self.options.from_dump or not is_recorded_snapshot(path):
            source = self.open_source(stack)
            stack.callback(self.recheck_source, source)
            return self.snapshot(source)
        # Not opened as a source is: SQLite would make files beside it.
        require_database(path)
        sha256 = file_sha256(path)
        self.facts.snapshot = Snapshot(
            source=path, path=path, size=path.stat().st_size, sha256=sha256, source_sha256=sha256
        )
        _check_unchanged(self.facts.snapshot)
        return self.facts.snapshot

    def _explained_by(self, snapshot: Snapshot) -> Path:
        """The snapshot beside which the journal of the repairs lies: the kept one, where this is the same."""
        kept = self.kept
        if kept is None or kept == snapshot.path or _recorded_sum(kept) != snapshot.sha256:
            return snapshot.path
        self.note(_("The source is as it was published; the journal beside {kept} explains the repairs.", kept=kept))
        return kept

    def _prove(self, plan: Plan, snapshot: Snapshot, choice: TargetChoice, connection: psycopg.Connection[Any]) -> None:
        with self.stage("prove"):
            if not plan.tables:
                raise self._nothing_there(connection)
            self.facts.proof = prove(
                plan,
                snapshot.path,
                choice.conninfo,
                schema=self.final,
                verify=self.options.verify,
                progress=self.progress,
                mended=self.facts.mended,
            )
            self.facts.said += (*run_findings(self.facts.proof), *derived_column.left_out(plan))
            if self.facts.mended is None:
                # The snapshot is not what was loaded where repairs were made: the cells alone can be compared then.
                self.verify_orm(
                    plan,
                    snapshot.path,
                    choice.published(
                        self.final,
                        target.extension_schemas(connection, but=self.final),
                        session=settings_for_others(connection.cursor()),
                    ),
                )
            self._verify_leftovers(plan, snapshot, choice.conninfo, connection)
            missing = [table.name for table in plan.unmade if table.name not in plan.as_leftovers]
            if missing or not self.facts.proof.holds:
                raise ProofError(
                    _(
                        "PostgreSQL does not hold what SQLite held: {faulty}.",
                        faulty=", ".join([*missing, *self.facts.proof.faulty]),
                    ),
                    remedy=self._why_different(connection),
                )
            require_validated(connection, self.final)

    def _nothing_there(self, connection: psycopg.Connection[Any]) -> ProofError:
        undone = last_undone(connection, self.final)
        if undone is None:
            return _nothing_there(connection, self.final)
        return ProofError(
            _("Schema {final} of the target has none of the source's tables.", final=self.final),
            detail=[describe_undone(undone)],
            remedy=self._move_again(undone),
        )

    def _why_different(self, connection: psycopg.Connection[Any]) -> str:
        if undone := last_undone(connection, self.final):
            return f"{describe_undone(undone)}\n{self._move_again(undone)}"
        why = _(
            "If the application has used PostgreSQL since, or SQLite, these are its rows; if not, somebody"
            " changed them."
        )
        if self.kept is None or self.facts.mended:
            return why
        repairs = _("What repairs changed is explained by the kept snapshot alone: --source {kept}.", kept=self.kept)
        return f"{why}\n{repairs}"

    def _move_again(self, undone: Entry) -> str:
        source = self.options.source if self.options.from_dump else undone.source or self.options.source
        again = replace(self.options, mode="publish", source=source)
        move = _("To move again, with the same --fix and --quarantine as before:\n{line}", line=command_line(again))
        return f"{move}\n{needed_again(again)}".rstrip()

    def _verify_leftovers(
        self, plan: Plan, snapshot: Snapshot, conninfo: str, connection: psycopg.Connection[Any]
    ) -> None:
        """What no migration knows as well, where it was published and is still there."""
        if self.options.leftovers is not Leftovers.COPY or not leftovers.has_any(plan) or self.facts.catalog is None:
            return
        there = read_target(connection, LEFTOVERS)
        if there and self.facts.proof:
            carried = load_leftovers.published_leftovers(
                there, plan, self.facts.catalog, snapshot, self.workplace.leftovers
            )
            found = load_leftovers.verify_leftovers(
                carried, snapshot.path, conninfo, self.options, self.progress, schema=LEFTOVERS
            )
            compared, others = load_leftovers.without_volatile_views(found, carried, self.facts.catalog)
            self.facts.said += tuple(map(not_compared, others))
            self.facts.proof = load_leftovers.merge_proofs(self.facts.proof, compared)


def _with_published_leftovers(plan: Plan, there: Collection[str]) -> Plan:
    """Tables of installed models that stand among the published leftovers were accepted there by who published."""
    accepted = (table.name for table in plan.unmade if any(is_name_of(name, table.name) for name in there))
    return replace(plan, as_leftovers=(*plan.as_leftovers, *accepted))


def _nothing_there(connection: psycopg.Connection[Any], final: str) -> ProofError:
    with contextlib.suppress(TargetError):
        if others := published_schemas(connection, final):
            return ProofError(
                _(
                    "Schema {final} of the target has none of the source's tables: what is published is in {others}.",
                    final=final,
                    others=", ".join(others),
                ),
                remedy=_("Name the schema as it was named when it was published to, with --publish-to."),
            )
    return ProofError(
        _("Schema {final} of the target has none of the source's tables.", final=final),
        remedy=_("Name the database that was published to with --target."),
    )


def _told_of_left_out(names: Sequence[str] | None, asked: Sequence[str]) -> str:
    """What is remembered of a publication, None where this role may not look, beside what --exclude-data asks for."""
    if names is None and not asked:
        return _(
            "This role may not read, in schema {schema}, what was left out when this was published: where anything"
            " was, name it with --exclude-data.",
            schema=BOOKKEEPING,
        )
    if not names or set(names) == set(asked):
        return ""
    if not asked:
        return _("Left out, as when this was published: {names}.", names=", ".join(names))
    return _(
        "Left out as asked, {asked}; when this was published, it was {names}.",
        asked=", ".join(asked),
        names=", ".join(names),
    )


def _check_unchanged(snapshot: Snapshot) -> None:
    """SourceError where the kept snapshot is not what the sum beside it says; runs of old left none."""
    header = read_header(snapshot.path)
    if snapshot.size < header.pages * header.page_size:
        raise truncation_error(snapshot.path, snapshot.size, header.page_size, header.pages)
    if kept := _recorded_sum(snapshot.path):
        require_unmodified_snapshot(replace(snapshot, sha256=kept))


def _recorded_sum(snapshot: Path) -> str:
    """The sum beside a kept snapshot; '' where there is none."""
    try:
        return checksum_file(snapshot).read_text(encoding="utf-8").split(" ")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _mended(snapshot: Path) -> RepairResult | None:
    """The record of the repairs that were made before the publication; None where none were.

    Which were accepted then is known no more: any may have been.
    """
    journal = recorded_journal(snapshot)
    if journal is None:
        return None
    return RepairResult(
        path=snapshot,
        journal=journal,
        fix=frozenset(rule.id for rule in RULES if rule.repair),
        quarantine=quarantined_rules(["all"]),
        changed=changed_cells(journal),
        aside=rows_aside(journal),
    )
