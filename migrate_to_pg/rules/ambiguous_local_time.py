"""A local time that the clocks showed twice, or never: it has no one meaning as an instant."""

from __future__ import annotations

from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.form import form_rule, marked
from migrate_to_pg.rules.rule import Subject


def _hint(subject: Subject, _: PlannedTable, __: PlannedColumn) -> str:
    return (
        f" The text means the time in {subject.plan.source_time_zone} (TIME_ZONE), where the clocks showed it twice,"
        " when they were put back, or never, when they were put forward."
    )


RULE = form_rule(
    id="ambiguous-local-time",
    title="Local time that was twice, or never",
    mask=marked("timestamptz"),
    where="typeof({c}) = 'text' AND pg_clock_fault(CAST({c} AS BLOB)) = 'clock'",
    holds="instants",
    hint=_hint,
    meaning=(
        "Without USE_TZ (or with a TIME_ZONE in DATABASES) SQLite holds local times. Where the clocks are put back an"
        " hour is shown twice, where they are put forward an hour is never shown: which instant PostgreSQL should hold"
        " would be a guess. With USE_TZ and no TIME_ZONE in DATABASES the text is UTC, and this does not arise."
    ),
    remedy="Give these times an offset in SQLite, such as 2024-10-27 02:30:00+02:00.",
)
