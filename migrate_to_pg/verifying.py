"""Options in, a Report out: whether a published database still holds what SQLite holds, or held at the snapshot.

Nothing is written on either side. Where the snapshot is a kept one, the journal beside it tells what was mended.
"""

from __future__ import annotations

import contextlib
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg import target
from migrate_to_pg.account import Mended
from migrate_to_pg.catalog import read_target
from migrate_to_pg.endpoints import TargetChoice, choose_target
from migrate_to_pg.errors import ProofError
from migrate_to_pg.journal import changed_cells, rows_aside
from migrate_to_pg.language import gettext as _
from migrate_to_pg.prove import prove
from migrate_to_pg.prove.schema import require_validated
from migrate_to_pg.records import FINAL, Options, Plan, Report, Snapshot
from migrate_to_pg.running import Progress, Running, silent
from migrate_to_pg.snapshot import Source, file_sha256, require_database
from migrate_to_pg.workplace import is_kept_snapshot, kept_journal


def verify_only(options: Options, progress: Progress = silent) -> Report:
    """Prove an already published database against the source or a kept snapshot.

    Exit status 3 where a row is not as it was. Only a UsageError from before anything was begun is raised.
    """
    return _Verification(options, progress).go()


class _Verification(Running):
    """Catalog and prove; a snapshot only of what may still change."""

    def stages(self, stack: ExitStack) -> None:
        choice = choose_target(self.options.target)
        connection = stack.enter_context(contextlib.closing(target.connect_to_read(choice.conninfo)))
        self.facts.target = target.facts(connection, FINAL)
        snapshot = self._standing(stack)
        with self.stage("catalog"):
            catalog = self.facts.catalog = self.read_source(snapshot)
            plan = self.plan(catalog, read_target(connection, FINAL))
        self.facts.mended = _mended(snapshot.path)
        self._prove(plan, snapshot, choice, connection)

    def _standing(self, stack: ExitStack) -> Snapshot:
        """The kept snapshot itself, or a new one of the source."""
        path = self.source_choice.path
        if not is_kept_snapshot(path):
            source = stack.enter_context(Source(path))
            stack.callback(self.look_again, source)
            return self.snapshot(source)
        # Not opened as a source is: SQLite would make files beside it.
        require_database(path)
        sha256 = file_sha256(path)
        self.facts.snapshot = Snapshot(
            source=path, path=path, size=path.stat().st_size, sha256=sha256, source_sha256=sha256
        )
        return self.facts.snapshot

    def _prove(self, plan: Plan, snapshot: Snapshot, choice: TargetChoice, connection: psycopg.Connection[Any]) -> None:
        with self.stage("prove"):
            if not plan.tables:
                raise ProofError(
                    _("Schema {final} of the target has none of the source's tables.", final=FINAL),
                    remedy=_("Name the database that was published to with --target."),
                )
            self.facts.proof = prove(
                plan,
                snapshot.path,
                choice.conninfo,
                schema=FINAL,
                verify=self.options.verify,
                progress=self.progress,
                mended=self.facts.mended,
            )
            if self.facts.mended is None:
                # The snapshot is not what was loaded where repairs were made: the cells alone can be compared then.
                self.ask_orm(plan, snapshot.path, choice.published(FINAL))
            if not self.facts.proof.holds:
                raise ProofError(
                    _(
                        "PostgreSQL does not hold what SQLite held: {faulty}.",
                        faulty=", ".join(self.facts.proof.faulty),
                    ),
                    remedy=_(
                        "If the application has used PostgreSQL since, these are its rows; if not, somebody changed"
                        " them."
                    ),
                )
            require_validated(connection, FINAL)


def _mended(snapshot: Path) -> Mended | None:
    """The record of the repairs that were made before the publication; None where none were."""
    journal = kept_journal(snapshot)
    if journal is None:
        return None
    return Mended(path=snapshot, journal=journal, changed=changed_cells(journal), aside=rows_aside(journal))
