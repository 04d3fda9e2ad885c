"""Names that SQLite takes in, names that PostgreSQL takes out: none cut by the server, none given twice."""

from __future__ import annotations

import hashlib
import itertools

from migrate_to_pg.records import folded

#: PostgreSQL's NAMEDATALEN - 1, in bytes.
_LONGEST = 63
#: Every table has columns of these names already.
_SYSTEM = frozenset({"ctid", "xmin", "xmax", "cmin", "cmax", "tableoid"})


class Names:
    """The names of one schema's tables, or of one table's columns."""

    def __init__(self, *, columns: bool = False) -> None:
        self._taken = set(_SYSTEM if columns else ())

    def give(self, name: str) -> str:
        """That name where it can be had; else its beginning with a digest of it, the same in each run."""
        wanted = name or "unnamed"
        candidates = itertools.chain(
            [wanted] if len(_bytes(wanted)) <= _LONGEST else [],
            (_with_digest(wanted, number) for number in itertools.count()),
        )
        given = next(candidate for candidate in candidates if folded(candidate) not in self._taken)
        self._taken.add(folded(given))
        return given


def is_name_of(given: str, name: str) -> bool:
    """Whether ``give`` may have given that name for the other."""
    return given in (name, _with_digest(name, 0))


def _with_digest(name: str, number: int) -> str:
    digest = hashlib.sha256(_bytes(name) + (b"" if not number else b"%d" % number)).hexdigest()[:8]
    return _bytes(name)[: _LONGEST - 9].decode("utf-8", "ignore") + f"_{digest}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "backslashreplace")
