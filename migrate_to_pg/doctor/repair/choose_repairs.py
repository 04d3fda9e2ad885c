"""The names given to --repair in, what they stand for out."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from migrate_to_pg.doctor.repair.repairable import OTHER_NAMES, REPAIRS
from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.rules import RULES
from migrate_to_pg.system.suggestions import did_you_mean

#: What concerns the file and not its content: asked for by name only.
FILE_REPAIRS = ("checkpoint", "wal")


#: Names of every lossless repair.
_LOSSLESS = frozenset(("lossless", "all"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """What may be done to the database itself."""

    #: In the order in which they are done.
    file: tuple[str, ...]
    rules: frozenset[str]
    #: What was named itself, and not by "lossless" or "all".
    named: frozenset[str]


def accepted_repairs(names: Sequence[str]) -> Accepted:
    """What --repair names; "lossless", or "all", means every such repair of what the database holds.

    Raises UsageError where a name is no rule, or one that has no repair in SQLite itself.
    """
    wanted = [OTHER_NAMES.get(name, name) for name in (given.strip() for given in names) if name]
    for name in wanted or [""]:
        if name not in _LOSSLESS and name not in FILE_REPAIRS and name not in REPAIRS:
            raise _unknown(name)
    every = {rule for rule, kind in REPAIRS.items() if kind == "lossless"}
    lossless = every if not _LOSSLESS.isdisjoint(wanted) else set()
    return Accepted(
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
