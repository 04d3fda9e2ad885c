"""The vectorised conversions against Django's own converters, on random values."""

from __future__ import annotations

import datetime
import struct
import uuid
import zoneinfo
from collections.abc import Callable, Sequence
from contextlib import suppress
from decimal import Decimal
from types import SimpleNamespace
from typing import Any, cast

import pyarrow as pa
import pytest
from django.db import connections, models
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.sqlite3.operations import DatabaseOperations
from django.db.models.expressions import Col
from django.test import override_settings
from django.utils.dateparse import parse_date, parse_datetime, parse_time
from django.utils.timezone import make_aware
from hypothesis import given, settings
from hypothesis import strategies as st

from migrate_to_pg.codecs import CODECS, datetimes, numeric
from migrate_to_pg.codecs.codec import Context, ConvertedBatch, NeedsCheckedRead
from migrate_to_pg.records import TargetColumn
from migrate_to_pg.verify import canonical
from migrate_to_pg.verify.canonical import EPOCH, MICROSECOND
from tests.tiers import first_in_ci

MANY = settings(max_examples=400, deadline=None)
FACTS = canonical.ColumnFacts(zone=zoneinfo.ZoneInfo("UTC"))
FIFTEEN = st.integers(-(10**15) + 1, 10**15 - 1)


def column(type_name: str, *, precision: int | None = None, scale: int | None = None) -> TargetColumn:
    return TargetColumn(
        name="v", type_name=type_name, type_sql=type_name, not_null=False, precision=precision, scale=scale
    )


def convert(target: TargetColumn, values: Sequence[Any], *, zone: str = "UTC") -> ConvertedBatch:
    """As the plain reading does; where that is in doubt, as the guarded one does."""
    codec = CODECS[target.type_name]
    context = Context(column=target, time_zone=zone)
    is_real = codec.expressions[0].type == pa.float64()
    found = [v.encode() if isinstance(v, str) else float(v) if is_real else v for v in values]
    first = pa.array(found, codec.expressions[0].type)
    try:
        return codec.convert([first], context)
    except NeedsCheckedRead:
        limit = 10**15 - 1 if target.type_name == "numeric" else 2**53
        large = [str(v).encode() if isinstance(v, int) and abs(v) > limit else None for v in values]
        return codec.convert([first, pa.array(large, pa.binary())], context)


def check_like(converted: ConvertedBatch, values: Sequence[Any], django: Callable[[Any], object]) -> None:
    """Each value as Django reads it; malformed where Django fails or reads nothing."""
    marks = converted.malformed.to_pylist() if converted.malformed is not None else [False] * len(values)
    for value, read, malformed in zip(values, converted.values.to_pylist(), marks, strict=True):
        try:
            expected = django(value)
        except (ArithmeticError, ValueError):
            expected = None
        assert malformed == (expected is None), (value, read, expected)
        assert read == expected, value


# --- decimals ---------------------------------------------------------------------------------------------------------


def decimal_converter(precision: int, scale: int) -> Callable[[float], Decimal | None]:
    field = models.DecimalField(max_digits=precision, decimal_places=scale)
    expression = Col("t", field, field)
    read = DatabaseOperations(connections["default"]).get_decimalfield_converter(expression)
    return lambda value: read(value, expression, connections["default"])


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int]:
    precision = draw(st.integers(1, 60))
    return precision, draw(st.integers(0, min(precision, 30)))


@MANY
@given(shapes(), st.data())
def test_decimals(shape: tuple[int, int], data: st.DataObject) -> None:
    precision, scale = shape
    near = st.one_of(
        FIFTEEN.map(lambda units: units / 10 ** min(scale, 22)),
        st.integers(-(10**5), 10**5).map(lambda units: (units + 0.5) / 10**scale),
        st.floats(allow_nan=False),
        st.integers(-(2**63), 2**63 - 1),
    )
    values = data.draw(st.lists(near, min_size=1, max_size=5))
    check_like(convert(column("numeric", precision=precision, scale=scale), values), values,
               decimal_converter(precision, scale))  # fmt: skip


@MANY
@given(st.integers(0, 8), st.integers(-(10**6), 10**6))
def test_decimals_with_one_digit_too_many(scale: int, units: int) -> None:
    """Half a unit beside, where a product of floats is on the wrong side of it every so often."""
    values = [float(Decimal(10 * units + 5).scaleb(-scale - 1))]
    check_like(convert(column("numeric", precision=20, scale=scale), values), values, decimal_converter(20, scale))


