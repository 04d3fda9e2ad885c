"""Databases as they are met in real life: damaged ones, and strange ones that are healthy.

Each case is two scripts, what the migrations make on PostgreSQL and what SQLite holds, and what examine must find
there: exactly that, and nothing else. ``test_corpus`` takes each through the whole pipeline to its end.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from django.db.models.constraints import BaseConstraint

from migrate_to_pg.records import Finding, SystemCheck
from tests.unit.rules.promising import check


@dataclass(frozen=True, slots=True, order=True)
class Found:
    """One finding, as far as a case states it."""

    rule: str
    table: str
    column: str = ""
    count: int = 1
    #: The samples' primary keys, one text for each.
    keys: tuple[str, ...] = ()


def as_found(finding: Finding) -> Found:
    keys = tuple(", ".join(sample.key.values()) for sample in finding.samples)
    return Found(finding.rule, finding.table, finding.column, finding.count, keys)


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One database."""

    name: str
    #: PostgreSQL's DDL, run where the migrations would run.
    target: str
    #: The script that makes the SQLite database.
    source: str
    finds: tuple[Found, ...] = ()
    #: Whether an error is among the findings, so that nothing is published.
    blocked: bool = True
    #: Repairs that are accepted.
    fix: tuple[str, ...] = ()
    time_zone: str = "UTC"
    #: What Django's app registry would tell: models, and (table, content type column, object column).
    models: Mapping[tuple[str, str], str] = field(default_factory=dict)
    generic_keys: tuple[tuple[str, str, str], ...] = ()
    #: What Django's checks would say of the models on PostgreSQL.
    system_checks: tuple[SystemCheck, ...] = ()
    #: The CHECK, or the unique constraint with a condition or an expression, as a model of the table would have it; its
    #: fields are called f0x, f1x ... in the order of the columns.
    constraint: BaseConstraint | None = None
    #: Tables whose rows cannot be told apart, so that findings in them stand whatever is accepted.
    unmendable: tuple[str, ...] = ()


class _Finding(Protocol):
    @property
    def finds(self) -> tuple[Found, ...]: ...


_Case = TypeVar("_Case", bound=_Finding)


def one_of_each_rule(cases: Iterable[_Case]) -> list[_Case]:
    """The first of the cases that tells of each rule."""
    told: set[str] = set()
    chosen = []
    for case in cases:
        rules = {found.rule for found in case.finds}
        if not rules <= told:
            chosen.append(case)
        told |= rules
    return chosen


def value_case(
    name: str,
    rules: str,
    pg: str,
    sqlite: str,
    bad: Mapping[int, str],
    good: str = "NULL",
    *,
    blocked: bool = True,
    time_zone: str = "UTC",
    condition: object = None,
) -> Case:
    """One column ``v`` of table ``t``: ``bad`` rows by key and SQL literal beside a good one whose key is 100.

    ``rules`` are the ids of those that find them, with a comma between two; ``condition`` is Django's of the CHECK.
    """
    rows = ", ".join(f"({key}, {value})" for key, value in bad.items())
    return Case(
        name=name,
        target=f"CREATE TABLE t (id bigint PRIMARY KEY, v {pg})",
        source=(
            f"CREATE TABLE t (id integer NOT NULL PRIMARY KEY, v {sqlite}); INSERT INTO t VALUES (100, {good}), {rows};"
        ),
        finds=tuple(Found(rule, "t", "v", len(bad), tuple(map(str, sorted(bad)[:5]))) for rule in rules.split(",")),
        blocked=blocked,
        time_zone=time_zone,
        constraint=check(condition, "t_v_check") if condition else None,
    )


def healthy(name: str, target: str, source: str, *, time_zone: str = "UTC") -> Case:
    """A case without a finding."""
    return Case(name=name, target=target, source=source, blocked=False, time_zone=time_zone)
