"""Try every row of a table that was refused a row, and tell all that PostgreSQL refuses, with the column at fault.

The rows are sent once more, to a table that takes any value of each type. From there PostgreSQL puts them into one
that is made like the staged table: a thousand at a time, and one by one where one of a thousand is refused, so that no
row is tried more than twice. Then each refused row is put, column by column, into tables that have that column alone,
which tells what a message does not: the column whose cast, domain or expression is at fault. All of it is one
transaction, which is taken back.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

import adbc_driver_manager
import psycopg
import pyarrow as pa
import pyarrow.compute as pc
from psycopg import sql

from migrate_to_pg.codecs.reader import TableBatch, read
from migrate_to_pg.errors import LoadError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.load.arrow_connection import connect
from migrate_to_pg.load.cast_table import CastTable, needs_cast, run
from migrate_to_pg.load.copy import OF_THE_SERVER, Copy, arrow_schema, lost
from migrate_to_pg.project.secret_columns import server_reason
from migrate_to_pg.records import PlannedColumn, PlannedTable, Refusal
from migrate_to_pg.system.threads import run_all

#: Rows that are tried at once before they are tried alone.
_TOGETHER = 1000

_STAGED, _LIKE, _NOTED = "migrate_to_pg_staged", "migrate_to_pg_like", "migrate_to_pg_noted"

# Variables have names that no column has; were one to have them, the column would be meant.
_TRY = """
#variable_conflict use_column
DECLARE
    migrate_to_pg_part record;
    migrate_to_pg_one bigint;
    migrate_to_pg_state text;
    migrate_to_pg_said text;
    migrate_to_pg_constraint text;
    migrate_to_pg_column text;
BEGIN
    FOR migrate_to_pg_part IN
        SELECT min(n) AS low, max(n) AS high
        FROM (SELECT {number} AS n, (row_number() OVER (ORDER BY {number}) - 1) / {size} AS g FROM {side} WHERE {which})
             AS numbered
        GROUP BY g ORDER BY g
    LOOP
        BEGIN
            {insert} WHERE {which} AND {number} BETWEEN migrate_to_pg_part.low AND migrate_to_pg_part.high
            ORDER BY {number};
        EXCEPTION WHEN OTHERS THEN
            IF left(SQLSTATE, 2) = ANY ({server}) THEN RAISE; END IF;
            FOR migrate_to_pg_one IN
                SELECT {number} FROM {side}
                WHERE {which} AND {number} BETWEEN migrate_to_pg_part.low AND migrate_to_pg_part.high
                ORDER BY {number}
            LOOP
                BEGIN
                    {insert} WHERE {number} = migrate_to_pg_one;
                EXCEPTION WHEN OTHERS THEN
                    IF left(SQLSTATE, 2) = ANY ({server}) THEN RAISE; END IF;
                    GET STACKED DIAGNOSTICS migrate_to_pg_state = RETURNED_SQLSTATE,
                        migrate_to_pg_said = MESSAGE_TEXT, migrate_to_pg_constraint = CONSTRAINT_NAME,
                        migrate_to_pg_column = COLUMN_NAME;
                    INSERT INTO {noted} VALUES ({step}, migrate_to_pg_one, migrate_to_pg_state, migrate_to_pg_said,
                                                migrate_to_pg_constraint, migrate_to_pg_column);
                END;
            END LOOP;
        END;
    END LOOP;
END
"""

_COMPUTED = """
SELECT a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type_sql,
       pg_get_expr(d.adbin, d.adrelid) AS expression, a.attgenerated = 'v' AS is_virtual,
       array(SELECT i.attname::text FROM pg_depend p
             JOIN pg_attribute i ON i.attrelid = p.refobjid AND i.attnum = p.refobjsubid
             WHERE p.classid = 'pg_attrdef'::regclass AND p.objid = d.oid AND p.refclassid = 'pg_class'::regclass
               AND p.refobjid = a.attrelid AND p.refobjsubid NOT IN (0, a.attnum) ORDER BY i.attnum) AS inputs
