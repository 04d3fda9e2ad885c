"""Rows that PostgreSQL itself refuses, found by trying each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Rows of one table that are refused for one reason."""

    #: By PostgreSQL's names. No columns where the reason names none.
    table: str
    columns: tuple[str, ...]
    #: The columns from which a generated column is computed.
    inputs: tuple[str, ...] = ()
    sqlstate: str
    #: PostgreSQL's message about the first of the rows.
    reason: str
    #: The constraint or index that refuses them, or ''.
    constraint: str = ""
    #: SQLite's rowids, or positions from 1 in a table that has none.
    rows: Sequence[int]
