"""Whether PostgreSQL holds what SQLite holds: judged with sqlite3, psycopg and the standard library alone.

    python tests/fuzz/oracle.py SOURCE.sqlite3 postgres-URL [report.json] [--before OTHER.sqlite3]

After a publication every row and cell of the source is in ``public`` with the value that Django reads on SQLite, or the
report accounts for it. After a failure ``public`` is empty, or holds what OTHER.sqlite3 holds. Exit status 0; else 1,
and each line of the output is one lie. Nothing of the product is imported, so that its mistakes are not repeated here.
"""

from __future__ import annotations

import argparse
import datetime
import decimal
import json
import re
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

#: (storage class, value); text and blobs as bytes.
Stored = tuple[str, Any]
#: What a cell means; equal where PostgreSQL says the same as Django on SQLite.
Meaning = Any
Row = tuple[Meaning, ...]

SHOWN = 120


# --- what Django reads on SQLite --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Column:
    """A column as information_schema tells it."""

    name: str
    kind: str
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class Unreadable:
    """What Django does not read as the column's type, so that nothing on PostgreSQL can be the same."""

    storage: str
    value: Any


def whole(storage: str, value: Any, _: Column) -> Meaning:
    return value if storage == "integer" else Unreadable(storage, value)


def boolean(storage: str, value: Any, _: Column) -> Meaning:
    return bool(value) if storage == "integer" and value in (0, 1) else Unreadable(storage, value)


def text(storage: str, value: Any, _: Column) -> Meaning:
    """UTF-8, byte for byte."""
    try:
        return value if storage == "text" and value.decode() is not None else Unreadable(storage, value)
    except UnicodeDecodeError:
        return Unreadable(storage, value)


#: Django 6.1 takes integers as they are; before, they are rounded to SQLite's 15 digits as REALs are.
EXACT_INTEGERS = tuple(map(int, metadata.version("django").split(".")[:2])) >= (6, 1)
FIFTEEN = decimal.Context(prec=15)


def number(storage: str, value: Any, column: Column) -> Meaning:
    """DecimalField: 15 significant digits, then the field's places, half to even."""
    if storage not in ("integer", "real"):
        return Unreadable(storage, value)
    exact = storage == "integer" and EXACT_INTEGERS
    read = decimal.Decimal(value) if exact else FIFTEEN.create_decimal(decimal.Decimal(value))
    try:
        return read.quantize(decimal.Decimal(10) ** -column.scale, context=decimal.Context(prec=column.precision))
    except decimal.InvalidOperation:
        return Unreadable(storage, value)


#: Django's own second try, where ISO 8601 is not kept to.
LOOSE = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})[T ](\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:[.,](\d{1,6})\d{0,6})?)?"
    r"\s*(Z|[+-]\d{2}(?::?\d{2})?)?$"
)
EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)


def instant(storage: str, value: Any, _: Column) -> Meaning:
    """DateTimeField with USE_TZ: microseconds since 1970; what has no offset is UTC."""
    try:
        moment = moment_of(value.decode()) if storage == "text" else None
    except ValueError:
        moment = None
    if moment is None:
        return Unreadable(storage, value)
    offset = moment.utcoffset() or datetime.timedelta()
    return (moment.replace(tzinfo=datetime.UTC) - EPOCH - offset) // datetime.timedelta(microseconds=1)


def moment_of(written: str) -> datetime.datetime | None:
    try:
        return datetime.datetime.fromisoformat(written)
    except ValueError:
        found = LOOSE.match(written)
    if not found:
        return None
    *parts, fraction, zone = found.groups()
    micro = int((fraction or "0").ljust(6, "0"))
    return datetime.datetime(*(int(p or 0) for p in parts), micro, tzinfo=zone_of(zone))


def zone_of(written: str | None) -> datetime.timezone | None:
    if written is None or written == "Z":
        return datetime.UTC if written else None
    minutes = int(written[1:3]) * 60 + int(written[-2:] if len(written) > 3 else 0)
    return datetime.timezone(datetime.timedelta(minutes=-minutes if written[0] == "-" else minutes))


#: information_schema's data_type -> (reading on SQLite, expression on PostgreSQL).
KINDS: dict[str, tuple[Callable[[str, Any, Column], Meaning], str]] = {
    "smallint": (whole, "{}"),
    "integer": (whole, "{}"),
    "bigint": (whole, "{}"),
    "boolean": (boolean, "{}"),
    "character varying": (text, "convert_to({}, 'UTF8')"),
    "text": (text, "convert_to({}, 'UTF8')"),
    "numeric": (number, "{}"),
    "timestamp with time zone": (instant, "(extract(epoch FROM {}) * 1000000)::numeric"),
}


