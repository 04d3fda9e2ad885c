"""Tell by its content how a text file is encoded: UTF-8, UTF-16, Windows-1252 or Mac Roman.

Each byte above 127 is a character in Windows-1252 and another one in Mac Roman. The right one makes words: "Génie"
where the wrong one makes "GÈnie" or "GŽnie".
"""

import codecs
import unicodedata
from collections.abc import Iterator

#: Codec -> how people call it.
NAMES = {"utf-8": "UTF-8", "utf-16": "UTF-16", "cp1252": "Windows-1252", "mac-roman": "Mac Roman"}
_FRENCH = frozenset("éèêëàâäçîïôöùûüÿœæÉÈÊËÀÂÄÇÎÏÔÖÙÛÜŸŒÆ")
#: Signs that stand inside words or beside them in French.
_INSIDE_WORDS = frozenset("’·")
_BESIDE_WORDS = frozenset("»”–—…€°§²³½\u00a0")
_BEFORE_WORDS = frozenset("«“‘")


class UnknownEncodingError(ValueError):
    """The content is no text."""


def decode(content: bytes) -> tuple[str, str]:
    """Return the text and the name of its encoding. Raise UnknownEncodingError for what is no text."""
    for codec in _candidates(content):
        try:
            text = content.decode(codec)
        except UnicodeDecodeError:
            continue
        text = text.removeprefix("\ufeff")
        if all(character >= " " or character in "\t\r\n\f\x0b" for character in text):
            return text, NAMES[codec.removesuffix("-le").removesuffix("-be")]
    raise UnknownEncodingError


def _candidates(content: bytes) -> Iterator[str]:
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        yield "utf-16"
    # Most text is ASCII: in UTF-16 every second byte of it is 0.
    elif content[1::2].count(0) > len(content) // 4:
        yield "utf-16-le"
    elif content[::2].count(0) > len(content) // 4:
        yield "utf-16-be"
    else:
        yield "utf-8"
        yield from sorted(("cp1252", "mac-roman"), key=lambda codec: _strangeness(content, codec))


def _strangeness(content: bytes, codec: str) -> int:
    """Return how unlike words the text would be, the least for the right codec."""
    text = f" {content.decode(codec, errors='replace')} "
    return sum(
        _strangeness_of(text[place - 1], character, text[place + 1])
        for place, character in enumerate(text)
        if character > "\x7f"
    )


def _strangeness_of(before: str, character: str, after: str) -> int:
    inside = before.isalpha() and after.isalpha()
    if unicodedata.category(character) in ("Cn", "Co", "Cc") or character == "\ufffd":
        return 9
    if character.isalpha():
        misplaced = character.isupper() and before.isalpha() and (before.islower() or after.islower())
        return 5 if misplaced else 0 if character in _FRENCH else 1
    if character in _INSIDE_WORDS:
        return 0 if before.isalpha() else 1
    if character in _BEFORE_WORDS:
        return 5 if before.isalpha() else 0
    return 5 if inside else 0 if character in _BESIDE_WORDS else 2
