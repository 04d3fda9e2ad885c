"""What the proof computed of the repairs goes in; where to read the rows that PostgreSQL should hold comes out.

The snapshot is left as it is. A file of its own holds the rows that are set aside and the cells that have a new value;
a table is read through a query that puts both together.
"""

from __future__ import annotations

from migrate_to_pg.verify.repairs.journal_reader import Table
from migrate_to_pg.verify.sqlite_reader import Relation, plain, quoted


def cells(table: Table, name: str) -> str:
    """The table of ``expected`` with the new values of one column, by SQLite's name."""
    return f"expected.{quoted(f'cells_{table.number}_{name}')}"


def relation(table: Table, attached: str = "", number: str = "") -> Relation:
    """The table's rows as they should be now; ``number`` is a name under which to give the rows' numbers too."""
    if not table.aside and not table.changed:
        return plain(table.planned.source)
    columns = ", ".join(_column(table, column.name) for column in table.planned.source.columns)
    columns += f", b.{table.rowid} AS {quoted(number)}" if number else ""
    joins = "".join(
        f" LEFT JOIN {cells(table, name)} AS {_alias(name)} ON {_alias(name)}.row = b.{table.rowid}"
        for name in table.changed
    )
    left_out = f" WHERE b.{table.rowid} NOT IN (SELECT row FROM expected.gone_{table.number})" if table.aside else ""
    return Relation(sql=f"(SELECT {columns} FROM {table.rows} AS b{joins}{left_out})", attached=attached)


def _column(table: Table, name: str) -> str:
    own = f"b.{quoted(name)}"
    value = f"iif({_alias(name)}.row IS NULL, {own}, {_alias(name)}.value)" if name in table.changed else own
    return f"{value} AS {quoted(name)}"


def _alias(name: str) -> str:
    return quoted(f"new {name}")
