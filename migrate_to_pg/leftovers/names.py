"""Names that SQLite takes in, names that PostgreSQL takes out: none cut by the server, none given twice."""

from __future__ import annotations

import hashlib
import itertools

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
        given = next(candidate for candidate in candidates if _folded(candidate) not in self._taken)
        self._taken.add(_folded(given))
        return given


def _with_digest(name: str, number: int) -> str:
    digest = hashlib.sha256(_bytes(name) + (b"" if not number else b"%d" % number)).hexdigest()[:8]
    return _bytes(name)[: _LONGEST - 9].decode("utf-8", "ignore") + f"_{digest}"


def _bytes(name: str) -> bytes:
    return name.encode("utf-8", "backslashreplace")


def _folded(name: str) -> str:
    """As SQLite compares names: without regard to the case of ASCII letters alone."""
    return "".join(letter.lower() if letter.isascii() else letter for letter in name)
