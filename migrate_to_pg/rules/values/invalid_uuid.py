"""Find text in a uuid column that is no uuid."""

from __future__ import annotations

import dataclasses

from migrate_to_pg.i18n import N_
from migrate_to_pg.records import PlannedColumn, PlannedTable
from migrate_to_pg.rules.base import Subject
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.keys import empty_key
from migrate_to_pg.rules.malformed import condition, form_rule, marked
from migrate_to_pg.rules.sql_keys import IS_UUID
from migrate_to_pg.sqlite.sql import Sql


def _where(subject: Subject, table: PlannedTable, column: PlannedColumn) -> Sql | None:
    """Exclude the empty texts of a key, which have a rule of their own."""
    if empty_key.empty(subject, table, column) is None:
        return None
    return condition("typeof({c}) = 'text' AND {c} <> '' AND NOT (" + IS_UUID + ")", column)


_RULE = form_rule(
    id="invalid-uuid",
    title=N_("Text that is no uuid"),
    mask=marked("uuid"),
    holds=N_("32 hexadecimal digits, with dashes or without"),
    kinds=[(N_("the empty text, where NULL was meant"), "{c} = ''")],
    meaning=(
        "PostgreSQL refuses text that is no uuid. Digits with dashes, without, in braces and in either case are taken."
    ),
    remedy=N_("Put uuids in their place, or set them to NULL where the column allows it."),
    repair="lossy",
    repair_description="Sets the empty text to NULL where the column allows it. Any other value is unchanged.",
    cell_repair=null_for(""),
)
RULE = dataclasses.replace(_RULE, where=_where)
