"""Load the rows into the staged tables, and put back what was dropped for it.

Nothing of it is visible to anybody. A value that PostgreSQL would refuse or change stops the run, or is repaired or
quarantined where that was accepted.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from migrate_to_pg import staging
from migrate_to_pg.codecs.reader import TableBatch
from migrate_to_pg.errors import LoadError, RefusedRowsError, UnmetDefinitionError
from migrate_to_pg.examine import InvalidBatchError, check_batch
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.i18n import pluralize
from migrate_to_pg.load import load, resume
from migrate_to_pg.load.copy import CopyContext
from migrate_to_pg.load.find_refused import Trial, try_rows
from migrate_to_pg.load.pgloader import load_by_pgloader
from migrate_to_pg.pipeline.examination import Examination, LoadInput
from migrate_to_pg.pipeline.stage_tables import Staged
from migrate_to_pg.records import INCOMING
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.rules.schema import derived_column, missing_column
from migrate_to_pg.rules.values import check_constraint
from migrate_to_pg.sqlite.checksums import file_sha256

#: SQLSTATE of rows that a CHECK, a unique or an exclusion constraint refuses.
_CONSTRAINT_ERRORS = ("23514", "23505", "23P01")


class Loader:
    """Load what was examined until PostgreSQL takes every row, and every key, index and constraint holds."""

    def __init__(self, examination: Examination, staged: Staged) -> None:
        self.run = examination.run
        self.examination = examination
        self.staged = staged
        self.connection = staged.target.connection
        self.conninfo = staged.target.conninfo
        self.by_pgloader = self.run.options.engine == "pgloader"
        self._sent = examination.unrepaired

    def load(self) -> Path:
        """Examine and load. Return the SQLite file whose rows the staged tables hold.

        Where nothing was accepted, values are judged as they are sent, in one reading of them. Where that finds
        anything, the staged tables are emptied, and all is examined first.
        """
        if not self.examination.accepted and not self.by_pgloader and self._load_unexamined():
            return self.examination.snapshot.path
        return self._load_until_accepted(self.examination.examine(self._ask_constraints))

    def restore(self, loaded: Path) -> Path:
        """Put back keys, indexes, constraints and triggers, and return the SQLite file that the tables then hold.

        Foreign keys are not valid yet: ``verify_staged`` validates them.

        Rows for which one of them does not hold are reported, or left out and all is loaded once more.
        """
        definitions = {definition.place: definition for definition in self.staged.dropped.definitions}
        while True:
            try:
                with self.run.stage("restore"):
                    self._restore()
            except UnmetDefinitionError as error:
                unmet = definitions[error.place]
                if self.by_pgloader or unmet.kind == "foreign key":
                    raise
                staging.drop_objects(self.connection, INCOMING)
                loaded = self._load_until_accepted(self._without_refused(self._sent, error, (), [unmet]))
            else:
                return loaded

    def _restore(self) -> None:
        rows = {table.name: table.rows for table in self.run.state.loaded.tables}
        staging.restore(
            self.connection,
            INCOMING,
            self.staged.dropped,
            self.run.progress,
            builders=staging.Builders(conninfo=self.conninfo, count=self.run.options.jobs),
            rows=lambda name: rows.get(name, 0),
        )
        identities = staging.set_identities(self.connection, INCOMING, self.staged.plan)
        self.run.state.record_loaded(identities=identities)
        staging.refresh_views(self.connection, INCOMING)

    def _load_unexamined(self) -> bool:
        """Load the snapshot and judge its values meanwhile. Return whether PostgreSQL has all of it."""
        self.examination.find(values=False)
        if self.examination.is_blocked:
            return False
        load_input = self.examination.unrepaired
        refused: tuple[str, ...] = ()
        with self.run.stage("load"):
            try:
                self._send(load_input, check_batch=check_batch)
            except InvalidBatchError:
                self._truncate()
            except RefusedRowsError as error:
                # Examine reports what else it finds in the same run.
                refused = error.tables
                self._truncate()
            else:
                return True
        self.run.note(_("A value stands in the way: all of them are examined."))
        if refused:
            self._try_rows(load_input, refused, ())
        return False

    def _load_until_accepted(self, load_input: LoadInput) -> Path:
        """Load until PostgreSQL takes every row. Rows that it refuses are quarantined, where that was accepted."""
        while True:
            try:
                with self.run.stage("load"):
                    self._send(load_input)
            except RefusedRowsError as error:
                load_input = self._without_refused(load_input, error, error.tables, ())
            else:
                return load_input.path

    def _without_refused(
        self,
        load_input: LoadInput,
        error: RefusedRowsError | UnmetDefinitionError,
        tables: Sequence[str],
        definitions: Sequence[staging.Definition],
    ) -> LoadInput:
        """Return what to load without the rows that PostgreSQL refuses.

        Args:
            load_input: what was loaded.
            error: what PostgreSQL refused; raised where no row is at fault.
            tables: the tables that were refused a row.
            definitions: the keys, indexes and constraints that do not hold.

        Raises BlockedError where leaving the rows out was not accepted.
        """
        self._truncate()
        if not self._find_refused(load_input, tables, definitions):
            raise error
        self.examination.require_unblocked()
        repaired = self.examination.repair()
        self.examination.require_unblocked()
        return repaired

    def _ask_constraints(self, load_input: LoadInput) -> None:
        """Let PostgreSQL judge the constraints that SQLite cannot, where findings block the run already.

        Tables that could not be loaded whatever their rows are, are left alone.
        """
        unfit = {f.table for f in self.examination.findings if f.blocks and not f.quarantinable}
        tables = tuple(table for table in load_input.plan.tables if table.name not in unfit)
        fit = load_input._replace(plan=replace(load_input.plan, tables=tables))
        left = [table.name for table in tables if check_constraint.left_to_postgresql(load_input.plan, table)]
        try:
            self._find_refused(fit, left, (), constraints=True)
        except LoadError as error:
            # It is not about rows, and the findings that block the run are to be reported all the same.
            self.run.note(str(error))

    def _find_refused(
        self,
        load_input: LoadInput,
        tables: Sequence[str],
        definitions: Sequence[staging.Definition],
        *,
        constraints: bool = False,
    ) -> bool:
        """Try rows as ``_try_rows`` does, and add what is found to the run's findings."""
        known = self.examination.rejected
        found = self._try_rows(load_input, tables, definitions, constraints=constraints)
        if found:
            others = (finding for finding in self.examination.findings if finding not in known)
            self.examination.findings = (*self.examination.rejected, *others)
        return found

    def _try_rows(
        self,
        load_input: LoadInput,
        tables: Sequence[str],
        definitions: Sequence[staging.Definition],
        *,
        constraints: bool = False,
    ) -> bool:
        """Find the rows that PostgreSQL refuses of these tables, or for these definitions.

        With ``constraints`` only those that a constraint refuses: single values have rules of their own. Return
        whether there is any.
        """
        plan = load_input.plan
        # All that no rule can judge is tried at once.
        left = {(table.name, name) for table in plan.tables for name in duplicate_key.left_to_postgresql(plan, table)}
        dropped = self.staged.dropped.definitions
        others = (one for one in dropped if one.kind == "exclusion" or (one.table, one.name) in left)
        definitions = tuple({one.place: one for one in (*definitions, *others)}.values())
        wanted = {*tables, *(definition.table for definition in definitions)}
        trials = [
            Trial(table=table, definitions={one.name: one.create for one in definitions if one.table == table.name})
            for table in plan.tables
            if table.name in wanted
        ]
        context = CopyContext(plan, load_input.path, INCOMING, lambda _: None)
        with self.run.stage("examine"), self._temporary_defaults(load_input), context as copy:
            refusals = try_rows(trials, copy, self.connection, self.conninfo)
            if constraints:
                refusals = tuple(refusal for refusal in refusals if refusal.sqlstate in _CONSTRAINT_ERRORS)
            return self.examination.record_refusals(refusals, load_input)

    def _send(self, load_input: LoadInput, **judge: Callable[[TableBatch], None]) -> None:
        """Load. A load that a run began and did not finish is resumed."""
        self._sent = load_input
        if self.by_pgloader:
            self._send_by_pgloader(load_input)
            return
        plan, connection = load_input.plan, self.connection
        key = resume.load_key(plan, load_input.sha256 or file_sha256(load_input.path), self.run.options)
        complete = resume.adopt_previous(connection, key, plan)
        if complete:
            self.run.note(
                _(
                    "{tables_were} loaded by a run that died; it goes on there.",
                    tables_were=pluralize(len(complete), "table was", "tables were"),
                )
            )
        resume.start(connection, key, plan, complete)
        with self._temporary_defaults(load_input):
            loaded = load(
                plan,
                load_input.path,
                self.conninfo,
                schema=INCOMING,
                progress=self.run.progress,
                jobs=self.run.options.jobs,
                present=complete,
                on_loaded=lambda name, rows: resume.record_table(connection, key, name, rows),
                **judge,
            )
        self.run.state.record_loaded(tables=loaded)
        resume.finish(connection)

    def _send_by_pgloader(self, load_input: LoadInput) -> None:
        """Load by pgloader. Such a load cannot be resumed."""
        resume.drop(self.connection)
        with self._temporary_defaults(load_input):
            loaded = load_by_pgloader(
                load_input.plan,
                load_input.path,
                self.connection,
                self.conninfo,
                schema=INCOMING,
                directory=self.run.workdir.child,
                progress=self.run.progress,
                jobs=self.run.options.jobs,
            )
        self.run.state.record_loaded(tables=loaded)

    def _truncate(self) -> None:
        staging.truncate(self.connection, INCOMING, self.staged.plan)

    def _temporary_defaults(self, load_input: LoadInput) -> AbstractContextManager[None]:
        """Fill columns that PostgreSQL alone has while rows are sent, as far as that was accepted."""
        filled = missing_column.filled(load_input.plan, self.examination.findings)
        return staging.temporary_defaults(self.connection, INCOMING, (*filled, *derived_column.filled(load_input.plan)))
