"""Find the rule that explains an error of PostgreSQL."""

from __future__ import annotations

import re

from migrate_to_pg.behaviour.rules import RULES

_OF_SQLITE = re.compile(r"^\s*PRAGMA\b|\bsqlite_(?:master|schema|sequence|temp_master|stat1)\b", re.IGNORECASE)
_NO_OPERATOR = re.compile(r"operator does not exist: .* ==")
_NO_COLUMN = re.compile(r'column ("[^"]+") does not exist')
OTHER = "other-error"


def rule_of_error(sqlstate: str, message: str, sql: str = "") -> str:
    """Return the id of the rule for an error, by its SQLSTATE, its English message and the statement.

    An error of Django's or the driver's has no SQLSTATE: it is told by its message.
    """
    if sqlstate.startswith("42") and _OF_SQLITE.search(sql):
        return "sqlite-catalogue"
    if _NO_OPERATOR.search(message):
        return "sqlite-syntax"
    missing = _NO_COLUMN.search(message)
    if sqlstate == "42703" and missing and missing[1] in sql:
        return "double-quoted-text"
    known = sorted(RULES.values(), key=lambda rule: (not rule.pattern, bool(rule.sqlstates)))
    for rule in known:
        by_state = sqlstate in rule.sqlstates
        by_message = bool(rule.pattern) and re.search(rule.pattern, message) is not None
        if (by_state and (by_message or not rule.pattern)) or (by_message and not (sqlstate and rule.sqlstates)):
            return rule.id
    return OTHER
