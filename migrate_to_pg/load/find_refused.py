"""Find all rows of a table that PostgreSQL refuses, with the columns at fault, after one of them was refused.

The rows are loaded once more into a table that accepts every value of each type. From there PostgreSQL inserts them
into a table like the staged one, a thousand at a time, and one by one if one of a thousand is refused. So no row is
tried more than twice. Then each refused row is inserted column by column into tables with only that column. This shows
the column whose cast, domain or expression is at fault, which a message may not name. All of it is one transaction,
which is rolled back.
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
from migrate_to_pg.load.copy import SERVER_ERROR_CLASSES, CopyContext, arrow_schema, server_error
from migrate_to_pg.project.secret_columns import server_reason
from migrate_to_pg.records import PlannedColumn, PlannedTable, Refusal
from migrate_to_pg.system.threads import run_all

_ROWS_AT_ONCE = 1000

_STAGED, _LIKE, _NOTED = "migrate_to_pg_staged", "migrate_to_pg_like", "migrate_to_pg_noted"

# No column should have the names of these variables. If one has, use_column resolves the name to the column.
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
    """A generated column as PostgreSQL prints it."""

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
    """A table to try, with its dropped keys and indexes, which are created for the trial."""

    table: PlannedTable
    #: CREATE statements by the name of the object.
    definitions: Mapping[str, str]


def try_rows(
    trials: Sequence[Trial], copy: CopyContext, connection: psycopg.Connection[Any], conninfo: str
) -> tuple[Refusal, ...]:
    """Return all refused rows of these tables by table, column and reason.

    Raises LoadError if an error is not caused by a row.
    """
    for trial in trials:
        _check_xml(trial.table, connection)
    tried = [_TableTrial(trial, copy, connection) for trial in trials]
    # Not in the main thread, where the driver would intercept and lose Ctrl-C.
    run_all("load", [lambda: _run(tried, conninfo)], copy.stop, alone_here=False)
    return tuple(refusal for one in tried for refusal in one.refusals())


def _check_xml(table: PlannedTable, connection: psycopg.Connection[Any]) -> None:
    """Raise LoadError if this server has no support of xml, instead of one error for each row."""
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


def _run(tried: Iterable[_TableTrial], conninfo: str) -> None:
    with connect(conninfo) as connection:
        for one in tried:
            one.run(connection)


class _TableTrial:
    """The trial of one table, and the errors of its rows."""

    def __init__(self, trial: Trial, copy: CopyContext, connection: psycopg.Connection[Any]) -> None:
        self.table = trial.table
        self.definitions = trial.definitions
        self.copy = copy
        self.schema = copy.schema
        self.side = CastTable(self.table, copy.schema, 0)
        place = [copy.schema, self.table.name]
        self.computed = [_Computed(*row) for row in connection.execute(_COMPUTED, place).fetchall()]
        #: Columns of each constraint or index.
        self.constrained: dict[str, list[str]] = dict(connection.execute(_CONSTRAINED, place).fetchall())
        #: SQLSTATE, message, constraint and column by step and row. Step 0 tries the complete row.
        self.noted: dict[int, dict[int, tuple[str, str, str, str]]] = defaultdict(dict)
        #: The column that each step after the first tries, with the columns that it is computed from.
        self.steps: list[tuple[str, tuple[str, ...]]] = [(c.name, ()) for c in self.table.loaded_columns]
        self.steps += [(c.name, tuple(c.inputs)) for c in self.computed]

    def run(self, connection: Any) -> None:
        """Record all errors, and roll back."""
        try:
            with connection.cursor() as cursor, self.copy.cancellable(cursor):
                self._fill(cursor)
                self._make(cursor)
                self._try(cursor, 0, self._here(self.table.name), self.table.loaded_columns, sql.SQL("true"))
                self._name_columns(cursor)
                cursor.execute(sql.SQL("SELECT * FROM {}").format(self._here(_NOTED)).as_string(None))
                for step, row, *error in cursor.fetchall():
                    self.noted[step][row] = tuple(error)
            connection.rollback()
        except adbc_driver_manager.Error as error:
            # The connection may be lost, so that a rollback fails.
            with suppress(adbc_driver_manager.Error):
                connection.rollback()
            self.copy.raise_if_stopped()
            raise server_error(self.table.name, error) from error

    def _here(self, name: str) -> sql.Identifier:
        return sql.Identifier(self.schema, name)

    def _fill(self, cursor: Any) -> None:
        self.side.create(cursor, bare=True)
        schema = arrow_schema(self.table, numbered=True)
        reader = pa.RecordBatchReader.from_batches(schema, self._batches(schema))
        cursor.adbc_ingest(self.side.name, reader, mode="append", db_schema_name=self.schema)
        run(cursor, sql.SQL("ALTER TABLE {} ADD PRIMARY KEY ({})").format(self.side.here, self.side.number))
        run(cursor, sql.SQL("ANALYZE {}").format(self.side.here))

    def _batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield the rows with valid values only. Rows with invalid values are reported as other findings."""
        done = 0
        with closing(read(self.table, self.copy.connections, time_zone=self.copy.time_zone)) as batches:
            for batch in batches:
                self.copy.raise_if_stopped()
                numbers = batch.rowids
                if numbers is None:
                    numbers = pa.array(range(done + 1, done + batch.rows + 1), pa.int64())
                done += batch.rows
                made = pa.RecordBatch.from_arrays([*(c.values for c in batch.columns), numbers], schema=schema)
                yield made if batch.is_valid else made.filter(_is_valid(batch))

    def _make(self, cursor: Any) -> None:
        """Create an empty table like the staged one in its place."""
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
        """Try each column alone with the refused rows. Virtual columns, not computed by INSERT, are tried with all."""
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
                    # STORED makes INSERT compute it.
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

    def _alone(self, cursor: Any, columns: Sequence[PlannedColumn]) -> _TemporaryTable:
        return _TemporaryTable(cursor, self._here(_LIKE), self._here(self.table.name), columns)

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
            size=sql.Literal(_ROWS_AT_ONCE),
            which=which,
            insert=self.side.insert(into, columns),
            server=sql.Literal(list(SERVER_ERROR_CLASSES)),
        )
        run(cursor, sql.SQL("DO {}").format(sql.Literal(block.as_string(None))))

    def refusals(self) -> Iterator[Refusal]:
        """Yield the refused rows by column and reason."""
        found: dict[tuple[tuple[str, ...], str, str], list[int]] = defaultdict(list)
        words: dict[tuple[tuple[str, ...], str, str], str] = {}
        inputs = dict(self.steps)
        for row in sorted(set(itertools.chain.from_iterable(self.noted.values()))):
            columns, state, said, named = self._describe(row)
            found[columns, state, named].append(row)
            words.setdefault((columns, state, named), said)
        for (columns, state, named), rows in found.items():
            # Class 42 is about missing or forbidden objects, not rows. Only the cast of a text may raise it for a row.
            if state.startswith("42") and not any(needs_cast(c) and c.name in columns for c in self.table.columns):
                continue
            # The message may quote a secret of these columns, or of any if none is known.
            concerned = [c for column in columns for c in (column, *inputs.get(column, ()))]
            concerned = concerned or [c.name for c in self.table.loaded_columns]
            reason = server_reason(words[columns, state, named], state, self.table.name, concerned)
            yield Refusal(
                table=self.table.name,
                columns=columns,
                inputs=inputs.get(columns[0], ()) if len(columns) == 1 else (),
                sqlstate=state,
                # An index that was not dropped has another name in this trial.
                reason=reason.replace(_LIKE, self.table.name),
                constraint=named.replace(_LIKE, self.table.name),
                rows=rows,
            )

    def _describe(self, row: int) -> tuple[tuple[str, ...], str, str, str]:
        """Return the columns at fault, SQLSTATE, message and constraint of a row."""
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


class _TemporaryTable:
    """Context with a table of some columns of another, without constraints."""

    def __init__(
        self, cursor: Any, place: sql.Identifier, like: sql.Identifier, columns: Sequence[PlannedColumn]
    ) -> None:
        self.cursor = cursor
        self.place = place
        names = sql.SQL(", ").join(sql.Identifier(c.name) for c in columns)
        self.create = sql.SQL("CREATE TABLE {} AS SELECT {} FROM {} WITH NO DATA").format(place, names, like)

    def __enter__(self) -> sql.Identifier:
        run(self.cursor, self.create)
        return self.place

    def __exit__(self, *exception: object) -> None:
        # After an error the transaction accepts no other statement.
        if exception[0] is None:
            run(self.cursor, sql.SQL("DROP TABLE {}").format(self.place))


def _is_valid(batch: TableBatch) -> pa.BooleanArray:
    good = pa.array([True] * batch.rows, pa.bool_())
    for column in batch.columns:
        for mask in (column.wrong_storage, column.malformed):
            good = good if mask is None else pc.and_not(good, pc.fill_null(mask, False))
    return good
