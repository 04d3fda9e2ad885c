"""Options in, a Report out: the stages in order, told as Events. The library never prints.

Whatever stops a run ends up in the report as a Failure: a caller gets a Report in every case, and nothing was
published unless ``report.publication`` is there.
"""

from __future__ import annotations

import contextlib
import shlex
import sqlite3
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
from django.db.backends.base.base import BaseDatabaseWrapper

from migrate_to_pg import leftovers, staging
from migrate_to_pg.dumpfile import DumpedSource
from migrate_to_pg.errors import (
    MigrateToPgError,
    MigrationRefusedError,
    ProofError,
    StagingError,
    TargetError,
    UnmetDefinitionError,
)
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load import resume
from migrate_to_pg.load.pgloader_command import pgloader_target
from migrate_to_pg.pipeline import dump, load_leftovers
from migrate_to_pg.pipeline.export import Archive, relations
from migrate_to_pg.pipeline.load import Given, Loading, Road, blocked
from migrate_to_pg.pipeline.next_steps import estimate, of_server
from migrate_to_pg.pipeline.running import Progress, no_progress
from migrate_to_pg.pipeline.subscribers import publications_of_a_move
from migrate_to_pg.planning import called_alike, read_target, view_names, with_sqlite_sql
from migrate_to_pg.planning.exclude import check_no_references
from migrate_to_pg.planning.expected_schema import expected_tables, tables_of
from migrate_to_pg.planning.planner import chosen_models
from migrate_to_pg.planning.scratch_schema import SqliteSchema
from migrate_to_pg.postgres import target
from migrate_to_pg.postgres.embedded import EmbeddedServer
from migrate_to_pg.postgres.schema_digest import ObjectDefinition, read_definitions
from migrate_to_pg.postgres.schema_names import validate_schema_name
from migrate_to_pg.postgres.session import settings_for_others
from migrate_to_pg.postgres.standby import StandbyWatch, skip_standby, watch_commits
from migrate_to_pg.project.alias_override import forget_migrations, override_alias
from migrate_to_pg.project.create_models import create_model_tables, made_from, make_unmigrated_tables
from migrate_to_pg.project.databases import TargetChoice, choose_target, embedded_directory
from migrate_to_pg.project.migrations import Key, fresh_rows, may_differ_by_vendor, modules_with_code, run_migrations
from migrate_to_pg.project.model_requirements import find_needs
from migrate_to_pg.project.registry import Model
from migrate_to_pg.project.settings_entry import how_to_switch, is_in_force
from migrate_to_pg.project.sqlite_connection import names_of_the_project
from migrate_to_pg.project.system_checks import (
    asked_of_tables,
    checked,
    checked_offline,
    explained_by,
    failing_on_sqlite,
)
from migrate_to_pg.publish import (
    ExistingTables,
    Extensions,
    LockedSchemas,
    certain_user_data,
    check_leftovers_preconditions,
    check_preconditions,
    inspect_existing,
    lock_schemas,
    note_contents,
    publish,
    require_movable,
    require_owner,
    require_replaceable,
)
from migrate_to_pg.records import (
    FINAL,
    INCOMING,
    LEFTOVERS,
    LEFTOVERS_INCOMING,
    Leftovers,
    Options,
    Plan,
    Report,
    Snapshot,
    SourceCatalog,
    SystemCheck,
)
from migrate_to_pg.rules.run_findings import made_from_model, made_from_models, run_findings, written_at_start
from migrate_to_pg.rules.schema import ambiguous_name, leftover_table, logical_replication, unmade_model_table
from migrate_to_pg.rules.schema.not_carried import new_unread_views
from migrate_to_pg.sqlite import startup_writes
from migrate_to_pg.sqlite.snapshot import Source, require_space, require_unmodified_snapshot
from migrate_to_pg.system.paths import as_text
from migrate_to_pg.system.signals import ignore_stop_signals
from migrate_to_pg.verify import prove
from migrate_to_pg.verify.schema import require_described, require_identities, require_spans, require_validated


def run(options: Options, progress: Progress = no_progress) -> Report:
    """Do what the options ask: check, dump, rehearse or publish.

    Returns the report of it, also written to its directory, whether the run succeeded or not. Only a UsageError from
    before anything was begun is raised.
    """
    return _Move(options, progress).go()


