"""Both sides of one table with a column of every type: SQLite filled from a seed, PostgreSQL by the load."""

from __future__ import annotations

import datetime
import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

from migrate_to_pg.postgres.schema_digest import ObjectDefinition, read_definitions
from migrate_to_pg.records import Difference, Plan, Verify
from migrate_to_pg.verify import verify_tables
from tests.integration.crossing import Ferry

ROWS = 60
WORDS = ("Élise", "noël", "MÜLLER", "straße", "ab ", " x", "café crème", "日本", "a\tb", "Ω")


def words(chance: random.Random) -> str:
    return " ".join(chance.choices(WORDS, k=chance.randint(1, 3))) + str(chance.randint(0, 99))


def moment(chance: random.Random) -> datetime.datetime:
    return datetime.datetime(1970, 1, 1) + datetime.timedelta(
        days=chance.randint(-200_000, 200_000), microseconds=chance.randint(0, 86_399_999_999)
    )


def document(chance: random.Random) -> str:
    value = {"n": chance.choice([0, 1.5, 10**20, -3]), "s": words(chance), "l": [True, None, {"x": 1}]}
    return json.dumps(value, indent=chance.choice([None, 2]), ensure_ascii=chance.random() < 0.5)


def spelled_uuid(chance: random.Random) -> str:
    value = uuid.UUID(int=chance.getrandbits(128))
    return chance.choice([str(value), value.hex, value.hex.upper()])


#: column -> its type on PostgreSQL, and a value of SQLite's.
COLUMNS: Mapping[str, tuple[str, Callable[[random.Random], Any]]] = {
    "i2": ("smallint", lambda c: c.randint(-30_000, 30_000)),
    "i4": ("integer", lambda c: c.randint(-(2**31) + 2, 2**31 - 2)),
    "i8": ("bigint", lambda c: c.randint(-(2**63) + 2, 2**63 - 2)),
    "b": ("boolean", lambda c: c.randint(0, 1)),
    "f4": ("real", lambda c: round(c.uniform(-100, 100), 3)),
    "f8": ("double precision", lambda c: c.uniform(-1, 1) * 10 ** c.randint(-300, 300)),
    "n": ("numeric(12,4)", lambda c: round(c.uniform(-1e6, 1e6), 4)),
    "long": ("numeric(30,10)", lambda c: round(c.uniform(-1e4, 1e4), 10)),
    "free": ("numeric", lambda c: c.choice([round(c.uniform(-10, 10), 5), c.randint(-5, 5)])),
    "v": ("varchar(60)", words),
    "t": ("text", words),
    "c": ("char(60)", words),
    "by": ("bytea", lambda c: c.randbytes(c.randint(1, 40))),
    "d": ("date", lambda c: moment(c).date().isoformat()),
    "tm": ("time", lambda c: moment(c).time().isoformat()),
    "ts": ("timestamp", lambda c: str(moment(c))),
    "tz": ("timestamptz", lambda c: str(moment(c))),
    "iv": ("interval", lambda c: c.randint(-(10**13), 10**13)),
    "u": ("uuid", spelled_uuid),
    "jb": ("jsonb", document),
    "j": ("json", document),
    "ip": ("inet", lambda c: f"10.{c.randint(0, 255)}.{c.randint(0, 255)}.{c.randint(1, 254)}"),
    "net": ("cidr", lambda c: f"10.{c.randint(0, 255)}.0.0/16"),
    "l": ("integer[]", lambda c: f"{{{c.randint(0, 99)}, {c.randint(0, 99)}}}"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """Loaded, equal, and described: what a corruption starts from."""

    ferry: Ferry
    plan: Plan
    made: frozenset[ObjectDefinition]

    def run(self, statement: str) -> int:
        """One statement on PostgreSQL; the number of rows that it concerned."""
        with psycopg.connect(self.ferry.url, autocommit=True, options="-c search_path=ferry -c TimeZone=UTC") as c:
            return c.execute(statement.encode()).rowcount

    def found(self) -> list[Difference]:
        """What the verification finds."""
        verification = verify_tables(
            self.plan, self.ferry.path, self.ferry.url, schema="ferry", verify=Verify.CELLS, progress=lambda _: None
        )
        assert sum(table.differences for table in verification.tables) == sum(
            len(table.samples) for table in verification.tables
        )
        return [sample for table in verification.tables for sample in table.samples]

    def restore(self) -> None:
        """Undo a corruption of rows."""
        for table in ("thing", "loose"):
            self.run(f"TRUNCATE {table}; INSERT INTO {table} SELECT * FROM before.{table}")


def make(folder: Path, url: str) -> Sides:
    """``thing`` with a key and a column of every type, ``loose`` without a key."""
    chance = random.Random(7)  # noqa: S311 - the same in each run
    ferry = Ferry(folder, url)
    names = ", ".join(COLUMNS)
    # No affinity: the values stand as they are given.
    ferry.source(f"CREATE TABLE thing (id integer PRIMARY KEY, {names})", "CREATE TABLE loose (a, t)")
    rows = [[key, *(fill(chance) for _, fill in COLUMNS.values())] for key in range(1, ROWS + 1)]
    for row in rows[::7]:
        row[1:] = [None] * len(COLUMNS)
    ferry.fill(f"INSERT INTO thing VALUES (?{', ?' * len(COLUMNS)})", rows)
    ferry.fill("INSERT INTO loose VALUES (?, ?)", [(key % 9, words(chance)) for key in range(ROWS)])
    columns = ", ".join(f"{name} {type_sql}" for name, (type_sql, _) in COLUMNS.items())
    ferry.target(f"CREATE TABLE thing (id bigint GENERATED BY DEFAULT AS IDENTITY, {columns})")
    ferry.target("CREATE TABLE loose (a int, t text)")
    ferry.load()
    ferry.target(
        "ALTER TABLE thing ADD PRIMARY KEY (id), ADD CONSTRAINT small CHECK (i2 < 32000);"
        "CREATE INDEX thing_t ON thing (t); CREATE UNIQUE INDEX thing_i8 ON thing (i8);"
        f"SELECT setval('thing_id_seq', {ROWS + 1}, false)"
    )
    plan = ferry.plan()
    with psycopg.connect(url, autocommit=True) as connection:
        made = read_definitions(connection, "ferry")
    ferry.target(
        "CREATE SCHEMA before; CREATE TABLE before.thing AS TABLE thing; CREATE TABLE before.loose AS TABLE loose"
    )
    return Sides(ferry=ferry, plan=plan, made=made)