FROM pg_attribute a JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
WHERE a.attrelid = format('%%I.%%I', %s::text, %s::text)::regclass AND a.attgenerated <> '' ORDER BY a.attnum
"""

_CONSTRAINED = """
SELECT k.conname::text, array(SELECT a.attname::text FROM unnest(k.conkey) AS c (attnum)
                              JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = c.attnum ORDER BY a.attnum)
FROM pg_constraint k WHERE k.conrelid = format('%%I.%%I', %s::text, %s::text)::regclass AND k.contype IN ('c', 'n')
"""


class _Computed(NamedTuple):
    """A generated column; all but its name is SQL of PostgreSQL's own."""

    name: str
    type_sql: str
    expression: str
    is_virtual: bool
    inputs: list[str]


_INDEXED = sql.SQL("""
SELECT x.relname::text, a.attname::text FROM pg_index i
JOIN pg_class x ON x.oid = i.indexrelid
JOIN pg_attribute a ON a.attrelid = i.indrelid AND (a.attnum = ANY (i.indkey) OR 0 = ANY (i.indkey) AND EXISTS (
    SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = i.indexrelid
                              AND d.refobjid = i.indrelid AND d.refobjsubid = a.attnum))
WHERE i.indrelid = {}::regclass AND a.attnum > 0
ORDER BY 1, a.attnum
""")


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """One table to be tried, with keys and indexes that were set aside and are to be there."""

    table: PlannedTable
    #: Statements, by the name of what they make.
    definitions: Mapping[str, str]


def try_rows(
    trials: Sequence[Trial], copy: Copy, connection: psycopg.Connection[Any], conninfo: str
) -> tuple[Refusal, ...]:
    """Every row that PostgreSQL refuses of these tables, by table, column and reason.

    Raises LoadError where it is not the rows that PostgreSQL complains of.
    """
    for trial in trials:
        _require_xml(trial.table, connection)
    tried = [_Tried(trial, copy, connection) for trial in trials]
    # Not in the main thread, where the driver would take Ctrl-C for itself and lose it.
    run_all("load", [lambda: _run(tried, conninfo)], copy.stop, alone_here=False)
    return tuple(refusal for one in tried for refusal in one.refusals())


def _require_xml(table: PlannedTable, connection: psycopg.Connection[Any]) -> None:
    """LoadError where this server reads no xml at all, which it would say of each row."""
    if not any(column.target.type_name in ("xml", "_xml") for column in table.loaded_columns):
        return
    try:
        with connection.transaction():
            connection.execute("SELECT xml '<a/>'")
    except psycopg.errors.FeatureNotSupported as error:
        raise LoadError(
            _(
                "PostgreSQL could not go on while table {table} was loaded: {reason}",
                table=table.name,
                reason=error.diag.message_primary or error,
            ),
            remedy=_(
                "It is not about the rows: this server's PostgreSQL was built without libxml, as that of --target"
                " embedded is. Run with a server that has it, or leave the table's rows out: --exclude-data {table}",
                table=table.name,
            ),
        ) from error


def _run(tried: Iterable[_Tried], conninfo: str) -> None:
    with connect(conninfo) as connection:
        for one in tried:
            one.run(connection)


