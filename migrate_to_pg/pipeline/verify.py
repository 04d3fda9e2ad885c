"""Verify a published database: whether it still holds what SQLite holds, or held at the snapshot.

Nothing is written on either side. The journal beside a recorded snapshot explains the repairs.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg.errors import MigrateToPgError, TargetError, UsageError, VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.leftovers.create_tables import is_name_of
from migrate_to_pg.pipeline import load_leftovers
from migrate_to_pg.pipeline.examination import blocked
from migrate_to_pg.pipeline.next_steps import command_line, needed_again
from migrate_to_pg.pipeline.reach_target import choose
from migrate_to_pg.pipeline.run import Run, no_progress
from migrate_to_pg.pipeline.source import open_source, plan_run, read_catalog, take_snapshot
from migrate_to_pg.pipeline.stage_tables import has_leftovers
from migrate_to_pg.pipeline.verify_staged import verify_orm
from migrate_to_pg.planning import read_target, view_names
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.objects import validate_schema_name
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.project.target_database import TargetChoice, choose_target
from migrate_to_pg.publish.history import Entry, excluded_names, published_schemas, recorded_source, verified_exactly
from migrate_to_pg.publish.undo import describe_undone, last_undone
from migrate_to_pg.records import BOOKKEEPING, LEFTOVERS, Options, Plan, Progress, Report, Snapshot, SourceCatalog
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.row_repair.journal import changed_cells, removed_rows
from migrate_to_pg.rules import RULES, quarantined_rules
from migrate_to_pg.rules.run_findings import not_compared, run_findings
from migrate_to_pg.rules.schema import ambiguous_name, derived_column
from migrate_to_pg.sqlite.checksums import file_sha256, require_unmodified_snapshot
from migrate_to_pg.sqlite.file_format import read_header
from migrate_to_pg.sqlite.source_files import require_database, truncation_error
from migrate_to_pg.system.workdir import checksum_file, is_recorded_snapshot, recorded_journal
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.schema import require_validated

Connection = psycopg.Connection[Any]


def verify_published(options: Options, progress: Progress = no_progress) -> Report:
    """Compare a published database with the source or a recorded snapshot.

    Where no source is named and repairs were made before the publication, the snapshot that it recorded is taken, whose
    journal explains them. Exit status 3 where a row differs. Raises only a UsageError from before anything was begun.
    """
    kept = _recorded_source(options)
    if kept is None or options.source or options.from_dump:
        return _execute(Run(options, progress), kept)
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
    run = Run(replace(options, source=str(kept)), progress)
    run.source_choice = replace(run.source_choice, chosen="published")
    run.state.record_source(choice=run.source_choice.sentence)
    return _execute(run, kept)


def _execute(run: Run, kept: Path | None) -> Report:
    """Compare, and let the run fail where anything differs.

    ``kept`` is the recorded snapshot whose journal explains the repairs, where any were made.
    """

    def judge(plan: Plan, connection: Connection) -> None:
        missing = [table.name for table in plan.unmade if table.name not in plan.as_leftovers]
        faulty = run.state.verification.faulty if run.state.verification else ()
        if missing or faulty:
            raise VerificationError(
                _("PostgreSQL does not hold what SQLite held: {faulty}.", faulty=", ".join([*missing, *faulty])),
                remedy=_why_different(run, kept, connection),
            )
        require_validated(connection, run.final)

    return run.execute(lambda stack: compare_published(run, kept, stack, judge))


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


def compare_published(run: Run, kept: Path | None, stack: ExitStack, judge: Callable[[Plan, Connection], None]) -> None:
    """Call the stages in order. A snapshot is made only of what may still change.

    Args:
        run: the options. The verification is recorded in it.
        kept: the recorded snapshot whose journal explains the repairs, where any were made.
        stack: closes what is opened.
        judge: is called with the plan and the connection to the target once all was compared.
    """
    choice = choose(run, published=True)
    connection = stack.enter_context(contextlib.closing(target.connect_to_read(choice.conninfo)))
    run.state.record_target(facts=target.describe_server(connection, run.final, embedded=choice.place))
    _exclude_as_published(run, connection)
    if verified_exactly(connection, run.final):
        run.options = replace(run.options, exact_decimals=True)
    snapshot = _recorded_or_new_snapshot(run, stack)
    with run.stage("catalog"):
        catalog = read_catalog(run, snapshot)
        plan = plan_run(run, catalog, read_target(connection, run.final), view_names(connection, run.final))
        # Tables of installed models that stand among the published leftovers were accepted there by who published.
        leftovers = {table.name for table in read_target(connection, LEFTOVERS)}
        accepted = (table.name for table in plan.unmade if any(is_name_of(name, table.name) for name in leftovers))
        plan = replace(plan, as_leftovers=(*plan.as_leftovers, *accepted))
        findings = tuple(map(ambiguous_name.finding, plan.ambiguous_names))
        run.state.record_examined(findings=findings)
        if findings:
            raise blocked(findings)
    run.state.record_examined(repairs=_recorded_repairs(_snapshot_with_journal(run, snapshot, kept)))
    with run.stage("prove"):
        if not plan.tables:
            raise _nothing_published(run, connection)
        _compare(run, plan, catalog, snapshot, choice, connection)
        judge(plan, connection)


def _exclude_as_published(run: Run, connection: psycopg.Connection[Any]) -> None:
    """Leave out what --exclude-data left out of the publication."""
    asked, names = run.options.exclude_data, excluded_names(connection, run.final)
    if names and not asked:
        run.options = replace(run.options, exclude_data=names)
    if note := _exclude_note(names, asked):
        run.note(note)


def _recorded_or_new_snapshot(run: Run, stack: ExitStack) -> Snapshot:
    """Return the recorded snapshot itself, or a new one of the source."""
    path = run.source_choice.path
    if run.options.from_dump or not is_recorded_snapshot(path):
        return take_snapshot(run, open_source(run, stack))
    # Not opened as a source is: SQLite would make files beside it.
    require_database(path)
    sha256 = file_sha256(path)
    snapshot = Snapshot(source=path, path=path, size=path.stat().st_size, sha256=sha256, source_sha256=sha256)
    run.state.record_source(snapshot=snapshot)
    header = read_header(snapshot.path)
    if snapshot.size < header.pages * header.page_size:
        raise truncation_error(snapshot.path, snapshot.size, header.page_size, header.pages)
    # Runs of old left no sum beside it.
    if kept := _recorded_sum(snapshot.path):
        require_unmodified_snapshot(replace(snapshot, sha256=kept))
    return snapshot


def _snapshot_with_journal(run: Run, snapshot: Snapshot, kept: Path | None) -> Path:
    """Return the snapshot beside which the journal of repairs lies: the recorded one, where this is its equal."""
    if kept is None or kept == snapshot.path or _recorded_sum(kept) != snapshot.sha256:
        return snapshot.path
    run.note(_("The source is as it was published; the journal beside {kept} explains the repairs.", kept=kept))
    return kept


def _compare(
    run: Run,
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Snapshot,
    choice: TargetChoice,
    connection: psycopg.Connection[Any],
) -> None:
    """Compare every cell, and what else was asked for, and record the verification.

    Args:
        run: the options, and the repairs of the publication.
        plan: the tables of both sides.
        catalog: the tables of SQLite.
        snapshot: the SQLite file that is compared.
        choice: the target.
        connection: to the target, to read.
    """
    repairs = run.state.examined.repairs
    run.state.verification = verify_tables(
        plan,
        snapshot.path,
        choice.conninfo,
        schema=run.final,
        verify=run.options.verify,
        progress=run.progress,
        repairs=repairs,
    )
    run.state.notes += (*run_findings(run.state.verification), *derived_column.left_out(plan))
    if repairs is None:
        # The snapshot is not what was loaded where repairs were made: the cells alone can be compared then.
        schemas = target.extension_schemas(connection, but=run.final)
        entry = choice.published(run.final, schemas, session=settings_for_others(connection.cursor()))
        verify_orm(run, plan, snapshot.path, entry)
    there = read_target(connection, LEFTOVERS) if has_leftovers(run, plan) else ()
    if there:
        published = load_leftovers.published_leftovers(there, plan, catalog, snapshot, run.workdir.leftovers)
        found = load_leftovers.verify_leftovers(
            published, snapshot.path, choice.conninfo, run.options, run.progress, schema=LEFTOVERS
        )
        compared, others = load_leftovers.without_volatile_views(found, published, catalog)
        run.state.notes += tuple(map(not_compared, others))
        run.state.verification = load_leftovers.merge_verifications(run.state.verification, compared)


def _nothing_published(run: Run, connection: psycopg.Connection[Any]) -> VerificationError:
    undone = last_undone(connection, run.final)
    if undone is None:
        return _nothing_there(connection, run.final)
    return VerificationError(
        _("Schema {final} of the target has none of the source's tables.", final=run.final),
        detail=[describe_undone(undone)],
        remedy=_move_again(run, undone),
    )


def _why_different(run: Run, kept: Path | None, connection: psycopg.Connection[Any]) -> str:
    if undone := last_undone(connection, run.final):
        return f"{describe_undone(undone)}\n{_move_again(run, undone)}"
    why = _(
        "If the application has used PostgreSQL since, or SQLite, these are its rows; if not, somebody changed them."
    )
    if kept is None or run.state.examined.repairs:
        return why
    repairs = _("What repairs changed is explained by the kept snapshot alone: --source {kept}.", kept=kept)
    return f"{why}\n{repairs}"


def _move_again(run: Run, undone: Entry) -> str:
    source = run.options.source if run.options.from_dump else undone.source or run.options.source
    again = replace(run.options, mode="publish", source=source)
    move = _("To move again, with the same --fix and --quarantine as before:\n{line}", line=command_line(again))
    return f"{move}\n{needed_again(again)}".rstrip()


def _nothing_there(connection: psycopg.Connection[Any], final: str) -> VerificationError:
    with contextlib.suppress(TargetError):
        if others := published_schemas(connection, final):
            return VerificationError(
                _(
                    "Schema {final} of the target has none of the source's tables: what is published is in {others}.",
                    final=final,
                    others=", ".join(others),
                ),
                remedy=_("Name the schema as it was named when it was published to, with --publish-to."),
            )
    return VerificationError(
        _("Schema {final} of the target has none of the source's tables.", final=final),
        remedy=_("Name the database that was published to with --target."),
    )


def _exclude_note(names: Sequence[str] | None, asked: Sequence[str]) -> str:
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


def _recorded_sum(snapshot: Path) -> str:
    """The sum beside a kept snapshot; '' where there is none."""
    try:
        return checksum_file(snapshot).read_text(encoding="utf-8").split(" ")[0]
    except (OSError, UnicodeDecodeError):
        return ""


def _recorded_repairs(snapshot: Path) -> RepairResult | None:
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
        removed=removed_rows(journal),
    )
