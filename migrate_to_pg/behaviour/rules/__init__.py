"""Define the rules of behaviour: what differs, why, and what to write instead on both databases.

To add a rule, write a module with a ``RULE`` in this folder, and its test.
"""

from __future__ import annotations

import pkgutil
from importlib import import_module

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule

#: id -> rule.
RULES: dict[str, BehaviourRule] = {
    rule.id: rule
    for found in pkgutil.iter_modules(__path__)
    if isinstance(rule := getattr(import_module(f"{__name__}.{found.name}"), "RULE", None), BehaviourRule)
}

__all__ = ["RULES", "BehaviourRule"]
