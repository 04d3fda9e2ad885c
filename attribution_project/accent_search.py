"""Search without regard to accents and capitals: "oenologie" finds Œnologie, "DUPRE" finds Dupré.

Both databases get the same regular expression: SQLite's LIKE knows the capitals of ASCII alone, and neither database
ignores accents by itself.
"""

import re
import unicodedata

from django.db.models import Q

MAX_WORDS = 8
#: Written as one letter or as two.
_LIGATURES = {"oe": "œŒ", "ae": "æÆ"}
#: Combining accents after their letter, as some systems write them.
_ACCENTS = "[\u0300-\u036f]*"


def _variants() -> dict[str, str]:
    """Map each letter to its variants with every Latin accent, small and capital: e -> eéèêë...EÉÈ..."""
    found: dict[str, str] = {}
    for number in (*range(0x41, 0x5B), *range(0x61, 0x7B), *range(0xC0, 0x180)):
        character = chr(number)
        letter = without_accents(character)
        if len(letter) == 1:
            found[letter] = found.get(letter, "") + character
    return found


def without_accents(text: str) -> str:
    """Return the text in small letters, without accents, with ligatures as two letters."""
    letters = unicodedata.normalize("NFKD", text.casefold())
    letters = "".join(letter for letter in letters if not unicodedata.combining(letter))
    return letters.replace("œ", "oe").replace("æ", "ae")


_VARIANTS = _variants()


def accent_pattern(word: str) -> str:
    """Return a regular expression that Python and PostgreSQL read alike."""
    pairs = re.findall("oe|ae|.", without_accents(word), re.DOTALL)
    return "".join(_pattern_of(pair) for pair in pairs)


def _pattern_of(letters: str) -> str:
    if letters in _LIGATURES:
        return f"(?:{''.join(map(_pattern_of, letters))}|[{_LIGATURES[letters]}])"
    if letters in _VARIANTS:
        return f"[{_VARIANTS[letters]}]{_ACCENTS}"
    if letters in "'’":
        return "['’]"
    return letters if letters.isalnum() else f"\\{letters}" if letters.isascii() else letters


def search_condition(text: str, *fields: str) -> Q:
    """Return the condition that each word of the text is in one of the fields."""
    found = Q()
    for word in text.replace("\x00", "").split()[:MAX_WORDS]:
        one = Q()
        for field in fields:
            one |= Q(**{f"{field}__regex": accent_pattern(word)})
        found &= one
    return found
