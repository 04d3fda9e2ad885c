"""Find every fault that PostgreSQL would refuse or change, all in one run.

Rules about the schema and about sets of rows query SQLite, several at once. The rules about single values share one
scan of each table (``scan_values``), as masks over the very batches that the load sends. Nothing is written.
"""

from __future__ import annotations

import dataclasses
import logging
import sqlite3
import time
from collections import deque
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

from migrate_to_pg.errors import SourceError
from migrate_to_pg.examine.scan_values import InvalidBatchError, check_batch, value_findings
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Leftovers, Level, Plan, Progress, SourceCatalog
from migrate_to_pg.rules import RULES, SetRule, Subject, samples
from migrate_to_pg.rules.file import lacking_in_sqlite
from migrate_to_pg.rules.repair_trial import with_trial
from migrate_to_pg.system.threads import drain, run_all

logger = logging.getLogger(__name__)

__all__ = ["InvalidBatchError", "check_batch", "examine"]

Find = Callable[[Subject], Iterator[Finding]]

#: The rules whose repairs edit rows.
_OF_ROWS = {rule.id for rule in RULES if rule.cell_repair is not None or rule.names_rows}

#: The value rules run together, under this name.
_VALUES = "values"
_SET_RULES = tuple(rule for rule in RULES if isinstance(rule, SetRule))


def examine(
    plan: Plan,
    catalog: SourceCatalog,
    snapshot: Path,
    *,
    accepted: frozenset[str],
    progress: Progress,
    leftovers: Leftovers = Leftovers.COPY,
    rows_only: bool = False,
    values: bool = True,
    jobs: int = 1,
    original: Path | None = None,
) -> tuple[Finding, ...]:
    """Return all findings, errors first, then in the plan's order.

    Args:
        plan: The paired tables.
        catalog: The snapshot's tables.
        snapshot: The snapshot.
        accepted: Rules whose repair is accepted, from ``rules.accepted_rules``.
        progress: Called with events.
        leftovers: What happens to tables that no migration knows.
        rows_only: Whether to run only the rules about rows.
        values: Whether to run the rules about single values, and those that PostgreSQL judges when rows are sent.
            Otherwise the load may pass each batch to ``check_batch``.
        jobs: Number of threads, each with a connection.
        original: The database that was copied, for messages.

    Raises:
        SourceError: SQLite cannot read the snapshot.
    """
    if unread := tuple(lacking_in_sqlite.errors(plan)):
        # Every other query of these tables fails.
        return unread
    runner = _RuleRunner(plan, catalog, snapshot, progress, leftovers)
    rules = [
        rule
        for rule in _SET_RULES
        if (rule.offences is not None or rule.reexamined or not rows_only) and (values or not rule.judged_when_sent)
    ]
    try:
        found = runner.run(rules, values=values, jobs=jobs)
    except sqlite3.Error as error:
        raise SourceError(
            _("SQLite could not examine {original}.", original=original or snapshot),
            detail=[str(error)],
            remedy=_("Run PRAGMA integrity_check on the database; restore the damaged table from a backup."),
        ) from error
    offered = (_without_useless_repairs(finding, plan) for finding in found)
    marked = (dataclasses.replace(f, applied=bool(f.repair) and f.rule in accepted) for f in offered)
    return tuple(sorted(marked, key=_order(plan)))


class _RuleRunner:
    """Run the rules on one snapshot, in several threads."""

    def __init__(
        self, plan: Plan, catalog: SourceCatalog, snapshot: Path, progress: Progress, leftovers: Leftovers
    ) -> None:
        self.plan = plan
        self.catalog = catalog
        self.snapshot = snapshot
        self.progress = progress
        self.leftovers = leftovers
        self.left: deque[tuple[str, Find]] = deque()
        self.open: list[sqlite3.Connection] = []
        self.found: dict[str, list[Finding]] = {}

    def run(self, rules: list[SetRule], *, values: bool, jobs: int) -> Iterator[Finding]:
        """Yield the findings of the rules in their order, then those about single values."""
        finds: list[tuple[str, Find]] = [(rule.id, partial(_findings_of_rule, rule)) for rule in rules]
        if values:
            # The longest task begins first.
            finds.insert(0, (_VALUES, lambda subject: value_findings(subject, self.snapshot, self.progress)))
        self.left.extend(finds)
        run_all("examine", [self._work] * min(jobs, len(finds)), self._stop)
        return (finding for name in (*(rule.id for rule in rules), _VALUES) for finding in self.found.get(name, []))

    def _work(self) -> None:
        """Run the tasks one after another, each thread on a connection of its own."""
        with samples.connect(self.snapshot, time_zone=self.plan.source_time_zone) as database:
            subject = Subject(plan=self.plan, catalog=self.catalog, database=database, leftovers=self.leftovers)
            self.open.append(database)
            try:
                for name, find in drain(self.left):
                    start = time.perf_counter()
                    self.found[name] = list(find(subject))
                    seconds = time.perf_counter() - start
                    logger.debug("%s: %d findings, %.3f s", name, len(self.found[name]), seconds)
            finally:
                self.open.remove(database)

    def _stop(self) -> None:
        self.left.clear()
        for database in tuple(self.open):
            database.interrupt()


def _findings_of_rule(rule: SetRule, subject: Subject) -> Iterator[Finding]:
    return (with_trial(subject, rule, finding) for finding in rule.find(subject))


def _without_useless_repairs(finding: Finding, plan: Plan) -> Finding:
    """Remove what would have no effect: rows that cannot be identified are neither repaired nor quarantined."""
    table = plan.table(finding.table)
    if table is None or samples.is_quarantinable(table):
        return finding
    if samples.can_be_edited(table) or finding.rule not in _OF_ROWS:
        return dataclasses.replace(finding, quarantinable=False)
    return dataclasses.replace(finding, quarantinable=False, repair="", repairable=None)


def _order(plan: Plan) -> Callable[[Finding], tuple[object, ...]]:
    """Return the sort key: errors first, then tables in plan order, then tables outside the plan."""
    position = {table.name: index for index, table in enumerate(plan.tables)}

    def key(finding: Finding) -> tuple[object, ...]:
        place = position.get(finding.table, len(position))
        return (finding.level is not Level.ERROR, place, finding.table, finding.column, finding.rule)

    return key