@MANY
@given(st.integers(1, 15), st.integers(0, 15), st.lists(FIFTEEN, min_size=1, max_size=20))
def test_decimals_of_fifteen_digits_take_the_fast_way(precision: int, scale: int, units: list[int]) -> None:
    values = [Decimal(u % 10**precision).scaleb(-scale) for u in units]
    fast = numeric._convert_vectorized(
        pa.array(map(float, values), pa.float64()), column("numeric", precision=15, scale=scale)
    )
    assert fast is not None
    assert fast.to_pylist() == values


def test_decimals_keep_nulls_and_slices() -> None:
    sliced = pa.array([9.99, None, 0.25, None, -1.5]).slice(1)
    fast = numeric._convert_vectorized(sliced, column("numeric", precision=40, scale=2))
    assert fast is not None
    fast.validate(full=True)
    assert fast.to_pylist() == [None, Decimal("0.25"), None, Decimal("-1.50")]


# --- times ------------------------------------------------------------------------------------------------------------

DIGITS = st.text("0123456789", min_size=1, max_size=4)
#: Digits and blanks of other scripts are among them: \d and \s of Django's regular expressions match these too.
PIECES = st.one_of(
    st.sampled_from(
        ["-", ":", ".", ",", " ", "T", "t", "Z", "z", "+", "W", "24", "60", "00", "01", "31", "02", "2024",
         "\n", "\t", "\u3000", "\uff11", "\u0665", "\u00b2", "1234567", "\0"]
    ),
    DIGITS,
)  # fmt: skip
NOISE = st.lists(PIECES, max_size=14).map("".join)
CLOCKS = st.times().flatmap(lambda t: st.sampled_from([str(t), t.isoformat("milliseconds"), t.isoformat("minutes")]))
DAYS = st.dates().map(str)
#: As only Django's regular expressions read them.
LOOSE_DAYS = st.dates().map(lambda d: f"{d.year:04}-{d.month}-{d.day}")
LOOSE_CLOCKS = st.times().flatmap(
    lambda t: st.sampled_from([f"{t.hour}:{t.minute}", f"{t.hour}:{t.minute}:{t.second}", f"{t:%H:%M:%S},{t:%f}123"])
)
OFFSETS = st.sampled_from(
    ["", "", "", "Z", "+02:00", "-0330", "+01", " +02:00", "\t-03", " Z", "+00:90", "-23:99", " "]
)
MOMENTS = st.builds("".join, st.tuples(DAYS | LOOSE_DAYS, st.sampled_from(" T"), CLOCKS | LOOSE_CLOCKS, OFFSETS))


@st.composite
def mangled(draw: st.DrawFn, whole: st.SearchStrategy[str]) -> str:
    """A sound text with a piece put in, taken out or replaced: the spellings on which two parsers may differ."""
    text = draw(whole)
    start = draw(st.integers(0, len(text)))
    return text[:start] + draw(st.one_of(st.just(""), PIECES)) + text[start + draw(st.integers(0, 3)) :]


