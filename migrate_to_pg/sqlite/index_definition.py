"""Compare the SQL of indexes that have a condition or an expression, however it is quoted and spaced."""

from __future__ import annotations

import re

#: A string, a quoted name, a word or number, or one character of anything else.
_TOKEN = re.compile(
    r"""(?P<string>'(?:[^']|'')*')|(?P<quoted>"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^]]*\])|(?P<word>\w+)|(?P<other>\S)"""
)


def index_definition(sql: str) -> tuple[str, ...]:
    """Return what an index holds, from its CREATE INDEX statement, without its name and its table.

    Two that are equal hold the same. Of two that differ nothing is known: one condition can be written in many ways.
    """
    tokens = list(_TOKEN.finditer(sql))
    on = next((n for n, token in enumerate(tokens) if (token["word"] or "").lower() == "on"), len(tokens))
    # The table's name comes next.
    return tuple(_plain(token) for token in tokens[on + 2 :])


def _plain(token: re.Match[str]) -> str:
    """Return a name without its quotes. Names and keywords have no case, strings have."""
    if quoted := token["quoted"]:
        return quoted[1:-1].replace(quoted[-1] * 2, quoted[-1]).lower()
    return token["string"] or token[0].lower()