def meaning(stored: Stored, column: Column) -> Meaning:
    storage, value = stored
    return None if storage == "null" else KINDS[column.kind][0](storage, value, column)


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
        listed = self.names("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\'")
        return {name.lower(): name for name in listed}

    def columns(self, table: str) -> dict[str, str]:
        return {name.lower(): name for name in self.names(f"SELECT name FROM pragma_table_xinfo({literal(table)})")}

    def rows(self, table: str, columns: list[str]) -> dict[int, list[Stored]]:
        """rowid -> cells."""
        cells = ", ".join(f"typeof({quoted(c)}), {quoted(c)}" for c in columns)
        found = self.database.execute(f"SELECT rowid, {cells} FROM {quoted(table)} NOT INDEXED")
        return {row[0]: [(row[i].decode(), row[i + 1]) for i in range(1, len(row), 2)] for row in found}

    def highest(self, table: str) -> int:
        """The highest id that AUTOINCREMENT ever gave."""
        if not self.names("SELECT name FROM sqlite_master WHERE name = 'sqlite_sequence'"):
            return 0
        query = "SELECT max(seq) FROM sqlite_sequence WHERE name = ? AND typeof(seq) = 'integer'"
        return self.database.execute(query, [table]).fetchone()[0] or 0


def literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


class Target:
    """The PostgreSQL database."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection

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


def judge(source: Path, url: str, report: dict[str, Any] | None, before: Path | None) -> Iterator[str]:
    """Every lie, one line each."""
    with psycopg.connect(url, options="-c TimeZone=UTC -c search_path=public") as connection:
        target = Target(connection)
        if report is None or report["publication"]:
            yield from published(Source(source), target, report)
        elif before:
            yield from published(Source(before), target, None)
        else:
            yield from (f"the run failed, and left {name}" for name in target.relations())


def published(source: Source, target: Target, report: dict[str, Any] | None) -> Iterator[str]:
    tables = target.tables()
    with closing(source.database):
        yield from left_behind(source, tables)
        yield from target.unfinished()
        yield from reused_ids(source, target)
        for name, columns in tables.items():
            yield from compare(source, target, name, columns, report or {})
            if report:
                yield from unproven(target, name, report)


def left_behind(source: Source, tables: dict[str, list[Column]]) -> Iterator[str]:
    """Tables and columns of the source that hold something and are not there."""
    there = {name.lower(): {c.name.lower() for c in columns} for name, columns in tables.items()}
    for lower, table in source.tables().items():
        for column in [c for key, c in source.columns(table).items() if key not in there.get(lower, ())]:
            query = f"SELECT count({quoted(column)}) FROM {quoted(table)}"
            if source.database.execute(query).fetchone()[0]:
                yield f"{table}.{column} was left behind"


def compare(
    source: Source, target: Target, name: str, columns: list[Column], report: dict[str, Any]
) -> Iterator[str]:
    """Rows of the one side that the other lacks, as whole rows, however often each occurs."""
    table = source.tables().get(name.lower())
    known = source.columns(table) if table else {}
    both = [c for c in columns if c.name.lower() in known]
    expected: Counter[Row] = Counter()
    if table and both:
        stored = source.rows(table, [known[c.name.lower()] for c in both])
        expected.update(
            tuple(meaning(cell, c) for cell, c in zip(row, both, strict=True)) for row in stored.values()
        )
    found = target.rows(name, both) if both else Counter(target.ask(f"SELECT 1 FROM {quoted(name)}"))
    yield from (f"{name}: not on PostgreSQL: {shown(both, row)}" for row in (expected - found).elements())
    yield from (f"{name}: only on PostgreSQL: {shown(both, row)}" for row in (found - expected).elements())


def shown(columns: list[Column], row: Row) -> str:
    cells = [f"{c.name}={value!r:.{SHOWN}}" for c, value in zip(columns, row, strict=False)]
    return ", ".join(cells)


def unproven(target: Target, name: str, report: dict[str, Any]) -> Iterator[str]:
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


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("source", type=Path)
    parser.add_argument("url")
    parser.add_argument("report", type=Path, nargs="?")
    parser.add_argument("--before", type=Path)
    given = parser.parse_args(arguments)
    report = json.loads(given.report.read_text()) if given.report else None
    lies = list(judge(given.source, given.url, report, given.before))
    print("\n".join(line.encode("ascii", "backslashreplace").decode() for line in lies))
    return 1 if lies else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
