"""Which variants of one claim CI tries, and which only ``make test-full`` does."""

from typing import Any

import pytest


def first_in_ci(*variants: Any, count: int = 1) -> list[Any]:
    """The first ``count`` variants as they are, the others marked for the full tier."""
    return [*variants[:count], *(_in_full(variant) for variant in variants[count:])]


def _in_full(variant: Any) -> Any:
    values = variant if isinstance(variant, tuple) else (variant,)
    return pytest.param(*values, marks=pytest.mark.full)
