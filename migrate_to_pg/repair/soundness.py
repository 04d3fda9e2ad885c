"""A connection in; out: what SQLite's own checks say of the database, to be compared before and after a repair."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass

from migrate_to_pg.repair.shape import read_shape
from migrate_to_pg.rules.rule import counted

#: (table, columns of the key) -> rows that break it.
Broken = Counter[tuple[str, tuple[str, ...]]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Soundness:
    """What integrity_check and foreign_key_check find."""

    messages: frozenset[str]
    broken_keys: Broken


def soundness(database: sqlite3.Connection) -> Soundness:
    """Ask both, within whatever transaction is open."""
    messages = {str(line) for (line,) in database.execute("PRAGMA main.integrity_check(1000)")}
    broken: Broken = Counter()
    try:
        found = Counter((table, number) for table, _, _, number in database.execute("PRAGMA main.foreign_key_check"))
        for (table, number), count in found.items():
            broken[table, read_shape(database, table).foreign_keys[number][1]] += count
    except sqlite3.OperationalError as error:
        # "foreign key mismatch": a parent has no such unique key.
        messages.add(str(error))
    return Soundness(messages=frozenset(messages - {"ok"}), broken_keys=broken)


def worse(before: Soundness, after: Soundness) -> list[str]:
    """What was not there before: empty where a repair did no harm."""
    rows = [
        f"{counted(count - before.broken_keys[place], 'row', 'rows')} of {place[0]} would break the foreign key on"
        f" {', '.join(place[1])}"
        for place, count in after.broken_keys.items()
        if count > before.broken_keys[place]
    ]
    return [*sorted(after.messages - before.messages), *rows]
