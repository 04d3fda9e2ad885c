"""name -> random values for the field of that name, its edges among them, such as an application may save."""

from __future__ import annotations

import datetime
import ipaddress
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from hypothesis import strategies as st

#: PostgreSQL has no NUL, and no encoding has half a surrogate pair.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
TEXT = st.text(CHARACTERS, max_size=40)
DAY = datetime.timedelta(days=1)


def integers(bits: int, *, positive: bool = False) -> st.SearchStrategy[int]:
    low, high = (0 if positive else -(2 ** (bits - 1))), 2 ** (bits - 1) - 1
    return st.one_of(st.integers(low, high), st.sampled_from([low, high, 0, 1]))


def decimals(digits: int, places: int) -> st.SearchStrategy[Decimal]:
    """Of more than 15 digits Django reads 15 from SQLite: the highest would be rounded beyond the field's digits."""
    most = Decimal(10**digits - 1 if digits <= 15 else 9 * 10 ** (digits - 1)).scaleb(-places)
    return st.decimals(-most, most, places=places, allow_nan=False, allow_infinity=False)


def moments() -> st.SearchStrategy[datetime.datetime]:
    """Aware with USE_TZ; without, local times that were once and only once: others are findings.

    Of the first and the last day only UTC's are in years that Python has in every zone.
    """
    if settings.USE_TZ:
        first, last = datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)
        zones = st.sampled_from([datetime.UTC, ZoneInfo("America/New_York")])
        everywhere = st.datetimes(first, last, timezones=zones)
        if settings.DATABASES["default"].get("TIME_ZONE"):
            return everywhere
        ends = st.sampled_from([datetime.datetime.min, datetime.datetime.max]) | st.datetimes()
        return everywhere | ends.map(lambda moment: moment.replace(tzinfo=datetime.UTC))
    zone = ZoneInfo(settings.TIME_ZONE)
    return st.datetimes(datetime.datetime(1, 1, 2), datetime.datetime(9999, 12, 30)).filter(
        lambda moment: moment.replace(tzinfo=zone).utcoffset() == moment.replace(tzinfo=zone, fold=1).utcoffset()
    )


def network(address: str, bits: int) -> str:
    return str(ipaddress.ip_network((address, bits), strict=False))


ADDRESSES = (st.ip_addresses(v=4) | st.ip_addresses(v=6)).map(str)
NETWORKS = st.builds(network, ADDRESSES, st.integers(0, 32))
MOODS = st.sampled_from(["sad", "très gai", '{"}', ""])


def documents() -> st.SearchStrategy[Any]:
    numbers = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
    leaves = st.one_of(st.none(), st.booleans(), numbers, TEXT)
    return st.recursive(leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3))


VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "BigInteger": integers(64),
    "Binary": st.binary(max_size=60),
    "Boolean": st.booleans(),
    "Char": TEXT,
    "Date": st.dates(),
    "DateTime": moments(),
    "Decimal2": decimals(5, 2),
    "Decimal4": decimals(15, 4),
    "Decimal10": decimals(20, 10),
    "DecimalWhole": decimals(25, 0),
    "DecimalLong": decimals(90, 3),
    "Duration": st.timedeltas(-(10**8) * DAY, 10**8 * DAY),
    "Email": st.emails(),
    "File": st.text("abc/._é", max_size=30),
    "FilePath": st.text("abc/._é", max_size=30),
    "Float": st.floats(allow_nan=False),
    "IPAddress": ADDRESSES | st.ip_addresses(v=4).map(lambda address: f"::ffff:{address}"),
    "Integer": integers(32),
    "JSON": documents(),
    "PositiveBigInteger": integers(64, positive=True),
    "PositiveInteger": integers(32, positive=True),
    "PositiveSmallInteger": integers(16, positive=True),
    "Slug": st.text("abc-_019", max_size=40),
    "SmallInteger": integers(16),
    "Text": st.text(CHARACTERS, max_size=300),
    "Time": st.times(),
    "URL": TEXT.map(lambda path: f"https://example.org/{path}"),
    "UUID": st.uuids(),
    "IntegerArray": st.lists(integers(32), max_size=9),
    "TextArray": st.lists(TEXT, max_size=5),
    "IntegerRange": st.integers(-(2**62), 2**62).flatmap(
        lambda low: st.integers(low + 1, 2**62 + 1).map(lambda high: f"[{low},{high})")
    ),
    "Mood": MOODS,
    "Network": NETWORKS,
    "Free": st.integers(-(10**15) + 1, 10**15 - 1).flatmap(
        lambda digits: st.integers(-30, 30).map(lambda places: Decimal(digits).scaleb(places))
    ),
    "Doubled": integers(31),
    "Marked": TEXT,
    "Group": integers(31),
}
KEY_VALUES: Mapping[str, st.SearchStrategy[Any]] = {
    "AutoKey": integers(31),
    "BigAutoKey": integers(63),
    "SmallAutoKey": integers(15),
    "TextKey": TEXT,
    "UUIDKey": st.uuids(),
    "DateKey": st.dates(),
    "DecimalKey": decimals(9, 3),
    "MoodKey": MOODS,
    "NetworkKey": NETWORKS,
}
