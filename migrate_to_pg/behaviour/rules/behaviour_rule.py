"""Base class of the rules of behaviour.

A rule says what differs and what to write instead. An error of PostgreSQL is known by the rule's ``sqlstates`` and
``pattern``. Another difference is named by the way that sees it. A title and what to write instead are shown in
reports, so they are marked for translation (``N_``).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BehaviourRule:
    """A rule's id and texts, from which docs/reference/behaviour.md is made, and its detection."""

    #: Stable: named in reports and by scripts of users.
    id: str
    title: str
    #: Why the two databases differ.
    meaning: str
    #: Code that differs, and what each database answers.
    example: str
    #: What to write, that means the same on both.
    instead: str
    #: How the ways find it, for the reference.
    detection: str = ""
    #: SQLSTATEs of PostgreSQL that mean this rule, where no pattern below says otherwise.
    sqlstates: tuple[str, ...] = ()
    #: A regular expression on PostgreSQL's message (English), for SQLSTATEs that have several causes.
    pattern: str = ""
