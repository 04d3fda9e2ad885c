"""Find text in a date column that is no date: Django reads it as None on SQLite, PostgreSQL refuses it."""

from __future__ import annotations

import datetime
import re
from functools import partial

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, Subject, UnrepairableError, Value
from migrate_to_pg.rules.malformed import describe_kinds, form_rule, marked
from migrate_to_pg.rules.meant_as_null import ZERO_DATES, null_in_place_of
from migrate_to_pg.sqlite.sql import Sql

_MEANT_AS_NULL = frozenset(("", *ZERO_DATES))
_DATE_AND_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})[ T][0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,6})?)?")


def _hint(subject: Subject, table: PlannedTable, column: PlannedColumn, own: Sql) -> str:
    return describe_kinds(
        subject,
        table,
        column,
        own,
        [
            (_("the empty text, where NULL was meant"), "{c} = ''"),
            (_("a date and a time, of which Django reads nothing in a date column"), "{c} GLOB '????-??-??[ T]?*'"),
            (_("a zero date as MySQL has it, where NULL was meant"), "{c} LIKE '%0000-00-00%'"),
        ],
    )


def _conversion(_: Subject, __: PlannedTable, column: PlannedColumn) -> CellRepair:
    return partial(_converted, column.target.not_null)


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
    hint=_hint,
    meaning=(
        "PostgreSQL refuses the empty text, '0000-00-00', days that no calendar has, and any other text that is no"
        " date; a date with a time behind it would lose the time. What Django reads is taken, 2024-1-5 among it."
        " Numbers are reported by wrong-storage-class."
    ),
    remedy=N_("Write them as YYYY-MM-DD, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description=(
        "Sets '', '0000-00-00' and '0000-00-00 00:00:00' to NULL where the column allows it; of a valid date and time"
        " (YYYY-MM-DD HH:MM, also with seconds, or with T) without an offset keeps the date. All else stands."
    ),
    cell_repair=_conversion,
)
