"""The quick comparison never calls equal what the canonical forms tell apart: these judge, it only gives hints."""

from __future__ import annotations

import datetime
import decimal
import json
import zoneinfo

import pyarrow as pa
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from migrate_to_pg.verify import canonical, type_comparison
from migrate_to_pg.verify.canonical import ColumnFacts
from migrate_to_pg.verify.type_comparison import TypeComparison, comparison_of

UTC = ColumnFacts(zone=zoneinfo.ZoneInfo("UTC"))
ZONES = ["UTC", "Europe/Paris", "America/St_Johns", "Pacific/Apia", "Australia/Lord_Howe", "Africa/Monrovia"]
#: Text that looks like a moment, well formed or not.
STAMPS = st.from_regex(
    r"\A[0-2][0-9]{3}-[0-3][0-9]-[0-3][0-9]([T ][0-2][0-9]:[0-6][0-9]:[0-6][0-9](\.[0-9]{6})?)?(Z|\+0[0-9]:00)?\Z"
)


def verified(kind: TypeComparison, source: object, target: pa.Scalar, facts: ColumnFacts = UTC) -> bool:
    """What the quick verification says of one cell; a text that Arrow refuses is not verified."""
    try:
        return bool(kind.shows_equal(pa.array([source], kind.arrow), pa.array([target.as_py()], target.type), facts)[0])
    except pa.ArrowInvalid:
        return False


def micros(form: str) -> int | None:
    """The microseconds of a readable form."""
    return int(form[1:]) if form.startswith("=") else None


@given(text=st.one_of(STAMPS, st.datetimes().map(str), st.text(max_size=30)), zone=st.sampled_from(ZONES))
def test_a_moment_is_verified_only_where_django_reads_that_very_moment(text: str, zone: str) -> None:
    facts = ColumnFacts(zone=zoneinfo.ZoneInfo(zone))
    for kind, arrow in (
        (type_comparison.INSTANT, pa.timestamp("us", "UTC")),
        (type_comparison.LOCAL, pa.timestamp("us")),
        (type_comparison.DATE, pa.date32()),
        (type_comparison.TIME, pa.time64("us")),
    ):
        read = micros(kind.source_form(text, facts))
        for count in {read, 0, arrow_reading(kind, text)} - {None}:
            target = pa.scalar(count, pa.int32() if pa.types.is_date(arrow) else pa.int64())
            quick = pa.array([count], target.type).cast(arrow)
            try:
                said = kind.shows_equal(pa.array([text]), quick, facts)[0].as_py()
            except pa.ArrowInvalid:
                said = False
            assert not said or count == read


def arrow_reading(kind: TypeComparison, text: str) -> int | None:
    """What Arrow alone would read, whether or not Django agrees."""
    try:
        if kind is type_comparison.DATE:
            return int(pa.array([text]).cast(pa.date32()).cast(pa.int32())[0].as_py())
        prefix = "1970-01-01 " if kind is type_comparison.TIME else ""
        return int(pa.array([prefix + text]).cast(pa.timestamp("us")).cast(pa.int64())[0].as_py())
    except (pa.ArrowInvalid, UnicodeEncodeError):
        return None


@given(moment=st.datetimes(min_value=datetime.datetime(2, 1, 2), max_value=datetime.datetime(9998, 12, 30)))
@example(moment=datetime.datetime(2184, 4, 4, 1, 30, fold=1))
@pytest.mark.parametrize("zone", ZONES)
def test_moments_as_django_writes_them_are_read_in_their_zone(zone: str, moment: datetime.datetime) -> None:
    facts = ColumnFacts(zone=zoneinfo.ZoneInfo(zone))
    # An hour that comes twice is written alike both times, and Django reads the first.
    instant = (moment.replace(tzinfo=facts.zone, fold=0) - datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)) // (
        datetime.timedelta(microseconds=1)
    )
    assert canonical.source_instant(str(moment), facts) == f"={instant}"
    if zone == "UTC":
        assert verified(type_comparison.INSTANT, str(moment), pa.scalar(instant, pa.timestamp("us", "UTC")))
    near = pa.scalar(instant + 1, pa.int64())
    assert not type_comparison.INSTANT.shows_equal(
        pa.array([str(moment)]), pa.array([near.as_py()]).cast("timestamp[us]"), facts
    )[0].as_py()


