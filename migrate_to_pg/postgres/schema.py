"""Read the tables of a schema from PostgreSQL's catalogue."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import replace
from itertools import count
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import namedtuple_row

from migrate_to_pg.records import (
    SqliteSql,
    TargetCheck,
    TargetColumn,
    TargetForeignKey,
    TargetIndex,
    TargetTable,
    TargetUnique,
)

_Constraint = TargetCheck | TargetUnique | TargetIndex

_TABLES = """
SELECT c.oid, c.relname AS name,
       array(SELECT t.tgname::text FROM pg_trigger t WHERE t.tgrelid = c.oid AND NOT t.tgisinternal ORDER BY t.tgname)
       AS triggers
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND NOT c.relispartition
  AND NOT EXISTS (SELECT FROM pg_depend d
                  WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid AND d.deptype = 'e')
ORDER BY c.relname
"""

# A column of a domain, even of a domain over a domain, gets the base type, by which its values are written. The element
# is the type of an array's elements or a range's bounds, with the modifiers of the column or the domain.
_COLUMNS = """
WITH RECURSIVE within (start, oid, modifier, not_null, by_domains, depth) AS (
    SELECT DISTINCT a.atttypid, a.atttypid, -1, false, true, 0
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
    UNION ALL
    SELECT w.start, CASE WHEN t.typtype = 'd' THEN t.typbasetype WHEN t.typcategory = 'A' THEN t.typelem
                         ELSE r.rngsubtype END,
           CASE WHEN t.typtype = 'd' AND t.typtypmod <> -1 THEN t.typtypmod ELSE w.modifier END,
           w.not_null OR t.typnotnull, w.by_domains AND t.typtype = 'd', w.depth + 1
    FROM within w JOIN pg_type t ON t.oid = w.oid LEFT JOIN pg_range r ON t.oid IN (r.rngtypid, r.rngmultitypid)
    WHERE t.typtype IN ('d', 'r', 'm') OR t.typcategory = 'A'
)
SELECT a.attrelid AS table_oid, a.attname AS name, base.typname AS type_name,
       format_type(base.oid, m.modifier) AS type_sql, format_type(base.oid, NULL) AS bare,
       format('%%I.%%I', base_in.nspname, base.typname) AS cast_to,
       a.attnotnull OR b.not_null AS not_null, m.modifier AS modifier,
       a.attgenerated <> '' AS generated, a.attgenerated = 'v' AS virtual,
       a.atthasdef OR a.attidentity <> '' AS has_default,
       CASE e.typtype WHEN 'e' THEN 'enum' WHEN 'c' THEN 'composite' ELSE e.typname END AS element,
       format_type(e.oid, CASE l.modifier WHEN -1 THEN a.atttypmod ELSE l.modifier END) AS element_sql,
       pg_get_serial_sequence(format('%%I.%%I', n.nspname, c.relname), a.attname) AS sequence
FROM pg_attribute a
JOIN pg_class c ON c.oid = a.attrelid
JOIN pg_namespace n ON n.oid = c.relnamespace
CROSS JOIN LATERAL (SELECT * FROM within w WHERE w.start = a.atttypid AND w.by_domains ORDER BY w.depth DESC LIMIT 1) b
CROSS JOIN LATERAL (SELECT CASE b.modifier WHEN -1 THEN a.atttypmod ELSE b.modifier END) m (modifier)
CROSS JOIN LATERAL (SELECT * FROM within w WHERE w.start = a.atttypid ORDER BY w.depth DESC LIMIT 1) l
JOIN pg_type base ON base.oid = b.oid
JOIN pg_namespace base_in ON base_in.oid = base.typnamespace
JOIN pg_type e ON e.oid = l.oid
WHERE n.nspname = %(schema)s AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
ORDER BY a.attrelid, a.attnum
"""

# One row per index. An expression has no column. It and the predicate are given as PostgreSQL prints them.
_INDEXES = """
SELECT i.indrelid AS table_oid, ci.relname AS name, i.indisprimary AS is_primary, i.indisunique AS is_unique,
       am.amname AS method, to_jsonb(i) ->> 'indnullsnotdistinct' AS nulls_not_distinct,
       coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate,
       array(SELECT coalesce(a.attname::text, '')
             FROM unnest(i.indkey[0:i.indnkeyatts - 1]) WITH ORDINALITY k(attnum, position)
             LEFT JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum AND k.attnum > 0
             ORDER BY k.position) AS columns,
       array(SELECT pg_get_indexdef(i.indexrelid, n::int, true) FROM generate_series(1, i.indnkeyatts) n ORDER BY n)
       AS parts,
       array(SELECT a.attname::text FROM unnest(i.indkey[i.indnkeyatts:]) WITH ORDINALITY k(attnum, position)
             JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum ORDER BY k.position) AS included,
       ci.relname LIKE '%%\\_like' AND EXISTS (SELECT FROM pg_opclass o WHERE o.oid = ANY (i.indclass::oid[])
                                             AND o.opcname LIKE '%%\\_pattern\\_ops') AS for_like
