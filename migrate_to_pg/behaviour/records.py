"""Define the records of ``pg_behaviour``: what a way saw, and the finding that is made of it."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass


class Way(enum.StrEnum):
    """The way by which a difference was found."""

    TESTS = "tests"
    QUERIES = "queries"
    DATA = "data"
    CODE = "code"


class Certainty(enum.StrEnum):
    """The certainty of a finding, the surest first."""

    #: Both databases were asked the same, and answered otherwise.
    SEEN = "seen"
    #: The code or the model allows it, and the data hold a case of it.
    CONFIRMED = "confirmed"
    #: The code or the model allows it. Nothing was tried.
    HINT = "hint"


class Effect(enum.StrEnum):
    """The effect on PostgreSQL."""

    ERROR = "error"
    DIFFERENT = "different"


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """The place that a finding is about: a line of the project, or a name where no line is at fault."""

    #: Relative to the project's directory. Empty where ``name`` says all.
    file: str = ""
    line: int = 0
    #: A model's field (shop.Book.title), a setting, a test.
    name: str = ""

    def __str__(self) -> str:
        where = f"{self.file}:{self.line}" if self.file else ""
        return " ".join(filter(None, (where, self.name)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Occurrence:
    """One difference, as one way saw it. None of its texts holds a secret value."""

    #: The id of a rule of ``behaviour.rules``.
    rule: str
    place: Place
    way: Way
    certainty: Certainty
    effect: Effect
    #: What SQLite answers, shortened for a reader.
    sqlite: str = ""
    #: What PostgreSQL answers: a value, or the first line of the error.
    postgresql: str = ""
    #: Empty where PostgreSQL raised nothing.
    sqlstate: str = ""
    #: The statement with its placeholders, never its parameters.
    sql: str = ""
    #: What else a reader needs, in whole sentences.
    explanation: str = ""
    count: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Behaviour:
    """One finding: everything that was seen of one rule at one place."""

    rule: str
    place: Place
    ways: tuple[Way, ...]
    certainty: Certainty
    effect: Effect
    #: The surest occurrence, which the report shows.
    example: Occurrence
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The findings of ``pg_behaviour``, and the ways by which it looked."""

    #: ISO 8601 with offset.
    started: str
    seconds: float
    ways: tuple[Way, ...]
    #: The SQLite database that was compared with its copy.
    source: str
    findings: tuple[Behaviour, ...]
    #: What could not be found out, and why, in whole sentences.
    notes: tuple[str, ...] = ()
    #: Whether each way looked to its end. A note says where not.
    is_complete: bool = True
    #: Lines with SQL that no way executed.
    unexecuted: tuple[Place, ...] = ()

    def count(self, effect: Effect) -> int:
        """Count the findings of one effect. What was only read, and tried nowhere, is counted by ``hints``."""
        return sum(found.effect is effect and found.certainty is not Certainty.HINT for found in self.findings)

    @property
    def hints(self) -> int:
        """Count the findings of which nothing was tried."""
        return sum(found.certainty is Certainty.HINT for found in self.findings)

    def fails(self, fail_on: str) -> bool:
        """Return whether the exit status is 1 with this value of --fail-on. A hint fails nothing."""
        if fail_on == "never":
            return False
        different = self.count(Effect.DIFFERENT) if fail_on == "different" else 0
        return not self.is_complete or self.count(Effect.ERROR) + different > 0


def merge(occurrences: Iterable[Occurrence]) -> tuple[Behaviour, ...]:
    """Make one finding of all occurrences of one rule at one place, in the order of the places."""
    grouped: dict[tuple[Place, str], list[Occurrence]] = {}
    for occurrence in occurrences:
        grouped.setdefault((occurrence.place, occurrence.rule), []).append(occurrence)
    return tuple(_behaviour(group) for _, group in sorted(grouped.items()))


def _behaviour(group: list[Occurrence]) -> Behaviour:
    surest = min(group, key=lambda one: ([*Certainty].index(one.certainty), [*Effect].index(one.effect)))
    seen = {one.way for one in group}
    return Behaviour(
        rule=surest.rule,
        place=surest.place,
        ways=tuple(way for way in Way if way in seen),
        certainty=surest.certainty,
        effect=surest.effect,
        example=surest,
        # What two ways see at one place is the same thing.
        count=max(sum(one.count for one in group if one.way is way) for way in seen),
    )