@given(
    source=st.one_of(st.floats(allow_nan=False), st.decimals(-(10**9), 10**9, places=3).map(float)),
    target=st.decimals(-(10**15), 10**15, places=6),
    precision=st.integers(7, 30),
    near=st.booleans(),
)
def test_a_decimal_is_verified_only_where_django_reads_that_very_decimal(
    source: float, target: decimal.Decimal, precision: int, near: bool
) -> None:
    scale = 6
    if near and abs(source) < 1e15:
        target = decimal.Decimal(source).quantize(decimal.Decimal("0.000001"), context=decimal.Context(prec=60))
    if target.adjusted() + 1 > precision - scale:
        return
    kind = comparison_of("numeric", precision, scale)
    facts = ColumnFacts(precision=precision, scale=scale, zone=UTC.zone)
    sent = pa.scalar(float(target)) if kind is type_comparison.SHORT_DECIMAL else pa.scalar(f"{target:f}")
    read = kind.source_form(source, facts)
    assert kind.target_form(sent.as_py(), facts) == f"={canonical.plain_decimal(target)}"
    assert not verified(kind, source, sent, facts) or read == f"={canonical.plain_decimal(target)}"


@given(number=st.decimals(-(10**9), 10**9, places=6), precision=st.sampled_from([15, 16, 30]))
def test_decimals_of_at_most_fifteen_digits_are_always_verified(number: decimal.Decimal, precision: int) -> None:
    kind = comparison_of("numeric", precision, 6)
    sent = pa.scalar(float(number)) if kind is type_comparison.SHORT_DECIMAL else pa.scalar(f"{number:f}")
    assert verified(kind, float(number), sent, ColumnFacts(precision=precision, scale=6, zone=UTC.zone))


@given(left=st.floats(allow_nan=False), right=st.floats())
def test_doubles_are_verified_by_their_bits(left: float, right: float) -> None:
    assert verified(type_comparison.FLOAT8, left, pa.scalar(left))
    if verified(type_comparison.FLOAT8, left, pa.scalar(right)):
        assert left.hex() == right.hex()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)


def shape(value: object) -> object:
    """A JSON value in which true is not 1, and whose numbers are decimals."""
    if isinstance(value, dict):
        return frozenset((key, shape(inner)) for key, inner in value.items())
    if isinstance(value, list):
        return tuple(map(shape, value))
    if value is None or isinstance(value, str):
        return value
    return ("boolean", value) if isinstance(value, bool) else decimal.Decimal(repr(value))


@given(left=JSON, right=JSON)
def test_json_forms_are_equal_exactly_where_the_values_are(left: object, right: object) -> None:
    one = canonical.source_json(json.dumps(left), UTC)
    assert one == canonical.target_json(json.dumps(left, ensure_ascii=False, indent=1, sort_keys=True), UTC)
    assert (one == canonical.target_json(json.dumps(right), UTC)) == (shape(left) == shape(right))


@given(
    left=st.decimals(allow_nan=False, allow_infinity=False), right=st.decimals(allow_nan=False, allow_infinity=False)
)
def test_a_decimal_has_one_spelling(left: decimal.Decimal, right: decimal.Decimal) -> None:
    assert (canonical.plain_decimal(left) == canonical.plain_decimal(right)) == (left == right)


def test_a_value_that_django_cannot_read_equals_nothing_that_postgresql_can_hold() -> None:
    for name, kind in type_comparison.COMPARISONS.items():
        wrong = kind.source_form(object(), UTC)
        assert wrong.startswith("?"), name


@given(text=st.text(max_size=5), spaces=st.integers(0, 3), other=st.text(max_size=5))
def test_char_n_cannot_tell_trailing_spaces_apart_and_nothing_else(text: str, spaces: int, other: str) -> None:
    form = canonical.source_padded(text + " " * spaces, UTC)
    assert form == canonical.target_padded(text, UTC)
    assert (form == canonical.target_padded(other, UTC)) == (text.rstrip(" ") == other.rstrip(" "))
