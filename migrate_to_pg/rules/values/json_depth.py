"""Find JSON that is nested deeper than Python's own stack: Django cannot read it, on either database."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.records import Finding, Level, PlannedColumn
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.rules.malformed import JSON_TYPES, condition
from migrate_to_pg.rules.sql_functions import MOST_LEVELS, json_too_deep
from migrate_to_pg.sqlite.sql import Sql


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column. Python 3.12 and later read any document that SQLite takes."""
    if json_too_deep(b"[" * MOST_LEVELS + b"]" * MOST_LEVELS):
        yield from samples.findings_of_marked(RULE, subject, _is_too_deep, _explain)


def _is_too_deep(column: PlannedColumn) -> Sql | None:
    """Return an expression that is 1 for such values. Few have so many brackets at all, and only those are parsed."""
    if column.target.type_name not in JSON_TYPES:
        return None
    return condition(
        "CASE WHEN typeof({c}) = 'text' AND length({c}) > 400"
        " AND length({c}) - length(replace(replace({c}, '[', ''), '{{', '')) > 400"
        " THEN pg_json_too_deep(CAST({c} AS BLOB)) END",
        column,
    )


def _explain(_subject: Subject, _column: PlannedColumn, count: int) -> Message:
    explanation = ngettext(
        "{n:,} value is nested deeper than Python's stack allows: Django raises a RecursionError when it reads the row"
        " from SQLite, and will when it reads it from PostgreSQL.",
        "{n:,} values are nested deeper than Python's stack allows: Django raises a RecursionError when it reads such a"
        " row from SQLite, and will when it reads it from PostgreSQL.",
        count,
    )
    return Message(explanation=explanation)


RULE = SetRule(
    id="json-depth",
    level=Level.WARNING,
    title=N_("JSON too deep for Python"),
    meaning=(
        "json.loads, which Django calls for every JSONField, ends with a RecursionError where arrays and objects are"
        " nested about as deep as Python's recursion limit (1000 up to Python 3.11, more since), minus the calls that"
        " the application has made already. PostgreSQL takes such documents, and they are compared like any other."
        " Documents that SQLite itself does not take are reported by invalid-json."
    ),
    remedy=N_("Flatten these documents, or keep them as text, if the application is to read them."),
    find=find,
)
