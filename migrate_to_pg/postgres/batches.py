"""Take many objects at a time: a statement or a transaction for each of them costs more than the work itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TypeVar

T = TypeVar("T")

#: Objects in one transaction. A server with few connections has room for some hundreds of locks.
_BATCH = 50


def batched(items: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield the items, as many at a time as may be locked in one transaction."""
    return (items[start : start + _BATCH] for start in range(0, len(items), _BATCH))
