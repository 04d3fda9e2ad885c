"""Pair PostgreSQL's names with SQLite's tables or columns; what two of them would fit is a doubt, never a guess.

What a name looks like depends on the database: SQLite compares without regard to case and takes any length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from migrate_to_pg.project.identifiers import cut
from migrate_to_pg.records import AmbiguousName, SourceColumn, SourceTable, folded

_Named = TypeVar("_Named", SourceTable, SourceColumn)


class _Matching(NamedTuple):
    """One way of telling that two names are the same: what they are compared by, on each side."""

    source: Callable[[str], str]
    target: Callable[[str], Iterable[str]]


def match_names(
    wanted: Iterable[str], sources: Sequence[_Named], known: Mapping[str, Sequence[str]], *, table: str = ""
) -> tuple[dict[str, _Named], tuple[AmbiguousName, ...]]:
    """PostgreSQL's name -> the source of that name, and the doubts; no source is given twice.

    ``known`` are SQLite's whole names of what a model calls so on PostgreSQL: they come first, and no other name is
    cut to fit where one is known. Else the very name, then as SQLite compares, then as PostgreSQL cuts. ``table`` is
    the one of which these are columns.
    """
    found: dict[str, _Named] = {}
    doubts: list[AmbiguousName] = []
    free = {source.name: source for source in sources}
    left = list(dict.fromkeys(wanted))
    ways = (
        _Matching(folded, lambda name: {folded(one) for one in known.get(name, ())}),
        _Matching(str, lambda name: {name}),
        _Matching(folded, lambda name: {folded(name)}),
        _Matching(cut, lambda name: set() if name in known else {name}),
    )
    for way in ways:
        for group in _groups(left, free, way):
            if len(group.targets) == len(group.sources) == 1:
                found[group.targets[0]] = free[group.sources[0]]
            else:
                doubts.append(
                    AmbiguousName(table=table, sources=tuple(sorted(group.sources)), targets=tuple(group.targets))
                )
            for source in group.sources:
                del free[source]
            left = [name for name in left if name not in group.targets]
    return found, tuple(doubts)


class _Group(NamedTuple):
    """Names of both sides that fit each other in one way, and nothing else."""

    sources: list[str]
    targets: list[str]


def _groups(targets: Sequence[str], sources: Iterable[str], way: _Matching) -> list[_Group]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        by_key[way.source(source)].append(source)
    of: dict[str, _Group] = {}
    for target in targets:
        fitting = [source for key in sorted(way.target(target)) for source in by_key.get(key, ())]
        if fitting:
            known = [of[source] for source in fitting if source in of]
            members = dict.fromkeys([*(source for group in known for source in group.sources), *fitting])
            also = dict.fromkeys([*(name for group in known for name in group.targets), target])
            of |= dict.fromkeys(members, _Group(list(members), list(also)))
    return list({id(group): group for group in of.values()}.values())
