"""A plan, the snapshot and the record of its repairs go in; what PostgreSQL should hold instead comes out.

Nothing of the record is believed. Each row that was set aside must be kept whole, and a merged one have given way to a
row of the same key. Each new value is computed here from the snapshot's own, from the rules' descriptions and not by
their code (``cells``, ``codes``, ``followers``), and must be the journal's. What the proof computed, and not the
journal, is then compared with PostgreSQL, cell by cell: an edit without a line, or a line without an edit, is a
difference.
"""

from __future__ import annotations

import contextlib
import sqlite3
import tempfile
import zoneinfo
from collections.abc import Iterator, Mapping
from pathlib import Path

from migrate_to_pg.errors import ProofError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Plan, PlannedTable
from migrate_to_pg.records.repairs import RepairResult
from migrate_to_pg.verify.differences import Verdict
from migrate_to_pg.verify.repairs import nulled_keys
from migrate_to_pg.verify.repairs.expected import relation
from migrate_to_pg.verify.repairs.generated import compute
from migrate_to_pg.verify.repairs.journal_reader import Record, Table
from migrate_to_pg.verify.repairs.quarantine import FATES, check_merged, leave_out
from migrate_to_pg.verify.repairs.recompute import Recompute
from migrate_to_pg.verify.rows import columns_of
from migrate_to_pg.verify.sqlite_reader import Relation, Source, plain

__all__ = ["Expected", "expected"]


class Expected:
    """What is known of each table's repairs."""

    def __init__(self, tables: Mapping[str, Table], uri: str, strangers: tuple[Verdict, ...] = ()) -> None:
        self._tables = tables
        self._uri = uri
        #: Lines about tables that are not in the plan.
        self.strangers = strangers

    def table(self, name: str) -> Table | None:
        """The table, where the record tells of it."""
        return self._tables.get(name)

    def original(self, table: PlannedTable) -> Relation:
        """Where to read the rows as they were before any repair."""
        return plain(table.source)

    def relation(self, table: PlannedTable) -> Relation:
        """Where to read the rows that PostgreSQL should hold."""
        found = self._tables.get(table.name)
        return relation(found, self._uri) if found else plain(table.source)


@contextlib.contextmanager
def expected(plan: Plan, source: Source, mended: RepairResult | None) -> Iterator[Expected]:
    """Check the record; the file with what should be there is gone afterwards. Raises ProofError for none at all."""
    if mended is None:
        yield Expected({}, "")
        return
    with tempfile.TemporaryDirectory(prefix="proof-", dir=mended.journal.resolve().parent) as folder:
        path = Path(folder) / "expected.sqlite3"
        try:
            found = _check(plan, source, mended, path)
        except sqlite3.Error as error:
            raise ProofError(
                _("The proof could not follow the record of the repairs: {error}", error=error),
                remedy=_("Nothing was published. Run again; if it happens again, please report this."),
            ) from error
        yield found


def _check(plan: Plan, source: Source, mended: RepairResult, path: Path) -> Expected:
    zone = zoneinfo.ZoneInfo(plan.source_time_zone)
    tables = {
        planned.name: Table(
            planned=planned, number=number, columns=columns_of(planned, zone), verdict=Verdict(planned.name)
        )
        for number, planned in enumerate(plan.tables)
    }
    with source.open(attached=f"{path.as_uri()}?mode=rwc") as database:
        database.isolation_level = None
        for pragma in ("PRAGMA expected.journal_mode = OFF", "PRAGMA expected.synchronous = OFF"):
            database.execute(pragma)
        record = Record(plan, tables, database, mended.journal)
        database.execute("BEGIN")
        strangers = tuple(_strangers(record, mended))
        _follow(record)
        database.execute("COMMIT")
    touched = {name: t for name, t in tables.items() if t.aside or t.changed or t.verdict.differences}
    return Expected(touched, f"{path.as_uri()}?mode=ro&immutable=1", strangers)


def _follow(record: Record) -> None:
    """First which rows are gone, then what became of cells, then what can be asked only of all of that."""
    recompute = Recompute(record)
    for table in _tables(record, (name for __, name, __ in record.aside())):
        leave_out(record, table)
    columns = [
        (rule, table, column)
        for rule, name, column_name in record.changed()
        for table in _tables(record, [name])
        for column in recompute.changeable(table, column_name)
    ]
    for table, column in {(t.name, c.name): (t, c) for __, t, c in columns}.values():
        recompute.column(table, column)
    for rule, table, column in columns:
        if rule in nulled_keys.RULES:
            nulled_keys.check_nulled(record, table, column)
    for table in record.tables.values():
        if table.aside:
            check_merged(record, table, recompute.forms)
        if table.changed:
            compute(record, table)


def _tables(record: Record, names: Iterator[str] | list[str]) -> list[Table]:
    """The tables of those names, each once, in which rows can be told apart."""
    found = [record.tables[name] for name in dict.fromkeys(names) if name in record.tables]
    return [table for table in found if table.rowid]


def _strangers(record: Record, mended: RepairResult) -> Iterator[Verdict]:
    """Sums that are not the journal's, and lines about tables in which nothing can be repaired."""
    told = {(c.rule, c.table, c.column): c.count for c in mended.changed}
    taken = {(a.rule, a.table, str(a.fate)): a.count for a in mended.aside}
    for sums, others in ((record.changed(), told), (record.aside(), taken)):
        for place in sorted(sums.keys() | others.keys()):
            rule, name, what = place
            table = record.tables.get(name)
            if table is None or not table.rowid or sums.get(place) != others.get(place):
                verdict = table.verdict if table else Verdict(name)
                why = _(
                    "{rule}: {others} reported, {sums} in the journal",
                    rule=rule,
                    others=others.get(place, 0),
                    sums=sums.get(place, 0),
                )
                verdict.add("unexplained", {}, "" if what in FATES else what, why, None)
                yield from [] if table else [verdict]
