"""The condition of a partial unique index, as PostgreSQL prints it, goes in; whether a row is under it comes out.

Understood are booleans, NOT, IS NULL and IS NOT NULL, joined by AND: under any other condition no row is taken to be,
so that nothing is proven by it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

#: One term of a conjunction, its parentheses taken off.
TERM = re.compile(r'(NOT )?("(?:[^"]|"")+"|[A-Za-z_][\w$]*)( IS NULL| IS NOT NULL)?')
#: A column's name -> the canonical forms that its cell may have; None where there is no such column.
Cell = Callable[[str], "set[str | None] | None"]


def holds(condition: str, cell: Cell) -> bool:
    """Whether the condition is known to be met."""
    if "NOT (" in condition:
        return False
    terms = condition.replace("(", "").replace(")", "").split(" AND ") if condition else []
    return all(_holds(term, cell) for term in terms)


def _holds(term: str, cell: Cell) -> bool:
    match = TERM.fullmatch(term)
    if match is None or (match[1] and match[3]):
        return False
    name = match[2][1:-1].replace('""', '"') if match[2].startswith('"') else match[2]
    forms = cell(name)
    if forms is None:
        return False
    if match[3]:
        return None in forms if match[3] == " IS NULL" else bool(forms - {None})
    return ("=0" if match[1] else "=1") in forms
