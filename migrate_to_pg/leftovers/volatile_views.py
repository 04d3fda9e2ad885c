"""The SQL of all views in; out, whether what one of them gives is another thing each time it is read."""

from __future__ import annotations

import re
from collections.abc import Mapping

#: SQLite's functions whose answer depends on the moment: https://sqlite.org/deterministic.html.
_MOMENT = re.compile(
    r"\b(?:random|randomblob|last_insert_rowid|changes|total_changes)\s*\(|\bcurrent_(?:date|time|timestamp)\b", re.I
)
#: Date functions do without a time value,
_NO_TIME = re.compile(
    r"\b(?:date|time|datetime|julianday|unixepoch)\s*\(\s*\)|\bstrftime\s*\(\s*(?:'[^']*'|\"[^\"]*\")\s*\)", re.I
)
#: and with 'now', wherever that comes from.
_DATE = re.compile(r"\b(?:date|time|datetime|julianday|unixepoch|strftime|timediff)\s*\(", re.I)
_NOW = re.compile(r"\bnow\b", re.I)
_WORD = re.compile(r"\w+")


def changes_by_itself(view: str, views: Mapping[str, str]) -> bool:
    """By the SQL of the view and of the views that it names; told of too many rather than of too few."""
    named, seen = [view], set()
    while named:
        name = named.pop()
        if name in seen:
            continue
        seen.add(name)
        if _asks_for_the_moment(views[name]):
            return True
        words = {word.lower() for word in _WORD.findall(views[name])}
        named += [other for other in views if set(_WORD.findall(other.lower())) <= words]
    return False


def _asks_for_the_moment(sql: str) -> bool:
    return bool(_MOMENT.search(sql) or _NO_TIME.search(sql) or (_DATE.search(sql) and _NOW.search(sql)))
