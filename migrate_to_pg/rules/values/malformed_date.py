"""Find text in a date column that is no date: Django reads it as None on SQLite, PostgreSQL refuses it."""

from __future__ import annotations

import datetime
import re
from functools import partial

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.base import UnrepairableError, Value
from migrate_to_pg.rules.convert import ZERO_DATES, null_in_place_of
from migrate_to_pg.rules.malformed import form_rule, marked

_MEANT_AS_NULL = frozenset(("", *ZERO_DATES))
_DATE_AND_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def _converted(not_null: bool, value: Value) -> Value:
    found = _DATE_AND_TIME.fullmatch(value) if isinstance(value, str) else None
    if found is None or value in _MEANT_AS_NULL:
        return null_in_place_of(frozenset() if not_null else _MEANT_AS_NULL, value)
    try:
        datetime.datetime.fromisoformat(found[0])
    except ValueError as error:
        raise UnrepairableError from error
    return found[1]


RULE = form_rule(
    id="malformed-date",
    title=N_("Text that is no date"),
    mask=marked("date"),
    holds=N_("dates of years 1 to 9999, written YYYY-MM-DD"),
    kinds=[
        (N_("the empty text, where NULL was meant"), "{c} = ''"),
        (N_("a date and a time, of which Django reads nothing in a date column"), "{c} GLOB '????-??-??[ T]?*'"),
        (N_("a zero date as MySQL has it, where NULL was meant"), "{c} LIKE '%0000-00-00%'"),
    ],
    meaning=(
        "PostgreSQL refuses the empty text, '0000-00-00', days that no calendar has, and any other text that is no"
        " date. A date with a time behind it would lose the time. Any text that Django reads is accepted, such as"
        " 2024-1-5. Numbers are reported by wrong-storage-class."
    ),
    remedy=N_("Write them as YYYY-MM-DD, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description=(
        "Sets '', '0000-00-00' and '0000-00-00 00:00:00' to NULL where the column allows it. Keeps the date of a valid"
        " date and time without an offset (YYYY-MM-DD HH:MM, also with seconds, or with T). Any other value is"
        " unchanged."
    ),
    cell_repair=lambda _subject, _table, column: partial(_converted, column.target.not_null),
)