class _Tried:
    """One table, and what was noted of its rows."""

    def __init__(self, trial: Trial, copy: Copy, connection: psycopg.Connection[Any]) -> None:
        self.table = trial.table
        self.definitions = trial.definitions
        self.copy = copy
        self.schema = copy.schema
        self.side = CastTable(self.table, copy.schema, 0)
        place = [copy.schema, self.table.name]
        self.computed = [_Computed(*row) for row in connection.execute(_COMPUTED, place).fetchall()]
        #: Constraint or index -> the columns that it is about.
        self.constrained: dict[str, list[str]] = dict(connection.execute(_CONSTRAINED, place).fetchall())
        #: Step -> row -> SQLSTATE, message, constraint, column. Step 0 is the whole row.
        self.noted: dict[int, dict[int, tuple[str, str, str, str]]] = defaultdict(dict)
        self.steps = self._steps()

    def _steps(self) -> list[tuple[str, tuple[str, ...]]]:
        """What a step after the first tries: a column, and what it is computed from."""
        return [(c.name, ()) for c in self.table.loaded_columns] + [(c.name, tuple(c.inputs)) for c in self.computed]

    def run(self, connection: Any) -> None:
        """Note all refusals; nothing of the tables made stays."""
        try:
            with connection.cursor() as cursor, self.copy.cancellable(cursor):
                self._fill(cursor)
                self._make(cursor)
                self._try(cursor, 0, self._here(self.table.name), self.table.loaded_columns, sql.SQL("true"))
                self._name_columns(cursor)
                cursor.execute(sql.SQL("SELECT * FROM {}").format(self._here(_NOTED)).as_string(None))
                for step, row, *told in cursor.fetchall():
                    self.noted[step][row] = tuple(told)
            connection.rollback()
        except adbc_driver_manager.Error as error:
            # There may be no connection left to roll back on.
            with suppress(adbc_driver_manager.Error):
                connection.rollback()
            self.copy.raise_if_stopped()
            raise lost(self.table.name, error) from error

    def _here(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.schema, name)

    def _fill(self, cursor: Any) -> None:
        self.side.make(cursor, bare=True)
        schema = arrow_schema(self.table, numbered=True)
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(schema))
        cursor.adbc_ingest(self.side.name, reader, mode="append", db_schema_name=self.schema)
        run(cursor, sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(self.side.here, self.side.number))
        run(cursor, sql.SQL("ANALYZE {}").format(self.side.here))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """The rows all of whose values can be sent; those of the others are findings of their own."""
        done = 0
        with closing(read(self.table, self.copy.snapshot, time_zone=self.copy.time_zone)) as batches:
            for batch in batches:
                self.copy.raise_if_stopped()
                numbers = batch.rowids
                if numbers is None:
                    numbers = pa.array(range(done + 1, done + batch.rows + 1), pa.int64())
                done += batch.rows
                made = pa.RecordBatch.from_arrays([*(c.values for c in batch.columns), numbers], schema=schema)
                yield made if batch.is_valid else made.filter(_is_valid(batch))

    def _make(self, cursor: Any) -> None:
        """A table like the staged one, in its place: its own rows, if there are any, are not in the way."""
        staged, like = self._here(self.table.name), self._here(_LIKE)
        for template in (
            "CREATE TABLE {like} (LIKE {staged} INCLUDING ALL EXCLUDING IDENTITY)",
            "ALTER TABLE {staged} RENAME TO {aside}",
            "ALTER TABLE {like} RENAME TO {name}",
            "CREATE TABLE {noted} (step int, row bigint, sqlstate text, said text, named text, col text)",
            "SET LOCAL search_path = {schema}",
        ):
            run(
                cursor,
                sql.SQL(template).format(
                    like=like,
                    staged=staged,
                    aside=sql.Identifier(_STAGED),
                    name=sql.Identifier(self.table.name),
                    noted=self._here(_NOTED),
                    schema=sql.Identifier(self.schema),
                ),
            )
        for statement in self.definitions.values():
            cursor.execute(statement)
        cursor.execute("SET LOCAL search_path TO DEFAULT")
        run(cursor, _INDEXED.format(sql.Literal(self._here(self.table.name).as_string(None))))
        for index, column in cursor.fetchall():
            self.constrained.setdefault(index, []).append(column)
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")

    def _name_columns(self, cursor: Any) -> None:
        """Each column alone, for the rows that were refused; a virtual one, which no INSERT computes, for all."""
        noted = sql.SQL("{} IN (SELECT row FROM {} WHERE step = 0)").format(self.side.number, self._here(_NOTED))
        cursor.execute(sql.SQL("SELECT count(*) FROM {}").format(self._here(_NOTED)).as_string(None))
        some = bool(cursor.fetchone()[0])
        columns = self.table.loaded_columns
        for step, column in enumerate(columns, 1):
            if some:
                with self._alone(cursor, [column]) as place:
                    self._try(cursor, step, place, [column], noted)
        for step, computed in enumerate(self.computed, len(columns) + 1):
            if some or computed.is_virtual:
                with self._alone(cursor, columns) as place:
                    # Stored, so that it is computed now.
                    run(
                        cursor,
                        sql.SQL("ALTER TABLE {} ADD COLUMN {} {} GENERATED ALWAYS AS ({}) STORED").format(
                            place,
                            sql.Identifier(computed.name),
                            sql.SQL(computed.type_sql),
                            sql.SQL(computed.expression),
                        ),
                    )
                    self._try(cursor, step, place, columns, sql.SQL("true") if computed.is_virtual else noted)

    def _alone(self, cursor: Any, columns: Sequence[PlannedColumn]) -> _Alone:
        return _Alone(cursor, self._here(_LIKE), self._here(self.table.name), columns)

    def _try(
        self,
        cursor: Any,
        step: int,
        into: sql.Composable,
        columns: Sequence[PlannedColumn],
        which: sql.Composable,
    ) -> None:
        block = sql.SQL(_TRY).format(
            number=self.side.number,
            side=self.side.here,
            noted=self._here(_NOTED),
            step=sql.Literal(step),
            size=sql.Literal(_TOGETHER),
            which=which,
            insert=self.side.insert(into, columns),
            server=sql.Literal(list(OF_THE_SERVER)),
        )
        run(cursor, sql.SQL("DO {}").format(sql.Literal(block.as_string(None))))

    def refusals(self) -> Iterator[Refusal]:
        """By column and reason, in the order of the columns."""
        found: dict[tuple[tuple[str, ...], str, str], list[int]] = defaultdict(list)
        words: dict[tuple[tuple[str, ...], str, str], str] = {}
        inputs = dict(self.steps)
        for row in sorted(set(itertools.chain.from_iterable(self.noted.values()))):
            columns, state, said, named = self._describe(row)
            found[columns, state, named].append(row)
            words.setdefault((columns, state, named), said)
        for (columns, state, named), rows in found.items():
            # Something that is not there, or not allowed, says nothing of the rows; a text that is none may say it.
            if state.startswith("42") and not any(needs_cast(c) and c.name in columns for c in self.table.columns):
                continue
            yield Refusal(
                table=self.table.name,
                columns=columns,
                inputs=inputs.get(columns[0], ()) if len(columns) == 1 else (),
                sqlstate=state,
                # An index that was there all along has another name here.
                reason=self._reason(words[columns, state, named], state, columns).replace(_LIKE, self.table.name),
                constraint=named.replace(_LIKE, self.table.name),
                rows=rows,
            )

    def _reason(self, said: str, state: str, columns: tuple[str, ...]) -> str:
        """What PostgreSQL said, unless it may quote a secret: of the columns, or of any where it names none."""
        inputs = dict(self.steps)
        concerned = [c for column in columns for c in (column, *inputs.get(column, ()))]
        return server_reason(said, state, self.table.name, concerned or [c.name for c in self.table.loaded_columns])

    def _describe(self, row: int) -> tuple[tuple[str, ...], str, str, str]:
        """The columns at fault, SQLSTATE, message and constraint."""
        whole = self.noted[0].get(row)
        if whole and whole[2] in self.constrained:
            return tuple(self.constrained[whole[2]]), whole[0], whole[1], whole[2]
        if whole and whole[3]:
            return (whole[3],), whole[0], whole[1], whole[2]
        for step, (column, _inputs) in enumerate(self.steps, 1):
            if alone := self.noted[step].get(row):
                return (column,), alone[0], alone[1], alone[2]
        state, said, named, _ = whole or ("", "", "", "")
        return (), state, said, named


class _Alone:
    """A table of some columns of another, without constraints, while this context lasts."""

    def __init__(
        self, cursor: Any, place: sql.Identifier, like: sql.Identifier, columns: Sequence[PlannedColumn]
    ) -> None:
        self.cursor = cursor
        self.place = place
        names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
        self.made = sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(place, names, like)

    def __enter__(self) -> sql.Identifier:
        run(self.cursor, self.made)
        return self.place

    def __exit__(self, *exception: object) -> None:
        # After an error the transaction takes no other statement.
        if exception[0] is None:
            run(self.cursor, sql.SQL("DROP TABLE {}").format(self.place))


def _is_valid(batch: TableBatch) -> pa.BooleanArray:
    good = pa.array([True] * batch.rows, pa.bool_())
    for column in batch.columns:
        for mask in (column.wrong_storage, column.malformed):
            good = good if mask is None else pc.and_not(good, pc.fill_null(mask, False))
    return good
