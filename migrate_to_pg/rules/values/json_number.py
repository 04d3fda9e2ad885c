"""Find JSON numbers that Django reads as floats from SQLite, and as integers, or without a sign, from jsonb."""

from __future__ import annotations

from collections.abc import Iterator

from migrate_to_pg.i18n import N_, ngettext
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import Finding, Level, PlannedColumn
from migrate_to_pg.rules import samples
from migrate_to_pg.rules.base import Message, SetRule, Subject
from migrate_to_pg.rules.malformed import condition
from migrate_to_pg.sqlite.sql import Sql


def find(subject: Subject) -> Iterator[Finding]:
    """Yield a finding for each such column."""
    yield from samples.findings_of_marked(RULE, subject, _changes, _explain)


def _changes(column: PlannedColumn) -> Sql | None:
    """Return an expression that is 1 for such values.

    Few have an exponent or a negative zero anywhere, and only those are parsed.
    """
    if column.target.type_name != "jsonb":
        return None
    return condition(
        "CASE WHEN typeof({c}) = 'text' AND ({c} GLOB '*[0-9][eE]*' OR {c} GLOB '*-0*') AND json_valid({c})"
        " THEN pg_json_number(CAST({c} AS BLOB)) END",
        column,
    )


def _explain(_subject: Subject, _column: PlannedColumn, count: int) -> Message:
    found = ngettext(
        "{n:,} value has a number written with an exponent, or a negative zero.",
        "{n:,} values have a number written with an exponent, or a negative zero.",
        count,
    )
    effect = _(
        "jsonb turns 1e+23 into the integer 100000000000000000000000, which Django will read where it reads a float"
        " from SQLite; -0.0 loses its sign. The verification finds a float and an integer of the same value equal."
    )
    return Message(explanation=f"{found} {effect}")


RULE = SetRule(
    id="json-number",
    level=Level.WARNING,
    title=N_("JSON number that comes back as an integer"),
    meaning=(
        "jsonb keeps the value of a number, not its spelling. Python writes floats from 1e16 on with an exponent."
        " PostgreSQL prints them as integers, and Django reads integers, of up to 309 digits, where it read floats. The"
        " sign of -0.0 is lost."
    ),
    remedy=N_(
        "Nothing needs to be done where the application only computes with them. Where it needs floats, let it call"
        " float()."
    ),
    find=find,
)
