"""A source of chance and a kind of column in; one SQL literal of SQLite's out, likely or unlikely for that column."""

from __future__ import annotations

import random
from collections.abc import Callable

INTEGERS = (
    0, 1, -1, 2, 3, 7, 10, 127, 255, 999, 9999, 10000, 32767, 32768, -32768, -32769, 20240101, 1704067200, 2460311,
    1704067200000, 2**31 - 1, 2**31, -(2**31), -(2**31) - 1, 10**15 - 1, 10**15, 2**53, 2**53 + 1, 2**63 - 1, -(2**63),
)  # fmt: skip
REALS = (
    "9e999", "-9e999", "-0.0", "0.0", "0.5", "1.0", "-1.0", "0.1", "0.005", "0.015", "1.005", "2.675", "1.115", "0.004",
    "999.995", "9999.99", "9999.994", "9999.995", "9999.99499999999", "10000.0", "1e15", "123456789012345.6", "1e308",
    "5e-324", "1e-7", "9007199254740993.0", "9223372036854775807.0", "1704067200.5", "2460311.5",
)  # fmt: skip
MOMENTS = (
    "2024-01-31 12:00:00", "2024-01-31T12:00:00Z", "2024-01-31 12:00:00+02:00", "2024-01-31 12:00:00.1234567",
    "2024-01-31 12:00:00,5", "2024-01-31 12:00", "2024-01-31", "20240131T120000", "2024-W05-3", "2024-1-5 1:2:3",
    "0001-01-01 00:00:00", "0001-01-01 00:00:00+14:00", "9999-12-31 23:59:59.999999", "9999-12-31 23:59:59-12:00",
    "10000-01-01 00:00:00", "0000-00-00 00:00:00", "2024-02-30 00:00:00", "2024-03-31 02:30:00", "2024-10-27 02:30:00",
    "2024-01-31 24:00:00", "2024-01-31 23:59:60", "-0001-01-01 00:00:00", "now", "infinity", "-infinity", "epoch",
    "12:00", "31/01/2024", "1704067200", "2460311.5", "2024-01-31 12:00:00+00:00:30", "2024-01-31 12:00:00 UTC",
    "2024-01-31 12:00:00.999999999", " 2024-01-31 12:00:00", "2024-01-31 12:00:00 ", "1582-10-10 00:00:00",
    "2024-01-31 12:00:00.000001-23:59", "2024-01-31  12:00:00", "2024-01-31 12:00:00+2", "２０２４-01-31 12:00:00",
    "2024-01-31 12:00:00.5Z", "1900-01-01 00:00:00.000001", "2024-001", "2024-01-31t12:00:00z",
)  # fmt: skip
TEXTS = (
    "", " ", "a", "é", "e\u0301", "ǅ", "ß", "İ", "ı", "\u00a0", "\ufeff", "\u202e", "\u200b", "\uffff", "\U0010ffff",
    "🎓", "👩\u200d🏫", "\\", "\\N", "\\.", "\\x00", "'", '"', "%s", "{}", "$1", "--", "\t", "\n", "\r\n", "a ", " a",
    "\x01", "\x1a", "\x1f", "\x7f", "\x85", "\u2028", "NULL", "null", "None", "true", "false", "t", "f", "yes", "on",
    "0", "1", "-1", "007", "+5", " 5", "5 ", "5.0", "1e3", "0x10", "１２", "1_000", "9223372036854775808", "NaN", "inf",
    "Infinity", "1.5", "1,5", "AGV211", "2026-2027", "2026-2028", "2026-2027\n", "２０２６-２０２７", "CM", "L1",
    "STAT", "{}", "[1, 1.0]", '{"a": NaN}', '"\\u0000"', '"\\ud800"', '{"a": 1, "a": 2}',
    "00000000-0000-0000-0000-000000000000", "a" * 20, "a" * 21,
    "🎓" * 20, "🎓" * 21, "e\u0301" * 10, "é" * 150, "é" * 151, "z" * 254, "z" * 255, "z" * 256,
)  # fmt: skip
#: Bytes that SQLite keeps as text and that are none: cut off, overlong, surrogates, beyond Unicode, NUL.
BROKEN = (
    b"\xff", b"\xc3", b"a\x80b", b"\xc0\x80", b"\xe0\x80\x80", b"\xed\xa0\x80", b"\xed\xa0\x80\xed\xb0\x80",
    b"\xf4\x90\x80\x80", b"\xf0\x9f\x8e", b"\x00", b"a\x00b", b"5\x00", b"2024-01-31 12:00:00\x00", b"caf\xe9",
    b"\xfe\xff\x00a", b"\xef\xbb\xbf",
)  # fmt: skip
BLOBS = (b"", b"\x00", b"a", b"5", b"true", b"2024-01-31 12:00:00", b"\xff\xfe", bytes(16), "é".encode(), b"\x00" * 300)
LONG = ("replace(hex(zeroblob(1500)), '0', 'b')", "replace(hex(zeroblob(60000)), '00', '🎓')")


