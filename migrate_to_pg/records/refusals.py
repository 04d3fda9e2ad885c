"""Rows that PostgreSQL itself refuses, found by trying each of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """The rows of one table that are refused for one reason."""

    #: By PostgreSQL's names; no columns where the reason names none.
    table: str
    columns: tuple[str, ...]
    #: What a generated column is computed from, where it is one.
    inputs: tuple[str, ...] = ()
    sqlstate: str
    #: PostgreSQL's own words about the first of the rows.
    reason: str
    #: The constraint or index that refuses them; '' where it is none.
    constraint: str = ""
    #: SQLite's rowids; of a table that has none, the places of the rows in its own order, from 1.
    rows: Sequence[int]
