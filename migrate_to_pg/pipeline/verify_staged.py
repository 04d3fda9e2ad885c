"""Verify that the staged tables hold what SQLite holds, before anything is published."""

from __future__ import annotations

from collections.abc import Collection
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from migrate_to_pg import staging
from migrate_to_pg.errors import VerificationError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.pipeline.examination import find_damage
from migrate_to_pg.pipeline.load_leftovers import LeftoversLoad, check_schema, merge_verifications, verify_leftovers
from migrate_to_pg.pipeline.run import Run
from migrate_to_pg.pipeline.stage_tables import Staged, staged_database
from migrate_to_pg.publish import LockedSchemas, lock_schemas
from migrate_to_pg.records import INCOMING, LEFTOVERS_INCOMING, Plan, Snapshot, Verification, Verify
from migrate_to_pg.rules.run_findings import made_from_models, run_findings
from migrate_to_pg.sqlite.checksums import require_unmodified_snapshot
from migrate_to_pg.system.threads import in_thread
from migrate_to_pg.verify import verify_tables
from migrate_to_pg.verify.orm import compare_with_orm
from migrate_to_pg.verify.schema import require_described, require_identities, require_spans, require_validated


def verify_staged(
    run: Run,
    staged: Staged,
    leftovers: LeftoversLoad | None,
    snapshot: Snapshot,
    loaded: Path,
    transaction: ExitStack,
) -> LockedSchemas:
    """Compare every cell, with all that is compared held as it is until ``transaction`` is left.

    Args:
        run: the options, and the results so far.
        staged: the incoming schema.
        leftovers: the second incoming schema, with tables that no migration knows. None where there are none.
        snapshot: the copy of SQLite that is compared.
        loaded: the SQLite file that was loaded: the snapshot, or its repaired copy.
        transaction: ends when the tables may be written to again.

    Foreign keys are validated meanwhile, in the same transaction. Returns the transaction that publishes. Raises
    VerificationError where anything differs, and UnmetDefinitionError where a foreign key does not hold.
    """
    connection = staged.target.connection
    with run.stage("prove"):
        locked = lock_schemas(connection, (INCOMING, LEFTOVERS_INCOMING), transaction)
        run.state.verification = _compare_and_validate(run, staged, snapshot)
        run.state.notes += tuple(run_findings(run.state.verification))
        if run.options.schema == "models":
            run.state.notes += (made_from_models(len(staged.plan.tables) + len(staged.plan.only_target)),)
        verify_orm(run, staged.plan, loaded, staged_database(run, staged.target))
        if leftovers:
            conninfo, path = staged.target.conninfo, snapshot.path
            found = verify_leftovers(leftovers, path, conninfo, run.options, run.progress, schema=LEFTOVERS_INCOMING)
            run.state.verification = merge_verifications(run.state.verification, found)
        if run.options.mode != "publish" or not run.state.verification.holds:
            # To read all of it takes long: publish_staged does it next.
            require_unmodified_snapshot(snapshot)
        if not run.state.verification.holds:
            raise VerificationError(
                _(
                    "PostgreSQL does not hold what SQLite holds: {faulty}.",
                    faulty=", ".join(run.state.verification.faulty),
                ),
                remedy=_why_different(run, snapshot),
            )
        require_described(connection, INCOMING, staged.definitions)
        require_validated(connection, INCOMING)
        require_spans(connection, INCOMING, staged.plan)
        require_identities(connection, INCOMING, staged.plan, run.state.loaded.identities)
        if leftovers:
            check_schema(connection, leftovers)
    return locked


def _compare_and_validate(run: Run, staged: Staged, snapshot: Snapshot) -> Verification:
    """Compare every cell over other connections, while the one that holds the locks validates the foreign keys."""
    connection = staged.target.connection
    with in_thread(
        "validate",
        lambda: staging.validate(connection, INCOMING, staged.dropped, staged.plan),
        lambda: staging.cancel(connection),
    ):
        return verify_tables(
            staged.plan,
            snapshot.path,
            staged.target.conninfo,
            schema=INCOMING,
            verify=run.options.verify,
            progress=run.progress,
            repairs=run.state.examined.repairs,
        )


def verify_orm(
    run: Run, plan: Plan, loaded: Path, entry: dict[str, Any], *, shared: str = "", incomplete: Collection[str] = ()
) -> None:
    """Add what the ORM reads to the verification, where that was asked for and the cells are equal.

    Args:
        run: the options, and the verification so far.
        plan: the tables.
        loaded: the SQLite file that the tables hold.
        entry: the target as an entry of DATABASES.
        shared: an exported snapshot of the target, where that state is to be read.
        incomplete: tables of which some rows are on one side alone.
    """
    verification, catalog = run.state.verification, run.state.source.catalog
    if run.options.verify is Verify.ORM and verification and verification.holds and catalog:
        read, unread = compare_with_orm(
            run.registry, catalog, plan, loaded, entry, shared=shared, incomplete=incomplete
        )
        run.state.verification = verification.with_orm(read, unread)


def _why_different(run: Run, snapshot: Snapshot) -> str:
    if run.options.engine == "pgloader":
        return _("Nothing was published. pgloader changed these values: leave --engine out.")
    if find_damage(run, snapshot.path):
        return _(
            "Nothing was published. Indexes of the SQLite file contradict its tables: sqlite_doctor tells which."
            " REINDEX; in the sqlite3 shell repairs them, or restore a backup; then run again."
        )
    return _("Nothing was published. If nobody else wrote to the incoming schema, please report this.")
