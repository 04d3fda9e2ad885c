"""Define the rules: what each finds, what it means on PostgreSQL, why it happens, what to do.

To add a rule: write a module with a ``RULE``, name it in ``RULES``, and run
``python -m migrate_to_pg.rules > docs/reference/findings.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from migrate_to_pg.errors import UsageError
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.rules.base import Rule, SetRule, Subject, ValueRule
from migrate_to_pg.rules.file import integrity_check, lacking_in_sqlite, utf16_encoding
from migrate_to_pg.rules.keys import (
    btree_too_large,
    code_in_key,
    content_type_gone,
    dangling_foreign_key,
    duplicate_key,
    empty_key,
    foreign_key_orphan,
    generic_foreign_key_orphan,
    identity_exhausted,
    key_spelled_otherwise,
)
from migrate_to_pg.rules.schema import (
    ambiguous_name,
    broken_view_or_trigger,
    derived_column,
    extra_column,
    leftover_table,
    missing_column,
    missing_on_postgresql,
    missing_table,
    not_carried,
    schema_drift,
    system_check,
    unknown_type,
    unmade_model_table,
)
from migrate_to_pg.rules.values import (
    ambiguous_local_time,
    boolean_as_read,
    boolean_value,
    check_constraint,
    integer_out_of_range,
    invalid_inet,
    invalid_json,
    invalid_utf8,
    invalid_uuid,
    json_depth,
    json_escape,
    json_number,
    malformed_date,
    malformed_time,
    malformed_timestamp,
    malformed_value,
    nul_in_text,
    null_in_not_null,
    numeric_overflow,
    numeric_rounded,
    offset_dropped,
    padded_text,
    precision_lost,
    refused_row,
    text_as_blob,
    text_too_long,
    wrong_storage_class,
)
from migrate_to_pg.system.suggestions import did_you_mean

#: Every rule, in the order in which the reference tells them.
RULES: tuple[SetRule | ValueRule, ...] = (
    integrity_check.RULE,
    lacking_in_sqlite.RULE,
    utf16_encoding.RULE,
    system_check.RULE,
    missing_on_postgresql.RULE,
    dangling_foreign_key.RULE,
    foreign_key_orphan.RULE,
    key_spelled_otherwise.RULE,
    empty_key.RULE,
    code_in_key.RULE,
    generic_foreign_key_orphan.RULE,
    content_type_gone.RULE,
    duplicate_key.RULE,
    btree_too_large.RULE,
    identity_exhausted.RULE,
    null_in_not_null.RULE,
    check_constraint.RULE,
    text_too_long.RULE,
    padded_text.RULE,
    nul_in_text.RULE,
    invalid_utf8.RULE,
    wrong_storage_class.RULE,
    text_as_blob.RULE,
    integer_out_of_range.RULE,
    boolean_value.RULE,
    boolean_as_read.RULE,
    numeric_overflow.RULE,
    numeric_rounded.RULE,
    malformed_date.RULE,
    malformed_time.RULE,
    malformed_timestamp.RULE,
    precision_lost.RULE,
    ambiguous_local_time.RULE,
    offset_dropped.RULE,
    invalid_json.RULE,
    json_escape.RULE,
    json_number.RULE,
    json_depth.RULE,
    invalid_uuid.RULE,
    invalid_inet.RULE,
    malformed_value.RULE,
    unknown_type.RULE,
    refused_row.RULE,
    missing_column.RULE,
    missing_table.RULE,
    extra_column.RULE,
    derived_column.RULE,
    schema_drift.RULE,
    ambiguous_name.RULE,
    unmade_model_table.RULE,
    leftover_table.RULE,
    not_carried.RULE,
    broken_view_or_trigger.RULE,
)


def accepted_rules(names: Sequence[str]) -> frozenset[str]:
    """The rules whose repair --fix accepts by these names.

    "lossless" stands for every lossless repair, as does "all"; "lossy" for every repair that keeps the row, lossless or
    not. A merge makes one row of two: it must be named. Raises UsageError where a name is no rule, or one that has no
    repair.
    """
    repairs = {rule.id: rule.repair for rule in RULES if rule.repair}
    lossless = {rule for rule, repair in repairs.items() if repair == "lossless"}
    groups = {"lossless": lossless, "all": lossless, "lossy": repairs.keys() - {duplicate_key.RULE.id}}
    accepted: set[str] = set()
    for name, rule in zip(names, _ids(names), strict=True):
        if name not in groups and rule not in repairs:
            known = sorted([*repairs, *_other_names()])
            raise _not_among("--fix", name, _("has no repair"), known, tuple(groups), _("lossless (also all) or lossy"))
        accepted |= groups.get(name, {rule})
    return frozenset(accepted)


def named_repairs(names: Sequence[str]) -> frozenset[str]:
    """Those of the rules that --fix names one by one."""
    return frozenset(_ids(names)) & {rule.id for rule in RULES}


def _ids(names: Sequence[str]) -> list[str]:
    other_names = _other_names()
    return [other_names.get(name, name) for name in names]


def _other_names() -> dict[str, str]:
    return {rule.repair_name: rule.id for rule in RULES if rule.repair_name}


def quarantined_rules(names: Sequence[str]) -> frozenset[str]:
    """The rules that --quarantine names; "all" means every one whose rows can be set aside.

    Raises UsageError where a name is no rule, or one that is not about rows.
    """
    known = {rule.id for rule in RULES if names_rows(rule)}
    for name in names:
        if name != "all" and name not in known:
            raise _not_among("--quarantine", name, _("is not about rows"), sorted(known), ("all",), "all")
    return frozenset(known if "all" in names else names)


def names_rows(rule: Rule) -> bool:
    """Whether what the rule finds are rows that PostgreSQL would refuse, so that they could be set aside."""
    return rule.names_rows


def _not_among(
    option: str, name: str, what: str, known: Sequence[str], groups: Sequence[str], all_means: str
) -> UsageError:
    what = what if name in {rule.id for rule in RULES} else _("is no rule")
    return UsageError(
        f"{option} {name}: {name} {what}.",
        remedy=did_you_mean(
            name, [*known, *groups], _("Known: {known}; or {all_means}.", known=", ".join(known), all_means=all_means)
        ),
    )


__all__ = [
    "RULES",
    "Rule",
    "SetRule",
    "Subject",
    "ValueRule",
    "accepted_rules",
    "named_repairs",
    "names_rows",
    "quarantined_rules",
]
