"""Open the SQLite file as it is, and with functions that answer as PostgreSQL's do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from migrate_to_pg.behaviour.queries.ask_both import Source

_Text = str | bytes | int | float | None


class Sources:
    """The file, opened as often as needed."""

    def __init__(self, path: Path, alias: str) -> None:
        self.path = path
        self._alias = alias
        self.plain = Source(path, alias)
        self._variants: dict[str, Source] = {}

    def variants(self) -> Iterator[tuple[str, Source]]:
        """Yield each rule that a variant tries, and the variant."""
        yield "like-case", self._variant("like-case", _Like(re.DOTALL))
        yield "case-of-all-letters", self._variant("case-of-all-letters", _Like(re.DOTALL | re.IGNORECASE))

    def _variant(self, rule: str, like: _Like) -> Source:
        if rule not in self._variants:
            source = Source(self.path, self._alias)
            source.connect()
            source.define("like", 2, like)
            source.define("like", 3, like)
            if rule == "case-of-all-letters":
                source.define("upper", 1, lambda text: text.upper() if isinstance(text, str) else text)
                source.define("lower", 1, lambda text: text.lower() if isinstance(text, str) else text)
            self._variants[rule] = source
        return self._variants[rule]

    def close(self) -> None:
        """Close all connections."""
        for source in (self.plain, *self._variants.values()):
            source.close()


class _Like:
    """A LIKE, as SQLite calls it: pattern, text, and the character that escapes."""

    def __init__(self, flags: int) -> None:
        self._flags = flags

    def __call__(self, pattern: _Text, text: _Text, escape: str = "") -> bool | None:
        if pattern is None or text is None:
            return None
        return _compiled(str(pattern), escape, self._flags).fullmatch(str(text)) is not None


@lru_cache(maxsize=256)
def _compiled(pattern: str, escape: str, flags: int) -> re.Pattern[str]:
    parts, literal = [], False
    for character in pattern:
        if literal or character not in ("%", "_", escape):
            parts.append(re.escape(character))
            literal = False
        elif escape and character == escape:
            literal = True
        else:
            parts.append(".*" if character == "%" else ".")
    return re.compile("".join(parts), flags)
