"""One module a rule: what it finds, what that means on PostgreSQL, why it happens, what to do.

To add a rule: write a module with a ``RULE``, name it in ``RULES``, and run
``python -m migrate_to_pg.rules > docs/reference/findings.md``.
"""

from __future__ import annotations

from collections.abc import Sequence

from migrate_to_pg.errors import UsageError
from migrate_to_pg.rules import (
    ambiguous_local_time,
    boolean_value,
    broken_view_or_trigger,
    btree_too_large,
    check_constraint,
    dangling_foreign_key,
    duplicate_key,
    extra_column,
    foreign_key_orphan,
    integer_out_of_range,
    integrity_check,
    invalid_json,
    invalid_utf8,
    invalid_uuid,
    json_escape,
    leftover_table,
    malformed_date,
    malformed_time,
    malformed_timestamp,
    malformed_value,
    missing_column,
    missing_table,
    not_carried,
    nul_in_text,
    null_in_not_null,
    numeric_overflow,
    numeric_rounded,
    schema_drift,
    text_too_long,
    unsupported_type,
    utf16_encoding,
    wrong_storage_class,
)
from migrate_to_pg.rules.rule import Rule, SetRule, Subject, ValueRule

#: Every rule, in the order in which the reference tells them.
RULES: tuple[SetRule | ValueRule, ...] = (
    integrity_check.RULE,
    utf16_encoding.RULE,
    dangling_foreign_key.RULE,
    foreign_key_orphan.RULE,
    duplicate_key.RULE,
    btree_too_large.RULE,
    null_in_not_null.RULE,
    check_constraint.RULE,
    text_too_long.RULE,
    nul_in_text.RULE,
    invalid_utf8.RULE,
    wrong_storage_class.RULE,
    integer_out_of_range.RULE,
    boolean_value.RULE,
    numeric_overflow.RULE,
    numeric_rounded.RULE,
    malformed_date.RULE,
    malformed_time.RULE,
    malformed_timestamp.RULE,
    ambiguous_local_time.RULE,
    invalid_json.RULE,
    json_escape.RULE,
    invalid_uuid.RULE,
    malformed_value.RULE,
    unsupported_type.RULE,
    missing_column.RULE,
    missing_table.RULE,
    extra_column.RULE,
    schema_drift.RULE,
    leftover_table.RULE,
    not_carried.RULE,
    broken_view_or_trigger.RULE,
)


def accepted_rules(names: Sequence[str]) -> frozenset[str]:
    """The rules that --fix names; "all" means every lossless repair, a lossy one must be named.

    Raises UsageError where a name is no rule, or one that has no repair.
    """
    repairs = {rule.id: rule.repair for rule in RULES if rule.repair}
    known = {rule.id for rule in RULES}
    accepted: set[str] = set()
    for name in names:
        if name == "all":
            accepted.update(rule for rule, repair in repairs.items() if repair == "lossless")
        elif name in repairs:
            accepted.add(name)
        else:
            what = "has no repair" if name in known else "is no rule"
            raise UsageError(
                f"--fix {name}: {name} {what}.",
                remedy=f"Rules that have a repair: {', '.join(sorted(repairs))}; or all, for the lossless ones.",
            )
    return frozenset(accepted)


__all__ = ["RULES", "Rule", "SetRule", "Subject", "ValueRule", "accepted_rules"]
