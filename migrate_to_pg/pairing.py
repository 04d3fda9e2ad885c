"""PostgreSQL's names in, SQLite's tables or columns of the same names out.

What a name looks like depends on the database: SQLite compares without regard to case and takes any length.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeVar

from django.db.backends.utils import truncate_name

from migrate_to_pg.records import SourceColumn, SourceTable

#: PostgreSQL's NAMEDATALEN - 1, in bytes.
_LONGEST_NAME = 63
_Named = TypeVar("_Named", SourceTable, SourceColumn)


def paired(wanted: Iterable[str], sources: Sequence[_Named]) -> dict[str, _Named]:
    """PostgreSQL's name -> the source of that name: exactly; as SQLite compares; as a long name is cut short.

    Django cuts a name that it makes and puts a digest at its end, PostgreSQL cuts any name at 63 bytes. No source is
    given twice.
    """
    found: dict[str, _Named] = {}
    names = list(wanted)
    for spelling in (str, str.lower, _cut_by_django, _cut_by_postgresql):
        taken = {source.name for source in found.values()}
        free = {spelling(source.name): source for source in sources if source.name not in taken}
        for name in names:
            key = name.lower() if spelling is str.lower else name
            if name not in found and key in free:
                found[name] = free.pop(key)
    return found


def _cut_by_django(name: str) -> str:
    return truncate_name(name, _LONGEST_NAME)


def _cut_by_postgresql(name: str) -> str:
    return name.encode()[:_LONGEST_NAME].decode(errors="ignore")
