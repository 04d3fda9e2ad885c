"""Compare two answers to one statement, and name what makes them differ.

Where a cause can be tried, it is: SQLite is asked again with a LIKE that distinguishes case, with Unicode's upper and
lower case, or for its rows in the opposite order. If it then answers as PostgreSQL does, the cause is found.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from migrate_to_pg.behaviour.collation import BY_CODE
from migrate_to_pg.behaviour.queries.ask_both import Answer, Copy, Source
from migrate_to_pg.behaviour.queries.call_site import CallSite
from migrate_to_pg.behaviour.queries.order import TEXT, name_order, read_keyed_rows, ties_at_the_edge
from migrate_to_pg.behaviour.queries.sqlite_file import Sources
from migrate_to_pg.behaviour.queries.statement import Statement, read_statement
from migrate_to_pg.behaviour.queries.values import (
    Row,
    key_order_change,
    meaning,
    row_meaning,
    show,
    show_rows,
    type_change,
)
from migrate_to_pg.behaviour.records import Certainty
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.project.secret_columns import MASK

_JSON = {"JSON_EXTRACT", "JSON_TYPE"}
#: Words in the statement -> the rule, where no trial told.
_BY_WORD = (
    ({"REGEXP", "IREGEXP"}, "python-regex"),
    (_JSON, "json-comparison"),
    ({"GREATEST", "LEAST"}, "greatest-null"),
    ({"ROUND", "CAST", "RANDOM", "SUBSTR", "SUBSTRING"}, "function-meaning"),
)
OTHER = "other-difference"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One cause, and both answers as a reader sees them."""

    rule: str
    certainty: Certainty = Certainty.SEEN
    sqlite: str
    postgresql: str
    explanation: str = ""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two answers to the same question, with what is needed to ask again."""

    ours: Answer
    theirs: Answer
    #: Ask a variant of the source the same.
    again: Callable[[Source], Answer]
    sources: Sources
    copy: Copy
    site: CallSite
    #: Whether the project wrote the SQL itself, so that Django converts nothing.
    is_raw: bool
    #: The numbers of the columns whose values are never shown.
    hidden: Set[int]
    #: Whether Django converts the values by the model afterwards: Model.objects.raw().
    is_converted_later: bool = False
    #: Whether nobody sees the order of the rows.
    is_order_lost: bool = False

    @cached_property
    def statement(self) -> Statement:
        """The statement as SQLite ran it."""
        return read_statement(self.ours.sql)

    @property
    def is_ordered(self) -> bool:
        """Report whether the order of the rows is a part of the answer."""
        return self.statement.is_ordered and not self.is_order_lost

    @cached_property
    def left(self) -> list[Row]:
        """SQLite's rows by their meaning."""
        return list(map(row_meaning, self.ours.rows))

    @cached_property
    def right(self) -> list[Row]:
        """PostgreSQL's rows by their meaning."""
        return list(map(row_meaning, self.theirs.rows))

    @property
    def part(self) -> slice | None:
        """Which rows are taken, or None where that is not known."""
        found = self.statement.slice(tuple(self.ours.parameters or ()))
        return slice(*found) if found is not None else None

    def differences(self) -> Iterator[Difference]:
        """Yield every cause for which the answers differ, or may differ another day."""
        if self.statement.is_volatile:
            if self.is_raw and self.statement.draws_random_numbers and Counter(self.left) != Counter(self.right):
                yield self._shown("function-meaning", Certainty.CONFIRMED)
        elif self._equal(self.left, self.right):
            if not self.is_converted_later and (change := type_change(*self._aligned())):
                column, left, right = change
                yield self._of_cell("raw-value-type", Certainty.SEEN, column, left, right)
            yield from self._of_keys()
            yield from self._of_undecided_parts()
        else:
            yield from self._of_rows()

    def _equal(self, left: Sequence[Row], right: Sequence[Row]) -> bool:
        return list(left) == list(right) if self.is_ordered else Counter(left) == Counter(right)

    def _aligned(self) -> tuple[list[Row], list[Row]]:
        if self.is_ordered:
            return list(self.ours.rows), list(self.theirs.rows)
        ours, theirs = (
            sorted(rows, key=lambda row: repr(row_meaning(row))) for rows in (self.ours.rows, self.theirs.rows)
        )
        return ours, theirs

    def _of_keys(self) -> Iterator[Difference]:
        """Yield JSON whose keys moved, where the function at the call site names the field."""
        change = key_order_change(*self._aligned())
        if change is None:
            return
        column, left, right = change
        name = self.ours.columns[column] if column < len(self.ours.columns) else ""
        # A whole row is read for its other fields too.
        if self.is_raw or len(self.ours.columns) == 1 or self.site.names(name):
            yield self._of_cell("json-key-order", Certainty.CONFIRMED, column, left, right)

    def _of_cell(self, rule: str, certainty: Certainty, column: int, left: Any, right: Any) -> Difference:
        if column in self.hidden:
            left = right = MASK
        return Difference(rule=rule, certainty=certainty, sqlite=show(left), postgresql=show(right))

    def _of_undecided_parts(self) -> Iterator[Difference]:
        """Yield slices that hold the same rows today by chance."""
        if self.statement.has_unordered_slice:
            source = self.sources.plain
            with source.reversed():
                other = list(map(row_meaning, self.again(source).rows))
            if not self._equal(self.left, other):
                text = _("Today both give the same rows, by chance.")
                yield self._alike("unordered", text)
        part = self.part
        if not (self.statement.is_ordered and self.statement.is_sliced and part):
            return
        keyed = read_keyed_rows(self.sources.plain, self.statement, self.ours)
        if keyed and ties_at_the_edge(keyed, part):
            text = _("Rows on both sides of the limit are equal in the order. Today both databases choose the same.")
            yield self._alike("order-ties", text)

    def _alike(self, rule: str, explanation: str) -> Difference:
        """Return what differs another day. Today there are no rows to show that differ."""
        return Difference(rule=rule, certainty=Certainty.CONFIRMED, sqlite="", postgresql="", explanation=explanation)

    def _of_rows(self) -> Iterator[Difference]:
        same_size = len(self.left) == len(self.right)
        tried = self._by_trial() if Counter(self.left) != Counter(self.right) else ""
        if not tried and self.statement.is_sliced and not self.statement.is_ordered and same_size:
            yield self._shown("unordered")
            return
        for rule in ([tried] if tried else self._by_order()) or (self._by_like() or self._by_words(),):
            yield self._shown(rule)

    def _by_order(self) -> tuple[str, ...]:
        part = self.part
        if not self.statement.is_ordered or part is None:
            return ()
        keyed = read_keyed_rows(self.sources.plain, self.statement, self.ours)
        keys = (key for one in keyed or () for key in one.keys)
        is_json = bool(self.statement.words & _JSON) or any(meaning(key)[0] == "json" for key in keys)
        is_by_code = not is_json and self.copy.collation() in BY_CODE
        found = name_order(self.statement, keyed or [], self.left, self.right, part, is_by_code=is_by_code)
        return tuple("json-comparison" if rule == TEXT and is_json else rule for rule in found)

    def _by_trial(self) -> str:
        """Return the rule of the variant of SQLite that gives PostgreSQL's rows, or nothing."""
        if not self.statement.words & {"LIKE", "UPPER", "LOWER"}:
            return ""
        for rule, source in self.sources.variants():
            answered = map(row_meaning, self.again(source).rows)
            if Counter(answered) == Counter(self.right):
                return rule
        return ""

    def _by_like(self) -> str:
        """Return how LIKE may have made the difference, where no trial told."""
        if "LIKE" not in self.statement.words:
            return ""
        folds = read_statement(self.theirs.sql).words & {"UPPER", "LOWER", "ILIKE"}
        return "case-of-all-letters" if folds else "like-case"

    def _by_words(self) -> str:
        words = self.statement.words | read_statement(self.theirs.sql).words
        for marks, rule in _BY_WORD:
            if words & marks:
                return rule
        if self.statement.has_unordered_slice:
            return "unordered"
        compares = words & {"MIN", "MAX", "BETWEEN"} or any(token.text in "<>" for token in self.statement.tokens)
        return "order-text" if compares and self.copy.collation() not in BY_CODE else OTHER

    def _shown(self, rule: str, certainty: Certainty = Certainty.SEEN, explanation: str = "") -> Difference:
        """Show the rows that differ, of each answer the first ones."""
        ours, theirs = self._differing()
        shown = [show_rows(rows, secret=self.hidden) for rows in (ours, theirs)]
        if shown[0] == shown[1]:
            pairs = [(row_meaning(one), row_meaning(other)) for one, other in zip(ours, theirs, strict=False)]
            width = min((len(one) for one, _other in pairs), default=0)
            # What differs is beyond the end of a long row.
            columns = [
                column for column in range(width) if any(one[column] != other[column] for one, other in pairs)
            ] or [*range(width)]
            secret = {place for place, column in enumerate(columns) if column in self.hidden}
            parts = ([tuple(row[column] for column in columns) for row in rows] for rows in (ours, theirs))
            shown = [show_rows(rows, secret=secret) for rows in parts]
        if not explanation and len(self.left) != len(self.right):
            explanation = _(
                "Rows on SQLite: {ours}, on PostgreSQL: {theirs}.", ours=len(self.left), theirs=len(self.right)
            )
        return Difference(rule=rule, certainty=certainty, sqlite=shown[0], postgresql=shown[1], explanation=explanation)

    def _differing(self) -> tuple[list[Row], list[Row]]:
        """Return the rows from the first that differs on, or those alone that only one side has."""
        left, right = Counter(self.left), Counter(self.right)
        if left != right and not (self.is_ordered and len(self.left) == len(self.right)):
            return _more(self.ours.rows, self.left, right), _more(self.theirs.rows, self.right, left)
        pairs = zip(self.left, self.right, strict=False)
        first = next((number for number, (one, other) in enumerate(pairs) if one != other), 0)
        return list(self.ours.rows[first:]), list(self.theirs.rows[first:])


def _more(rows: Sequence[Row], meanings: Sequence[Row], others: Counter[Row]) -> list[Row]:
    """Return the rows that the other side has not, or not so often."""
    left = others.copy()
    found = []
    for row, meant in zip(rows, meanings, strict=True):
        if left[meant] > 0:
            left[meant] -= 1
        else:
            found.append(row)
    return found
