"""Find text whose bytes are no UTF-8: SQLite stores any bytes that a program declares to be text."""

from __future__ import annotations

from migrate_to_pg.i18n import N_
from migrate_to_pg.rules.base import UnrepairableError, Value
from migrate_to_pg.rules.malformed import JSON_TYPES, TEXT_TYPES, form_rule, marked


def _converted(value: Value) -> Value:
    """Read the bytes that are no UTF-8, the reader's surrogates U+DC80 to U+DCFF, as Windows-1252, else as Latin-1."""
    if not isinstance(value, str):
        raise UnrepairableError
    characters = []
    for character in value:
        raw = bytes([ord(character) - 0xDC00]) if "\udc80" <= character <= "\udcff" else b""
        characters.append(raw.decode("cp1252", "ignore") or raw.decode("latin-1") or character)
    return "".join(characters)


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
