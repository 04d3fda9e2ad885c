"""A source of chance and a database in; a damaged database out, and the SQL that did it.

Everything is plain SQL, so that a failure can print the script which makes the same database again.
"""

from __future__ import annotations

import random
import re
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.fuzz import values
from tests.projects.by_hand import quoted

Script = list[str]

UNIQUE = r', CONSTRAINT "\w+" UNIQUE \([^)]*\)| UNIQUE\b'
TYPES = r"integer|bigint|smallint unsigned|varchar\(\d+\)|text|decimal|datetime|bool"
#: A column as Django declares it; the alias of the rowid stays what it is.
DECLARED = re.compile(rf'("\w+") (?:{TYPES})\b(?! NOT NULL PRIMARY KEY AUTOINCREMENT)(?: NOT NULL| NULL)?')


class Wreck:
    """The database as far as it is damaged, and how one more piece of damage is thought of."""

    def __init__(self, path: Path, chance: random.Random) -> None:
        self.path = path
        self.chance = chance

    def ask(self, query: str) -> list[tuple[object, ...]]:
        with closing(connect(self.path)) as database:
            return database.execute(query).fetchall()

    def table(self) -> str:
        """Any table of the application's, or of Django's."""
        listed = self.ask("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
        # Where the migrations are recorded, most damage ends the run at once.
        kept = [str(name) for (name,) in listed if name != "django_migrations" or self.chance.random() < 0.2]
        return self.chance.choice(kept)

    def definition(self, table: str) -> str:
        return str(self.ask(f"SELECT sql FROM sqlite_master WHERE type = 'table' AND name = {text(table)}")[0][0])

    def columns(self, table: str) -> list[tuple[str, str]]:
        """(name, declared type)."""
        return [(str(row[1]), str(row[2])) for row in self.ask(f"PRAGMA table_info({text(table)})")]

    def row(self, table: str) -> int:
        rows = self.ask(f"SELECT rowid FROM {quoted(table)}")
        return int(str(self.chance.choice(rows)[0])) if rows else 0

    def cell(self, table: str) -> str:
        """An UPDATE of one cell."""
        name, declared = self.chance.choice(self.columns(table))
        value = values.literal(self.chance, declared)
        if self.chance.random() < 0.1:
            other = self.chance.choice(self.columns(table))[0]
            value = f"(SELECT {quoted(other)} FROM {quoted(table)} WHERE rowid = {self.row(table)})"
        return f"UPDATE {quoted(table)} SET {quoted(name)} = {value} WHERE rowid = {self.row(table)}"


def connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, isolation_level=None)
    database.create_function("REGEXP", 2, lambda pattern, value: bool(re.search(pattern, str(value))))
    for pragma in ("ignore_check_constraints = ON", "legacy_alter_table = ON", "foreign_keys = OFF"):
        database.execute(f"PRAGMA {pragma}")
    return database


