"""Find values that the column's type cannot hold, for the types that have no rule of their own."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.i18n import gettext as _
from migrate_to_pg.records import PlannedColumn
from migrate_to_pg.rules.convert import null_for
from migrate_to_pg.rules.malformed import JSON_TYPES, TEXT_TYPES, form_rule

#: Types whose malformed values have rules of their own.
_WITH_OWN_RULES = frozenset(
    {
        *TEXT_TYPES,
        *JSON_TYPES,
        "int2",
        "int4",
        "bool",
        "numeric",
        "date",
        "time",
        "timestamp",
        "timestamptz",
        "uuid",
        "inet",
        "cidr",
    }
)
#: pg_type.typname -> what it holds.
_FORMS = {
    "float4": N_("numbers of 32-bit floating point; these would be rounded"),
    "interval": N_("durations, here of up to 9.19e18 microseconds (291,000 years)"),
    "name": N_("at most 63 bytes of text"),
    "char": N_("one byte of text"),
    "tsvector": N_("the words of a search as PostgreSQL writes them, such as 'cat':2 'run':1"),
    "xml": N_("documents, and drops the declaration <?xml ...?> before them"),
}


def _holds(column: PlannedColumn) -> str:
    exact_text = N_(
        "texts that lose nothing in the cast: no more digits than the type keeps, no day or zone that it drops, no key"
        " or word twice, no backslash without effect"
    )
    return _(_FORMS.get(column.target.type_name, exact_text))


RULE = form_rule(
    id="malformed-value",
    title=N_("Value that the column's type cannot hold"),
    mask=lambda batch: None if batch.column.target.type_name in _WITH_OWN_RULES else batch.malformed,
    holds=_holds,
    meaning=(
        "PostgreSQL refuses the value, or would round it: a number in a real column that 32 bits of floating point do"
        " not hold, a moment in an array with more digits than microseconds, a name that it would cut. Texts, dates,"
        " numbers and the like have their own rules."
    ),
    remedy=N_("Correct the values in SQLite, or change the model's field and migrate."),
    repair="lossy",
    repair_description="Sets the empty text to NULL where the column allows it. Any other value is unchanged.",
    cell_repair=null_for(""),
)
