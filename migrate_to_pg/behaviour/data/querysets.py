"""Ask both databases for the rows of the querysets that the code writes with literals."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

from django.core.exceptions import EmptyResultSet, FieldError
from django.db import DatabaseError

from migrate_to_pg.behaviour.code.querysets import Built, querysets_of
from migrate_to_pg.behaviour.code.sources import own_sources
from migrate_to_pg.behaviour.queries.call_site import CallSite
from migrate_to_pg.behaviour.queries.judge import Asked, Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook, read
from migrate_to_pg.behaviour.records import Effect, Occurrence, Way
from migrate_to_pg.behaviour.sides import SQLITE, Copied

#: What is told of a model's field once, and not of each of its querysets.
_OF_FIELDS = frozenset({"json-key-order", "raw-value-type"})
#: What is known of rows whose conditions are not all known.
_OF_ORDER = frozenset({"order-nulls", "order-text", "order-ties", "unordered"})


def compare_querysets(copy: Copied, notes: list[str]) -> Iterator[Occurrence]:
    """Yield what differs of each queryset."""
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder:
        file = Path(folder) / "querysets.jsonl"
        notebook = Notebook(file)
        judge = Judge(copy.source, copy.url, copy.alias, notebook)
        with closing(judge):
            judge.connect()
            for built in querysets_of(own_sources()):
                _ask(judge, built)
                notebook.flush()
                found = read(file)
                yield from _told(built, found.occurrences)
                notes += found.notes
                file.write_bytes(b"")


def _ask(judge: Judge, built: Built) -> None:
    try:
        sql, parameters = built.queryset.query.get_compiler(using=SQLITE).as_sql()
    except (EmptyResultSet, FieldError, DatabaseError, ValueError):
        return
    site = CallSite(built.source.place(built.node))
    judge.judge(Asked(sql=sql, parameters=parameters, site=site, query=built.queryset.query))


def _told(built: Built, occurrences: list[Occurrence]) -> Iterator[Occurrence]:
    for one in occurrences:
        is_unknown = built.is_partial and one.rule not in _OF_ORDER and one.effect is Effect.DIFFERENT
        # The order of a model is told of the model.
        is_default = not built.has_order and one.rule in _OF_ORDER - {"unordered"}
        if one.rule not in _OF_FIELDS and not is_unknown and not is_default:
            yield replace(one, way=Way.DATA)
