"""Read from the text of a SQL statement what decides its answer: its verb, order, limit and functions.

This is no parser. It knows strings, comments and parentheses, so that a keyword is found at its own level. Both
databases have read the statement already.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import NamedTuple

_TOKEN = re.compile(
    r"""(?P<space>\s+|--[^\n]*|/\*.*?\*/)
    |(?P<string>'(?:[^']|'')*')
    |(?P<name>"(?:[^"]|"")*"|`[^`]*`|\[[^\]]*\])
    |(?P<placeholder>%s|%\(\w+\)s)
    |(?P<word>[^\W\d]\w*)
    |(?P<number>\d+)
    |(?P<open>\()|(?P<close>\))
    |(?P<other>.)""",
    re.VERBOSE | re.DOTALL,
)
_VERB_OF_READS = ("SELECT", "WITH", "VALUES")
_VERB_OF_WRITES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
#: Functions and words whose value is another one each time.
_VOLATILE = frozenset(
    (
        "RANDOM",
        "RAND",
        "RANDOMBLOB",
        "NOW",
        "CURRENT_TIMESTAMP",
        "CURRENT_DATE",
        "CURRENT_TIME",
        "STATEMENT_TIMESTAMP",
        "CLOCK_TIMESTAMP",
        "LOCALTIMESTAMP",
        "CHANGES",
        "TOTAL_CHANGES",
        "LAST_INSERT_ROWID",
    )
)
_FIRST_WORD = re.compile(r"(?:\s|\(|--[^\n]*\n|/\*.*?\*/)*(\w+)", re.DOTALL)
_NOW = re.compile(r"'now'", re.IGNORECASE)
_TABLES = re.compile(r"\b(?:FROM|JOIN|INTO|UPDATE|TABLE)\s+(?:ONLY\s+)?([`\"\[]?)([\w.]+)", re.IGNORECASE)


class Token(NamedTuple):
    """A piece of the text. ``group`` numbers the parentheses that it is directly in; 0 is none."""

    kind: str
    text: str
    group: int
    start: int
    end: int

    @property
    def word(self) -> str:
        """The keyword in capitals, or '' for anything else."""
        return self.text.upper() if self.kind == "word" else ""


class OrderItem(NamedTuple):
    """One item of ORDER BY."""

    expression: str
    descending: bool
    #: "FIRST", "LAST", or '' where it is left to the database.
    nulls: str


@dataclass(frozen=True)
class Statement:
    """A statement, and what is read from it."""

    sql: str

    @cached_property
    def tokens(self) -> tuple[Token, ...]:
        """All tokens but spaces and comments."""
        return tuple(_tokens(self.sql))

    @cached_property
    def verb(self) -> str:
        """The first word, in capitals."""
        found = _FIRST_WORD.match(self.sql)
        return found[1].upper() if found else ""

    @property
    def reads(self) -> bool:
        """Report whether it only reads."""
        return self.verb in _VERB_OF_READS and not self.words & set(_VERB_OF_WRITES[:3])

    @property
    def writes(self) -> bool:
        """Report whether it changes rows."""
        return self.verb in _VERB_OF_WRITES or (self.verb == "WITH" and not self.reads)

    @cached_property
    def words(self) -> frozenset[str]:
        """Every word outside of strings and quoted names, in capitals."""
        return frozenset(token.word for token in self.tokens if token.word)

    @cached_property
    def functions(self) -> frozenset[str]:
        """The names before a parenthesis, in capitals."""
        following = zip(self.tokens, self.tokens[1:], strict=False)
        return frozenset(one.word for one, after in following if one.word and after.kind == "open")

    @cached_property
    def is_volatile(self) -> bool:
        """Report whether the same statement answers otherwise another time."""
        return bool(self.words & _VOLATILE) or _NOW.search(self.sql) is not None

    @property
    def draws_random_numbers(self) -> bool:
        """Report whether random() decides more than the order."""
        order = self._clause("ORDER")
        end = order.start if order else len(self.sql)
        return any(token.word == "RANDOM" and token.start < end for token in self.tokens)

    @cached_property
    def tables(self) -> frozenset[str]:
        """The names after FROM, JOIN, INTO and UPDATE, in lower case. Aliases of subqueries may be among them."""
        return frozenset(name.rpartition(".")[2].lower() for _, name in _TABLES.findall(self.sql))

    @cached_property
    def placeholders(self) -> tuple[Token, ...]:
        """The places of positional parameters."""
        return tuple(token for token in self.tokens if token.text == "%s")

    def _clause(self, word: str) -> Token | None:
        return next((token for token in self.tokens if token.group == 0 and token.word == word), None)

    @property
    def is_compound(self) -> bool:
        """Report whether it is a UNION, INTERSECT or EXCEPT."""
        return any(self._clause(word) for word in ("UNION", "INTERSECT", "EXCEPT"))

    @property
    def is_ordered(self) -> bool:
        """Report whether the rows of the answer have an order."""
        return self._clause("ORDER") is not None

    @property
    def is_sliced(self) -> bool:
        """Report whether it takes a part of the rows."""
        return self._clause("LIMIT") is not None or self._clause("OFFSET") is not None

    @cached_property
    def has_unordered_slice(self) -> bool:
        """Report whether it, or a subquery of it, takes a part of rows that have no order."""
        words: dict[int, set[str]] = {}
        for token in self.tokens:
            words.setdefault(token.group, set()).add(token.word)
        return any("LIMIT" in found and "ORDER" not in found for found in words.values())

    @cached_property
    def order(self) -> tuple[OrderItem, ...]:
        """The items of the outermost ORDER BY."""
        begin = self._clause("ORDER")
        if begin is None:
            return ()
        inside = [token for token in self.tokens if token.start > begin.start]
        # The first one is BY.
        items: list[list[Token]] = [[]]
        for token in inside[1:]:
            if token.group == 0 and token.word in ("LIMIT", "OFFSET", "FOR", "UNION", "INTERSECT", "EXCEPT"):
                break
            if token.group == 0 and token.text == ",":
                items.append([])
            else:
                items[-1].append(token)
        return tuple(self._order_item(item) for item in items if item)

    def _order_item(self, tokens: list[Token]) -> OrderItem:
        nulls = ""
        if len(tokens) > 2 and tokens[-2].word == "NULLS":
            nulls = tokens[-1].word
            tokens = tokens[:-2]
        descending = tokens[-1].word == "DESC"
        if tokens[-1].word in ("ASC", "DESC") and len(tokens) > 1:
            tokens = tokens[:-1]
        return OrderItem(self.sql[tokens[0].start : tokens[-1].end], descending, nulls)

    @property
    def end_of_list(self) -> int | None:
        """Where the list of the outermost SELECT ends, or None where it has no FROM."""
        begin = self._clause("FROM")
        return begin.start if begin else None

    @property
    def end_of_order(self) -> int:
        """Where LIMIT, OFFSET or the text begins to end."""
        found = [token.start for word in ("LIMIT", "OFFSET") if (token := self._clause(word))]
        return min(found, default=len(self.sql.rstrip().rstrip(";")))

    def slice(self, parameters: tuple[object, ...]) -> tuple[int, int | None] | None:
        """Return the first row and the one after the last that is taken, or None where that is not written plainly."""
        limit, offset = self._number("LIMIT", parameters), self._number("OFFSET", parameters)
        if isinstance(limit, str) or isinstance(offset, str):
            return None
        first = offset or 0
        return first, None if limit is None or limit < 0 else first + limit

    def _number(self, word: str, parameters: tuple[object, ...]) -> int | str | None:
        begin = self._clause(word)
        if begin is None:
            return None
        place = self.tokens.index(begin) + 1
        after = self.tokens[place : place + 2]
        if after and after[0].text == "-":
            return -1
        if len(after) > 1 and after[1].text == ",":
            return "unknown"
        if after and after[0].kind == "number":
            return int(after[0].text)
        if after and after[0] in self.placeholders:
            value = parameters[self.placeholders.index(after[0])]
            return value if isinstance(value, int) else "unknown"
        return "unknown"


@lru_cache(maxsize=1024)
def read_statement(sql: str) -> Statement:
    """Return a statement. The same text is read once."""
    return Statement(sql)


def _tokens(sql: str) -> Iterator[Token]:
    groups, made = [0], 0
    for match in _TOKEN.finditer(sql):
        kind = str(match.lastgroup)
        if kind == "space":
            continue
        if kind == "open":
            yield Token(kind, match[0], groups[-1], match.start(), match.end())
            made += 1
            groups.append(made)
            continue
        if kind == "close" and len(groups) > 1:
            groups.pop()
        yield Token(kind, match[0], groups[-1], match.start(), match.end())