def written(value: bytes) -> str:
    """Bytes as text, whatever they are; a real text shows itself in the script that a failure prints."""
    try:
        readable = value.decode()
    except UnicodeDecodeError:
        readable = "\0"
    if readable.isprintable():
        return "'" + readable.replace("'", "''") + "'"
    return f"CAST(x'{value.hex()}' AS TEXT)"


def integer(chance: random.Random) -> str:
    if chance.random() < 0.7:
        return str(chance.choice(INTEGERS) + chance.choice((0, 0, 0, 1, -1)) if chance.random() < 0.9 else -(2**63))
    return str(chance.getrandbits(chance.randrange(1, 64)) * chance.choice((1, -1)))


def real(chance: random.Random) -> str:
    if chance.random() < 0.6:
        return chance.choice(REALS)
    return repr(
        round(chance.uniform(-10_000, 10_000), chance.randrange(0, 12)) * 10.0 ** chance.choice((0, 0, 0, -9, 9))
    )


def text(chance: random.Random) -> str:
    if chance.random() < 0.1:
        # What has no order cannot be compressed, so that it is too large for an index.
        return chance.choice((*LONG, written(chance.randbytes(6000).hex().encode())))
    if chance.random() < 0.25:
        length = chance.randrange(1, 30)
        return written("".join(chr(character(chance)) for _ in range(length)).encode())
    return written(chance.choice(TEXTS + MOMENTS).encode())


def character(chance: random.Random) -> int:
    point = chance.choice((chance.randrange(1, 128), chance.randrange(1, 0x3000), chance.randrange(0xE000, 0x110000)))
    return point if not 0xD800 <= point < 0xE000 else 0x20


def broken(chance: random.Random) -> str:
    if chance.random() < 0.4:
        return f"CAST(x'{chance.randbytes(chance.randrange(0, 12)).hex()}' AS TEXT)"
    return written(chance.choice(BROKEN))


def blob(chance: random.Random) -> str:
    value = chance.choice(BLOBS) if chance.random() < 0.6 else chance.randbytes(chance.randrange(0, 40))
    return f"x'{value.hex()}'"


def null(_: random.Random) -> str:
    return "NULL"


def boolean(chance: random.Random) -> str:
    return chance.choice(("0", "1"))


def hours(chance: random.Random) -> str:
    return chance.choice(("0.005", "1.005", "2.675", "0.5", "12", "9999.99", repr(round(chance.uniform(0, 9999), 4))))


def moment(chance: random.Random) -> str:
    if chance.random() < 0.7:
        return written(chance.choice(MOMENTS).encode())
    day = f"{chance.randrange(1, 10000):04}-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"
    clock = f"{chance.randrange(24):02}:{chance.randrange(60):02}:{chance.randrange(60):02}"
    fraction = chance.choice(("", ".5", ".000001", ".123456789", f".{chance.randrange(10**6):06}"))
    return written(
        f"{day}{chance.choice(' T')}{clock}{fraction}{chance.choice(('', '', 'Z', '+05:45', '-12'))}".encode()
    )


def harmless_text(chance: random.Random) -> str:
    """What a text column of any length might hold."""
    return written(chance.choice([t for t in TEXTS if len(t) < 5]).encode())


Maker = Callable[[random.Random], str]
ANYTHING: tuple[Maker, ...] = (null, integer, real, text, text, broken, blob, moment)
#: First word of the declared type -> what such a column is likely to hold.
LIKELY: dict[str, Maker] = {
    "integer": integer, "bigint": integer, "smallint": integer, "bool": boolean, "decimal": hours, "datetime": moment,
    "text": text, "varchar": harmless_text,
}  # fmt: skip


def literal(chance: random.Random, declared: str) -> str:
    """A value for a column declared so: likely ones as often as all others together."""
    likely = LIKELY.get(declared.split("(")[0].split(" ")[0], text)
    return likely(chance) if chance.random() < 0.5 else chance.choice(ANYTHING)(chance)
