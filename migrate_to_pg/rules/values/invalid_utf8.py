"""Find text whose bytes are no UTF-8: SQLite stores any bytes that a program declares to be text."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.base import UnrepairableError, Value
from migrate_to_pg.rules.malformed import JSON_TYPES, TEXT_TYPES, form_rule, marked


def _converted(value: Value) -> Value:
    """Replace the reader's surrogates U+DC80 to U+DCFF, which are the bytes that are no UTF-8, by characters."""
    if isinstance(value, str):
        return "".join(_character(ord(c) - 0xDC00) if "\udc80" <= c <= "\udcff" else c for c in value)
    raise UnrepairableError


def _character(byte: int) -> str:
    """Decode a byte as Windows-1252: Latin-1 with other characters in place of control characters."""
    raw = bytes([byte])
    try:
        return raw.decode("cp1252")
    except UnicodeDecodeError:
        return raw.decode("latin-1")


RULE = form_rule(
    id="invalid-utf8",
    title=N_("Text that is no UTF-8"),
    mask=marked(*TEXT_TYPES, *JSON_TYPES),
    where="typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) IN ('utf-8', 'surrogate')",
    holds=N_("text in valid UTF-8"),
    kinds=[
        (
            N_("half a surrogate pair, as UTF-16 programs write it"),
            "typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) = 'surrogate'",
        ),
        (
            N_("bytes of another encoding, often Latin-1"),
            "typeof({c}) = 'text' AND pg_text_fault(CAST({c} AS BLOB)) = 'utf-8'",
        ),
    ],
    meaning=(
        "PostgreSQL refuses bytes that are no UTF-8, half surrogate pairs included. Django cannot read such a row on"
        " SQLite either. They come from programs that write Latin-1, or UTF-16 cut in the middle of a character."
    ),
    remedy=N_("Find out in which encoding they were written, and write the same characters in UTF-8."),
    repair="lossy",
    repair_description=(
        "Keeps all that is UTF-8, and reads each byte that is no part of it as Windows-1252; the five bytes that have"
        " no character there (81, 8D, 8F, 90, 9D) as Latin-1. The bytes of half a surrogate pair are read so too."
    ),
    cell_repair=lambda *_: _converted,
)
