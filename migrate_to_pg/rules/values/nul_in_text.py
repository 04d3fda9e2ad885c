"""Find text with the character NUL, which PostgreSQL's text cannot hold anywhere."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.base import UnrepairableError, Value
from migrate_to_pg.rules.malformed import TEXT_TYPES, form_rule, marked


def _without_nul(value: Value) -> Value:
    if isinstance(value, str):
        return value.replace("\0", "")
    raise UnrepairableError


RULE = form_rule(
    id="nul-in-text",
    title=N_("NUL in text"),
    mask=marked(*TEXT_TYPES),
    where="typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) = 'nul'",
    holds=N_("text without the character NUL"),
    meaning=(
        "PostgreSQL refuses the character NUL (code point 0) in any text. On SQLite it is invisible: length() and many"
        " tools stop there and do not show the rest."
    ),
    remedy=N_(
        "Remove the character, for instance with replace(column, char(0), ''), or keep the bytes in a BinaryField."
    ),
    repair="lossy",
    repair_description="Removes every NUL (U+0000) and keeps all other characters.",
    cell_repair=lambda *_: _without_nul,
)
