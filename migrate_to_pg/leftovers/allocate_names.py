"""Allocate distinct PostgreSQL names for SQLite's names, which the server does not truncate."""

from __future__ import annotations

import hashlib
import itertools

from migrate_to_pg.records import folded

#: PostgreSQL's NAMEDATALEN - 1, in bytes.
_MAX_NAME_BYTES = 63
#: System columns of every table.
_SYSTEM = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


class IdentifierAllocator:
    """The names of one schema's tables, or of one table's columns."""

    def __init__(self, *, columns: bool = False) -> None:
        self._taken = set(_SYSTEM if columns else ())

    def allocate(self, name: str) -> str:
        """Return the name if it is short enough and free, else its beginning with a digest, the same in each run."""
        wanted = name or "unnamed"
        candidates = itertools.chain(
            [wanted] if len(_bytes(wanted)) <= _MAX_NAME_BYTES else [],
            (_with_digest(wanted, number) for number in itertools.count()),
        )
        given = next(candidate for candidate in candidates if folded(candidate) not in self._taken)
        self._taken.add(folded(given))
        return given


def is_name_of(given: str, name: str) -> bool:
    """Return whether ``allocate`` may have returned ``given`` for ``name``."""
    return given in (name, _with_digest(name, 0))


def _with_digest(name: str, number: int) -> str:
    digest = hashlib.sha256(_bytes(name) + (b"" if not number else b"%d" % number)).hexdigest()[:8]
    return _bytes(name)[: _MAX_NAME_BYTES - 9].decode("utf-8", "ignore") + f"_{digest}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "backslashreplace")
