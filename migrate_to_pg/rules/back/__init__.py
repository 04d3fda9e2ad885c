"""The rules of the way back: what PostgreSQL holds and SQLite, or Django on it, cannot."""

from __future__ import annotations

import pkgutil
from importlib import import_module

from migrate_to_pg.rules.back.back_rule import BackRule

#: Every rule of the way back.
BACK_RULES: tuple[BackRule, ...] = tuple(
    rule
    for found in pkgutil.iter_modules(__path__)
    if isinstance(rule := getattr(import_module(f"{__name__}.{found.name}"), "RULE", None), BackRule)
)

__all__ = ["BACK_RULES", "BackRule"]
