"""Single corruptions of the staged tables, each with what the verification must say of it, from a seed."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

from tests.mutation.sides import COLUMNS, ROWS

#: kind, column, the row's id.
Told = tuple[str, str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """A statement that changes one thing, and everything that the verification must tell."""

    kind: str
    statement: str
    told: frozenset[Told]


#: kind -> column -> the corrupted value, in SQL over the column.
CHANGES: dict[str, dict[str, str]] = {
    "off by one": {
        "i2": "i2 + 1", "i4": "i4 - 1", "i8": "i8 + 1", "d": "d + 1", "l": "array[l[1], l[2] + 1]",
        "ip": "ip + 1", "net": "network(net + 65536)",
    },
    "last bit of a float": {
        "f8": "(CASE WHEN f8 = 0 THEN 5e-324 ELSE f8 * (1 + 2.220446049250313e-16) END)",
        "f4": "(f4 * 1.0000001192092896::float4)::real",
    },
    "a microsecond": {
        "tm": "CASE WHEN tm > '23:59:59.9' THEN tm - interval '1 microsecond' ELSE tm + interval '1 microsecond' END",
        "ts": "ts + interval '1 microsecond'", "tz": "tz - interval '1 microsecond'",
        "iv": "iv + interval '1 microsecond'",
    },
    "a trailing space": {"v": "v || ' '", "t": "t || ' '"},
    "case": {
        "v": "CASE WHEN v = upper(v) THEN lower(v) || 'x' ELSE upper(v) END",
        "t": "CASE WHEN t = lower(t) THEN upper(t) || 'x' ELSE lower(t) END",
        "c": "CASE WHEN c = upper(c) THEN lower(c) || 'x' ELSE upper(c) END",
    },
    "composed and decomposed": {
        "t": "CASE WHEN normalize(t, NFD) = t THEN 'e' || U&'\\0301' || t ELSE normalize(t, NFD) END",
        "v": "CASE WHEN normalize(v, NFD) = v THEN 'e' || U&'\\0301' ELSE normalize(v, NFD) END",
    },
    "empty instead of there": {"t": "''", "v": "''", "by": "''", "l": "'{}'", "c": "''"},
    "the last digit": {"n": "n + 0.0001", "long": "long - 0.0000000001", "free": "free + 0.00001"},
    "sign": {"f8": "-f8", "n": "CASE WHEN n = 0 THEN 1 ELSE -n END", "i4": "CASE WHEN i4 = 0 THEN 1 ELSE -i4 END"},
    "the other truth": {"b": "NOT b"},
    "a byte": {"by": "set_byte(by, 0, 255 - get_byte(by, 0))"},
    "a digit of a uuid": {
        "u": "(translate(left(u::text, 1), '0123456789abcdef', '123456789abcdef0') || substr(u::text, 2))::uuid"
    },
    "a JSON value": {
        "jb": "jsonb_set(jb, '{l,0}', '1')", "j": "jsonb_set(j::jsonb, '{l,2,x}', '1.0000000001')::json",
    },
    "a JSON key": {"jb": "jb || '{\"more\": null}'", "j": "(j::jsonb - 'n')::json"},
    "a prefix": {"ip": "set_masklen(ip, 31)", "net": "set_masklen(net, 17)::cidr"},
}  # fmt: skip


def corruptions(each: int, seed: int) -> Iterator[Corruption]:
    """``each`` of every kind on every column that it applies to."""
    chance = random.Random(seed)  # noqa: S311 - the same in each run
    full = [key for key in range(1, ROWS + 1) if (key - 1) % 7]
    for kind, columns in CHANGES.items():
        for column, value in columns.items():
            for key in chance.sample(full, each):
                yield changed(kind, column, value, key)
    for column in COLUMNS:
        for key in chance.sample(full, each):
            yield changed("nothing instead of a value", column, "NULL", key)
    for make in (filled, swapped, deleted, doubled, renumbered):
        for _ in range(each * 3):
            yield make(chance)


def changed(kind: str, column: str, value: str, key: int) -> Corruption:
    statement = f"UPDATE thing SET {column} = {value} WHERE id = {key}"
    return Corruption(kind=kind, statement=statement, told=frozenset({("changed", column, str(key))}))


def filled(chance: random.Random) -> Corruption:
    """A value where there was none."""
    column = chance.choice([name for name, (type_sql, _) in COLUMNS.items() if type_sql in ("text", "integer")])
    key = chance.choice(range(1, ROWS + 1, 7))
    value = "''" if column == "t" else "0"
    return changed("a value instead of nothing", column, value, key)


def swapped(chance: random.Random) -> Corruption:
    """Two rows exchange one value, which the unique ones let them."""
    column = chance.choice(["i4", "t", "tz", "u", "n", "f8", "jb"])
    one, other = chance.sample([key for key in range(1, ROWS + 1) if (key - 1) % 7], 2)
    statement = (
        f"UPDATE thing a SET {column} = b.{column} FROM thing b"
        f" WHERE (a.id, b.id) IN (({one}, {other}), ({other}, {one}))"
    )
    told = frozenset({("changed", column, str(one)), ("changed", column, str(other))})
    return Corruption(kind="two rows exchanged", statement=statement, told=told)


def deleted(chance: random.Random) -> Corruption:
    key = chance.randint(1, ROWS)
    told = frozenset({("missing", "", str(key))})
    return Corruption(kind="a row deleted", statement=f"DELETE FROM thing WHERE id = {key}", told=told)


def doubled(chance: random.Random) -> Corruption:
    """Where there is a key, under another one; where there is none, as it is."""
    if chance.random() < 0.5:
        statement = f"INSERT INTO loose SELECT * FROM loose OFFSET {chance.randrange(ROWS)} LIMIT 1"
        return Corruption(kind="a row doubled", statement=statement, told=frozenset({("extra", "", "")}))
    key = chance.choice(range(1, ROWS + 1, 7))
    statement = f"INSERT INTO thing (id) VALUES ({ROWS + key + 1})"
    return Corruption(kind="a row doubled", statement=statement, told=frozenset({("extra", "", str(ROWS + key + 1))}))


def renumbered(chance: random.Random) -> Corruption:
    """The last one: the next id but one."""
    key = chance.randint(1, ROWS)
    told = frozenset({("missing", "", str(key)), ("extra", "", str(key + 1000))})
    return Corruption(kind="another id", statement=f"UPDATE thing SET id = id + 1000 WHERE id = {key}", told=told)
