"""Find regular expressions that PostgreSQL reads otherwise."""

from __future__ import annotations

from migrate_to_pg.behaviour.rules.behaviour_rule import BehaviourRule
from migrate_to_pg.i18n import N_

RULE = BehaviourRule(
    id="python-regex",
    title=N_("A regular expression of Python's"),
    meaning=(
        "On SQLite Django runs Python's re. PostgreSQL has a dialect of its own: no named groups, no"
        " lookbehind before version 11, and \\b is a backspace."
    ),
    example="filter(name__regex=r'(?P<x>Al)'): invalid regular expression.",
    instead=N_(
        "Write what both read: (Al) in place of (?P<x>Al), [0-9] in place of \\d, and \\y or a lookup without a"
        " regular expression for \\b."
    ),
    detection="PostgreSQL's error, and literal patterns in the code, matched on both databases.",
    sqlstates=("2201B",),
)
