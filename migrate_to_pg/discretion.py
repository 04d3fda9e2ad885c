"""What somebody typed in, the same without the password that may be in it out: *** stands in its place."""

from __future__ import annotations

import re

#: user:password@ of a URL, its scheme forgotten or not; the password may hold an @ that was not encoded.
_BEFORE_HOST = re.compile(r"((?:^|//|(?<=[\s'\"=]))(?!embedded:)[\w.%+-]*:)(?!//)\S*@")
_AS_PARAMETER = re.compile(r"([?&\s]password=)[^&#\s]*")


def without_password(text: str) -> str:
    """Wherever a URL, or what is nearly one, may have a password."""
    return _AS_PARAMETER.sub(r"\1***", _BEFORE_HOST.sub(r"\1***@", text))


def holds_password(text: str) -> bool:
    """Whether there was one to leave out."""
    return without_password(text) != text