def text(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


# --- kinds of damage --------------------------------------------------------------------------------------------------


def write(wreck: Wreck) -> Script:
    """A cell, as any program may write it: the column's affinity is at work, and its constraints are."""
    return [wreck.cell(wreck.table())]


def slip_in(wreck: Wreck) -> Script:
    """A cell that the table as declared would have converted or refused."""
    table = wreck.table()
    sql = wreck.definition(table)
    return [*declare(table, DECLARED.sub(r"\1", sql)), wreck.cell(table), *declare(table, sql)]


def declare(table: str, sql: str) -> Script:
    return [
        "PRAGMA writable_schema = ON",
        f"UPDATE sqlite_master SET sql = {text(sql)} WHERE type = 'table' AND name = {text(table)}",
        "PRAGMA writable_schema = RESET",
    ]


def strip(wreck: Wreck) -> Script:
    """A table without types and constraints, as CREATE TABLE AS leaves it; sometimes without its key."""
    table = wreck.table()
    names = [quoted(name) for name, _ in wreck.columns(table)]
    keyed = wreck.chance.random() < 0.6 and names[0] == '"id"'
    columns = ", ".join([f"{names[0]} INTEGER PRIMARY KEY" if keyed else names[0], *names[1:]])
    rebuilt = rebuild(table, f"CREATE TABLE {quoted(table)} ({columns})")
    return [*rebuilt, *[wreck.cell(table) for _ in range(wreck.chance.randrange(3))]]


def rebuild(table: str, sql: str) -> Script:
    new = f"{table}__new"
    return [
        sql.replace(f"CREATE TABLE {quoted(table)}", f"CREATE TABLE {quoted(new)}", 1),
        f"INSERT INTO {quoted(new)} SELECT * FROM {quoted(table)}",
        f"DROP TABLE {quoted(table)}",
        f"ALTER TABLE {quoted(new)} RENAME TO {quoted(table)}",
    ]


def redeclare(wreck: Wreck) -> Script:
    """A column of another type, or a constraint lost."""
    table = wreck.table()
    loss = wreck.chance.choice((" NOT NULL", UNIQUE, TYPES, r" REFERENCES \S+ \S+ DEFERRABLE INITIALLY DEFERRED"))
    found = list(re.finditer(loss, wreck.definition(table)))
    if not found:
        return []
    spot = wreck.chance.choice(found)
    other = wreck.chance.choice(("text", "integer", "blob", "real", "", "varchar(5)")) if loss == TYPES else ""
    sql = wreck.definition(table)
    return [*rebuild(table, sql[: spot.start()] + other + sql[spot.end() :]), wreck.cell(table)]


def dangle(wreck: Wreck) -> Script:
    """A foreign key to a table that is gone, as a RENAME of old left it."""
    table = wreck.table()
    sql = wreck.definition(table)
    return declare(table, re.sub(r'REFERENCES "(\w+)"', r'REFERENCES "\1__old"', sql, count=1))


def duplicate(wreck: Wreck) -> Script:
    """A row twice, with a new id; where a unique index forbids it, without that index."""
    table = wreck.table()
    names = [quoted(name) for name, _ in wreck.columns(table)]
    kept = names[1:] if names[0] == '"id"' else names
    listed = ", ".join(kept)
    double = (
        f"INSERT INTO {quoted(table)} ({listed}) SELECT {listed} FROM {quoted(table)} WHERE rowid = {wreck.row(table)}"
    )
    dropped = [f"DROP INDEX {quoted(str(name))}" for (name,) in wreck.ask(unique_indexes(table))]
    sql = wreck.definition(table)
    loose = re.sub(UNIQUE, "", sql)
    return [*dropped, *(rebuild(table, loose) if loose != sql else []), double]


def unique_indexes(table: str) -> str:
    return f"SELECT name FROM sqlite_master WHERE tbl_name = {text(table)} AND sql LIKE 'CREATE UNIQUE%'"


def delete(wreck: Wreck) -> Script:
    """A row, whoever refers to it."""
    table = wreck.chance.choice(
        (wreck.table(), "attributions_teacher", "courses_course", "auth_user", "auth_permission")
    )
    return [f"DELETE FROM {quoted(table)} WHERE rowid = {wreck.row(table)}"]


def drop_index(wreck: Wreck) -> Script:
    found = wreck.ask("SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL")
    return [f"DROP INDEX {quoted(str(wreck.chance.choice(found)[0]))}"] if found else []


def alter(wreck: Wreck) -> Script:
    """A column or a table that the migrations do not know, or one fewer."""
    table = wreck.table()
    column, _ = wreck.chance.choice(wreck.columns(table)[1:] or wreck.columns(table))
    return wreck.chance.choice(
        (
            [f"ALTER TABLE {quoted(table)} ADD COLUMN extra", wreck.cell(table)],
            [f"ALTER TABLE {quoted(table)} RENAME COLUMN {quoted(column)} TO {quoted(column.upper())}"],
            [f"ALTER TABLE {quoted(table)} DROP COLUMN {quoted(column)}"],
            [f"CREATE TABLE {quoted(table + '_backup')} AS SELECT * FROM {quoted(table)}"],
            [f"DROP TABLE {quoted(table)}"],
            [f"ALTER TABLE {quoted(table)} RENAME TO {quoted(table.upper())}"],
        )
    )


def sequence(wreck: Wreck) -> Script:
    """What SQLite remembers of the highest id."""
    value = values.literal(wreck.chance, "integer")
    table = wreck.table()
    return wreck.chance.choice(
        (
            [f"UPDATE sqlite_sequence SET seq = {value} WHERE name = {text(table)}"],
            [f"DELETE FROM sqlite_sequence WHERE name = {text(table)}"],
            [f"INSERT INTO sqlite_sequence VALUES ({text(table)}, {value})"],
            [f"INSERT INTO sqlite_sequence VALUES ({values.literal(wreck.chance, 'text')}, {value})"],
        )
    )


def pragma(wreck: Wreck) -> Script:
    return [wreck.chance.choice(("PRAGMA journal_mode = WAL", "PRAGMA user_version = -1", "VACUUM", "ANALYZE"))]


Kind = Callable[[Wreck], Script]
KINDS: dict[Kind, int] = {
    write: 40, slip_in: 20, strip: 6, redeclare: 8, dangle: 2, duplicate: 5, delete: 5, drop_index: 5, alter: 3,
    sequence: 4, pragma: 2,
}  # fmt: skip


def damage(path: Path, chance: random.Random) -> list[Script]:
    """Damage the database in up to twenty places; what SQLite refuses is left out."""
    done = []
    wreck = Wreck(path, chance)
    for _ in range(chance.choice((0, 1, 1, 1, 2, 2, 3, 4, 10, 10, 20))):
        script = chance.choices(list(KINDS), list(KINDS.values()))[0](wreck)
        if script and apply(path, script):
            done.append(script)
    return done


def apply(path: Path, script: Script) -> bool:
    """Run the script whole, or leave the file as it was."""
    spare = path.with_suffix(".spare")
    shutil.copyfile(path, spare)
    try:
        with closing(connect(path)) as database:
            for statement in script:
                database.execute(statement)
            database.execute("SELECT count(*) FROM sqlite_master").fetchone()
    except sqlite3.Error:
        for leftover in path.parent.glob(f"{path.name}-*"):
            leftover.unlink()
        shutil.copyfile(spare, path)
        return False
    return True