def spellings(whole: st.SearchStrategy[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.one_of(whole, mangled(whole), NOISE), min_size=1, max_size=3)


#: The verification's reading of a column's text, and what it makes of what the codec read.
Judge = Callable[[Any], str]


def check_proven(converted: ConvertedBatch, values: Sequence[str], source: Judge, form: Judge) -> None:
    """What the codec read is what the verification reads of the same text."""
    for value, read in zip(values, converted.values.to_pylist(), strict=True):
        assert read is None or source(value) == form(read), (value, read)


@MANY
@given(spellings(DAYS | LOOSE_DAYS))
def test_dates(values: list[str]) -> None:
    converted = convert(column("date"), values)
    check_like(converted, values, parse_date)
    check_proven(converted, values, lambda v: canonical.source_date(v, FACTS), lambda d: f"={(d - EPOCH.date()).days}")


def clock(value: str) -> datetime.time | None:
    """Django drops an offset, which would be a change."""
    with suppress(ValueError):
        if datetime.time.fromisoformat(value).tzinfo is not None:
            return None
    return parse_time(value)


@MANY
@given(spellings(CLOCKS | LOOSE_CLOCKS))
def test_times(values: list[str]) -> None:
    converted = convert(column("time"), values)
    check_like(converted, values, clock)
    check_proven(converted, values, lambda v: canonical.source_time(v, FACTS), lambda t: f"={ticks(t)}")


def ticks(time: datetime.time) -> int:
    return (datetime.datetime.combine(EPOCH, time) - EPOCH) // MICROSECOND


def instant(zone: str) -> Callable[[str], datetime.datetime | None]:
    """Django's converter under USE_TZ, but None where the local time has no one meaning."""
    info = zoneinfo.ZoneInfo(zone)
    operations = DatabaseOperations(cast(BaseDatabaseWrapper, SimpleNamespace(timezone=info)))

    def read(value: str) -> datetime.datetime | None:
        if parse_datetime(value) is None:
            return None  # Django's converter fails
        with override_settings(USE_TZ=True):
            moment = operations.convert_datetimefield_value(value, None, operations.connection)
        assert isinstance(moment, datetime.datetime)
        naive = moment.replace(tzinfo=None)
        if (
            moment.tzinfo is info
            and make_aware(naive, info).utcoffset() != naive.replace(tzinfo=info, fold=1).utcoffset()
        ):
            return None
        return moment.astimezone(datetime.UTC)

    return read


ZONES = "Europe/Stockholm", "Australia/Lord_Howe", "UTC", "America/St_Johns", "Etc/GMT+12"


@pytest.mark.parametrize("zone", first_in_ci(*ZONES, count=2))
@MANY
@given(values=spellings(MOMENTS))
def test_instants(zone: str, values: list[str]) -> None:
    converted = convert(column("timestamptz"), values, zone=zone)
    check_like(converted, values, instant(zone))
    facts = canonical.ColumnFacts(zone=zoneinfo.ZoneInfo(zone))
    check_proven(converted, values, lambda v: canonical.source_instant(v, facts), lambda m: f"={canonical.instant(m)}")


@MANY
@given(values=spellings(MOMENTS))
def test_local_times(values: list[str]) -> None:
    zone = zoneinfo.ZoneInfo("Europe/Stockholm")

    def local(value: str) -> datetime.datetime | None:
        read = parse_datetime(value)
        return read.astimezone(zone).replace(tzinfo=None) if read and read.tzinfo else read

    converted = convert(column("timestamp"), values, zone="Europe/Stockholm")
    check_like(converted, values, local)
    facts = canonical.ColumnFacts(zone=zone)
    check_proven(
        converted, values, lambda v: canonical.source_local(v, facts), lambda m: f"={(m - EPOCH) // MICROSECOND}"
    )


@MANY
@given(st.datetimes())
def test_what_django_writes_takes_the_fast_way(moment: datetime.datetime) -> None:
    for text in (str(moment), moment.isoformat()):
        fast = datetimes._cast_timestamps(pa.array([text.encode()]))
        assert fast is not None
        assert fast.to_pylist() == [moment]


# --- numbers, texts ---------------------------------------------------------------------------------------------------

CONTEXT = Context(column=column("float4"), time_zone="UTC")


@MANY
@given(
    st.sampled_from(["int2", "int4", "int8", "bool"]), st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-2, 2))
)
def test_integers(type_name: str, values: list[int]) -> None:
    low, high = {"int2": (-(2**15), 2**15 - 1), "int4": (-(2**31), 2**31 - 1), "bool": (0, 1)}.get(
        type_name, (-(2**63), 2**63 - 1)
    )
    check_like(convert(column(type_name), values), values, lambda value: value if low <= value <= high else None)


@MANY
@given(
    st.floats(allow_nan=False) | st.floats(width=32, allow_nan=False) | st.decimals(-1000, 1000, places=2).map(float)
)
def test_reals_are_those_that_come_back_as_they_were(value: float) -> None:
    check_like(CODECS["float4"].convert([pa.array([value]), pa.array([0])], CONTEXT), [value], as_float4)


def as_float4(value: float) -> float | None:
    """What psycopg reads of a float4: the shortest text that means it. None where that is another number."""
    single = struct.pack("f", value)
    (narrow,) = struct.unpack("f", single)
    texts = [f"{narrow:.{digits}g}" for digits in range(1, 10)]
    shortest = next(text for text in texts if struct.pack("f", float(text)) == single)
    return narrow if float(shortest) == value else None


@MANY
@given(st.lists(st.text() | st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")), min_size=1))
def test_texts(values: list[str]) -> None:
    """Malformed exactly where Python cannot decode, or there is a NUL."""
    raw = [value.encode("utf-8", "surrogateescape") for value in values]
    check_like(convert(column("text"), raw), raw, lambda value: None if b"\0" in value else value.decode())


@MANY
@given(st.uuids(), st.booleans())
def test_uuids(value: uuid.UUID, short: bool) -> None:
    raw = value.bytes[:15] if short else value.bytes
    check_like(convert(column("uuid"), [raw]), [raw], lambda r: r if len(r) == 16 else None)
