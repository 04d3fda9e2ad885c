"""Whether PostgreSQL holds what SQLite holds: judged with sqlite3, psycopg and the standard library alone.

    python -m tests.fuzz.oracle SOURCE.sqlite3 postgres-URL [report.json] [--before OTHER.sqlite3]

After a publication every row and cell of the source is in ``public`` with the value that Django reads on SQLite, or the
report accounts for it. After a failure ``public`` is empty, or holds what OTHER.sqlite3 holds. Exit status 0; else 1,
and each line of the output is one lie. Nothing of the product is imported, so that its mistakes are not repeated here.
"""

from __future__ import annotations

import argparse
import json
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from psycopg.types.json import set_json_loads

from tests.fuzz.oracle_readings import KINDS, Column, Meaning, in_order, meaning
from tests.fuzz.oracle_record import Cells, Record

Row = tuple[Meaning, ...]

SHOWN = 120


# --- both sides -------------------------------------------------------------------------------------------------------


def quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


class Source:
    """The SQLite file, only ever read."""

    def __init__(self, path: Path) -> None:
        self.database = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        self.database.text_factory = bytes

    def names(self, query: str) -> list[str]:
        return [name.decode() for (name,) in self.database.execute(query)]

    def tables(self) -> dict[str, str]:
        """name in lower case -> name: SQLite does not tell case apart."""
        listed = self.names("SELECT name FROM sqlite_master WHERE type = 'table' AND substr(name, 1, 7) <> 'sqlite_'")
        return {name.lower(): name for name in listed}

    def columns(self, table: str) -> dict[str, str]:
        return {name.lower(): name for name in self.names(f"SELECT name FROM pragma_table_xinfo({literal(table)})")}

    def rows(self, table: str | None) -> list[Cells]:
        """Every row as the table holds it, not as an index of it does."""
        columns = self.columns(table) if table else {}
        if not columns:
            return []
        cells = ", ".join(f"typeof({quoted(c)}), {quoted(c)}" for c in columns.values())
        found = self.database.execute(f"SELECT {cells} FROM {quoted(str(table))} NOT INDEXED")
        pairs = ([(row[i].decode(), row[i + 1]) for i in range(0, len(row), 2)] for row in found)
        return [dict(zip(columns, row, strict=True)) for row in pairs]

    def highest(self, table: str) -> int:
        """The highest id that AUTOINCREMENT ever gave."""
        if not self.names("SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            return 0
        query = "SELECT max(CAST(seq AS INTEGER)) FROM sqlite_sequence WHERE name = ?"
        return self.database.execute(query, [table]).fetchone()[0] or 0


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Target:
    """The PostgreSQL database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        set_json_loads(in_order, connection)

    def ask(self, query: str | sql.Composed) -> list[tuple[Any, ...]]:
        return self.connection.execute(query.encode() if isinstance(query, str) else query).fetchall()

    def tables(self) -> dict[str, list[Column]]:
        query = """
            SELECT table_name, column_name, data_type, coalesce(numeric_precision, 0), coalesce(numeric_scale, 0)
            FROM information_schema.columns JOIN information_schema.tables USING (table_schema, table_name)
            WHERE table_schema = 'public' AND table_type = 'BASE TABLE' ORDER BY table_name, ordinal_position
        """
        found: dict[str, list[Column]] = {}
        for table, *column in self.ask(query):
            found.setdefault(table, []).append(Column(*column))
        return found

    def rows(self, table: str, columns: list[Column]) -> Counter[Row]:
        cells = [sql.SQL(KINDS[c.kind][1]).format(sql.Identifier(c.name)) for c in columns]
        return Counter(
            self.ask(sql.SQL("SELECT {} FROM {}").format(sql.SQL(", ").join(cells), sql.Identifier("public", table)))
        )

    def leftovers(self) -> dict[str, list[str]]:
        """The tables that no migration knows, and their columns."""
        query = """
            SELECT table_name, column_name FROM information_schema.columns WHERE table_schema = 'sqlite_leftovers'
        """
        found: dict[str, list[str]] = {}
        for table, column in self.ask(query):
            found.setdefault(table.lower(), []).append(column)
        return found

    def held(self, table: str, columns: list[str]) -> int:
        """How many values a column of such a table has, over the kinds that it is split into."""
        counts: list[sql.Composable] = [sql.SQL("count({})").format(sql.Identifier(column)) for column in columns]
        counts = counts or [sql.SQL("0")]
        place = sql.Identifier("sqlite_leftovers", table)
        return int(self.ask(sql.SQL("SELECT {} FROM {}").format(sql.SQL(" + ").join(counts), place))[0][0])

    def relations(self) -> list[str]:
        query = """
            SELECT relnamespace::regnamespace || '.' || relname FROM pg_class WHERE relnamespace::regnamespace::text
            NOT IN ('pg_catalog', 'information_schema', 'pg_toast') ORDER BY 1
        """
        return [name for (name,) in self.ask(query)]

    def unfinished(self) -> list[str]:
        """Constraints not validated, indexes not valid, and the incoming schema."""
        query = """
            SELECT 'constraint not validated: ' || conname FROM pg_constraint WHERE NOT convalidated
            UNION ALL SELECT 'index not valid: ' || indexrelid::regclass FROM pg_index WHERE NOT indisvalid
            UNION ALL SELECT 'trigger off: ' || tgname FROM pg_trigger WHERE tgenabled <> 'O'
            UNION ALL SELECT 'left over: ' || nspname FROM pg_namespace WHERE nspname LIKE '%incoming%'
        """
        return [line for (line,) in self.ask(query)]

    def next_ids(self) -> list[tuple[str, str, int]]:
        """(table, column, next value) of every sequence that a column owns."""
        query = """
            SELECT d.refobjid::regclass::text, a.attname, s.oid::regclass::text
            FROM pg_class s JOIN pg_depend d ON d.objid = s.oid AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0
            JOIN pg_attribute a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
            WHERE s.relkind = 'S' AND s.relnamespace = 'public'::regnamespace
        """
        asked = "SELECT last_value + CASE WHEN is_called THEN 1 ELSE 0 END FROM {}"
        return [(t, c, self.ask(asked.format(sequence))[0][0]) for t, c, sequence in self.ask(query)]


# --- judgement --------------------------------------------------------------------------------------------------------


def judge(
    source: Path, url: str, report: dict[str, Any] | None, before: Path | None, *, back: bool = False
) -> Iterator[str]:
    """Every lie, one line each."""
    with psycopg.connect(url, options="-c TimeZone=UTC -c search_path=public") as connection:
        target = Target(connection)
        if report is None or report["publication"]:
            yield from published(Source(source), target, report, ids_of_file if back else reused_ids)
        elif before:
            yield from published(Source(before), target, None, reused_ids)
        else:
            yield from (f"the run failed, and left {name}" for name in target.relations())


def published(
    source: Source,
    target: Target,
    report: dict[str, Any] | None,
    wrong_ids: Callable[[Source, Target], Iterator[str]],
) -> Iterator[str]:
    tables = target.tables()
    record = Record(target) if report else None
    with closing(source.database):
        yield from left_behind(source, target, tables)
        yield from target.unfinished()
        yield from wrong_ids(source, target)
        for name, columns in tables.items():
            yield from compare(source, target, name, columns, record)
            if report:
                yield from unverified(target, name, report)
    if record:
        yield from record.needless(tables)


def left_behind(source: Source, target: Target, tables: dict[str, list[Column]]) -> Iterator[str]:
    """Tables and columns of the source that hold something and are not there, nor among the leftovers."""
    there = {name.lower(): {c.name.lower() for c in columns} for name, columns in tables.items()}
    carried = target.leftovers()
    for lower, table in source.tables().items():
        for column in [c for key, c in source.columns(table).items() if key not in there.get(lower, ())]:
            (count,) = source.database.execute(f"SELECT count({quoted(column)}) FROM {quoted(table)}").fetchone()
            kinds = [c for c in carried.get(lower, ()) if c == column or c.startswith(f"{column}__")]
            if count and (not kinds or target.held(table, kinds) != count):
                yield f"{table}.{column} was left behind"


def compare(source: Source, target: Target, name: str, columns: list[Column], record: Record | None) -> Iterator[str]:
    """Rows of the one side that the other lacks, as whole rows, however often each occurs."""
    rows = source.rows(source.tables().get(name.lower()))
    if record:
        yield from record.account(name, rows)
    both = [c for c in columns if not rows or c.name.lower() in rows[0]]
    expected = Counter(tuple(meaning(row[c.name.lower()], c) for c in both) for row in rows)
    found = target.rows(name, both)
    yield from (f"{name}: not on PostgreSQL: {shown(both, row)}" for row in (expected - found).elements())
    yield from (f"{name}: only on PostgreSQL: {shown(both, row)}" for row in (found - expected).elements())


def shown(columns: list[Column], row: Row) -> str:
    cells = [f"{c.name}={value!r:.{SHOWN}}" for c, value in zip(columns, row, strict=False)]
    return ", ".join(cells)


def unverified(target: Target, name: str, report: dict[str, Any]) -> Iterator[str]:
    """A table that was published without every cell having been compared."""
    count = target.ask(f"SELECT count(*) FROM {quoted(name)}")[0][0]
    told = next((t for t in report["tables"] if t["name"] == name), None)
    if told is None:
        if count:
            yield f"{name}: published without a word"
    elif told["rows_target"] != count or told["differences"] or (count and not told["cells_compared"]):
        yield f"{name}: {count} rows are there, and the report tells {told}"
    if report["verify"] != "cells" or not report["ok"]:
        yield f"{name}: published by a run that was {report['verify']}, ok {report['ok']}"


def reused_ids(source: Source, target: Target) -> Iterator[str]:
    """Sequences that would give an id that is, or was, somebody's."""
    for table, column, following in target.next_ids():
        name = source.tables().get(table.strip('"').lower(), "")
        highest = target.ask(f"SELECT coalesce(max({quoted(column)}), 0) FROM {table}")[0][0]
        if following <= max(highest, source.highest(name)):
            yield f"{table}.{column}: the next id is {following}, {max(highest, source.highest(name))} was given"


def ids_of_file(file: Source, target: Target) -> Iterator[str]:
    """Ids that the file would give and that PostgreSQL gave before, and tables in which the file has no next one."""
    for table, column, following in target.next_ids():
        name = file.tables().get(table.strip('"').lower(), "")
        (held,) = file.database.execute(f"SELECT coalesce(max({quoted(column)}), 0) FROM {quoted(name)}").fetchone()
        last = max(held, file.highest(name))
        if not following - 1 <= last < 2**63 - 1:
            yield f"{table}.{column}: the last id of the file is {last}, PostgreSQL's next one {following}"


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("url")
    parser.add_argument("report", type=Path, nargs="?")
    parser.add_argument("--before", type=Path)
    parser.add_argument("--back", action="store_true", help="source is a file that was made from PostgreSQL")
    given = parser.parse_args(arguments)
    report = json.loads(given.report.read_text()) if given.report else None
    lies = list(judge(given.source, given.url, report, given.before, back=given.back))
    print("\n".join(line.encode("ascii", "backslashreplace").decode() for line in lies))
    return 1 if lies else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
