"""Decide which rules can be repaired in SQLite itself, and resolve the names given to --repair.

Rows are repaired in a new file, by the repairs of migrate_to_pg --fix: the room ``rebuild``.
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
from migrate_to_pg.system.usage import did_you_mean

#: Rules with a repair in place. None touches a row.
REPAIRS = (dangling_foreign_key.RULE.id, schema_drift.RULE.id)
#: Rules whose rows are repaired in a new file.
BY_REBUILD = frozenset(rule.id for rule in RULES if rule.cell_repair is not None or rule is duplicate_key.RULE)
#: Repairs of the file and not its content. They must be named.
FILE_REPAIRS = ("checkpoint", "wal")
#: Names of every repair in place.
_EVERY = frozenset(("lossless", "all"))


@dataclass(frozen=True, slots=True, kw_only=True)
class AcceptedRepairs:
    """The repairs that may be made in the database itself."""

    #: In the order in which they are made.
    file: tuple[str, ...]
    rules: frozenset[str]
    #: Names as given, "lossless" and "all" included.
    named: frozenset[str]


def repairable(findings: Collection[Finding], *, schema: bool) -> tuple[str, ...]:
    """Return the found rules with a repair in place.

    ``schema``: whether it is known what the migrations make on SQLite. Otherwise nothing is repaired.
    """
    found = {finding.rule for finding in findings}
    return tuple(sorted(found & set(REPAIRS))) if schema else ()


def repairable_by_rebuild(findings: Collection[Finding]) -> tuple[str, ...]:
    """Return the found rules whose rows can be repaired in a new file."""
    offered = (f for f in findings if f.repair and not is_read_without_loss(f, findings))
    return tuple(sorted({finding.rule for finding in offered} & BY_REBUILD))


def accepted_repairs(names: Sequence[str]) -> AcceptedRepairs:
    """Resolve the names of --repair. "lossless", or "all", means every repair of the content.

    Raise UsageError where a name is no rule, or one that has no repair in SQLite itself.
    """
    wanted = [name for name in (given.strip() for given in names) if name]
    for name in wanted or [""]:
        if name not in _EVERY and name not in FILE_REPAIRS and name not in REPAIRS:
            raise _unknown(name)
    rules = REPAIRS if not _EVERY.isdisjoint(wanted) else set(wanted) & set(REPAIRS)
    return AcceptedRepairs(
        file=tuple(name for name in FILE_REPAIRS if name in wanted),
        rules=frozenset(rules),
        named=frozenset(wanted),
    )


def _unknown(name: str) -> UsageError:
    known: Collection[str] = {rule.id for rule in RULES} | {rule.repair_name for rule in RULES if rule.repair_name}
    what = (
        _("{name} has no repair in SQLite itself", name=name)
        if name in known
        else _("{name} is no rule", name=name)
        if name
        else _("no name")
    )
    repairs = sorted([*REPAIRS, *FILE_REPAIRS])
    remedy = _(
        "What can be repaired: {what}; or lossless (also all), for those that concern tables.", what=", ".join(repairs)
    )
    if name in BY_REBUILD or any(name == rule.repair_name for rule in RULES if name):
        remedy += " " + _("Rows are repaired in a new file: --rebuild NEW --fix {name}.", name=name)
    return UsageError(f"--repair {name}: {what}.", remedy=did_you_mean(name, [*repairs, *_EVERY], remedy))
