"""Documents are equal by value, however deep they are: neither the stack nor the way of parsing is seen."""

from __future__ import annotations

import json
import random
import zoneinfo
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from migrate_to_pg.verify import canonical_json
from migrate_to_pg.verify.canonical import ColumnFacts, plain_decimal, source_json, target_json
from migrate_to_pg.verify.orm_equality import same_json

FACTS = ColumnFacts(zone=zoneinfo.ZoneInfo("UTC"))
DOCUMENTS = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=20,
)


def nested(levels: int, kind: str, inner: str = '{"b":1 , "a":[1e2 , -0.0]}') -> str:
    opening, closing = ("[ ", "]") if kind == "[" else ('{"z":0 , "a":', "}")
    return opening * levels + inner + closing * levels


def as_jsonb_has_it(text: str) -> str:
    """Other spaces, another order of keys, numbers without exponents."""
    return (
        text.replace('"z":0 , ', "")
        .replace("}", ', "z": 0}')
        .replace('{"b":1 , "a":[1e2 , -0.0], "z": 0}', '{"a": [100, 0.0], "b": 1}')
    )


@given(DOCUMENTS)
def test_both_ways_give_one_spelling(document: Any) -> None:
    text = json.dumps(document)
    assert canonical_json.by_parts(text, plain_decimal) == canonical_json.canonical(text, plain_decimal)


@pytest.mark.parametrize("kind", ["[", "{"])
@pytest.mark.parametrize("levels", [1, 339, 500, 990, 2000, 5000])
def test_what_jsonb_spells_otherwise_is_equal(levels: int, kind: str) -> None:
    held = nested(levels, kind)
    assert source_json(held, FACTS) == target_json(as_jsonb_has_it(held), FACTS)
    assert source_json(held, FACTS).startswith("=")
    assert source_json(held.replace("1e2", "1e3"), FACTS) != target_json(as_jsonb_has_it(held), FACTS)


@pytest.mark.parametrize("inner", ["NaN", "[Infinity]", "1 2", '"', "[1", "]", "{1: 2}", "tru", '"\t"', "-Infinity"])
def test_what_is_no_json_equals_nothing_however_deep(inner: str) -> None:
    assert source_json(nested(1500, "[", inner), FACTS).startswith("?")
    with pytest.raises(ValueError):  # noqa: PT011 - whatever json says
        canonical_json.by_parts(inner, plain_decimal)


@pytest.mark.parametrize(
    "text", ['{"a": [1], "a": [2]}', '{"a": {"b": [3]}, "a": {"b": [4]}, "c": [[]]}', '["[", "]{", [[]]]']
)
def test_equal_keys_and_brackets_in_texts_are_read_as_python_reads_them(text: str) -> None:
    assert canonical_json.by_parts(text, plain_decimal) == canonical_json.canonical(text, plain_decimal)


def deep(levels: int, leaf: Any, chance: random.Random) -> Any:
    for _ in range(levels):
        leaf = [leaf] if chance.random() < 0.5 else {"a": leaf, "b": 1}
    return leaf


@pytest.mark.parametrize("levels", [10, 3000, 50_000])
def test_the_orm_s_values_are_compared_without_recursion(levels: int) -> None:
    one, other, third = (deep(levels, leaf, random.Random(1)) for leaf in (1e2, 100, 101))  # noqa: S311
    assert same_json(one, other)
    assert not same_json(one, third)
    assert not same_json(one, deep(levels + 1, 100, random.Random(1)))  # noqa: S311
    assert not same_json([1, [2]], [1, 2])
