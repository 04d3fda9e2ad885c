"""Find booleans that are neither 0 nor 1, and from which Django reads a boolean all the same."""

from __future__ import annotations

import dataclasses

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import CellRepair, Subject
from migrate_to_pg.rules.malformed import form_rule
from migrate_to_pg.rules.values.boolean_value import WORDS, as_read, is_converted, mask
from migrate_to_pg.sqlite.sql import Sql


def _reading(_subject: Subject, _table: PlannedTable, column: PlannedColumn, _own: Sql) -> str:
    if not is_converted(column):
        return _("Django reads 1.0 as True and 0.0 as False.")
    return _("Django reads True from 1 alone, None from the empty text, and False from any other value.")


def _conversion(_: Subject, __: PlannedTable, column: PlannedColumn) -> CellRepair:
    if not is_converted(column):
        return lambda value: int(value == 1)
    return lambda value: None if value in ("", b"") else int(value in ("1", b"1"))


RULE = dataclasses.replace(
    form_rule(
        id="boolean-as-read",
        title=N_("Boolean that is neither 0 nor 1, but that Django reads"),
        mask=mask,
        holds=N_("0 (false) and 1 (true)"),
        meaning=(
            "PostgreSQL's boolean is true or false. Django reads a boolean from these values: True from the byte 1,"
            " None from the empty text (reported here where the column may be NULL), and False from any other value,"
            " 'true' and 2 too. boolean-value also reports those that mean something else."
        ),
        remedy=N_("Put 0 or 1 in their place, as Django reads them."),
        kinds=WORDS,
        hint=_reading,
        repair="lossless",
        repair_description=(
            "Puts 1 in place of what Django reads as True, 0 in place of what it reads as False, and NULL in place of"
            " what it reads as None."
        ),
        cell_repair=_conversion,
    ),
    where=as_read,
)
