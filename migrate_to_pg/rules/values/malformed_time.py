"""Find text in a time column that is no time of day."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.malformed import form_rule, marked

RULE = form_rule(
    id="malformed-time",
    title=N_("Text that is no time of day"),
    mask=marked("time"),
    holds=N_("times of day without offset, written HH:MM:SS.ffffff"),
    kinds=[
        (N_("the empty text, where NULL was meant"), "{c} = ''"),
        (N_("a date and a time"), "{c} GLOB '????-??-??*'"),
        (N_("a time with an offset"), "{c} GLOB '??:*[+Z]*'"),
    ],
    meaning=(
        "PostgreSQL refuses the empty text, 25:00 and any other text that is no time of day. It would silently drop an"
        " offset. Any other text that Django reads is accepted, such as 8:05. Numbers are reported by"
        " wrong-storage-class."
    ),
    remedy=N_("Write them as HH:MM:SS, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description="Sets the empty text to NULL where the column allows it. Any other value is unchanged.",
    cell_repair=null_for(""),
)