FROM pg_index i
JOIN pg_class ci ON ci.oid = i.indexrelid
JOIN pg_am am ON am.oid = ci.relam
JOIN pg_namespace n ON n.oid = ci.relnamespace
WHERE n.nspname = %(schema)s
ORDER BY i.indrelid, ci.relname
"""

_FOREIGN_KEYS = """
SELECT k.conrelid AS table_oid, k.conname AS name, p.relname AS parent,
       array(SELECT a.attname::text FROM unnest(k.conkey) WITH ORDINALITY c(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum ORDER BY c.position) AS columns,
       array(SELECT a.attname::text FROM unnest(k.confkey) WITH ORDINALITY c(attnum, position)
             JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = c.attnum ORDER BY c.position)
             AS parent_columns
FROM pg_constraint k
JOIN pg_class p ON p.oid = k.confrelid
JOIN pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname = %(schema)s AND k.contype = 'f'
ORDER BY k.conrelid, k.conname
"""

_CHECKS = """
SELECT k.conrelid AS table_oid, k.conname AS name, pg_get_expr(k.conbin, k.conrelid) AS expression
FROM pg_constraint k JOIN pg_namespace n ON n.oid = k.connamespace
WHERE n.nspname = %(schema)s AND k.contype = 'c' AND k.conrelid <> 0 ORDER BY k.conname
"""

_PARENTHESES = re.compile(r"\([^()]*\)")


def read_target(connection: psycopg.Connection[Any], schema: str) -> tuple[TargetTable, ...]:
    """Return every table of a schema, except those of extensions."""
    columns = _by_table(connection, _COLUMNS, schema)
    indexes = _by_table(connection, _INDEXES, schema)
    foreign_keys = _by_table(connection, _FOREIGN_KEYS, schema)
    checks = _by_table(connection, _CHECKS, schema)
    return tuple(
        _target_table(row, columns[row.oid], indexes[row.oid], foreign_keys[row.oid], checks[row.oid])
        for row in _rows(connection, _TABLES, schema)
    )


def with_sqlite_sql(
    connection: psycopg.Connection[Any], schema: str, tables: Iterable[TargetTable], expected: Iterable[TargetTable]
) -> tuple[TargetTable, ...]:
    """Add what Django writes for SQLite to those constraints and indexes that are exactly a model's.

    PostgreSQL itself compares them: those of the models are made again in a transaction, printed, and rolled back.

    Args:
        connection: Connection to the database with the schema.
        schema: Schema with the tables that the migrations made, which are empty.
        tables: The tables as PostgreSQL's catalogue describes them.
        expected: The tables as the models have them.
    """
    there = {table.name: table for table in tables}
    with connection.transaction(force_rollback=True):
        connection.execute(
            "SELECT set_config('search_path', concat_ws(', ', quote_ident(%s), current_setting('search_path')), true)",
            [schema],
        )
        parts = [(table.name, part) for table in expected for part in _constraints(table)]
        known = {
            # The name of an index is the schema's.
            (table, name): part.sqlite
            for name, (table, part) in zip(map("migrate_to_pg_again_{}".format, count()), parts, strict=False)
            if part.sqlite and table in there and _make(connection, sql.Identifier(schema, table), name, part)
        }
        printed = {table.name: table for table in read_target(connection, schema)} if known else {}
    return tuple(_with_sqlite(there[name], printed.get(name), known) for name in there)


def _make(connection: psycopg.Connection[Any], table: sql.Identifier, name: str, part: _Constraint) -> bool:
    """Make a constraint or an index as Django writes it for PostgreSQL, which may not take it."""
    parts: dict[str, sql.Composable] = {"table": table, "name": sql.Identifier(name)}
    if isinstance(part, TargetCheck):
        statement = sql.SQL("ALTER TABLE {table} ADD CONSTRAINT {name} CHECK ({check}) NOT VALID")
        parts["check"] = sql.SQL(part.expression)
    else:
        statement = sql.SQL("CREATE {kind} {name} ON {table} ({key}) {where}")
        expressions = part.expressions if isinstance(part, TargetUnique) else ()
        written = map(sql.SQL, expressions)
        where = f"WHERE {part.predicate}" if part.predicate else ""
        parts["kind"] = sql.SQL("UNIQUE INDEX" if isinstance(part, TargetUnique) else "INDEX")
        parts["key"] = sql.SQL(", ").join([*written, *map(sql.Identifier, filter(None, part.columns))])
        parts["where"] = sql.SQL(where)
    try:
        with connection.transaction():
            connection.execute(statement.format(**parts))
    except psycopg.OperationalError:
        raise
    except psycopg.Error:
        return False
    return True


def _with_sqlite(
    table: TargetTable, printed: TargetTable | None, known: Mapping[tuple[str, str], SqliteSql]
) -> TargetTable:
    if printed is None:
        return table
    parts = _constraints(printed)
    found = {_content(part): known.get((table.name, part.name)) for part in parts if (table.name, part.name) in known}
    # Both are printed under the same search path here, unlike when they were read first.
    own = {(type(part), part.name): found.get(_content(part)) for part in parts}
    return replace(
        table,
        checks=tuple(replace(part, sqlite=own[type(part), part.name]) for part in table.checks),
        uniques=tuple(replace(part, sqlite=own[type(part), part.name]) for part in table.uniques),
        indexes=tuple(replace(part, sqlite=own[type(part), part.name]) for part in table.indexes),
    )


def _constraints(table: TargetTable) -> list[_Constraint]:
    return [*table.checks, *table.uniques, *table.indexes]


def _content(part: _Constraint) -> tuple[object, ...]:
    """Return all properties of a part but its name."""
    if isinstance(part, TargetCheck):
        return (TargetCheck, part.expression)
    return (type(part), part.columns, getattr(part, "expressions", ()), part.predicate)


def view_names(connection: psycopg.Connection[Any], schema: str) -> frozenset[str]:
    """Return the names of the schema's views, including materialized ones."""
    query = "SELECT relname FROM pg_class WHERE relnamespace = to_regnamespace(%s) AND relkind IN ('v', 'm')"
    return frozenset(row[0] for row in connection.execute(query, [schema]).fetchall())


def _by_table(connection: psycopg.Connection[Any], query: str, schema: str) -> dict[int, list[Any]]:
    rows: dict[int, list[Any]] = defaultdict(list)
    for row in _rows(connection, query, schema):
        rows[row.table_oid].append(row)
    return rows


def _rows(connection: psycopg.Connection[Any], query: str, schema: str) -> list[Any]:
    with connection.cursor(row_factory=namedtuple_row) as cursor:
        return list(cursor.execute(query, {"schema": schema}).fetchall())


def _target_table(
    table: Any, columns: list[Any], indexes: list[Any], foreign_keys: list[Any], checks: list[Any]
) -> TargetTable:
    uniques = tuple(_unique(row) for row in indexes if row.is_unique)
    return TargetTable(
        name=table.name,
        columns=tuple(_target_column(row) for row in columns),
        primary_key=next((unique.columns for unique in uniques if unique.primary), ()),
        uniques=uniques,
        foreign_keys=tuple(
            TargetForeignKey(
                name=row.name,
                columns=tuple(row.columns),
                parent=row.parent,
                parent_columns=tuple(row.parent_columns),
            )
            for row in foreign_keys
        ),
        checks=tuple(TargetCheck(name=row.name, expression=row.expression) for row in checks),
        indexes=tuple(
            TargetIndex(
                name=row.name,
                columns=tuple(row.columns),
                method=row.method,
                predicate=row.predicate,
                included=tuple(row.included),
                for_like=row.for_like,
            )
            for row in indexes
            if not row.is_unique
        ),
        triggers=tuple(table.triggers),
    )


def _unique(row: Any) -> TargetUnique:
    plain = all(row.columns)
    return TargetUnique(
        name=row.name,
        columns=tuple(row.columns) if plain else (),
        expressions=() if plain else tuple(row.parts),
        # The catalogue has no such column before PostgreSQL 15.
        nulls_not_distinct=row.nulls_not_distinct == "true",
        predicate=row.predicate,
        primary=row.is_primary,
    )


def _target_column(row: Any) -> TargetColumn:
    length, precision, scale = _type_limits(row.type_name, row.modifier)
    # The parentheses of a type may be within its name, as in timestamp(0) without time zone. The syntax of interval day
    # to second(0) cannot be used with a qualified name.
    is_limited = row.modifier >= 0 and row.type_sql != row.bare and not row.bare.startswith("interval")
    parentheses = _PARENTHESES.search(row.type_sql) if is_limited else None
    return TargetColumn(
        name=row.name,
        type_name=row.type_name,
        type_sql=row.type_sql,
        not_null=row.not_null,
        cast_to=row.cast_to,
        modifiers=parentheses[0] if parentheses else "",
        max_length=length,
        precision=precision,
        scale=scale,
        element=row.element,
        element_sql=row.element_sql,
        generated=row.generated,
        virtual=row.virtual,
        sequence=row.sequence,
        has_default=row.has_default,
    )


def _type_limits(type_name: str, modifier: int) -> tuple[int | None, int | None, int | None]:
    """Return length, precision and scale from pg_attribute.atttypmod, which counts from 4, the size of the length word.

    numeric packs precision into the upper 16 bits and scale, signed, into the lower 11 (PostgreSQL's numeric.c).
    """
    packed = modifier - 4
    if packed < 0:
        return None, None, None
    if type_name == "numeric":
        return None, packed >> 16, ((packed & 0x7FF) ^ 0x400) - 0x400
    return (packed if type_name in ("varchar", "bpchar") else None), None, None
