"""Match PostgreSQL's names with SQLite's tables or columns. An ambiguous match is reported, never guessed.

Names depend on the database: SQLite ignores case and accepts any length.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple, TypeVar

from migrate_to_pg.project.identifiers import cut
from migrate_to_pg.records import AmbiguousName, SourceColumn, SourceTable, folded

_Named = TypeVar("_Named", SourceTable, SourceColumn)


class _Matching(NamedTuple):
    """A rule by which two names match: their comparison keys on either side."""

    source: Callable[[str], str]
    target: Callable[[str], Iterable[str]]


def match_names(
    wanted: Iterable[str], sources: Sequence[_Named], known: Mapping[str, Sequence[str]], *, table: str = ""
) -> tuple[dict[str, _Named], tuple[AmbiguousName, ...]]:
    """Match names, and report ambiguous ones. No source is used twice.

    Args:
        wanted: PostgreSQL's names.
        sources: SQLite's tables or columns.
        known: PostgreSQL's name -> full names in SQLite by the models. They come first, and no other name is
            truncated to fit where one is known. Then follow equal names, names equal for SQLite, and names as
            PostgreSQL truncates them.
        table: The table of which these are columns.

    Returns:
        PostgreSQL's name -> source, and the ambiguous names.
    """
    found: dict[str, _Named] = {}
    ambiguous: list[AmbiguousName] = []
    free = {source.name: source for source in sources}
    remaining = list(dict.fromkeys(wanted))
    rules = (
        _Matching(folded, lambda name: {folded(one) for one in known.get(name, ())}),
        _Matching(str, lambda name: {name}),
        _Matching(folded, lambda name: {folded(name)}),
        _Matching(cut, lambda name: set() if name in known else {name}),
    )
    for rule in rules:
        for group in _groups(remaining, free, rule):
            if len(group.targets) == len(group.sources) == 1:
                found[group.targets[0]] = free[group.sources[0]]
            else:
                ambiguous.append(
                    AmbiguousName(table=table, sources=tuple(sorted(group.sources)), targets=tuple(group.targets))
                )
            for source in group.sources:
                del free[source]
            remaining = [name for name in remaining if name not in group.targets]
    return found, tuple(ambiguous)


class _Group(NamedTuple):
    """Names of both sides that match each other by one rule."""

    sources: list[str]
    targets: list[str]


def _groups(targets: Sequence[str], sources: Iterable[str], rule: _Matching) -> list[_Group]:
    by_key: dict[str, list[str]] = defaultdict(list)
    for source in sources:
        by_key[rule.source(source)].append(source)
    of: dict[str, _Group] = {}
    for target in targets:
        fitting = [source for key in sorted(rule.target(target)) for source in by_key.get(key, ())]
        if fitting:
            known = [of[source] for source in fitting if source in of]
            members = dict.fromkeys([*(source for group in known for source in group.sources), *fitting])
            also = dict.fromkeys([*(name for group in known for name in group.targets), target])
            of |= dict.fromkeys(members, _Group(list(members), list(also)))
    return list({id(group): group for group in of.values()}.values())
