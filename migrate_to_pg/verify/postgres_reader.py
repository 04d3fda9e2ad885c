"""Read the rows of PostgreSQL's tables in key order, as Arrow arrays.

All tables are read in one read-only transaction, in one state.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

import pyarrow as pa
from psycopg import sql

from migrate_to_pg.postgres.table_reader import TableReader, translate_errors
from migrate_to_pg.verify.rows import Column, Rows

#: Bytes a batch, unless a single row is longer.
BATCH_BYTES = 8_000_000
NOTHING: Mapping[str, sql.Composed] = MappingProxyType({})


# What the column's type keeps of its expression, modifiers and all: 2.00 of 2.0000 in numeric(10,2). A cast would also
# cut a text or bits that are too long, which storing them refuses: of those the whole is compared besides. As text,
# byte by byte: the collations of the two may differ, and may call different texts equal.
_EXPRESSIONS = sql.SQL("""
SELECT a.attname::text, e.typed,
       format('(%s)::text COLLATE "C" IS DISTINCT FROM (t.%I)::text COLLATE "C"', e.typed, a.attname)
       || CASE WHEN a.atttypid IN ('varchar'::regtype, 'bpchar'::regtype, 'bit'::regtype, 'varbit'::regtype)
               THEN format(' OR rtrim((%s)::text) COLLATE "C" IS DISTINCT FROM rtrim((t.%I)::text) COLLATE "C"',
                           e.plain, a.attname) ELSE '' END
FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT pg_get_expr(d.adbin, d.adrelid)) AS p (plain)
CROSS JOIN LATERAL (SELECT format('(%s)::%s', plain, format_type(a.atttypid, a.atttypmod)), plain) AS e (typed, plain)
WHERE n.nspname = {} AND c.relname = {} AND a.attgenerated <> '' ORDER BY a.attnum
""")


class GeneratedColumn(NamedTuple):
    """The expression of a generated column, as PostgreSQL prints it, and the check of it."""

    expression: str
    #: The condition of a row ``t`` that holds anything else.
    differs: str


class Target(TableReader):
    """Read the staged tables."""

    def __init__(
        self, conninfo: str, schema: str, shared: str = "", left_out: Mapping[str, sql.Composed] = NOTHING
    ) -> None:
        super().__init__(conninfo, shared)
        self._schema = schema
        #: Table -> the condition of rows that are not compared, with the alias t.
        self._left_out = left_out

    def count(self, table: str) -> int:
        """Count the rows of a table."""
        with self._reading(table) as cursor:
            cursor.execute(to_string(sql.SQL("SELECT count(*) FROM {}").format(self._rows(table))))
            return int(cursor.fetchone()[0])

    def expressions(self, table: str) -> dict[str, GeneratedColumn]:
        """Return each generated column with its expression, as PostgreSQL prints it for this session."""
        with translate_errors(table), self._connection.cursor() as cursor:
            cursor.execute(to_string(_EXPRESSIONS.format(sql.Literal(self._schema), sql.Literal(table))))
            return {name: GeneratedColumn(expression, differs) for name, expression, differs in cursor.fetchall()}

    def count_wrong(self, table: str, computed: GeneratedColumn) -> int:
        """Count the rows in which a generated column is not what its expression gives now."""
        # The condition as PostgreSQL itself wrote it.
        query = sql.SQL("SELECT count(*) FROM {} AS t WHERE {}").format(self._table(table), sql.SQL(computed.differs))
        with translate_errors(table), self._connection.cursor() as cursor:
            cursor.execute(to_string(query))
            return int(cursor.fetchone()[0])

    def rows(self, table: str, columns: Sequence[Column], key: Sequence[Column]) -> Generator[Rows]:
        """Yield the table's rows in the key's order, text in byte order."""
        query = sql.SQL("SELECT {} FROM {} ORDER BY {}").format(
            sql.SQL(", ").join(select_expression(column) for column in columns),
            self._rows(table),
            sql.SQL(", ").join(
                sql.SQL("{} NULLS FIRST" if column_may_be_null(column) else "{}").format(order_expression(column))
                for column in key
            ),
        )
        with self._reading(table) as cursor:
            cursor.adbc_statement.set_options(**{"adbc.postgresql.batch_size_hint_bytes": str(BATCH_BYTES)})
            cursor.execute(to_string(query))
            for batch in cursor.fetch_record_batch():
                rows = [Rows(arrays=tuple(map(storage, batch.columns)), count=batch.num_rows)]
                # Large values are not held while the next ones are read.
                del batch
                yield rows.pop()

    def _rows(self, name: str) -> sql.Composed:
        """Return what stands after FROM: the table, called t, without the rows that were left out."""
        rows = sql.SQL("{} AS t").format(self._table(name))
        if name in self._left_out:
            rows += sql.SQL(" WHERE NOT ({})").format(self._left_out[name])
        return rows

    def _table(self, name: str) -> sql.Identifier:
        return sql.Identifier(self._schema, name)


def to_string(query: sql.Composed) -> str:
    """Return the SQL as text. ADBC knows nothing of psycopg."""
    return query.as_string(None)


def qualified(column: Column) -> sql.Composed:
    """Return the column, qualified by its table's alias."""
    return sql.SQL("t.{}").format(sql.Identifier(column.name))


def select_expression(column: Column) -> sql.Composed:
    """Return the column in the form in which it is compared."""
    return column.comparison.target_sql.format(qualified(column))


def order_expression(column: Column) -> sql.Composed:
    """Return the expression that sorts the rows as SQLite sorts them."""
    if column.comparison.sorts_as_text:
        return sql.SQL('({}) COLLATE "C"').format(select_expression(column))
    return qualified(column)


def column_may_be_null(column: Column) -> bool:
    """Return whether to sort nulls first, as SQLite does.

    Asking for it in a column without nulls would keep PostgreSQL from using the index.
    """
    return not column.planned.target.not_null


def storage(array: pa.Array) -> pa.Array:
    """Return the plain array beneath an extension type (uuid)."""
    return array.storage if isinstance(array, pa.ExtensionArray) else array
