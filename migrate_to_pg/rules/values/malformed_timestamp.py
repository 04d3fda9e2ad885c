"""Find text in a datetime column that is no date and time."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.convert import ZERO_DATES, null_for
from migrate_to_pg.rules.malformed import form_rule, marked

RULE = form_rule(
    id="malformed-timestamp",
    title=N_("Text that is no date and time"),
    mask=marked("timestamp", "timestamptz"),
    where="typeof({c}) = 'text' AND pg_clock_fault(CAST({c} AS BLOB)) = 'form'",
    holds=N_("dates and times of years 1 to 9999, written YYYY-MM-DD HH:MM:SS.ffffff, with an offset or without"),
    kinds=[
        (N_("the empty text, where NULL was meant"), "{c} = ''"),
        (N_("a zero date as MySQL has it, where NULL was meant"), "{c} LIKE '0000-00-00%'"),
        (N_("a number written as text"), "{c} <> '' AND {c} NOT GLOB '*[^0-9.]*'"),
    ],
    meaning=(
        "PostgreSQL refuses the empty text, '0000-00-00 00:00:00', days that no calendar has, and any other text that"
        " is no date and time. A date alone is midnight, as Django reads it. T, Z, offsets and any other text that"
        " Django reads (2024-1-5 8:00, blanks before the offset) are accepted. Numbers, such as Unix times, are"
        " reported by wrong-storage-class."
    ),
    remedy=N_("Write them as YYYY-MM-DD HH:MM:SS, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description=(
        "Sets '', '0000-00-00' and '0000-00-00 00:00:00' to NULL where the column allows it. Any other value is"
        " unchanged."
    ),
    cell_repair=null_for("", *ZERO_DATES),
)
