"""In: a Report. Out: what load, the repairs and the proof know of each table together, and the table that tells it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from migrate_to_pg.i18n import number
from migrate_to_pg.records import LoadedTable, Report, TableProof
from migrate_to_pg.records.repairs import Fate
from migrate_to_pg.report.messages import duration, say


@dataclass(frozen=True, slots=True, kw_only=True)
class TableFacts:
    """One table; None is what nobody knows."""

    name: str
    rows_source: int | None
    rows_target: int | None
    #: Rows of the source that are not in the target, and are kept whole.
    quarantined: int
    merged: int
    cells_changed: int
    cells_compared: int | None
    #: By PostgreSQL itself, and proven by its own expressions.
    cells_computed: int | None
    differences: int | None
    seconds: float
    #: Whether its rows are what a view of SQLite's gave: neither it nor they are counted among the source's.
    of_view: bool = False

    @property
    def missing(self) -> int:
        """How many rows of the source are neither in the target nor set aside; below zero: rows too many."""
        if self.rows_source is None or self.rows_target is None:
            return 0
        return self.rows_source - self.rows_target - self.quarantined - self.merged

    @property
    def equal(self) -> bool:
        """True where nothing is known to differ but what the repairs did."""
        return not self.differences and not self.missing

    @property
    def mended(self) -> bool:
        """True where the repairs changed anything."""
        return bool(self.quarantined or self.merged or self.cells_changed)


def tables(report: Report) -> tuple[TableFacts, ...]:
    """The proven tables, then those that were only loaded."""
    loaded = {t.name: t for t in report.loaded}
    proven = {t.name: t for t in report.proof.tables} if report.proof else {}
    both = [_proven(t, loaded[n].seconds if n in loaded else 0.0) for n, t in proven.items()]
    return (*both, *(_loaded(report, t) for t in report.loaded if t.name not in proven))


def _proven(table: TableProof, load_seconds: float) -> TableFacts:
    return TableFacts(
        name=table.name,
        rows_source=table.rows_source,
        rows_target=table.rows_target,
        quarantined=table.quarantined,
        merged=table.merged,
        cells_changed=table.cells_changed,
        cells_compared=table.cells_compared,
        cells_computed=table.cells_computed,
        differences=table.differences,
        seconds=load_seconds + table.seconds,
        of_view=table.of_view,
    )


def _loaded(report: Report, table: LoadedTable) -> TableFacts:
    return TableFacts(
        name=table.name,
        rows_source=None,
        rows_target=table.rows,
        quarantined=rows_aside(report, Fate.QUARANTINED, table.name),
        merged=rows_aside(report, Fate.MERGED, table.name),
        cells_changed=changed_cells(report, table.name),
        cells_compared=None,
        cells_computed=None,
        differences=None,
        seconds=table.seconds,
        of_view=table.of_view,
    )


def rows_aside(report: Report, fate: Fate, table: str | None = None) -> int:
    """How many rows of a table, or of all, the record says had that fate."""
    return sum(rows.count for rows in report.aside if rows.fate is fate and table in (None, rows.table))


def changed_cells(report: Report, table: str | None = None) -> int:
    """How many cells of a table, or of all, the record says were changed; one changed twice counts twice."""
    return sum(cells.count for cells in report.changed if table in (None, cells.table))


def side_counts(table: TableFacts) -> str:
    """5 rows in SQLite, 4 in PostgreSQL; and those set aside, where there are any."""
    source = say("rows", n=table.rows_source or 0)
    counts = say("row_counts", source=source, target=table.rows_target or 0)
    aside = (("in_quarantine", table.quarantined), ("merged", table.merged))
    return ", ".join([counts, *(say(words, n=count) for words, count in aside if count)])


def table_columns(rows: tuple[TableFacts, ...], *, narrow: bool = False) -> tuple[str, ...]:
    """The headings of the tables' table; columns that would say the same in every row are left out.

    With ``narrow``, rows that were set aside take the place of cells and seconds, so that 80 columns hold it.
    """
    aside = any(t.quarantined or t.merged for t in rows)
    same = not aside and all(t.equal for t in rows)
    roomy = not (narrow and aside)
    optional = {
        "rows_column": same,
        "sqlite": not same,
        "postgresql": not same,
        "quarantined_column": any(t.quarantined for t in rows),
        "merged_column": any(t.merged for t in rows),
        "changed_column": any(t.cells_changed for t in rows),
        "cells_column": roomy and any(t.cells_compared for t in rows),
        "differences_column": not all(t.equal for t in rows),
        "seconds_column": roomy,
    }
    return ("table", *(name for name, wanted in optional.items() if wanted))


def table_cells(table: TableFacts, columns: tuple[str, ...]) -> tuple[str, ...]:
    """One row of that table."""
    return _in_words(_counts(table), table.name, table.seconds, columns)


def table_totals(rows: tuple[TableFacts, ...], columns: tuple[str, ...]) -> tuple[str, ...]:
    """The last row of that table: what is known of all of them together."""
    known = [_counts(table) for table in rows]
    sums = {name: sum(counts[name] or 0 for counts in known) for name in known[0]}
    return _in_words(sums, say("total"), sum(t.seconds for t in rows), columns)


def _counts(table: TableFacts) -> dict[str, int | None]:
    return {
        "rows_column": table.rows_target,
        "sqlite": table.rows_source,
        "postgresql": table.rows_target,
        "quarantined_column": table.quarantined,
        "merged_column": table.merged,
        "changed_column": table.cells_changed,
        "cells_column": table.cells_compared,
        "differences_column": table.differences,
    }


def _in_words(counts: Mapping[str, int | None], name: str, seconds: float, columns: tuple[str, ...]) -> tuple[str, ...]:
    text = {key: "" if value is None else number(value) for key, value in counts.items()}
    text |= {"table": name, "seconds_column": duration(seconds)}
    return tuple(text[c] for c in columns)
