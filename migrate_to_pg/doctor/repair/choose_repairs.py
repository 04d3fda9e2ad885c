"""Decide which rules can be repaired in SQLite itself, and resolve the names given to --repair.

The repairs of migrate_to_pg --fix never touch the source.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding
from migrate_to_pg.rules import RULES
from migrate_to_pg.rules.advice import is_read_without_loss
from migrate_to_pg.rules.keys import dangling_foreign_key, duplicate_key
from migrate_to_pg.rules.schema import schema_drift
from migrate_to_pg.rules.values import null_in_not_null
from migrate_to_pg.system.usage import did_you_mean

#: Repairs of the schema: rule -> "lossless" or "lossy".
_OF_SCHEMA = {dangling_foreign_key.RULE.id: "lossless", schema_drift.RULE.id: "lossless"}
#: Repairs of rows, the same as --fix.
ROW_REPAIRS = {rule.id: rule.repair for rule in RULES if rule.cell_repair is not None or rule is duplicate_key.RULE}
#: Rule -> "lossless" or "lossy".
REPAIRS = {**_OF_SCHEMA, **ROW_REPAIRS}
#: Another name of a repair -> its rule.
OTHER_NAMES = {rule.repair_name: rule.id for rule in RULES if rule.repair_name and rule.id in REPAIRS}
#: Faults that a lost constraint let in. Without them the constraint can be restored.
_LET_IN = {duplicate_key.RULE.id, null_in_not_null.RULE.id}
#: Repairs of the file and not its content. They must be named.
FILE_REPAIRS = ("checkpoint", "wal")
#: Names of every lossless repair.
_LOSSLESS = frozenset(("lossless", "all"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRepairs:
    """The repairs that may be made in the database itself."""

    #: In the order in which they are made.
    file: tuple[str, ...]
    rules: frozenset[str]
    #: Names as given, "lossless" and "all" included.
    named: frozenset[str]


def repairable(findings: Collection[Finding], *, schema: bool) -> tuple[str, ...]:
    """Return the found rules with a repair, and the one that restores lost constraints.

    ``schema``: whether it is known what the migrations make on SQLite. Otherwise nothing of the schema is repaired.
    """
    offered = (f for f in findings if f.rule not in ROW_REPAIRS or f.repair)
    found = {finding.rule for finding in offered if not is_read_without_loss(finding, findings)}
    again = {schema_drift.RULE.id} if found & _LET_IN else set()
    repairs = REPAIRS if schema else ROW_REPAIRS
    return tuple(sorted((found | again) & set(repairs)))


def accepted_repairs(names: Sequence[str]) -> AcceptedRepairs:
    """Resolve the names of --repair. "lossless", or "all", means every lossless repair of the content.

    Raise UsageError where a name is no rule, or one that has no repair in SQLite itself.
    """
    wanted = [OTHER_NAMES.get(name, name) for name in (given.strip() for given in names) if name]
    for name in wanted or [""]:
        if name not in _LOSSLESS and name not in FILE_REPAIRS and name not in REPAIRS:
            raise _unknown(name)
    every = {rule for rule, kind in REPAIRS.items() if kind == "lossless"}
    lossless = every if not _LOSSLESS.isdisjoint(wanted) else set()
    return AcceptedRepairs(
        file=tuple(name for name in FILE_REPAIRS if name in wanted),
        rules=frozenset(lossless | (set(wanted) & set(REPAIRS))),
        named=frozenset(wanted),
    )


def _unknown(name: str) -> UsageError:
    known: Collection[str] = {rule.id for rule in RULES}
    what = (
        _("{name} has no repair in SQLite itself", name=name)
        if name in known
        else _("{name} is no rule", name=name)
        if name
        else _("no name")
    )
    repairs = sorted([*REPAIRS, *OTHER_NAMES, *FILE_REPAIRS])
    return UsageError(
        f"--repair {name}: {what}.",
        remedy=did_you_mean(
            name,
            [*repairs, *_LOSSLESS],
            _(
                "What can be repaired: {what}; or lossless (also all), for those that concern rows and tables.",
                what=", ".join(repairs),
            ),
        ),
    )
