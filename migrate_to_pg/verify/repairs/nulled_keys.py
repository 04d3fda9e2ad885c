"""Keys that were set to NULL go in; those that some row in PostgreSQL should have all the same are counted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import TargetForeignKey
from migrate_to_pg.verify.repairs.expected import relation
from migrate_to_pg.verify.repairs.journal_reader import Record, Row, Table, Value, unexplained
from migrate_to_pg.verify.rows import Column
from migrate_to_pg.verify.sqlite_reader import quoted

#: Rules that set a key to NULL because no row has it.
RULES = ("foreign-key-orphan", "empty-key")


def check_nulled(record: Record, table: Table, column: Column) -> None:
    """Count the keys that were set to NULL although a row in PostgreSQL has them."""
    present = [
        _answered(record, table, column, key) for key in table.planned.target.foreign_keys if column.name in key.columns
    ]
    for row in sorted(set.intersection(*present)) if present else ():
        unexplained(table, row, column.name, None, _("a key was set to NULL although a row has it"))


def _answered(record: Record, table: Table, column: Column, key: TargetForeignKey) -> set[int]:
    """The rows whose key was set to NULL, and is the key of a row that PostgreSQL should hold."""
    parent = record.tables.get(key.parent)
    columns, others = table.named(key.columns), parent.named(key.parent_columns) if parent else []
    if parent is None or not columns or not others:
        return set()
    rows = defaultdict(list)
    for row, *values in _nulled(record, table, column, columns):
        rows[forms(columns, values)].append(row)
    names = ", ".join(f"t.{quoted(c.planned.source.name)}" for c in others)
    here = record.rows(f"SELECT {names} FROM {relation(parent).sql} AS t") if rows else iter(())
    found = {form for values in here if (form := forms(others, list(values))) in rows}
    return {row for form in found for row in rows[form]}


def _nulled(record: Record, table: Table, column: Column, columns: list[Column]) -> Iterator[Row]:
    cells = ", ".join("c.old" if c is column else f"t.{quoted(c.planned.source.name)}" for c in columns)
    query = (
        f"SELECT c.row, {cells} FROM journal.changed AS c JOIN {table.rows} AS t ON t.{table.rowid} = c.row"
        f' WHERE c."table" = ? AND c."column" = ? AND c.rule IN (?, ?)'
    )
    return record.rows(query, table.name, column.name, *RULES)


def forms(columns: list[Column], values: list[Value]) -> tuple[str | None, ...]:
    """A key's canonical form."""
    return tuple(column.source_form(value) for column, value in zip(columns, values, strict=True))
