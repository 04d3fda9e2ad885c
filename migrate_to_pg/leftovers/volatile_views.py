"""Detect views whose rows change by themselves, because they depend on time or chance."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: SQLite's nondeterministic functions: https://sqlite.org/deterministic.html.
_MOMENT = re.compile(
    r"\b(?:random|randomblob|last_insert_rowid|changes|total_changes)\s*\(|\bcurrent_(?:date|time|timestamp)\b", re.I
)
#: Date functions without a time value are nondeterministic,
_NO_TIME = re.compile(
    r"\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\bstrftime\s*\(\s*(?:'[^']*'|\"[^\"]*\")\s*\)", re.I
)
#: and so are those with 'now', wherever it comes from.
_DATE = re.compile(r"\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\(", re.I)
_NOW = re.compile(r"\bnow\b", re.I)
_WORD = re.compile(r"\w+")


def is_volatile(view: str, views: Mapping[str, str]) -> bool:
    """Return whether the SQL of a view, or of a view that it names, is volatile. It may report a stable view, too."""
    named, seen = [view], set()
    while named:
        name = named.pop()
        if name in seen:
            continue
        seen.add(name)
        if _depends_on_time(views[name]):
            return True
        words = {word.lower() for word in _WORD.findall(views[name])}
        named += [other for other in views if set(_WORD.findall(other.lower())) <= words]
    return False


def _depends_on_time(sql: str) -> bool:
    return bool(_MOMENT.search(sql) or _NO_TIME.search(sql) or (_DATE.search(sql) and _NOW.search(sql)))
