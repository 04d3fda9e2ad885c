"""Find local times that the clocks showed twice or never: they have no one meaning as an instant."""

from __future__ import annotations

import datetime
from functools import partial
from zoneinfo import ZoneInfo

from migrate_to_pg.codecs.datetimes import parse_datetime
from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Subject, UnrepairableError, Value
from migrate_to_pg.rules.malformed import form_rule, marked
from migrate_to_pg.sqlite.sql import Sql


def _hint(subject: Subject, _table: PlannedTable, _column: PlannedColumn, _own: Sql) -> str:
    return _(
        "The text is local time in {source_time_zone} (TIME_ZONE). The clocks showed it twice, when they were put back,"
        " or never, when they were put forward.",
        source_time_zone=subject.plan.source_time_zone,
    )


def _with_offset(zone: ZoneInfo, value: Value) -> Value:
    """Append the offset in force before the clocks were changed, which gives the earlier of the two instants."""
    if not isinstance(value, str) or ":" not in value:
        raise UnrepairableError
    try:
        moment = parse_datetime(value).replace(tzinfo=zone, fold=0)
        text = value + moment.isoformat()[-len("+02:00") :]
        same = parse_datetime(text)
    except ValueError as error:
        raise UnrepairableError from error
    # An offset with seconds does not fit.
    if same != moment.astimezone(datetime.UTC):
        raise UnrepairableError
    return text


RULE = form_rule(
    id="ambiguous-local-time",
    title=N_("Local time that occurred twice or never"),
    mask=marked("timestamptz"),
    where="typeof({c}) = 'text' AND pg_clock_fault(CAST({c} AS BLOB)) = 'clock'",
    holds="instants",
    hint=_hint,
    meaning=(
        "Without USE_TZ (or with a TIME_ZONE in DATABASES) SQLite holds local times. Where the clocks are put back an"
        " hour is shown twice, where they are put forward an hour is never shown. The instant that PostgreSQL should"
        " hold would be a guess. With USE_TZ and no TIME_ZONE in DATABASES the text is UTC, and this does not arise."
    ),
    remedy=N_("Give these times an offset in SQLite, such as 2024-10-27 02:30:00+02:00."),
    repair="lossy",
    repair_description=(
        "Adds to the text the offset from UTC that was in force before the clocks were changed, such as +02:00. For a"
        " time that was shown twice, this gives the earlier instant. A time that was never shown is read as on a clock"
        " that was not put forward. A date alone and a time written without colons are unchanged."
    ),
    cell_repair=lambda subject, *_: partial(_with_offset, ZoneInfo(subject.plan.source_time_zone)),
)
