"""Ask both databases for the rows of the querysets and SELECTs that the code writes with literals."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path

from django.core.exceptions import EmptyResultSet, FieldError
from django.db import DatabaseError

from migrate_to_pg.behaviour.code.querysets import Built, querysets_of
from migrate_to_pg.behaviour.code.sources import own_sources, unread_files
from migrate_to_pg.behaviour.code.statements import Statement, statements_of
from migrate_to_pg.behaviour.project_errors import guarded
from migrate_to_pg.behaviour.queries.call_site import CallSite
from migrate_to_pg.behaviour.queries.judge import Asked, Judge
from migrate_to_pg.behaviour.queries.notebook import Notebook, read
from migrate_to_pg.behaviour.records import Effect, Occurrence, Way
from migrate_to_pg.behaviour.sides import SQLITE, Copied
from migrate_to_pg.i18n import gettext as _

_READS = re.compile(r"\s*SELECT\b", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"%(?:\(\w+\))?s|\?")
#: What is told of a model's field once, and not of each of its querysets.
_OF_FIELDS = frozenset({"json-key-order", "raw-value-type"})
#: What is known of rows whose conditions are not all known.
_OF_ORDER = frozenset({"order-nulls", "order-text", "order-ties", "unordered"})


def compare_queries(copy: Copied, notes: list[str]) -> Iterator[Occurrence]:
    """Yield what differs of each queryset, and of each SELECT without parameters."""
    yield from guarded(_("Querysets"), _compare(copy, notes), notes)


def _compare(copy: Copied, notes: list[str]) -> Iterator[Occurrence]:
    sources = own_sources()
    notes += unread_files()
    with tempfile.TemporaryDirectory(prefix="migrate_to_pg-") as folder:
        file = Path(folder) / "queries.jsonl"
        notebook = Notebook(file)
        judge = Judge(copy.source, copy.url, copy.alias, notebook)
        with closing(judge):
            judge.connect()
            for built in querysets_of(sources):
                place = str(built.source.place(built.node))
                found = _ask(judge, notebook, partial(_asked, built), notes)
                if built.is_partial:
                    found = (one for one in found if one.rule in _OF_ORDER or one.effect is not Effect.DIFFERENT)
                yield from guarded(place, found, notes)
            for statement in statements_of(sources):
                place = str(statement.source.place(statement.node))
                yield from guarded(place, _ask(judge, notebook, partial(_asked_raw, statement), notes), notes)


def _asked(built: Built) -> Asked | None:
    try:
        sql, parameters = built.queryset.query.get_compiler(using=SQLITE).as_sql()
    except (EmptyResultSet, FieldError, DatabaseError, ValueError):
        return None
    site = CallSite(built.source.place(built.node))
    return Asked(sql=sql, parameters=parameters, site=site, query=built.queryset.query)


def _asked_raw(statement: Statement) -> Asked | None:
    sql = statement.text.text
    if not statement.text.is_complete or not _READS.match(sql) or _PLACEHOLDER.search(sql):
        return None
    given: tuple[()] | None = () if statement.has_parameters else None
    return Asked(sql=sql, parameters=given, site=CallSite(statement.source.place(statement.node)))


def _ask(judge: Judge, notebook: Notebook, make: Callable[[], Asked | None], notes: list[str]) -> Iterator[Occurrence]:
    # What the project defines may fail where it is compiled.
    asked = make()
    if asked is None:
        return
    judge.judge(asked)
    notebook.flush()
    found = read(notebook.path)
    notebook.path.write_bytes(b"")
    notes += found.notes
    yield from (replace(one, way=Way.DATA) for one in found.occurrences if one.rule not in _OF_FIELDS)
