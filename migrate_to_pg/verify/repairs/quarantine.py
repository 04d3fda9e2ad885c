"""Rows that the journal set aside go in; they are left out of what PostgreSQL should hold, where they are whole.

A row in quarantine must be in the journal as the snapshot has it, in every column. A merged one must besides have given
way to a row that has the same unique key, that stays, and whose primary key is no higher.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import TargetUnique
from migrate_to_pg.verify.repairs.journal_reader import KEPT_ROWID, Record, Row, Table, Value, unexplained
from migrate_to_pg.verify.repairs.predicate import holds
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

FATES = ("quarantined", "merged")
#: (table, row, column, the snapshot's value) -> the canonical forms that lawful repairs can give this cell.
Forms = Callable[[Table, int, Column, Value], set[str | None]]


def gone(table: Table) -> str:
    """The table of ``expected`` with the rows that are set aside."""
    return f"expected.gone_{table.number}"


def leave_out(record: Record, table: Table) -> None:
    """Take the rows that were set aside out of what is expected, and count those that are not kept whole."""
    record.execute(f"CREATE TABLE {gone(table)} (row INTEGER PRIMARY KEY, fate TEXT, kept INTEGER)")
    record.execute(
        f"INSERT OR IGNORE INTO {gone(table)} SELECT a.row, a.fate, a.kept"
        f" FROM journal.aside AS a JOIN {table.rows} AS t ON t.{table.rowid} = a.row"
        ' WHERE a."table" = ? AND a.fate IN (?, ?)',
        table.name,
        *FATES,
    )
    query = f"SELECT fate, count(*) FROM {gone(table)} GROUP BY 1"
    table.aside.update(record.rows(query))
    _check_whole(record, table)


def _check_whole(record: Record, table: Table) -> None:
    rows = f"journal.{quoted(f'rows of {table.name}')}"
    info = f"PRAGMA journal.table_info({quoted(f'rows of {table.name}')})"
    names = [name for __, name, *__ in record.rows(info)]
    if names != [KEPT_ROWID, *table.kept]:
        unexplained(
            table,
            None,
            "",
            None,
            _("the rows in quarantine were kept with the columns {names}", names=", ".join(names) or "none"),
        )
        return
    for (row,) in record.rows(_not_whole(table, rows), table.name, *FATES):
        unexplained(table, row, "", None, _("a row in quarantine is not kept as the snapshot has it"))
    surplus = f'SELECT k.{quoted(KEPT_ROWID)} FROM {rows} AS k LEFT JOIN journal.aside AS a ON a."table" = ?'
    for (row,) in record.rows(f"{surplus} AND a.row = k.{quoted(KEPT_ROWID)} WHERE a.row IS NULL", table.name):
        unexplained(table, row, "", None, _("a row is kept in quarantine that was not put there"))


def _not_whole(table: Table, rows: str) -> str:
    """Rows with an unknown fate, rows that the snapshot has not, and rows of which not every value was kept."""
    # BINARY: whatever collation the column declares. typeof: an affinity must not make 12 of '12'.
    equal = [
        f"k.{name} COLLATE BINARY IS t.{name} AND typeof(k.{name}) = typeof(t.{name})"
        for name in map(quoted, table.kept)
    ]
    whole = " AND ".join([f"t.{table.rowid} IS NOT NULL", f"k.{quoted(KEPT_ROWID)} IS NOT NULL", *equal])
    return (
        f"SELECT a.row FROM journal.aside AS a LEFT JOIN {table.rows} AS t ON t.{table.rowid} = a.row"
        f" LEFT JOIN {rows} AS k ON k.{quoted(KEPT_ROWID)} = a.row"
        f' WHERE a."table" = ? AND NOT (a.fate IN (?, ?) AND {whole})'
    )


def check_merged(record: Record, table: Table, forms: Forms) -> None:
    """Count the merged rows that are not what stands in their place.

    Where that went into quarantine itself, so did what was merged into it: the same but for where it is.
    """
    uniques = [unique for unique in table.planned.target.uniques if table.named(unique.columns)]
    columns = table.columns
    cells = ", ".join(f"{side}.{quoted(c.planned.source.name)}" for side in "gk" for c in columns)
    query = (
        f"SELECT x.row, x.fate, x.kept, {_last(table)}, k.{table.rowid} IS NOT NULL, {cells} FROM {gone(table)} AS x"
        f" JOIN {table.rows} AS g ON g.{table.rowid} = x.row"
        f" LEFT JOIN {table.rows} AS k ON k.{table.rowid} = x.kept WHERE x.fate = 'merged' OR x.kept IS NOT NULL"
    )
    for row, fate, kept, stays, there, *values in record.rows(query):
        left, right = values[: len(columns)], values[len(columns) :]
        pair = Pair(table, forms, (row, tuple(left)), (kept, tuple(right)))
        if not there or row == kept or stays != (fate == "merged"):
            unexplained(table, row, "", kept, _("merged into a row that is not where it should be"))
        elif not pair.in_order():
            unexplained(table, row, "", kept, _("merged into a row with a higher primary key"))
        elif not any(pair.shares(unique) for unique in uniques):
            unexplained(table, row, "", kept, _("merged into a row that has no unique key in common with it"))


def _last(table: Table) -> str:
    """Whether the row at the end of the chain (merged into one that was merged itself) stays."""
    return (
        f"EXISTS (WITH RECURSIVE chain (row) AS (SELECT x.kept UNION SELECT n.kept FROM {gone(table)} AS n JOIN chain"
        f" ON n.row = chain.row) SELECT 1 FROM chain JOIN {table.rows} AS l ON l.{table.rowid} = chain.row"
        f" WHERE chain.row NOT IN (SELECT row FROM {gone(table)}))"
    )


class Pair:
    """A merged row and the one that stands for it."""

    def __init__(self, table: Table, forms: Forms, left: tuple[int, Row], right: tuple[int, Row]) -> None:
        self._table = table
        self._forms = forms
        self._sides = (left, right)

    def in_order(self) -> bool:
        """Whether the row that stays has the lower primary key, or the same."""
        lower, higher = ([sort_key(row[c.index]) for c in self._table.key] for __, row in reversed(self._sides))
        return lower <= higher

    def shares(self, unique: TargetUnique) -> bool:
        """Whether both rows are under the constraint, with one key."""
        columns = self._table.named(unique.columns)
        return all(self._equal(c, unique) for c in columns) and all(self._under(unique, side) for side in (0, 1))

    def _equal(self, column: Column, unique: TargetUnique) -> bool:
        values = [row[column.index] for __, row in self._sides]
        common = {column.source_form(values[0])} & {column.source_form(values[1])} or set.intersection(
            *(self._cell(side, column) for side in (0, 1))
        )
        return bool(common if unique.nulls_not_distinct else common - {None})

    def _cell(self, side: int, column: Column) -> set[str | None]:
        rowid, row = self._sides[side]
        return self._forms(self._table, rowid, column, row[column.index])

    def _under(self, unique: TargetUnique, side: int) -> bool:
        return holds(unique.predicate, lambda name: next(self._named(name, side), None))

    def _named(self, name: str, side: int) -> Iterator[set[str | None]]:
        return (self._cell(side, column) for column in self._table.named([name]))


def sort_key(value: Value) -> tuple[int, float | bytes]:
    """The order of SQLite's: NULL, numbers, texts by their bytes, blobs."""
    if value is None or isinstance(value, int | float):
        return (0, 0) if value is None else (1, value)
    return (2, value.encode("utf-8", "surrogateescape")) if isinstance(value, str) else (3, value)