class _Move(Loading):
    """Check, dump, rehearse or publish."""

    def __init__(self, options: Options, progress: Progress) -> None:
        self.final = validate_schema_name(options.publish_to)
        super().__init__(options, progress)
        #: The incoming schema as the migrations made it.
        self.made: frozenset[ObjectDefinition] = frozenset()
        #: What no migration knows, once it is carried.
        self.carried: load_leftovers.LeftoversLoad | None = None
        self.archive: Archive | None = None
        #: The models whose tables are made although no migration makes them, once they are known.
        self.chosen: list[Model] | None = None
        self.extensions = Extensions()
        self.standby: StandbyWatch | None = None

    def stages(self, stack: ExitStack) -> None:
        self._require_nameable_target()
        if self.options.mode == "publish" or self.options.keep:
            self.workplace.require_no_snapshot()
        source = self.open_source(stack)
        stack.callback(self.recheck_source, source)
        if isinstance(source, Source) and self.options.lock_source:
            stack.callback(self._let_writers_go, source)
        require_space(self.workplace.directory, source.size)
        self.note(estimate(source.size))
        if startup_writes.changed_since(self.source_choice.path):
            self.facts.said += (written_at_start(),)
        if self.options.mode in ("check", "dump"):
            self._check_or_dump(source)
            return
        choice = self.reach_target()
        for line in choice.server.place.notes if choice.server else ():
            self.note(line)
        rehearsing = self.options.mode == "rehearse" and not self.options.keep
        if choice.server is not None and rehearsing and not choice.server.joined:
            stack.callback(self._stop, choice.server)
        connection = stack.enter_context(target.connect(choice.conninfo, schema=self.final))
        self.facts.target = target.describe_server(connection, self.final, embedded=choice.place)
        self.facts.switch = how_to_switch(self.source_choice.alias, choice.database)
        self.facts.in_force = is_in_force(self.source_choice.alias, choice.database)
        if self.options.owner:
            require_owner(connection, self.options.owner, self.final)
        self._ask_publications(connection)
        if self.by_pgloader:
            pgloader_target(connection, choice.conninfo)
        if self.options.export:
            self.archive = Archive(self.options.export, connection, self.workplace.child, self.options.export_for)
        target.take_run_lock(connection)
        self.standby = stack.enter_context(watch_commits(connection, self.note))
        stack.callback(self._drop_incoming, connection, choice.conninfo)
        self._migrate(source, choice, connection)

    def _ask_publications(self, connection: psycopg.Connection[Any]) -> None:
        accepted = self.options.accept_publications
        found = publications_of_a_move(connection, self.final, accepted=accepted)
        self.facts.publications = found
        self.facts.said += tuple(map(logical_replication.finding, found))

    def _let_writers_go(self, source: Source) -> None:
        """They waited for a write, not for a database: what they write now is in SQLite alone, and is told."""
        source.release_lock()
        snapshot = self.facts.snapshot
        with contextlib.suppress(sqlite3.Error):
            if self.facts.publication and snapshot and source.has_changed():
                self.facts.left_behind = source.changes(replace(snapshot, path=self.workplace.snapshot))

    def _stop(self, server: EmbeddedServer) -> None:
        """A server that the rehearsal started, unless somebody else came to use it."""
        with self.stage("server stop"):
            stopped = server.stop_unless_used()
        if not stopped:
            self.note(
                _(
                    "The embedded server still runs: somebody else is connected to it. To stop it: {command}",
                    command=f"{of_server(self.options)} --stop {shlex.quote(str(server.directory))}",
                )
            )

    def _check_or_dump(self, source: Source | DumpedSource) -> None:
        """Snapshot and examine, against the types that the models give; no server is asked."""
        snapshot = self.snapshot(source)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
            schema = self.learn(catalog)
            tables = expected_tables(self.registry, schema, self._chosen(catalog))
            checks = checked_offline(self.source_choice, failing_on_sqlite(self.source_choice))
            needs = find_needs(self.registry, names_of_the_project(self.source_choice))
            plan = self.plan(catalog, tables, schema=schema)
            plan = replace(plan, promised=True, system_checks=checks, needs=needs)
            check_no_references(plan, snapshot.path)
        self.find_computed(plan, catalog, snapshot)
        if self.options.mode == "dump":
            self._find(plan, catalog, snapshot)
            self.facts.findings = (*self.find_rejected, *self.facts.findings)
            self._dump(catalog, snapshot)
        else:
            self.examine(plan, catalog, snapshot)
        if self.options.keep:
            self._keep_snapshot()

    def _dump(self, catalog: SourceCatalog, snapshot: Snapshot) -> None:
        """Write the dump; what was found goes into it, and does not stand in its way."""
        with self.stage("dump"):
            self.facts.dump = dump.dump(
                self.options, snapshot, catalog, self.facts.findings, self.source_choice, self.progress
            )

    def _require_nameable_target(self) -> None:
        """UsageError where --target cannot be meant: before the source is even looked at."""
        # The embedded server would be started by it.
        if self.options.mode not in ("check", "dump") and embedded_directory(self.options.target) is None:
            _ = choose_target(self.options.target).conninfo

    def _migrate(
        self, source: Source | DumpedSource, choice: TargetChoice, connection: psycopg.Connection[Any]
    ) -> None:
        snapshot = self.snapshot(source)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
            self._require_names_apart()
            schema = self.learn(catalog)
        plan, standing, aside = self._stage_tables(choice, connection, catalog, schema)
        check_no_references(plan, snapshot.path)
        given = Given(plan, catalog, snapshot, Road(connection, choice.conninfo), aside)
        loaded = self.examine_and_load(given)
        self._load_leftovers(plan, catalog, snapshot, given.road)
        loaded = self._restored(given, loaded)
        with ExitStack() as transaction:
            held = self._prove(plan, snapshot, loaded, choice, connection, transaction)
            ours = relations(connection, INCOMING)
            if self.options.mode == "publish":
                self._publish(source, snapshot, held, standing)
        if self.options.mode == "publish":
            self._export_published(ours)
            return
        if self.archive:
            with self.stage("export"):
                self.facts.exported = self.archive.dump_rehearsal(INCOMING, self.final)
        if self.options.keep:
            self._keep_snapshot()
            for name in (INCOMING, LEFTOVERS_INCOMING) if self.carried else (INCOMING,):
                note_contents(connection, name)
            self.facts.keep_incoming = True

    def _require_names_apart(self) -> None:
        """Where PostgreSQL would call the tables of two models alike, no migration could make both."""
        self.facts.findings = tuple(map(ambiguous_name.finding, called_alike(self.registry.names)))
        if self.facts.findings:
            raise blocked(self.facts.findings)

    def _carries(self, plan: Plan) -> bool:
        return self.options.leftovers is Leftovers.COPY and leftovers.has_any(plan)

    def _load_leftovers(self, plan: Plan, catalog: SourceCatalog, snapshot: Snapshot, road: Road) -> None:
        """What no migration knows, into a schema of its own."""
        if not self._carries(plan):
            return
        if self.options.export:
            self.note(_("The archive of --export holds nothing of schema {schema}.", schema=LEFTOVERS))
        with self.stage("leftovers"):
            require_space(self.workplace.directory, leftovers.size(plan, snapshot.size))
            self.carried = load_leftovers.load_leftovers(
                *road, plan, catalog, snapshot, self.workplace.leftovers, self.options, self.progress
            )
        self.facts.loaded += self.carried.loaded
        self.facts.excluded += load_leftovers.excluded(self.carried, catalog)
        self.facts.said += new_unread_views(self.carried.unread, self.facts.findings)
        self.facts.said += leftover_table.too_wide(plan, self.carried.wide, self.facts.findings)

    def _stage_tables(
        self, choice: TargetChoice, connection: psycopg.Connection[Any], catalog: SourceCatalog, schema: SqliteSchema
    ) -> tuple[Plan, ExistingTables | None, staging.DroppedObjects]:
        """The project's tables in the incoming schema, empty and bare; and what stands where they are to go."""
        with self.stage("stage"):
            if self.options.mode == "publish" and not self.options.replace:
                self._refuse_before_migrations(connection, catalog, schema)
            resume.set_by(connection)
            missing, checks = self._make_schema(choice, connection, catalog, schema)
            if self.extensions.recreate(connection, INCOMING, self.final):
                # Where they cannot be moved they are in the final schema now, and the migrations find them there.
                missing, checks = self._make_schema(choice, connection, catalog, schema)
            require_movable(connection, INCOMING, self.final)
            self._note_unapplied(missing)
            models = tables_of([*self.registry.stored_models(), *self._chosen(catalog)])
            tables = with_sqlite_sql(connection, INCOMING, read_target(connection, INCOMING), models)
            plan = self.plan(catalog, tables, view_names(connection, INCOMING), schema)
            plan = replace(plan, system_checks=checks)
            standing = None
            if self.options.replace:
                # Whatever is there is kept, rows written meanwhile included.
                check_preconditions(connection, INCOMING, self.final)
            else:
                standing = inspect_existing(connection, INCOMING, self.final, fresh_rows())
            if self.options.mode == "publish":
                if standing:
                    require_replaceable(connection, standing, self.final)
                if self._carries(plan):
                    check_leftovers_preconditions(connection)
            self.made = read_definitions(connection, INCOMING)
            aside = staging.drop_objects(connection, INCOMING)
            staging.empty(connection, INCOMING, plan)
        return plan, standing, aside

    def _refuse_before_migrations(
        self, connection: psycopg.Connection[Any], catalog: SourceCatalog, schema: SqliteSchema
    ) -> None:
        """Where it is certain already that user data would be replaced; all is surveyed when the migrations were run.

        Certain is what no migration made on SQLite, unless one tells the two databases apart.
        """
        there = relations(connection, self.final)
        if there.isdisjoint(table.name for table in catalog.tables):
            return
        tables = expected_tables(self.registry)
        names = [table.name for table in tables if table.name in there]
        code = modules_with_code(catalog.applied_migrations)
        made: Mapping[str, int] | None = None if code else dict.fromkeys(names, 0)
        if code and not may_differ_by_vendor(code):
            made = schema.rows
        certain = certain_user_data(connection, self.final, names, fresh_rows(), made)
        require_replaceable(connection, certain, self.final)

    def _make_schema(
        self, choice: TargetChoice, connection: psycopg.Connection[Any], catalog: SourceCatalog, schema: SqliteSchema
    ) -> tuple[tuple[Key, ...], tuple[SystemCheck, ...]]:
        """The incoming schema with the project's tables.

        Returns the migrations that the source has not applied, and Django's system checks that fail on the target.
        """
        target.create_schema(connection, INCOMING)
        staged = self._staged(choice, connection)
        watched = target.watched_schemas(connection, self.final)
        known = failing_on_sqlite(self.source_choice)
        untouched = target.guard_schemas(connection, watched, self._shared(connection))
        with untouched, override_alias(self.source_choice.alias, staged) as django:
            forget_migrations()
            checks = checked(self.source_choice, known)
            with explained_by(checks):
                try:
                    missing = self._make_tables(
                        django, catalog, by_models=self.options.schema == "models", watched=watched
                    )
                except StagingError as error:
                    self._require_made(error, catalog, schema)
                    if isinstance(error, MigrationRefusedError):
                        error.remedy += f" {self._try_models(django, connection, catalog)}"
                    raise
            checks += asked_of_tables(self.source_choice)
        return missing, checks

    def _try_models(
        self, django: BaseDatabaseWrapper, connection: psycopg.Connection[Any], catalog: SourceCatalog
    ) -> str:
        """Whether --schema models would do where a migration does not: it is tried, and what it makes is dropped."""
        django.close()
        target.create_schema(connection, INCOMING)
        try:
            self._make_tables(django, catalog, by_models=True, watched=())
        except MigrateToPgError as error:
            return _("--schema models does not help: {error}", error=error)
        return _("Or leave the migrations out: --schema models makes the tables from the models; that was tried.")

    def _shared(self, connection: psycopg.Connection[Any]) -> tuple[str, ...]:
        """The schemas whose extensions the migrations need."""
        shared = target.extension_schemas(connection)
        made_there = self.extensions.made and self.final not in shared
        return (*shared, self.final) if made_there else shared

    def _staged(self, choice: TargetChoice, connection: psycopg.Connection[Any]) -> dict[str, Any]:
        """The incoming schema as Django reaches it."""
        shared = self._shared(connection)
        return choice.staging(shared, session=settings_for_others(connection.cursor()))

    def _make_tables(
        self, django: BaseDatabaseWrapper, catalog: SourceCatalog, *, by_models: bool, watched: tuple[str, ...]
    ) -> tuple[Key, ...]:
        """By the migrations, or by the models; returns the migrations that the source has not applied."""
        with made_from(django, self._chosen(catalog)):
            if by_models:
                missing = create_model_tables(django, self.registry, self.progress)
            else:
                missing = run_migrations(django, catalog.applied_migrations, self.progress, watched=watched)
            make_unmigrated_tables(django, self.registry, [table.name for table in catalog.tables])
        return missing

    def _require_made(self, error: StagingError, catalog: SourceCatalog, schema: SqliteSchema) -> None:
        """BlockedError where a migration failed for the table of an installed model that no migration makes."""
        plan = self.plan(catalog, expected_tables(self.registry, schema, self._chosen(catalog)), schema=schema)
        named = [unmade for unmade in plan.unmade if unmade.table and f'"{unmade.table.name}"' in str(error)]
        if named:
            self.facts.findings = tuple(unmade_model_table.finding(plan, unmade) for unmade in named)
            raise blocked(self.facts.findings) from error

    def _chosen(self, catalog: SourceCatalog) -> list[Model]:
        """The models whose tables no migration makes, and that are to be made all the same; each is told."""
        if self.chosen is None:
            self.chosen = chosen_models(
                self.registry,
                catalog,
                self.options.from_models,
                every=self.options.schema == "models",
                but=self.options.as_leftovers,
            )
            labels = {model._meta.label for model in self.chosen}
            told = (made_from_model(name) for name in self.registry.names if name.label in labels)
            self.facts.said += tuple(told)
        return self.chosen

    def _restored(self, given: Given, loaded: Path) -> Path:
        """Put back what was set aside; where it does not hold for some rows, they are told, or left out of the load."""
        connection, conninfo = given.road
        definitions = {definition.place: definition for definition in given.aside.definitions}
        while True:
            try:
                with self.stage("restore"):
                    self._restore(given.plan, given.aside, connection, conninfo)
            except UnmetDefinitionError as error:
                unmet = definitions[error.place]
                if self.by_pgloader or unmet.kind == "foreign key":
                    raise
                staging.drop_objects(connection, INCOMING)
                loaded = self.load_without(given, error, unmet)
            else:
                return loaded

    def _restore(
        self, plan: Plan, aside: staging.DroppedObjects, connection: psycopg.Connection[Any], conninfo: str
    ) -> None:
        rows = {table.name: table.rows for table in self.facts.loaded}
        builders = staging.Builders(conninfo=conninfo, count=self.options.jobs)
        staging.restore(
            connection, INCOMING, aside, self.progress, builders=builders, rows=lambda name: rows.get(name, 0)
        )
        self.facts.identities = staging.set_identities(connection, INCOMING, plan)
        staging.refresh_views(connection, INCOMING)
        staging.analyze(connection, INCOMING, plan)

    def _prove(
        self,
        plan: Plan,
        snapshot: Snapshot,
        loaded: Path,
        choice: TargetChoice,
        connection: psycopg.Connection[Any],
        transaction: ExitStack,
    ) -> LockedSchemas:
        """Compare every cell, with all that is compared held as it is until ``transaction`` ends."""
        with self.stage("prove"):
            held = lock_schemas(connection, (INCOMING, LEFTOVERS_INCOMING), transaction)
            require_unmodified_snapshot(snapshot)
            self.facts.proof = prove(
                plan,
                snapshot.path,
                choice.conninfo,
                schema=INCOMING,
                verify=self.options.verify,
                progress=self.progress,
                mended=self.facts.mended,
            )
            self.facts.said += tuple(run_findings(self.facts.proof))
            if self.options.schema == "models":
                self.facts.said += (made_from_models(len(plan.tables) + len(plan.only_target)),)
            self.verify_orm(plan, loaded, self._staged(choice, connection))
            self._verify_leftovers(snapshot, choice.conninfo)
            if not self.facts.proof.holds:
                raise ProofError(
                    _(
                        "PostgreSQL does not hold what SQLite holds: {faulty}.",
                        faulty=", ".join(self.facts.proof.faulty),
                    ),
                    remedy=self._why_unproven(snapshot),
                )
            require_described(connection, INCOMING, self.made)
            require_validated(connection, INCOMING)
            require_spans(connection, INCOMING, plan)
            require_identities(connection, INCOMING, plan, self.facts.identities)
            if self.carried:
                load_leftovers.check_schema(connection, self.carried)
        return held

    def _why_unproven(self, snapshot: Snapshot) -> str:
        if self.by_pgloader:
            return _("Nothing was published. pgloader changed these values: leave --engine out.")
        if self.damage(snapshot.path):
            return _(
                "Nothing was published. Indexes of the SQLite file contradict its tables: sqlite_doctor tells which."
                " REINDEX; in the sqlite3 shell repairs them, or restore a backup; then run again."
            )
        return _("Nothing was published. If nobody else wrote to the incoming schema, please report this.")

    def _verify_leftovers(self, snapshot: Snapshot, conninfo: str) -> None:
        if self.carried and self.facts.proof:
            found = load_leftovers.verify_leftovers(
                self.carried, snapshot.path, conninfo, self.options, self.progress, schema=LEFTOVERS_INCOMING
            )
            self.facts.proof = load_leftovers.merge_proofs(self.facts.proof, found)

    def _publish(
        self,
        source: Source | DumpedSource,
        snapshot: Snapshot,
        held: LockedSchemas,
        standing: ExistingTables | None,
    ) -> None:
        end = ExitStack()

        def recheck() -> None:
            if not self.options.accept_stale:
                source.require_unchanged(snapshot)

        def recheck_and_commit() -> None:
            recheck()
            end.enter_context(ignore_stop_signals(self.standby.cancel_wait if self.standby else None))

        with end, self.stage("publish"):
            require_unmodified_snapshot(snapshot)
            recheck()
            self.facts.publication = publish(
                held.connection,
                incoming=INCOMING,
                final=self.final,
                existing=standing,
                rows={table.name: table.rows for table in self.facts.loaded},
                snapshot=str(self.workplace.snapshot),
                source="" if self.options.from_dump else as_text(self.source_choice.path),
                journal=self.facts.mended.journal if self.facts.mended else None,
                owner=self.options.owner,
                excluded=self.options.exclude_data,
                exact_decimals=self.options.exact_decimals,
                before_commit=recheck_and_commit,
                leftovers=self.carried is not None,
                locked=held,
            )
            self._keep_snapshot()
        if self.standby:
            self.facts.afterwards = self.standby.ended_early
        if self.final != FINAL:
            self.facts.seen = (self.final, *target.extension_schemas(held.connection, but=self.final))
        if source.has_changed():
            self.facts.left_behind = source.changes(replace(snapshot, path=self.workplace.snapshot))

    def _export_published(self, ours: frozenset[str]) -> None:
        """What was published stays so, whether it can be exported or not."""
        if self.archive is None:
            return
        with self.stage("export"):
            try:
                self.facts.exported = self.archive.dump_published(self.final, ours)
            except (TargetError, psycopg.Error) as error:
                self.facts.unexported = str(error)
            except KeyboardInterrupt:
                self.facts.unexported = _("Interrupted.")

    def _keep_snapshot(self) -> None:
        if self.facts.snapshot:
            self.facts.snapshot_kept = str(self.workplace.keep_snapshot(self.facts.snapshot.sha256))
        if self.facts.mended:
            self.facts.journal_kept = str(self.workplace.keep_journal())

    def _drop_incoming(self, connection: psycopg.Connection[Any], conninfo: str) -> None:
        if self.facts.keep_incoming:
            return
        try:
            skip_standby(connection)
            target.drop_schema(connection, INCOMING)
            target.drop_schema(connection, LEFTOVERS_INCOMING)
            resume.drop(connection)
            if not self.facts.publication:
                self.extensions.drop()
        except TargetError as error:
            # Built upon while the run went on; the next one refuses, and names it.
            self.note(f"{error} {error.detail[0]}")
        except psycopg.Error:
            # Interrupted in the middle of a statement, a connection takes no other. Where the server is gone as well,
            # the next run cleans up.
            with contextlib.suppress(psycopg.Error):
                target.drop_on_new_connection(connection, conninfo, INCOMING, LEFTOVERS_INCOMING)

    def _note_unapplied(self, missing: tuple[tuple[str, str], ...]) -> None:
        self.facts.unapplied = len(missing)
        if missing:
            names = ", ".join(".".join(key) for key in missing[:5])
            self.note(
                _(
                    "The source has not applied {migrations} ({names}); PostgreSQL will not have either.",
                    migrations=pluralize(len(missing), "migration", "migrations"),
                    names=names,
                )
            )
