"""Which variants of one claim CI tries, and which only ``make test-full`` does."""

from collections.abc import Iterable
from typing import Any

import pytest


def first_in_ci(*variants: Any, count: int = 1) -> list[Any]:
    """The first ``count`` variants as they are, the others marked for the full tier."""
    return [*variants[:count], *(in_full(variant) for variant in variants[count:])]


def these_in_ci(variants: Iterable[Any], *chosen: Any) -> list[Any]:
    """The ``chosen`` variants as they are, the others marked for the full tier."""
    every = [*variants]
    assert all(one in every for one in chosen)
    return [variant if variant in chosen else in_full(variant) for variant in every]


def in_full(variant: Any) -> Any:
    """The variant, marked for the full tier; a tuple is several arguments."""
    values = variant if isinstance(variant, tuple) else (variant,)
    return pytest.param(*values, marks=pytest.mark.full)
