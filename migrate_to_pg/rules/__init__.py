"""Define the rules: what each finds, what it means on PostgreSQL, why it happens, what to do.

To add a rule, write a module with a ``RULE`` in one of the four folders, and its test. Then run
``python -m migrate_to_pg.rules > docs/reference/findings.md``.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Sequence
from importlib import import_module

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.rules import file, keys, schema, values
from migrate_to_pg.rules.back import BACK_RULES
from migrate_to_pg.rules.base import Rule, SetRule, Subject, ValueRule
from migrate_to_pg.rules.keys import duplicate_key
from migrate_to_pg.system.usage import did_you_mean

#: Every rule, folder by folder.
RULES: tuple[SetRule | ValueRule, ...] = tuple(
    rule
    for folder in (file, schema, keys, values)
    for found in pkgutil.iter_modules(folder.__path__)
    if isinstance(rule := getattr(import_module(f"{folder.__name__}.{found.name}"), "RULE", None), SetRule | ValueRule)
)


def accepted_rules(names: Sequence[str]) -> frozenset[str]:
    """Return the rules whose repair --fix accepts by these names.

    "lossless" and "all" stand for every lossless repair, "lossy" for every repair that keeps the row, lossless or not.
    A merge makes one row of two, so it must be named.

    Raises:
        UsageError: a name is no rule, or a rule without a repair.
    """
    repairs = {rule.id: rule.repair for rule in RULES if rule.repair}
    lossless = {rule for rule, repair in repairs.items() if repair == "lossless"}
    groups = {"lossless": lossless, "all": lossless, "lossy": repairs.keys() - {duplicate_key.RULE.id}}
    accepted: set[str] = set()
    for name, rule in zip(names, _ids(names), strict=True):
        if name not in groups and rule not in repairs:
            known = sorted([*repairs, *_other_names()])
            fault = _("--fix {name}: the rule {name} has no repair.", name=name)
            raise _unknown(
                "--fix",
                name,
                fault,
                [*known, *groups],
                _("Known: {known}; or lossless (also all) or lossy.", known=", ".join(known)),
            )
        accepted |= groups.get(name, {rule})
    return frozenset(accepted)


def named_repairs(names: Sequence[str]) -> frozenset[str]:
    """Return the rules that --fix names one by one."""
    return frozenset(_ids(names)) & {rule.id for rule in RULES}


def _ids(names: Sequence[str]) -> list[str]:
    other_names = _other_names()
    return [other_names.get(name, name) for name in names]


def _other_names() -> dict[str, str]:
    return {rule.repair_name: rule.id for rule in RULES if rule.repair_name}


def quarantined_rules(names: Sequence[str]) -> frozenset[str]:
    """Return the rules that --quarantine names, where "all" stands for every rule whose rows can be quarantined.

    Raises:
        UsageError: a name is no rule, or a rule that is not about rows.
    """
    known = {rule.id for rule in RULES if names_rows(rule)}
    return _quarantined(names, known, every=known)


def names_rows(rule: Rule) -> bool:
    """Return whether the rule finds rows that PostgreSQL would refuse, so that they can be quarantined."""
    return rule.names_rows


def quarantined_back_rules(names: Sequence[str]) -> frozenset[str]:
    """Return the rules of the way back that --quarantine names. What keeps the row is never part of "all".

    Raises:
        UsageError: a name is no rule of the way back.
    """
    known = {rule.id for rule in BACK_RULES if names_rows(rule)}
    return _quarantined(names, known, every=known - {rule.id for rule in BACK_RULES if rule.rows_stay})


def _quarantined(names: Sequence[str], known: set[str], *, every: set[str]) -> frozenset[str]:
    for name in names:
        if name != "all" and name not in known:
            fault = _("--quarantine {name}: the rule {name} is not about rows.", name=name)
            remedy = _("Known: {known}; or all.", known=", ".join(sorted(known)))
            raise _unknown("--quarantine", name, fault, [*sorted(known), "all"], remedy)
    named = known.intersection(names)
    return frozenset(named | every if "all" in names else named)


def _unknown(option: str, name: str, fault: str, known: Sequence[str], remedy: str) -> UsageError:
    """Return the error about a name: ``fault`` where it is that of a rule."""
    is_rule = any(rule.id == name for rule in RULES)
    message = fault if is_rule else _("{option} {name}: there is no such rule.", option=option, name=name)
    return UsageError(message, remedy=did_you_mean(name, known, remedy))


__all__ = [
    "BACK_RULES",
    "RULES",
    "SetRule",
    "Subject",
    "ValueRule",
    "accepted_rules",
    "named_repairs",
    "names_rows",
    "quarantined_back_rules",
    "quarantined_rules",
]
