"""Find moments with an offset where USE_TZ is False: Django reads it from SQLite, but not from PostgreSQL."""

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
    """Yield a finding for each such column.

    There is none where Django reads moments with a zone from both databases.
    """
    if subject.plan.local_times:
        yield from samples.findings_of_marked(RULE, subject, _has_offset, _explain)


def _has_offset(column: PlannedColumn) -> Sql | None:
    """Return an expression that is 1 for such values.

    A sign or a Z behind the day is mostly an offset. Such a value is parsed to be sure.
    """
    if column.target.type_name not in ("timestamp", "timestamptz"):
        return None
    return condition(
        "CASE WHEN typeof({c}) = 'text' AND substr({c}, 9) GLOB '*[-+Zz]*' THEN pg_has_offset(CAST({c} AS BLOB)) END",
        column,
    )


def _explain(subject: Subject, _column: PlannedColumn, count: int) -> Message:
    found = ngettext(
        "{n:,} value has an offset from UTC, and USE_TZ is False.",
        "{n:,} values have an offset from UTC, and USE_TZ is False.",
        count,
    )
    effect = _(
        "Django reads them with that offset from SQLite; from PostgreSQL it reads the same instants as local time of"
        " {time_zone}, without an offset.",
        time_zone=subject.plan.source_time_zone,
    )
    return Message(explanation=f"{found} {effect}")


RULE = SetRule(
    id="offset-dropped",
    level=Level.WARNING,
    title=N_("Moment with an offset, where USE_TZ is False"),
    meaning=(
        "Without USE_TZ Django writes no offset, but it reads one that another program wrote. The result is a moment"
        " with a zone, which Python does not compare with one without. PostgreSQL keeps the instant, and Django reads"
        " it as local time there, like all others. The verification finds equal instants equal."
    ),
    remedy=N_(
        "Nothing needs to be done where the application uses them as instants. Where it shows the offset, keep the"
        " offset in a column of its own."
    ),
    find=find,
)
