"""What a finding of pg_behaviour says to write instead."""

from __future__ import annotations

import re

from migrate_to_pg.behaviour.rules import RULES

#: Placeholders, a key of every model, a collation, a value, and a vendor.
_NAMES = {"column", "divisor", "first", "second", "key", "pk", "self", "C", "none", "sqlite"}


def test_the_advice_names_no_column_that_the_query_may_not_have() -> None:
    for rule in RULES.values():
        named = set(re.findall(r"[(\s]'(\w+)'|min\((\w+)\)", rule.instead))
        assert {name for pair in named for name in pair if name} <= _NAMES, rule.id
